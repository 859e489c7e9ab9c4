//! What can go wrong with keys, token records and certificates; never with a caller's token (that is `TokenError`).

use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed attempt; the cause is the source.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be used.
    #[error("cannot {attempt} {}", path.display())]
    File {
        /// What was tried, e.g. "read".
        attempt: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A file is there and does not hold what it should.
    #[error("{} does not hold {expected}: {problem}", path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// There is no signing key where a token was to be made.
    #[error("there is no signing key {}: is this the data folder of a hub that was started once?", path.display())]
    NoSigningKey {
        /// Where it should be.
        path: PathBuf,
    },
    /// No token with this id was issued here.
    #[error("no token with the id \"{0}\" was issued by this hub")]
    UnknownToken(String),
    /// A name, lifetime or host name that cannot be used.
    #[error("{what} \"{value}\" cannot be used: {problem}")]
    Unusable {
        /// What it was meant for.
        what: &'static str,
        /// As given.
        value: String,
        /// Why not.
        problem: String,
    },
    /// Making a key, a signature or a certificate failed.
    #[error("cannot {attempt}: {problem}")]
    Crypto {
        /// What was tried.
        attempt: &'static str,
        /// Why it failed.
        problem: String,
    },
    /// The authority's certificate is at its end.
    #[error("the certificate authority {} ended on {end}; remove the folder {} to get a new one, then give the new file to the clients", path.display(), path.parent().unwrap_or(path).display())]
    AuthorityEnded {
        /// The certificate.
        path: PathBuf,
        /// Its last day.
        end: jiff::Timestamp,
    },
}

impl Error {
    pub(crate) fn file(attempt: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::File {
            attempt,
            path,
            source,
        }
    }

    pub(crate) fn content(
        path: &Path,
        expected: &'static str,
        problem: impl std::fmt::Display,
    ) -> Error {
        Error::Content {
            path: path.to_owned(),
            expected,
            problem: problem.to_string(),
        }
    }

    pub(crate) fn crypto<E: std::fmt::Display>(attempt: &'static str) -> impl FnOnce(E) -> Error {
        move |problem| Error::Crypto {
            attempt,
            problem: problem.to_string(),
        }
    }
}
