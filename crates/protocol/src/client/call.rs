//! What calls have in common: deadlines, errors, lists that come part by part.

use crate::deadline;
use crate::wire::{Damaged, deadline_exceeded, from_status};
use crate::{Error, Result};
use std::future::Future;
use std::time::Duration;
use tonic::{Request, Response, Status, Streaming};

/// No call waits longer, whatever a user asked for; the gRPC library panics on far longer times.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// A message with the time that is left for its answer, which the far side is told.
pub(super) struct Call {
    left: Option<Duration>,
}

/// A call of a kind that takes at most `limit`.
pub(super) fn within(limit: impl Into<Option<Duration>>) -> Call {
    Call {
        left: deadline::left(limit.into()).map(|left| left.min(LONGEST)),
    }
}

impl Call {
    /// The request to be sent.
    pub(super) fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        if let Some(left) = self.left {
            request.set_timeout(left);
        }
        request
    }

    /// Waits for the answer of a call.
    pub(super) async fn answer<T>(
        self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T> {
        self.in_time(async { Ok(call.await.map_err(from_status)?.into_inner()) })
            .await
    }

    /// Waits for all parts of a list; `items` takes the items out of a part.
    pub(super) async fn gather<P, I, T>(
        self,
        call: impl Future<Output = Result<Response<Streaming<P>>, Status>>,
        items: impl Fn(P) -> Vec<I>,
        item: impl Fn(I) -> Result<T, Damaged>,
    ) -> Result<Vec<T>> {
        self.in_time(async {
            let mut parts = call.await.map_err(from_status)?.into_inner();
            let mut all = Vec::new();
            while let Some(part) = parts.message().await.map_err(from_status)? {
                for one in items(part) {
                    all.push(answered(item(one))?);
                }
            }
            Ok(all)
        })
        .await
    }

    /// Waits for work that is done here and there.
    pub(super) async fn in_time<T>(self, work: impl Future<Output = Result<T>>) -> Result<T> {
        match self.left {
            None => work.await,
            Some(left) => tokio::time::timeout(left, work)
                .await
                .unwrap_or_else(|_| Err(deadline_exceeded())),
        }
    }
}

/// An answer as far as it could be understood.
pub(super) fn answered<T>(decoded: Result<T, Damaged>) -> Result<T, Error> {
    decoded.map_err(Damaged::answer)
}
