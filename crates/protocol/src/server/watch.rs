//! Something watched, as a stream of its states in parts.

use super::ServerSettings;
use crate::transport::Peer;
use futures::stream::{self, Stream, StreamExt};
use std::future::Future;
use std::sync::Arc;
use tokio::sync::watch;
use tonic::{Request, Status};

/// The present state and each later one, until there is nobody any more who could change it. Whoever reads slowly misses states,
/// never the newest.
pub(super) fn states<T: Send + Sync + 'static, P: Send + 'static>(
    mut states: watch::Receiver<Arc<T>>,
    mut cut: impl FnMut(&Arc<T>) -> Vec<P> + Send + 'static,
) -> impl Stream<Item = Result<P, Status>> + Send + 'static {
    states.mark_changed();
    let states = stream::unfold(states, |mut states| async move {
        states.changed().await.ok()?;
        let state = Arc::clone(&states.borrow_and_update());
        Some((state, states))
    });
    states.flat_map(move |state| stream::iter(cut(&state)).map(Ok))
}

/// When a stream has to end so that its reader goes on elsewhere: the server ends, or the connection does.
pub(super) fn end<T>(
    request: &Request<T>,
    settings: &ServerSettings,
) -> impl Future<Output = ()> + Send + 'static {
    let (drain, peer) = (settings.drain.clone(), Peer::of(request).ok());
    async move {
        let leaving = async {
            match peer {
                Some(peer) => peer.leaving().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = drain.cancelled() => {}
            () = leaving => {}
        }
    }
}
