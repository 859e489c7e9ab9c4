//! Why a sink could not write.

use crate::source::FailureKind;

/// A failed write. The message names what was tried and never holds an entity's content or a secret.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct WriteError {
    /// Communication or entity.
    pub kind: FailureKind,
    /// Stable kebab-case name of the reason.
    pub reason: &'static str,
    /// One sentence.
    pub message: String,
    /// Position of the offending entity in the batch, where the sink knows it.
    pub position: Option<usize>,
    /// The target wants the whole run to begin again (JP4): no retry within this run.
    pub ends_run: bool,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl WriteError {
    /// The target could not be reached or said no.
    pub(crate) fn communication(reason: &'static str, message: impl Into<String>) -> Self {
        let kind = FailureKind::Communication;
        Self {
            kind,
            reason,
            message: message.into(),
            position: None,
            ends_run: false,
            source: None,
        }
    }

    /// One entity of the batch cannot be written.
    pub(crate) fn entity(
        reason: &'static str,
        message: impl Into<String>,
        position: Option<usize>,
    ) -> Self {
        Self {
            kind: FailureKind::Entity,
            position,
            ..Self::communication(reason, message)
        }
    }

    /// The run has to stop here.
    #[must_use]
    pub(crate) fn ending_run(mut self) -> Self {
        self.ends_run = true;
        self
    }

    /// Attaches the cause.
    #[must_use]
    pub(crate) fn caused_by(
        mut self,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        self.source = Some(Box::new(source));
        self
    }
}
