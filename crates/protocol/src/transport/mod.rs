//! The network between roles: HTTP/2 over mutual TLS, with the peer's identity at every request.
//!
//! * [`serve`] runs a port: accepts, checks the certificate, hands requests with their [`Peer`] to the gRPC services.
//! * [`PeerChannel`] is the way to another role; it moves to a new connection before the old one has to end.
//! * [`certificates`] gets, renews and hands out the certificates themselves.
//!
//! No connection is older than a certificate it was made with. Some time before, the server says GOAWAY and tells the
//! handlers of long streams ([`Peer::leaving`]); they end their streams, and the clients go on from their tokens over a
//! connection made with newer certificates. What is still there at the end is cut.

pub mod certificates;
mod channel;
mod connection;
mod connector;
mod deadline;
mod limits;
mod peer;
mod server;

#[cfg(test)]
mod tests;

pub use channel::PeerChannel;
pub use limits::Limits;
pub use peer::Peer;
pub use server::{Port, serve};

/// An error with its causes in one line.
pub(crate) fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let next = cause.to_string();
        // Wrappers often repeat what they wrap.
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        source = cause.source();
    }
    text
}
