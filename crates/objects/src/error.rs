//! What can go wrong with an object store.

/// An operation that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL names no store that this version knows.
    #[error(
        "{url} is no object store: it begins with s3://, gs://, az://, abfs://, https:// or file:///"
    )]
    Url {
        /// As it was given, without user and password.
        url: String,
    },
    /// The store cannot be set up: a part of its settings is missing or wrong.
    #[error("the object store {url} cannot be set up")]
    Open {
        /// As it was given, without user and password.
        url: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A request failed for good.
    #[error("cannot {tried} {name}")]
    Request {
        /// What was tried.
        tried: &'static str,
        /// The object, or the beginning of its name.
        name: String,
        /// Why.
        #[source]
        source: object_store::Error,
    },
    /// An object is larger than what is expected of it.
    #[error("{name} has {bytes} bytes, which is more than the {at_most} it may have")]
    TooLarge {
        /// The object.
        name: String,
        /// What it has.
        bytes: u64,
        /// What it may have.
        at_most: u64,
    },
}
