//! Codes on the wire, and as gRPC status codes.

use super::damaged::Damaged;
use super::proto;
use crate::Code;

impl From<Code> for proto::Code {
    fn from(code: Code) -> Self {
        match code {
            Code::InvalidArgument => proto::Code::InvalidArgument,
            Code::TooLarge => proto::Code::TooLarge,
            Code::Unauthenticated => proto::Code::Unauthenticated,
            Code::PermissionDenied => proto::Code::PermissionDenied,
            Code::NotFound => proto::Code::NotFound,
            Code::Conflict => proto::Code::Conflict,
            Code::Gone => proto::Code::Gone,
            Code::FailedPrecondition => proto::Code::FailedPrecondition,
            Code::NotInThisVersion => proto::Code::NotInThisVersion,
            Code::StorageFull => proto::Code::StorageFull,
            Code::ResourceExhausted => proto::Code::ResourceExhausted,
            Code::Unavailable => proto::Code::Unavailable,
            Code::DeadlineExceeded => proto::Code::DeadlineExceeded,
            Code::Internal => proto::Code::Internal,
        }
    }
}

impl TryFrom<proto::Code> for Code {
    type Error = Damaged;

    fn try_from(code: proto::Code) -> Result<Self, Damaged> {
        Ok(match code {
            proto::Code::Unspecified => return Err(Damaged::new("code", "missing")),
            proto::Code::InvalidArgument => Code::InvalidArgument,
            proto::Code::TooLarge => Code::TooLarge,
            proto::Code::Unauthenticated => Code::Unauthenticated,
            proto::Code::PermissionDenied => Code::PermissionDenied,
            proto::Code::NotFound => Code::NotFound,
            proto::Code::Conflict => Code::Conflict,
            proto::Code::Gone => Code::Gone,
            proto::Code::FailedPrecondition => Code::FailedPrecondition,
            proto::Code::NotInThisVersion => Code::NotInThisVersion,
            proto::Code::StorageFull => Code::StorageFull,
            proto::Code::ResourceExhausted => Code::ResourceExhausted,
            proto::Code::Unavailable => Code::Unavailable,
            proto::Code::DeadlineExceeded => Code::DeadlineExceeded,
            proto::Code::Internal => Code::Internal,
        })
    }
}

/// The gRPC status that others understand. Ours read the exact code in the details.
pub(crate) fn to_grpc(code: Code) -> tonic::Code {
    match code {
        Code::InvalidArgument => tonic::Code::InvalidArgument,
        Code::TooLarge => tonic::Code::OutOfRange,
        Code::Unauthenticated => tonic::Code::Unauthenticated,
        Code::PermissionDenied => tonic::Code::PermissionDenied,
        Code::NotFound => tonic::Code::NotFound,
        Code::Conflict => tonic::Code::Aborted,
        Code::Gone | Code::FailedPrecondition => tonic::Code::FailedPrecondition,
        Code::NotInThisVersion => tonic::Code::Unimplemented,
        Code::StorageFull | Code::ResourceExhausted => tonic::Code::ResourceExhausted,
        Code::Unavailable => tonic::Code::Unavailable,
        Code::DeadlineExceeded => tonic::Code::DeadlineExceeded,
        Code::Internal => tonic::Code::Internal,
    }
}

/// What a status without our details means: it comes from the transport or from somebody between the roles.
pub(crate) fn from_grpc(code: tonic::Code) -> Code {
    match code {
        tonic::Code::InvalidArgument => Code::InvalidArgument,
        // The transport says so of messages above its limit.
        tonic::Code::OutOfRange => Code::TooLarge,
        tonic::Code::Unauthenticated => Code::Unauthenticated,
        tonic::Code::PermissionDenied => Code::PermissionDenied,
        tonic::Code::NotFound => Code::NotFound,
        tonic::Code::Aborted | tonic::Code::AlreadyExists => Code::Conflict,
        tonic::Code::FailedPrecondition => Code::FailedPrecondition,
        tonic::Code::Unimplemented => Code::NotInThisVersion,
        tonic::Code::ResourceExhausted => Code::ResourceExhausted,
        tonic::Code::Unavailable => Code::Unavailable,
        // A call that the far side cancelled ran out of time there, or its connection is being drained.
        tonic::Code::DeadlineExceeded | tonic::Code::Cancelled => Code::DeadlineExceeded,
        tonic::Code::Ok | tonic::Code::Unknown | tonic::Code::DataLoss | tonic::Code::Internal => {
            Code::Internal
        }
    }
}
