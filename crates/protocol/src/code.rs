//! The closed set of error codes at the boundary between roles.

/// What kind of failure a caller has to deal with. Knows whether a retry makes sense; the HTTP and gRPC status are chosen from it in one match each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request itself is wrong; repeating it unchanged fails again.
    InvalidArgument,
    /// A body, entity or component is larger than a limit.
    TooLarge,
    /// No valid token came with the request.
    Unauthenticated,
    /// The caller is known and may not do this.
    PermissionDenied,
    /// The thing named by the request does not exist.
    NotFound,
    /// The request contradicts the present state (a run already going on, a broken push sequence).
    Conflict,
    /// The since token names another generation of the dataset.
    Gone,
    /// Something that must hold first does not (dataset not populated, pipe invalid).
    FailedPrecondition,
    /// A part of the compatible API that this version does not have.
    NotInThisVersion,
    /// The disk is full; reads go on, writes resume by themselves.
    StorageFull,
    /// Too many requests or bytes in flight; try again.
    ResourceExhausted,
    /// The role that would answer is not there now; try again.
    Unavailable,
    /// The deadline of the request passed.
    DeadlineExceeded,
    /// Our fault.
    Internal,
}

impl Code {
    /// Every code.
    pub const ALL: [Code; 14] = [
        Code::InvalidArgument,
        Code::TooLarge,
        Code::Unauthenticated,
        Code::PermissionDenied,
        Code::NotFound,
        Code::Conflict,
        Code::Gone,
        Code::FailedPrecondition,
        Code::NotInThisVersion,
        Code::StorageFull,
        Code::ResourceExhausted,
        Code::Unavailable,
        Code::DeadlineExceeded,
        Code::Internal,
    ];

    /// Whether the same request may succeed later without a change by the caller.
    pub fn is_retryable(self) -> bool {
        matches!(
            self,
            Code::StorageFull
                | Code::ResourceExhausted
                | Code::Unavailable
                | Code::DeadlineExceeded
        )
    }
}
