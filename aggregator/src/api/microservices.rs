//! Microservices (MS3): how they are, what they say, reloading them, and requests that go on to them.

use super::answer::{self, Message};
use super::call::Call;
use super::error::Problem;
use super::systems;
use super::time;
use crate::Aggregator;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use http::header::{AUTHORIZATION, CONNECTION, COOKIE, EXPECT, HOST, SET_COOKIE, TE, TRAILER};
use http::header::{PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sluice_entity::Json;
use sluice_protocol::{
    Code, Component, Error, LogsWanted, MicroserviceAnswer, MicroserviceQuestion,
    MicroserviceStatus, ProxyRequest,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Bytes of a log that one answer has at most, and one look of a follower.
const LOG_BYTES: u64 = 1 << 20;
/// Followers look this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A follower that wants more asks again, with the last moment it saw.
const LONGEST: Duration = Duration::from_secs(600);
/// Followers of this process: each asks the operator again and again.
static FOLLOWERS: Semaphore = Semaphore::const_new(32);

/// Of a connection and not of what goes over it.
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];
/// The caller's, for the hub alone.
const CALLERS: [HeaderName; 4] = [AUTHORIZATION, COOKIE, HOST, EXPECT];

/// How a microservice is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Microservice {
    /// It takes requests.
    ready: bool,
    /// One word, e.g. `ImagePullBackOff`.
    reason: String,
    message: String,
    /// As it is configured.
    image: String,
    /// As it runs.
    image_id: Option<String>,
    started: Option<String>,
    restarts: u64,
}

impl From<MicroserviceStatus> for Microservice {
    fn from(status: MicroserviceStatus) -> Self {
        Microservice {
            ready: status.is_ready,
            reason: status.reason,
            message: status.message,
            image: status.image,
            image_id: status.image_id,
            started: status.started.map(time::text),
            restarts: status.restarts,
        }
    }
}

/// Whether a system is a microservice.
pub(crate) fn is_one(component: &Component) -> bool {
    let kind = component.effective.get("type").and_then(Json::as_str);
    kind == Some("system:microservice")
}

/// The microservice that a call is about exists.
fn check(call: &Call) -> Result<(), Problem> {
    let id = call.text("system_id");
    let configuration = call.hub.configuration();
    if is_one(systems::component(&configuration, id)?) {
        return Ok(());
    }
    Err(Problem::not_found("not-a-microservice", "microservice", id))
}

