//! Pushes: their opening and their reply.

use super::damaged::{Damaged, required};
use super::proto;
use crate::{PushReply, PushRequest};

/// Where a push goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A receiver pipe.
    Pipe(String),
    /// Straight into a dataset.
    Dataset(String),
}

/// The opening of a push going out.
pub(crate) fn to_open_push(target: Target, request: PushRequest) -> proto::OpenPush {
    let target = match target {
        Target::Pipe(pipe) => proto::open_push::Target::Pipe(pipe),
        Target::Dataset(dataset) => proto::open_push::Target::Dataset(dataset),
    };
    proto::OpenPush {
        target: Some(target),
        request: Some(proto::PushRequest {
            sequence_id: request.sequence_id,
            is_full: request.is_full,
            request_id: request.request_id,
            previous_request_id: request.previous_request_id,
            is_first: request.is_first,
            is_last: request.is_last,
            allow_mass_delete: request.allow_mass_delete,
            content_length: request.content_length,
            completeness: request.completeness,
            parameters: request.parameters,
            user: request.user,
        }),
    }
}

/// The opening of a push as it arrives.
pub(crate) fn open_push(open: proto::OpenPush) -> Result<(Target, PushRequest), Damaged> {
    let target = match required(open.target, "target")? {
        proto::open_push::Target::Pipe(pipe) => Target::Pipe(pipe),
        proto::open_push::Target::Dataset(dataset) => Target::Dataset(dataset),
    };
    let request = required(open.request, "request")?;
    let request = PushRequest {
        sequence_id: request.sequence_id,
        is_full: request.is_full,
        request_id: request.request_id,
        previous_request_id: request.previous_request_id,
        is_first: request.is_first,
        is_last: request.is_last,
        allow_mass_delete: request.allow_mass_delete,
        content_length: request.content_length,
        completeness: request.completeness,
        parameters: request.parameters,
        user: request.user,
    };
    Ok((target, request))
}

impl From<PushReply> for proto::PushReply {
    fn from(reply: PushReply) -> Self {
        proto::PushReply {
            received: reply.received,
            changed: reply.changed,
        }
    }
}

impl From<proto::PushReply> for PushReply {
    fn from(reply: proto::PushReply) -> Self {
        PushReply {
            received: reply.received,
            changed: reply.changed,
        }
    }
}
