//! The error every call between roles may answer.

use crate::Code;
use sluice_entity::Json;
use std::borrow::Cow;
use std::fmt;

/// Result of a call between roles.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed call: a [`Code`] for the machine, a stable `reason` for programs, a message for people, and members that locate the offending element.
#[derive(Debug)]
pub struct Error {
    /// What kind of failure this is.
    pub code: Code,
    /// Stable kebab-case name of the exact reason, e.g. `unknown-pipe`, `mass-delete`, `invalid-json`.
    pub reason: Cow<'static, str>,
    /// One sentence: what went wrong and what to do. Never holds a secret or an entity's content.
    pub message: String,
    /// Further members of the problem document (`index`, `offset`, `path`, `accepted`, `validation_errors` ...), in order.
    pub members: Vec<(Cow<'static, str>, Json)>,
    /// The cause inside, for the log. It never leaves the process.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error with a code, a stable reason and a message.
    pub fn new(
        code: Code,
        reason: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Error {
            code,
            reason: reason.into(),
            message: message.into(),
            members: Vec::new(),
            source: None,
        }
    }
    /// `404`: `what` ("pipe", "dataset", ...) with this id does not exist.
    pub fn not_found(reason: impl Into<Cow<'static, str>>, what: &str, id: &str) -> Self {
        Error::new(
            Code::NotFound,
            reason,
            format!("there is no {what} \"{id}\""),
        )
        .with("id", Json::from(id))
    }
    /// A bad request.
    pub fn invalid(reason: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Error::new(Code::InvalidArgument, reason, message)
    }
    /// Our fault, with its cause.
    pub fn internal(
        message: impl Into<String>,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Error {
            source: Some(Box::new(source)),
            ..Error::new(Code::Internal, "internal", message)
        }
    }
    /// Adds a member to the problem document.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: Json) -> Self {
        self.members.push((name.into(), value));
        self
    }
    /// Attaches the cause, for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.reason)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_deref()
            .map(|s| s as &(dyn std::error::Error + 'static))
    }
}
