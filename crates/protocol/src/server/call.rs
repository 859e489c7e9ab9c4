//! What handlers have in common: the deadline of a call, damaged requests, lists as streams of parts.

use crate::deadline;
use crate::transport::Peer;
use crate::wire::{Damaged, to_status};
use crate::{Code, Error, Result};
use futures::stream::{self, BoxStream, StreamExt};
use sluice_identity::Role;
use std::error::Error as _;
use std::future::Future;
use std::time::Duration;
use tokio::time::Instant;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

/// What a handler gives.
pub(super) type Answer<T> = Result<Response<T>, Status>;

/// A streamed answer.
pub(super) type Parts<T> = BoxStream<'static, Result<T, Status>>;

/// A call that came in: its message, and when its answer must be there.
pub(super) fn open<T>(request: Request<T>) -> (Call, T) {
    let call = Call {
        deadline: timeout(request.metadata()).and_then(|left| Instant::now().checked_add(left)),
    };
    (call, request.into_inner())
}

/// The same for these roles only.
pub(super) fn open_for<T>(request: Request<T>, roles: &[Role]) -> Result<(Call, T), Status> {
    admit(&request, roles)?;
    Ok(open(request))
}

/// Lets these roles in. A caller without a certificate comes over a channel that needs none.
pub(super) fn admit<T>(request: &Request<T>, roles: &[Role]) -> Result<(), Status> {
    match Peer::of(request) {
        Ok(peer) => peer.require(roles),
        Err(_) => Ok(()),
    }
}

pub(super) struct Call {
    deadline: Option<Instant>,
}

impl Call {
    /// Does the work of a handler within the deadline of the call.
    pub(super) async fn answer<T>(self, work: impl Future<Output = Result<T>>) -> Answer<T> {
        let done = match self.deadline {
            Some(deadline) => deadline::before(deadline, work).await,
            None => work.await,
        };
        done.map(Response::new).map_err(|error| tell(&error))
    }

    /// The same with a list, which goes out part by part.
    pub(super) async fn answer_parts<T: Send + 'static>(
        self,
        work: impl Future<Output = Result<Vec<T>>>,
    ) -> Answer<Parts<T>> {
        let parts = self.answer(work).await?.into_inner();
        Ok(Response::new(stream::iter(parts).map(Ok).boxed()))
    }
}

/// An error as the caller hears it. The cause stays here, so this is where it is logged.
pub(super) fn tell(error: &Error) -> Status {
    let cause = chain(error);
    if error.code == Code::Internal {
        tracing::error!(reason = &*error.reason, cause, "{}", error.message);
    } else if error.source.is_some() {
        tracing::debug!(
            reason = &*error.reason,
            cause,
            "a call of another role failed"
        );
    }
    to_status(error)
}

/// The causes in words, from the outermost.
fn chain(error: &Error) -> String {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(next) = cause {
        causes.push(next.to_string());
        cause = next.source();
    }
    causes.join(": ")
}

/// A request as far as it could be understood.
pub(super) fn asked<T>(decoded: Result<T, Damaged>) -> Result<T, Error> {
    decoded.map_err(Damaged::request)
}

/// The `grpc-timeout` of a call: at most eight digits and a unit.
fn timeout(metadata: &MetadataMap) -> Option<Duration> {
    let text = metadata.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_and_nonsense_is_no_timeout() {
        for (text, expected) in [
            ("1H", Some(3_600_000)),
            ("2M", Some(120_000)),
            ("99999999S", Some(99_999_999_000)),
            ("250m", Some(250)),
            ("5000u", Some(5)),
            ("3000000n", Some(3)),
            ("123456789S", None),
            ("+1S", None),
            ("1", None),
            ("S", None),
            ("", None),
            ("1x", None),
        ] {
            let mut metadata = MetadataMap::new();
            metadata.insert("grpc-timeout", text.parse().unwrap());
            let expected = expected.map(Duration::from_millis);
            assert_eq!(timeout(&metadata), expected, "{text:?}");
        }
    }
}
