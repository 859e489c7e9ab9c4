//! Inner errors as the boundary between roles knows them: one function per kind.

use crate::pipe::RunFailure;
use crate::sink::WriteError;
use crate::source::{FailureKind, ReadError};
use sluice_dataset::{Error as DatasetError, SinceError};
use sluice_entity::Json;
use sluice_protocol::{Code, Error};

/// A failed operation on a dataset.
pub(crate) fn dataset(error: DatasetError) -> Error {
    let code = match &error {
        DatasetError::Name { .. } => Code::InvalidArgument,
        DatasetError::Deleted { .. } | DatasetError::UnknownIndex { .. } => Code::NotFound,
        DatasetError::DiskFull { .. } => Code::StorageFull,
        DatasetError::Stopped { .. }
        | DatasetError::IndexNotReady { .. }
        | DatasetError::NotLevel { .. }
        | DatasetError::LeaseEnded => Code::Unavailable,
        DatasetError::MassDelete { .. }
        | DatasetError::RunReplaced { .. }
        | DatasetError::StaleEpoch { .. } => Code::Conflict,
        _ => Code::Internal,
    };
    Error::new(code, error.code(), error.to_string()).caused_by(error)
}

/// A since value that cannot be used (R74).
pub(crate) fn since(error: SinceError) -> Error {
    match error {
        SinceError::Malformed => Error::invalid("invalid-since", error.to_string()),
        SinceError::OtherGeneration { .. } => {
            Error::new(Code::Gone, "other-generation", error.to_string())
        }
    }
}

/// A body that is no array of entities (R73).
pub(crate) fn entity_read(error: sluice_entity::ReadError, accepted: u64) -> Error {
    let mut answer = Error::invalid("invalid-json", error.to_string())
        .with("accepted", number(accepted))
        .with("offset", number(error.offset))
        .with("path", Json::from(error.path.as_str()));
    if let Some(index) = error.index {
        answer = answer.with("index", number(index));
    }
    answer.caused_by(error)
}

/// A source that could not be read for a caller.
pub(crate) fn read(error: ReadError) -> Error {
    let code = if error.kind == FailureKind::Communication {
        Code::Unavailable
    } else {
        Code::FailedPrecondition
    };
    let answer = Error::new(code, error.reason, error.to_string());
    let answer = match error.index {
        Some(index) => answer.with("index", number(index)),
        None => answer,
    };
    answer.caused_by(error)
}

/// A sink that could not write for a caller.
pub(crate) fn write(error: WriteError) -> Error {
    let code = match error.kind {
        FailureKind::Communication => Code::Unavailable,
        FailureKind::Entity if error.reason == "entity-too-large" => Code::TooLarge,
        FailureKind::Entity => Code::InvalidArgument,
    };
    Error::new(code, error.reason, error.to_string()).caused_by(error)
}

/// A transform that failed for a caller.
pub(crate) fn run(failure: RunFailure) -> Error {
    Error::new(Code::FailedPrecondition, "run-failed", failure.message)
        .with("cause", Json::from(failure.reason.as_str()))
}

/// A non-negative number in a problem document.
pub(crate) fn number(number: u64) -> Json {
    Json::Number(number.to_string().into())
}
