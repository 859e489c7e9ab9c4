//! Serving the API over TLS: bind, accept, drain.

use crate::connections::CountedAcceptor;
use crate::{Aggregator, Limits, api};
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::TokioTimer;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Most streams of one HTTP/2 connection, and most resets it may ask for before it is closed.
const STREAMS_PER_CONNECTION: u32 = 256;
const RESETS_PER_CONNECTION: usize = 64;
/// An HTTP/2 connection is asked for a sign of life this often.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// Why the API cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// As asked for.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The server stopped by itself.
    #[error("serving the API ended")]
    Serve(#[source] io::Error),
}

/// A running server. Dropping it without [`Serving::stop`] leaves it running until the process ends.
pub struct Serving {
    address: SocketAddr,
    handle: Handle<SocketAddr>,
    task: JoinHandle<io::Result<()>>,
}

impl Serving {
    /// Where it listens; the port is the real one when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, lets requests in flight finish for at most `patience`, then closes everything.
    pub async fn stop(self, patience: Duration) -> Result<(), ServeError> {
        self.handle.graceful_shutdown(Some(patience));
        self.ended().await
    }

    /// Resolves when the server ends by itself.
    pub async fn ended(self) -> Result<(), ServeError> {
        match self.task.await {
            Ok(outcome) => outcome.map_err(ServeError::Serve),
            Err(panic) => Err(ServeError::Serve(io::Error::other(panic))),
        }
    }
}

/// Listens on `address`; port 0 takes a free one. Connections wait until somebody serves them.
pub fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).map_err(|source| ServeError::Bind { address, source })
}

/// Serves until stopped. A certificate that `tls` looks up anew for each handshake may change meanwhile. A clone of the
/// listener that somebody keeps lets connections wait for the next server.
pub async fn serve(
    aggregator: Arc<Aggregator>,
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
) -> Result<Serving, ServeError> {
    let address = listener.local_addr().map_err(ServeError::Serve)?;
    listener.set_nonblocking(true).map_err(ServeError::Serve)?;

    let limits = aggregator.settings.limits.clone();
    let acceptor = RustlsAcceptor::new(RustlsConfig::from_config(tls))
        .acceptor(CountedAcceptor::new(limits.connections));
    let handle = Handle::new();
    let mut server = axum_server::from_tcp(listener)
        .map_err(ServeError::Serve)?
        .acceptor(acceptor)
        .handle(handle.clone());
    bound_connections(server.http_builder(), &limits);

    let service = api::router(aggregator)
        .layer(axum::middleware::from_fn(api::discard_after_refusal))
        .into_make_service();
    let task = tokio::spawn(async move { server.serve(service).await });
    tracing::info!(%address, "the API listens");
    Ok(Serving {
        address,
        handle,
        task,
    })
}

fn bound_connections(
    builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>,
    limits: &Limits,
) {
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(limits.headers);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(limits.body_idle)
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .max_pending_accept_reset_streams(RESETS_PER_CONNECTION)
        .max_local_error_reset_streams(RESETS_PER_CONNECTION)
        .max_header_list_size(u32::try_from(limits.headers).unwrap_or(u32::MAX));
}
