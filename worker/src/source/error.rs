//! Why a source could not go on.

/// Who is to blame: the way to the other side, or one entity. The numbers are those of the execution log (EX3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The other side cannot be reached or answers with an error: code 0.
    Communication,
    /// One entity cannot be read or written: code 1.
    Entity,
}

impl FailureKind {
    /// `error_code` in the execution log.
    pub(crate) fn code(self) -> i64 {
        match self {
            FailureKind::Communication => 0,
            FailureKind::Entity => 1,
        }
    }
}

/// A failed read. The message names what was tried and never holds an entity's content or a secret.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ReadError {
    /// Communication or entity.
    pub kind: FailureKind,
    /// Stable kebab-case name of the reason, e.g. `invalid-json`.
    pub reason: &'static str,
    /// One sentence.
    pub message: String,
    /// Number of the offending entity in the stream, from 0 (R73).
    pub index: Option<u64>,
    /// Byte position in the stream (R73).
    pub offset: Option<u64>,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl ReadError {
    /// The other side could not be reached or said no.
    pub(crate) fn communication(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Communication,
            reason,
            message: message.into(),
            index: None,
            offset: None,
            source: None,
        }
    }

    /// One entity of the stream is bad.
    pub(crate) fn entity(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Entity,
            ..Self::communication(reason, message)
        }
    }

    /// Says where in the stream.
    #[must_use]
    pub(crate) fn at(mut self, index: Option<u64>, offset: u64) -> Self {
        self.index = index;
        self.offset = Some(offset);
        self
    }

    /// An entity that nothing can be done with.
    pub(crate) fn missing_id(what: &str, index: u64) -> Self {
        let message = format!("{what}: an entity has no \"_id\" that is a string");
        Self {
            index: Some(index),
            ..Self::entity("missing-id", message)
        }
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

    /// A stored dataset could not be read.
    pub(crate) fn dataset(dataset: &str, source: sluice_dataset::Error) -> Self {
        Self::communication(source.code(), format!("cannot read dataset \"{dataset}\""))
            .caused_by(source)
    }

    /// A stream of entities was not what it should be.
    pub(crate) fn stream(what: &str, source: sluice_entity::ReadError) -> Self {
        let (index, offset) = (source.index, source.offset);
        Self::entity("invalid-json", format!("{what}: {source}"))
            .at(index, offset)
            .caused_by(source)
    }
}
