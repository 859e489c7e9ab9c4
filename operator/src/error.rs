//! What can go wrong between the operator and the API server.

/// The result of the operator's own work.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure, named after what was tried.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no way to the API server.
    #[error("there is no way to the API server")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A request to the API server.
    #[error("could not {verb} {kind} {name}")]
    Api {
        /// What was to be done.
        verb: &'static str,
        /// With what kind of object.
        kind: &'static str,
        /// Which.
        name: String,
        /// Why not.
        #[source]
        source: kube::Error,
    },
    /// Keys and certificates.
    #[error("the hub's keys and certificates cannot be made")]
    Keys(#[source] sluice_identity::Error),
    /// Something went between two requests.
    #[error("{kind} {name} went away meanwhile")]
    Gone {
        /// What kind of object.
        kind: &'static str,
        /// Which.
        name: String,
    },
    /// A request to a storage node.
    #[error("could not {verb} at the storage node of {hub}")]
    StorageNode {
        /// What was to be done.
        verb: &'static str,
        /// Of which hub.
        hub: String,
        /// Why not.
        #[source]
        source: Box<sluice_protocol::Error>,
    },
    /// A hub that was to go is still there.
    #[error("hub {0} is deleted but not gone: something else holds its resources up")]
    NotGone(String),
    /// Another operator leads now.
    #[error("the lease was lost: another operator may lead now")]
    LeaseLost,
}

impl Error {
    /// For a failed request.
    pub fn api(
        verb: &'static str,
        kind: &'static str,
        name: &str,
    ) -> impl FnOnce(kube::Error) -> Error {
        move |source| Error::Api {
            verb,
            kind,
            name: name.to_owned(),
            source,
        }
    }
}
