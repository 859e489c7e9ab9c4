//! The outside world of a test: an HTTP server that answers what the test says and remembers what it was asked.

use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// What the server answers: status, headers (each with its end of line) and body.
type Answer = dyn Fn(&Request) -> (u16, String, String) + Send + Sync;

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// Path and query.
    pub target: String,
    /// Names and values, in small letters.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

/// The server; it ends with the test.
pub(super) struct OtherSide {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    _task: AbortOnDropHandle<()>,
}

impl OtherSide {
    /// Listens on a free port.
    pub(super) async fn new(
        answer: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        Self::with_headers(move |request| {
            let (status, body) = answer(request);
            (status, String::new(), body)
        })
        .await
    }

    /// The same with headers.
    pub(super) async fn with_headers(
        answer: impl Fn(&Request) -> (u16, String, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (seen, answer): (_, Arc<Answer>) = (requests.clone(), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, seen.clone(), answer.clone()));
            }
        });
        OtherSide {
            address,
            requests,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// A url system named `away` that leads here.
    pub(super) fn system(&self) -> String {
        format!(
            r#"{{"_id": "away", "type": "system:url", "url_pattern": "http://{}/%s"}}"#,
            self.address
        )
    }

    /// Where it listens.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked so far.
    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().clone()
    }
}

async fn serve(stream: TcpStream, seen: Arc<Mutex<Vec<Request>>>, answer: Arc<Answer>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await {
        seen.lock().push(request.clone());
        // It may wait for the test: what else this thread has to do goes on elsewhere.
        let (status, headers, body) = tokio::task::block_in_place(|| answer(&request));
        let head = format!(
            "HTTP/1.1 {status} Whatever\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n",
            body.len()
        );
        if stream
            .write_all(format!("{head}{body}").as_bytes())
            .await
            .is_err()
        {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    stream
        .read_line(&mut line)
        .await
        .ok()
        .filter(|bytes| *bytes > 0)?;
    let target = line.split(' ').nth(1)?.to_owned();
    let (mut length, mut headers) = (0, Vec::new());
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        let header = line.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':')?;
        if name == "content-length" {
            length = value.trim().parse().ok()?;
        }
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request {
        target,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}
