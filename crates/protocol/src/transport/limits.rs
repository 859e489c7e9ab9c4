//! What a port or a channel spends on connections, and how long it waits.

use std::time::Duration;

/// How much of both windows of HTTP/2 may be in flight: bytes. Smaller ones halve the rate of messages over TLS.
pub(super) const WINDOW: u32 = 4 << 20;
/// A silent connection is asked for a sign of life after this time, and closed after the next one without.
pub(super) const PING_AFTER: Duration = Duration::from_secs(15);
pub(super) const PING_WITHIN: Duration = Duration::from_secs(10);

/// Bounds of a port.
#[derive(Clone, Debug)]
pub struct Limits {
    /// TLS handshakes going on at once; who comes then waits to be accepted.
    pub handshakes: usize,
    /// Time for a TLS handshake.
    pub handshake_time: Duration,
    /// Connections at once; beyond that new ones are closed.
    pub connections: usize,
    /// Requests at once on one connection; a client beyond that waits.
    pub streams: u32,
    /// Before the end of a connection's certificates, time for its streams to end by themselves; at most a quarter of what
    /// was left at its start.
    pub drain: Duration,
    /// The same when the port stops.
    pub stop: Duration,
    /// How long a connection for first certificates may be there.
    pub enrolment: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            handshakes: 64,
            handshake_time: Duration::from_secs(10),
            connections: 4096,
            streams: 1024,
            drain: Duration::from_secs(300),
            stop: Duration::from_secs(30),
            enrolment: Duration::from_secs(60),
        }
    }
}