/// How it is; `None` where the hub runs no containers. That nobody says now how it is, is an answer: what else is known of the system
/// is known without the operator.
pub(crate) async fn status(
    call: &Call,
    component: &Component,
) -> Result<Option<Microservice>, Problem> {
    let asked = call.hub.storage.ask_microservice(
        call.text("system_id"),
        MicroserviceQuestion::Status,
        &call.user,
    );
    match asked.await {
        Ok(MicroserviceAnswer::Status(status)) => Ok(Some(status.into())),
        Ok(_) => Err(unfitting().into()),
        Err(error) if error.reason == "no-container-runtime" => Ok(None),
        Err(error) if matches!(&*error.reason, "no-operator" | "busy") => {
            let docker = component.effective.get("docker");
            let image = docker.and_then(|docker| docker.get("image")?.as_str());
            Ok(Some(Microservice {
                ready: false,
                reason: error.reason.into_owned(),
                message: error.message,
                image: image.unwrap_or_default().to_owned(),
                image_id: None,
                started: None,
                restarts: 0,
            }))
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn reload(call: Call) -> Result<Response, Problem> {
    check(&call)?;
    let asked = call.hub.storage.ask_microservice(
        call.text("system_id"),
        MicroserviceQuestion::Reload,
        &call.user,
    );
    match asked.await? {
        MicroserviceAnswer::Reloading => answer::accepted(&Message::OK),
        _ => Err(unfitting().into()),
    }
}

pub(crate) async fn logs(call: Call) -> Result<Response, Problem> {
    check(&call)?;
    let since = call.optional_text("since").map(moment).transpose()?;
    let follow = call.boolean("follow");
    let mut reader = Reader {
        hub: Arc::clone(&call.hub),
        system: call.text("system_id").to_owned(),
        user: call.user.clone(),
        since,
        lines: call.number("lines").unwrap_or_default(),
        end: Instant::now() + LONGEST,
        _place: None,
    };
    if follow {
        let place = FOLLOWERS.try_acquire();
        reader._place = Some(place.map_err(|_| Problem::busy("followers of logs"))?);
    }
    let first = reader.read().await?;
    if !follow {
        return Ok(answer::typed(TEXT, Body::from(first)));
    }
    // What comes first is there at once, and its failure has its own status.
    let rest = stream::unfold((reader, Some(first)), |(mut reader, first)| async move {
        let chunk = match first {
            Some(first) => Ok(first),
            None => reader.next().await?,
        };
        Some((chunk.map(Bytes::from), (reader, None)))
    });
    Ok(answer::typed(TEXT, Body::from_stream(rest)))
}

const TEXT: &str = "text/plain; charset=utf-8";

/// `2016-11-08T08:28:45.880594510Z` → nanoseconds.
fn moment(text: &str) -> Result<u64, Problem> {
    let moment = text.parse::<Timestamp>().ok();
    let moment = moment.and_then(|moment| u64::try_from(moment.as_nanosecond()).ok());
    moment.ok_or_else(|| Problem::parameter("since", "a time, for example 2026-01-31T12:00:00Z"))
}

/// When the last line was said that tells: one that was cut may not.
fn last_moment(text: &str) -> Option<u64> {
    text.lines().rev().find_map(|line| {
        let moment = line.split(' ').next()?.parse::<Timestamp>().ok()?;
        u64::try_from(moment.as_nanosecond()).ok()
    })
}

/// Reads a log, piece by piece.
struct Reader {
    hub: Arc<Aggregator>,
    system: String,
    user: String,
    since: Option<u64>,
    lines: u64,
    end: Instant,
    _place: Option<SemaphorePermit<'static>>,
}

impl Reader {
    async fn read(&mut self) -> Result<String, Error> {
        let question = MicroserviceQuestion::Logs(LogsWanted {
            since: self.since,
            lines: self.lines,
            bytes: LOG_BYTES,
        });
        let asked = self
            .hub
            .storage
            .ask_microservice(&self.system, question, &self.user);
        let text = match asked.await? {
            MicroserviceAnswer::Logs(text) => text,
            _ => return Err(unfitting()),
        };
        self.since = last_moment(&text).or(self.since);
        Ok(text)
    }

    /// What comes next; `None` when it was long enough. A failure breaks the answer off: what came is complete, and no more is known.
    async fn next(&mut self) -> Option<Result<String, Error>> {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if Instant::now() > self.end {
                return None;
            }
            match self.read().await {
                Ok(text) if text.is_empty() => {}
                // A pod that is being exchanged has no log for a moment.
                Err(error) if error.reason == "no-pod" => {}
                read => return Some(read),
            }
        }
    }
}

/// Passes a request on, and the answer back.
pub(crate) async fn proxy(mut call: Call) -> Result<Response, Problem> {
    check(&call)?;
    let system = call.text("system_id").to_owned();
    let has_body = call.has_body();
    // As it came: whoever reads it decodes it.
    let rest = call
        .parts
        .uri
        .path()
        .splitn(6, '/')
        .nth(5)
        .unwrap_or_default();
    let query = call.parts.uri.query();
    let target = query.map_or_else(|| rest.to_owned(), |query| format!("{rest}?{query}"));
    let headers = passed_on(&call.parts.headers, &CALLERS);
    let request = ProxyRequest {
        method: call.parts.method.as_str().to_owned(),
        target,
        headers: headers
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect(),
        has_body,
    };
    let body = call.stream().await?;
    let reply = call.hub.worker.proxy(&system, request, body).await?;
    let mut response = Response::new(Body::from_stream(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut headers = HeaderMap::new();
    for (name, value) in reply.headers {
        let name = HeaderName::try_from(name);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    // A cookie would be one of the hub's own address.
    for (name, value) in passed_on(&headers, &[SET_COOKIE]) {
        response.headers_mut().append(name, value.clone());
    }
    Ok(response)
}

/// The headers of a message without those of its connection, those that its connection names, and these.
fn passed_on<'h>(
    headers: &'h HeaderMap,
    without: &'static [HeaderName],
) -> impl Iterator<Item = (&'h HeaderName, &'h HeaderValue)> {
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    headers.iter().filter(move |(name, _)| {
        !HOP_BY_HOP.contains(name)
            && !without.contains(name)
            && !named.iter().any(|named| named == name.as_str())
    })
}

fn unfitting() -> Error {
    Error::new(
        Code::Internal,
        "internal",
        "the operator answered another question",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_connection_and_no_credentials_go_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer x"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("cookie", "a=b"),
            ("host", "hub"),
            ("content-type", "text/plain"),
            ("x-own", "2"),
        ] {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_static(value));
        }
        let left: Vec<&str> = passed_on(&headers, &CALLERS)
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(left, ["content-type", "x-own"]);
    }

    #[test]
    fn what_comes_next_is_after_the_last_line_that_says_when_it_was() {
        let text = "1970-01-01T00:00:00.000000001Z a\n1970-01-01T00:00:00.000000002Z b\n1970-01";
        assert_eq!(last_moment(text), Some(2));
        assert_eq!(last_moment("no moment\n"), None);
    }

    #[test]
    fn moments_are_exact() {
        let nanos = moment("2016-11-08T08:28:45.880594510Z").ok();
        assert_eq!(nanos, Some(1_478_593_725_880_594_510));
        assert!(moment("yesterday").is_err());
    }
}
