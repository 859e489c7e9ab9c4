//! What keeps state from getting to the object store, or from there.

/// A step that did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The object store.
    #[error(transparent)]
    Objects(#[from] sluice_objects::Error),
    /// The local store.
    #[error(transparent)]
    Store(#[from] sluice_dataset::Error),
    /// A file on its way.
    #[error("cannot {tried} in the folder of what moves")]
    Folder {
        tried: &'static str,
        #[source]
        source: std::io::Error,
    },
    /// An object is not what it should be.
    #[error("object {name}: {what}")]
    Damaged { name: String, what: String },
    /// An object is in a format of another version.
    #[error("object {name} is not of this version")]
    Format {
        name: String,
        #[source]
        source: sluice_format::Unreadable,
    },
    /// An object that should be there is not.
    #[error("object {name} is missing")]
    Missing { name: String },
    /// The object store did not answer in time.
    #[error("the object store has not answered for {} seconds", after.as_secs())]
    Silent { after: std::time::Duration },
    /// Nobody could restore the checkpoint.
    #[error(
        "the checkpoint would have a file of {bytes} bytes, and a restore fetches at most {at_most}"
    )]
    FileTooLarge { bytes: u64, at_most: u64 },
    /// Somebody else owns the pipe.
    #[error("pipe \"{pipe}\" is owned under epoch {by} by another worker")]
    Superseded {
        pipe: String,
        by: sluice_protocol::Epoch,
    },
    /// The storage node was told and refused, or could not be.
    #[error("the storage node was not told: {0}")]
    Report(sluice_protocol::Error),
}

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(super) fn damaged(name: &str, what: impl ToString) -> Self {
        Error::Damaged {
            name: name.to_owned(),
            what: what.to_string(),
        }
    }

    pub(super) fn unreadable(name: &str, source: sluice_format::Unreadable) -> Self {
        Error::Format {
            name: name.to_owned(),
            source,
        }
    }

    pub(super) fn folder(tried: &'static str) -> impl FnOnce(std::io::Error) -> Error {
        move |source| Error::Folder { tried, source }
    }

    /// As callers are told.
    pub(crate) fn answer(self) -> sluice_protocol::Error {
        match self {
            Error::Report(error) => error,
            Error::Store(error) => crate::answer::dataset(error),
            other => other.answer_shared(),
        }
    }

    /// As each of several callers is told.
    pub(super) fn answer_shared(&self) -> sluice_protocol::Error {
        use sluice_protocol::{Code, Error as Answer};
        let (reason, message) = match self {
            Error::Superseded { .. } => ("not-here", self.to_string()),
            Error::Store(sluice_dataset::Error::LeaseEnded) => ("lease-ended", self.to_string()),
            other => {
                let message = "what has to outlive this worker is not in the object store";
                ("not-durable", format!("{message}: {}", chain(other)))
            }
        };
        Answer::new(Code::Unavailable, reason, message)
    }
}

/// An error with its causes, for a log line or an answer.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
