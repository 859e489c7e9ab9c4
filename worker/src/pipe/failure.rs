//! Why a run stopped before its end.

use super::step::StepFailure;
use crate::sink::WriteError;
use crate::source::ReadError;
use sluice_entity::Entity;
use std::error::Error;

/// A failed run: what the execution log, the API and the caller are told.
#[derive(Debug)]
pub(crate) struct RunFailure {
    /// Stable kebab-case name, e.g. `mass-delete`.
    pub reason: String,
    /// One sentence.
    pub message: String,
    /// The chain of causes, outermost first.
    pub causes: Vec<String>,
    /// The entity at fault, if one is.
    pub entity: Option<Box<Entity>>,
}

impl RunFailure {
    /// A failure with a name and a sentence.
    pub(crate) fn new(reason: impl Into<String>, message: impl Into<String>) -> Self {
        RunFailure {
            reason: reason.into(),
            message: message.into(),
            causes: Vec::new(),
            entity: None,
        }
    }

    /// Names the entity at fault.
    #[must_use]
    pub(crate) fn with_entity(mut self, entity: Entity) -> Self {
        self.entity = Some(Box::new(entity));
        self
    }

    /// The store failed at `tried`.
    pub(crate) fn store(tried: &str, source: sluice_dataset::Error) -> Self {
        RunFailure {
            causes: causes(&source),
            ..Self::new(source.code(), format!("cannot {tried}: {source}"))
        }
    }

    /// Another role failed.
    pub(crate) fn protocol(error: sluice_protocol::Error) -> Self {
        RunFailure {
            causes: causes(&error),
            ..Self::new(error.reason, error.message)
        }
    }

    /// Message and causes in one text, as `traceback` of the log.
    pub(crate) fn full_text(&self) -> String {
        let mut text = self.message.clone();
        for cause in &self.causes {
            text.push_str("\ncaused by: ");
            text.push_str(cause);
        }
        text
    }
}

impl From<&ReadError> for RunFailure {
    fn from(error: &ReadError) -> Self {
        let mut message = format!("reading from the source failed: {error}");
        if let Some(index) = error.index {
            message.push_str(&format!(" (entity {index}"));
            if let Some(offset) = error.offset {
                message.push_str(&format!(" at byte {offset}"));
            }
            message.push(')');
        }
        RunFailure {
            causes: causes(error),
            ..RunFailure::new(error.reason, message)
        }
    }
}

impl From<&WriteError> for RunFailure {
    fn from(error: &WriteError) -> Self {
        RunFailure {
            causes: causes(error),
            ..RunFailure::new(error.reason, format!("writing to the sink failed: {error}"))
        }
    }
}

impl From<StepFailure> for RunFailure {
    fn from(failure: StepFailure) -> Self {
        RunFailure {
            entity: failure.entity.map(Box::new),
            ..RunFailure::new(failure.reason, failure.message)
        }
    }
}

/// The causes below an error, one text each.
pub(super) fn causes(error: &dyn Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes
}
