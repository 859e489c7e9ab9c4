//! The life of one connection at a port: handshake, requests, GOAWAY before its certificates end.

use super::limits::{PING_AFTER, PING_WITHIN, WINDOW};
use super::{Peer, Port, deadline, in_full};
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use jiff::Timestamp;
use sluice_identity::peer_of;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::server::TlsStream;
use tonic::body::Body;
use tonic::service::Routes;
use tower::ServiceExt;

/// What the connections of a port have in common.
pub(super) struct Connection {
    pub(super) port: Port,
    pub(super) routes: Routes,
    pub(super) slots: Arc<Semaphore>,
}

/// When a connection starts to end, and when it is cut.
struct Lifetime {
    goaway: Instant,
    cut: Instant,
}

impl Connection {
    pub(super) async fn run(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        handshake: OwnedSemaphorePermit,
        stopped: watch::Receiver<bool>,
    ) {
        // Our own certificate may be exchanged at any moment: read before the handshake, its end is the earlier one.
        let own_end = self.port.role.credential().end();
        let stream = match self.handshake(stream).await {
            Ok(stream) => stream,
            Err(error) if is_probe(&error) => {
                tracing::debug!(%address, %error, "a connection ended before its handshake");
                return;
            }
            Err(error) => {
                let problem = in_full(&error);
                tracing::warn!(%address, problem, "a connection is refused");
                return;
            }
        };
        drop(handshake);
        let Ok(_slot) = self.slots.clone().try_acquire_owned() else {
            let most = self.port.limits.connections;
            tracing::warn!(%address, most, "a connection is closed: there are too many");
            return;
        };
        let (leaving, left) = watch::channel(false);
        let (peer, lifetime) = if self.port.mutual {
            match peer_of(stream.get_ref().1.peer_certificates()) {
                Ok((identity, end)) => (
                    Some(Peer::new(identity, address, left)),
                    self.lifetime(end.min(own_end)),
                ),
                Err(error) => {
                    tracing::warn!(%address, %error, "a connection is refused");
                    return;
                }
            }
        } else {
            let cut = Instant::now() + self.port.limits.enrolment;
            (None, Lifetime { goaway: cut, cut })
        };
        self.answer(stream, peer, lifetime, leaving, stopped).await;
    }

    async fn handshake(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        // Without it small messages wait for the answers to earlier ones: a hundredth of the rate.
        stream.set_nodelay(true)?;
        let accepting = self.port.acceptor.accept(stream);
        match timeout(self.port.limits.handshake_time, accepting).await {
            Ok(accepted) => accepted,
            Err(_) => Err(io::Error::other("the handshake took too long")),
        }
    }

    fn lifetime(&self, end: Timestamp) -> Lifetime {
        let left = end.duration_since(self.port.role.now());
        let left = Duration::try_from(left).unwrap_or_default();
        let drain = self.port.limits.drain.min(left / 4);
        let cut = Instant::now() + left;
        Lifetime {
            goaway: cut - drain,
            cut,
        }
    }

    async fn answer(
        &self,
        stream: TlsStream<TcpStream>,
        peer: Option<Peer>,
        mut lifetime: Lifetime,
        leaving: watch::Sender<bool>,
        mut stopped: watch::Receiver<bool>,
    ) {
        let address = peer.as_ref().map(Peer::address);
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            if let Some(peer) = &peer {
                request.extensions_mut().insert(peer.clone());
            }
            let time = deadline::of(request.headers());
            deadline::within(time, self.routes.clone().oneshot(request))
        });
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_concurrent_streams(self.port.limits.streams)
            .keep_alive_interval(PING_AFTER)
            .keep_alive_timeout(PING_WITHIN)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let mut ending = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        let problem = in_full(&error);
                        tracing::debug!(?address, problem, "a connection broke");
                    }
                    return;
                }
                () = sleep_until(lifetime.goaway), if !ending => {}
                _ = stopped.wait_for(|stopped| *stopped), if !ending => {
                    lifetime.cut = lifetime.cut.min(Instant::now() + self.port.limits.stop);
                }
                () = sleep_until(lifetime.cut), if ending => {
                    tracing::debug!(?address, "a connection is cut: its requests did not end in time");
                    return;
                }
            }
            if !ending {
                ending = true;
                leaving.send_replace(true);
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Whether the other side only looked whether somebody listens, or went away.
fn is_probe(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        error.kind(),
        UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe
    )
}
