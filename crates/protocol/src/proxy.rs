//! Requests of callers that go on to a microservice as they are.

use crate::ByteStream;

/// Headers in order, names in lower case.
pub type HttpHeaders = Vec<(String, Vec<u8>)>;

/// A request for a microservice. Its body comes beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyRequest {
    /// `GET`, …
    pub method: String,
    /// Path and query below the microservice's address.
    pub target: String,
    /// Those that belong to the content: nothing of the connection, nobody's credentials.
    pub headers: HttpHeaders,
    /// It has a body, perhaps an empty one.
    pub has_body: bool,
}

/// What a microservice answers.
pub struct ProxyReply {
    /// The HTTP status.
    pub status: u16,
    /// Those that belong to the content.
    pub headers: HttpHeaders,
    /// The body, as it comes.
    pub body: ByteStream,
}
