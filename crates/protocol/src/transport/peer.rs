//! Who is at the other end of a request.

use sluice_identity::{Identity, Role};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;
use tonic::{Request, Status};

/// The peer of a connection, among the extensions of each of its requests. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Peer(Arc<Known>);

#[derive(Debug)]
struct Known {
    identity: Identity,
    address: SocketAddr,
    leaving: watch::Receiver<bool>,
}

impl Peer {
    pub(super) fn new(
        identity: Identity,
        address: SocketAddr,
        leaving: watch::Receiver<bool>,
    ) -> Self {
        Peer(Arc::new(Known {
            identity,
            address,
            leaving,
        }))
    }

    /// The peer of a request.
    ///
    /// # Errors
    /// `Unauthenticated` if the request came without a certificate (on the port for first certificates).
    pub fn of<T>(request: &Request<T>) -> Result<Peer, Status> {
        let peer = request.extensions().get::<Peer>().cloned();
        peer.ok_or_else(|| Status::unauthenticated("this call needs a certificate"))
    }

    /// Whose certificate it showed.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// Where it called from.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// Refuses everybody but these roles: a port often lets in more roles than one of its calls is for.
    ///
    /// # Errors
    /// `PermissionDenied` names the peer.
    pub fn require(&self, roles: &[Role]) -> Result<(), Status> {
        if roles.contains(&self.identity().role()) {
            return Ok(());
        }
        let message = format!("{} may not make this call", self.identity());
        Err(Status::permission_denied(message))
    }

    /// Waits until the connection has to end. A handler of a long stream ends the stream then, after a whole message, and the
    /// client goes on over another connection.
    pub async fn leaving(&self) {
        let mut leaving = self.0.leaving.clone();
        // An error means that the connection is gone.
        let _ = leaving.wait_for(|leaving| *leaving).await;
    }
}
