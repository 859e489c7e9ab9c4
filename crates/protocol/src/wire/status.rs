//! Between an error of ours and a gRPC status: one function each way.

use super::code::{from_grpc, to_grpc};
use super::error::shorten;
use super::proto;
use crate::{Code, Error};
use prost::Message;
use std::error::Error as _;
use tonic::{Status, TimeoutExpired};

/// Bytes of the sentence in the status itself, for those who do not read our details.
const SENTENCE_BYTES: usize = 512;

/// The whole error travels in the details.
pub(crate) fn to_status(error: &Error) -> Status {
    let mut details = proto::Error::from(error);
    shorten(&mut details);
    let end = details.message.floor_char_boundary(SENTENCE_BYTES);
    let sentence = details.message.get(..end).unwrap_or_default().to_owned();
    Status::with_details(
        to_grpc(error.code),
        sentence,
        details.encode_to_vec().into(),
    )
}

/// An error of the far side comes back equal; anything else is a failure on the way.
pub(crate) fn from_status(status: Status) -> Error {
    if let Some(error) = told(&status) {
        return error;
    }
    if status.code() == tonic::Code::DeadlineExceeded || ran_out_of_time(&status) {
        return deadline_exceeded().caused_by(status);
    }
    // Only a status made on this side has a cause: there was no answer.
    if status.source().is_some() {
        let message = "the role that would answer cannot be reached now";
        return Error::new(Code::Unavailable, "unreachable", message).caused_by(status);
    }
    let code = from_grpc(status.code());
    let (reason, what) = match code {
        Code::TooLarge => ("message-too-large", "a message between roles is too large"),
        Code::Unavailable => ("unreachable", "the role that would answer is not there now"),
        Code::DeadlineExceeded => ("cancelled", "the far side ended the call early"),
        Code::NotInThisVersion => ("unknown-call", "the other role does not know this call"),
        _ => ("call-failed", "a call between roles failed"),
    };
    Error::new(code, reason, format!("{what}: {}", status.message())).caused_by(status)
}

/// The deadline of a call passed on this side.
pub(crate) fn deadline_exceeded() -> Error {
    let message = "no answer came before the deadline of the request";
    Error::new(Code::DeadlineExceeded, "deadline-exceeded", message)
}

fn told(status: &Status) -> Option<Error> {
    if status.details().is_empty() {
        return None;
    }
    let details = proto::Error::decode(status.details()).ok()?;
    Error::try_from(details).ok()
}

fn ran_out_of_time(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<TimeoutExpired>() {
            return true;
        }
        cause = error.source();
    }
    false
}
