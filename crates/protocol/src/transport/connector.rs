//! Makes one connection to another role: TCP, TLS with the newest certificate, the peer's identity checked.

use jiff::Timestamp;
use parking_lot::Mutex;
use rustls::ClientConfig;
use rustls::pki_types::{IpAddr, Ipv4Addr, ServerName};
use sluice_identity::peer_of;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A connection serves at least so long before another is made, also where certificates are about to end.
const SHORTEST: Duration = Duration::from_millis(250);

/// When a channel should stop beginning requests on its connection; known once there is one.
#[derive(Clone, Debug, Default)]
pub(super) struct Retirement(Arc<Mutex<Option<Instant>>>);

impl Retirement {
    /// At half of what is left: the server says GOAWAY after three quarters at the earliest.
    pub(super) fn set(&self, now: Timestamp, end: Timestamp) {
        let left = Duration::try_from(end.duration_since(now)).unwrap_or_default();
        *self.0.lock() = Some(Instant::now() + (left / 2).max(SHORTEST));
    }

    pub(super) fn is_due(&self) -> bool {
        self.0.lock().is_some_and(|due| Instant::now() >= due)
    }
}

/// A connection, and when the server's certificate ends.
pub(super) async fn connect(
    address: &str,
    settings: Arc<ClientConfig>,
    within: Duration,
) -> io::Result<(TlsStream<TcpStream>, Timestamp)> {
    let connecting = async {
        // Looked up anew each time: a role may come back at another address.
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        // rustls wants a name. Ours are identities, and this one is not looked at.
        let name = ServerName::IpAddress(IpAddr::V4(Ipv4Addr::from([0, 0, 0, 0])));
        TlsConnector::from(settings).connect(name, stream).await
    };
    let stream = timeout(within, connecting)
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no connection in time"))??;
    let (_, end) = peer_of(stream.get_ref().1.peer_certificates()).map_err(io::Error::other)?;
    Ok((stream, end))
}
