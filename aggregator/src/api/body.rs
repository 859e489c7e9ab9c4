//! Reading request bodies: bounded in size, in memory over all requests, and in slowness.

use super::error::Problem;
use crate::Limits;
use crate::budget::{Budget, Share};
use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use sluice_protocol::{ByteStream, Code, Error};
use std::time::Duration;
use tokio::time::Instant;

/// How long a body may be slow before its rate counts.
const GRACE: Duration = Duration::from_secs(10);
/// The budget is asked for in steps of this size while a body of unknown length arrives.
const STEP: usize = 1 << 20;
/// A body that is read whole is parsed as well: text and tree together take about so many times its length.
const PARSED: usize = 4;

/// A body that was read whole, with its share of the budget.
pub(crate) struct Whole {
    pub(crate) bytes: Bytes,
    _share: Share,
}

/// Reads a body of at most `limit` bytes. A longer one is refused from its announced length or as soon as it exceeds it.
pub(crate) async fn read_whole(
    body: Body,
    headers: &HeaderMap,
    limit: usize,
    limits: &Limits,
    budget: &Budget,
) -> Result<Whole, Problem> {
    refuse_encoded(headers)?;
    let too_large = || Problem::too_large("the body", limit as u64);
    let announced = content_length(headers)?;
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let first = announced
        .and_then(|length| usize::try_from(length).ok())
        .unwrap_or(0);
    let mut share = take(budget, first.saturating_mul(PARSED)).await?;
    let mut reserved = first;
    let mut read = BytesMut::with_capacity(first);
    let mut paced = Paced::new(body, limits);
    while let Some(chunk) = paced.next().await? {
        if read.len() + chunk.len() > limit {
            return Err(too_large());
        }
        while read.len() + chunk.len() > reserved {
            share.join(take(budget, STEP * PARSED).await?);
            reserved += STEP;
        }
        read.extend_from_slice(&chunk);
    }
    Ok(Whole {
        bytes: read.freeze(),
        _share: share,
    })
}

async fn take(budget: &Budget, bytes: usize) -> Result<Share, Problem> {
    if bytes == 0 {
        return Ok(Share::empty());
    }
    budget
        .take(bytes)
        .await
        .ok_or_else(|| Problem::busy("request bodies"))
}

/// A push: chunk by chunk as it arrives, holding a fixed share of the budget until it is dropped.
pub(crate) async fn stream(
    body: Body,
    headers: &HeaderMap,
    limits: &Limits,
    budget: &Budget,
) -> Result<ByteStream, Problem> {
    refuse_encoded(headers)?;
    let announced = content_length(headers)?.and_then(|length| usize::try_from(length).ok());
    let share = take(
        budget,
        announced
            .unwrap_or(limits.push_reserve)
            .min(limits.push_reserve),
    )
    .await?;
    let chunks = futures::stream::unfold(
        (Paced::new(body, limits), share, false),
        |(mut paced, share, ended)| async move {
            if ended {
                return None;
            }
            match paced.next().await {
                Ok(chunk) => chunk.map(|chunk| (Ok(chunk), (paced, share, false))),
                Err(problem) => Some((Err(broken(problem)), (paced, share, true))),
            }
        },
    );
    Ok(chunks.boxed())
}

fn broken(_: Problem) -> Error {
    Error::new(
        Code::InvalidArgument,
        "broken-body",
        "the body ended too early or came too slowly",
    )
}

/// The announced length, if it is a number.
pub(crate) fn content_length(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(CONTENT_LENGTH) else {
        return Ok(None);
    };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    length
        .map(Some)
        .ok_or_else(|| Problem::invalid("invalid-header", "Content-Length is not a number"))
}

fn refuse_encoded(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            Err(Problem::content_encoding())
        }
        _ => Ok(()),
    }
}

/// The chunks of a body, each awaited for a bounded time. Only time spent waiting for the client counts.
struct Paced {
    chunks: BodyDataStream,
    idle: Duration,
    rate: u64,
    waited: Duration,
    received: u64,
}

impl Paced {
    fn new(body: Body, limits: &Limits) -> Self {
        Paced {
            chunks: body.into_data_stream(),
            idle: limits.body_idle,
            rate: limits.body_rate.max(1),
            waited: Duration::ZERO,
            received: 0,
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let began = Instant::now();
        let chunk = tokio::time::timeout(self.idle, self.chunks.next())
            .await
            .map_err(|_| Problem::slow_body())?;
        self.waited += began.elapsed();
        let Some(chunk) = chunk else { return Ok(None) };
        let chunk = chunk.map_err(|_| Problem::broken_body())?;
        self.received += chunk.len() as u64;
        if self.waited > GRACE + Duration::from_secs(self.received / self.rate) {
            return Err(Problem::slow_body());
        }
        Ok(Some(chunk))
    }
}
