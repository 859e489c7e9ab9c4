//! Why a certificate, or a request for one, was refused. Says what is wrong; never holds a secret.

use crate::{Error, Identity, Role};
use std::fmt;

/// Why the other side of a connection is not let in although its chain may be in order.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerRefused {
    /// Its certificate does not carry exactly one identity.
    #[error("the certificate does not carry one identity spiffe://<hub>/<role>/<id>: {0}")]
    NoIdentity(String),
    /// It belongs to another hub.
    #[error("the peer is {peer}, which is not of the hub \"{hub}\"")]
    OtherHub {
        /// Who it is.
        peer: Identity,
        /// Our hub.
        hub: String,
    },
    /// A client got somebody else than it wanted.
    #[error("the peer is {peer} and not {expected}")]
    NotExpected {
        /// Who it is.
        peer: Identity,
        /// Who was wanted, in words.
        expected: String,
    },
    /// A server does not let this role in.
    #[error("the peer is {peer}; this port lets in only: {admitted}")]
    NotAdmitted {
        /// Who it is.
        peer: Identity,
        /// The roles, in words.
        admitted: String,
    },
    /// A certificate is used for something that it is not made for.
    #[error("a certificate of the chain is not made for this use: {0}")]
    Usage(&'static str),
}

/// rustls shows the errors of others in this form: it is the sentence, for whoever reads the log.
impl fmt::Debug for PeerRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a signing request was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SigningRefused {
    /// It cannot be read, or its key is of another kind than ours.
    #[error("the signing request cannot be used: {0}")]
    Unusable(String),
    /// It was not signed with the key it carries.
    #[error("the signing request is not signed with its own key")]
    BadSignature,
    /// It asks for another name than the asker's.
    #[error("the signing request asks for {asked}; who asks may have only {due}")]
    ForeignName {
        /// The names in the request.
        asked: String,
        /// The one that the asker would get.
        due: Identity,
    },
    /// The asker belongs to another hub.
    #[error("{asker} asks for a certificate of the hub \"{hub}\"")]
    OtherHub {
        /// Who asks.
        asker: Identity,
        /// The hub of the issuer.
        hub: String,
    },
    /// No bootstrap secret is like this one.
    #[error("the bootstrap secret is not known here")]
    UnknownSecret,
    /// The bootstrap secret is right, and is for somebody else.
    #[error("this bootstrap secret is for the role {role} with ids \"{ids}\", not for {asked}")]
    SecretForOthers {
        /// Its role.
        role: Role,
        /// Its ids.
        ids: String,
        /// Who asks.
        asked: Identity,
    },
    /// The hub has no such instance (any more).
    #[error("{asker} gets no certificate: {reason}")]
    Denied {
        /// Who asks.
        asker: Identity,
        /// Why not.
        reason: String,
    },
    /// The issuer's own certificate does not serve now.
    #[error("the issuer's certificate is not valid now: it ends on {0}")]
    IssuerEnded(jiff::Timestamp),
    /// Making the certificate failed.
    #[error(transparent)]
    Failed(#[from] Error),
}
