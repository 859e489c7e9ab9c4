//! A TCP line that can be cut: nothing passes then and nothing is closed. What was on its way comes when it is mended.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Connections to its address go on to another one.
pub(super) struct Line {
    pub(super) address: String,
    is_whole: watch::Sender<bool>,
}

impl Line {
    pub(super) async fn to(target: &str) -> Line {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (is_whole, watched) = watch::channel(true);
        tokio::spawn(accept(listener, target.to_owned(), watched));
        Line { address, is_whole }
    }

    pub(super) fn cut(&self) {
        self.is_whole.send_replace(false);
    }

    pub(super) fn mend(&self) {
        self.is_whole.send_replace(true);
    }
}

async fn accept(listener: TcpListener, target: String, is_whole: watch::Receiver<bool>) {
    while let Ok((near, _)) = listener.accept().await {
        let (target, mut is_whole) = (target.clone(), is_whole.clone());
        tokio::spawn(async move {
            if is_whole.wait_for(|is_whole| *is_whole).await.is_err() {
                return;
            }
            let Ok(far) = TcpStream::connect(&target).await else {
                return;
            };
            let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
            let out = pass(from_near, to_far, is_whole.clone());
            let back = pass(from_far, to_near, is_whole);
            tokio::join!(out, back);
        });
    }
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut is_whole: watch::Receiver<bool>,
) {
    let mut bytes = vec![0; 64 << 10];
    loop {
        let read = from.read(&mut bytes).await.unwrap_or_default();
        // An end, too, is not heard of on the other side while nothing passes.
        if is_whole.wait_for(|is_whole| *is_whole).await.is_err() {
            return;
        }
        if read == 0 || to.write_all(&bytes[..read]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
