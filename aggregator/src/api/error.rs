//! Failure → `application/problem+json`. The only place that knows which failure has which HTTP status.

use super::decode::Malformed;
use super::diagnostics::validation_errors;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use sluice_entity::{Json, ReadError};
use sluice_protocol::{Code, Error, RejectedComponent};
use std::borrow::Cow;
use std::error::Error as _;

/// A failed request: status, a stable code for programs, a sentence for people, members that name the offending element.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: String,
    members: Vec<(Cow<'static, str>, Json)>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// One match from the closed set of codes to HTTP.
fn status_of(code: Code) -> StatusCode {
    match code {
        Code::InvalidArgument => StatusCode::BAD_REQUEST,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Conflict => StatusCode::CONFLICT,
        Code::Gone => StatusCode::GONE,
        Code::FailedPrecondition => StatusCode::UNPROCESSABLE_ENTITY,
        Code::NotInThisVersion => StatusCode::NOT_IMPLEMENTED,
        Code::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        Code::ResourceExhausted | Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Seconds after which a retryable request may be sent again.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = status_of(error.code);
        let mut problem = if error.code == Code::Internal {
            log(&error);
            Problem::internal()
        } else {
            if error.source.is_some() {
                tracing::debug!(reason = &*error.reason, cause = %chain(&error), "a call between roles failed");
            }
            Problem {
                members: error.members,
                ..Problem::new(status, error.reason, error.message)
            }
        };
        if error.code.is_retryable() {
            problem.headers.push((RETRY_AFTER, RETRY_SECONDS));
        }
        problem
    }
}

fn log(error: &Error) {
    tracing::error!(reason = &*error.reason, cause = %chain(error), "{}", error.message);
}

fn chain(error: &Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(if text.is_empty() { "" } else { ": " });
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

impl Problem {
    fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        Problem {
            status,
            code: code.into(),
            detail: detail.into(),
            members: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// Adds a member to the document.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Json>) -> Self {
        self.members.push((name.into(), value.into()));
        self
    }

    fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// The request is wrong.
    pub(crate) fn invalid(code: &'static str, detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// A parameter has a value that it cannot have.
    pub(crate) fn parameter(name: &str, expected: &str) -> Self {
        Problem::invalid(
            "invalid-parameter",
            format!("the parameter \"{name}\" must be {expected}"),
        )
        .with("parameter", name)
    }

    /// A parameter that must be given is not.
    pub(crate) fn missing_parameter(name: &str) -> Self {
        Problem::invalid(
            "missing-parameter",
            format!("the parameter \"{name}\" must be given"),
        )
        .with("parameter", name)
    }

    /// A parameter that may be given once is given again.
    pub(crate) fn repeated_parameter(name: &str) -> Self {
        Problem::invalid(
            "repeated-parameter",
            format!("the parameter \"{name}\" is given more than once"),
        )
        .with("parameter", name)
    }

    /// The path or query is not well encoded.
    pub(crate) fn encoding(place: &str, malformed: Malformed) -> Self {
        Problem::invalid(
            "invalid-encoding",
            format!("the {place} contains {}", malformed.as_str()),
        )
    }

    /// A body is not the JSON it should be.
    pub(crate) fn json(error: &ReadError) -> Self {
        Problem::invalid("invalid-json", error.to_string())
            .with("offset", number(error.offset))
            .with("line", number(u64::from(error.line)))
            .with("column", number(u64::from(error.column)))
            .with("path", error.path.as_str())
    }

    /// A body has another form than the operation takes.
    pub(crate) fn body(detail: impl Into<String>) -> Self {
        Problem::invalid("invalid-body", detail)
    }

    /// The connection ended inside the body.
    pub(crate) fn broken_body() -> Self {
        Problem::invalid(
            "broken-body",
            "the connection ended before the body was complete",
        )
    }

    /// The body comes too slowly.
    pub(crate) fn slow_body() -> Self {
        Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "slow-body",
            "the body arrives too slowly",
        )
    }

    /// More than a limit allows.
    pub(crate) fn too_large(what: &str, limit: u64) -> Self {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            format!("{what} is larger than the limit of {limit} bytes"),
        )
        .with("limit", number(limit))
    }

    /// A `Content-Encoding` that is not taken.
    pub(crate) fn content_encoding() -> Self {
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-content-encoding",
            "bodies must be sent without Content-Encoding",
        )
    }

    /// No room for the body, or too many requests.
    pub(crate) fn busy(what: &str) -> Self {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            format!("too many {what} are in flight; try again"),
        )
        .header(RETRY_AFTER, "1")
    }

    /// Not serving yet.
    pub(crate) fn not_ready(why: String) -> Self {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", why).header(RETRY_AFTER, "1")
    }

    /// No token, or none that is valid. The reason is for the holder, so it says no more than a code.
    pub(crate) fn unauthenticated(code: &'static str, detail: &str) -> Self {
        Problem::new(StatusCode::UNAUTHORIZED, code, detail)
            .header(WWW_AUTHENTICATE, "Bearer realm=\"sluice\"")
    }

    /// The call needs the developer mode.
    pub(crate) fn developer_mode(operation: &str) -> Self {
        Problem::new(
            StatusCode::FORBIDDEN,
            "developer-mode-needed",
            "this call destroys or runs everything; it is allowed only when the hub was started with --developer-mode",
        )
        .with("operation", operation)
    }

    /// Nothing is at this path.
    pub(crate) fn unknown_path() -> Self {
        Problem::new(
            StatusCode::NOT_FOUND,
            "unknown-path",
            "there is nothing at this path; see /api/reference",
        )
    }

    /// There is no `what` with this id.
    pub(crate) fn not_found(reason: &'static str, what: &str, id: &str) -> Self {
        Error::not_found(reason, what, id).into()
    }

    /// The path has other methods.
    pub(crate) fn method_not_allowed(allowed: &str) -> Self {
        Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            format!("this path takes only {allowed}"),
        )
        .header(ALLOW, allowed)
    }

    /// Already there.
    pub(crate) fn exists(what: &str, id: &str) -> Self {
        Problem::new(
            StatusCode::CONFLICT,
            "already-exists",
            format!("there is already a {what} \"{id}\""),
        )
        .with("id", id)
    }

    /// A part of the API that this version does not have.
    pub(crate) fn not_in_this_version(feature: &str) -> Self {
        Problem::new(
            StatusCode::NOT_IMPLEMENTED,
            "not-in-this-version",
            format!("this version does not have {feature}"),
        )
        .with("feature", feature)
    }

    /// An upload was refused; each component with its problems.
    pub(crate) fn rejected(rejected: &[RejectedComponent]) -> Self {
        Problem::invalid(
            "invalid-configuration",
            "the configuration has errors; nothing was changed",
        )
        .with("validation_errors", validation_errors(rejected))
    }

    /// Our fault. The cause is in the log, under the id that the header `X-Request-Id` gives.
    pub(crate) fn internal() -> Self {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong on our side; the log has the cause under this answer's X-Request-Id",
        )
    }

    /// Whether this is a conflict with the present state.
    pub(crate) fn is_conflict(&self) -> bool {
        self.status == StatusCode::CONFLICT
    }

    /// Whether something does not exist.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    fn document(self) -> (StatusCode, Vec<(HeaderName, HeaderValue)>, String) {
        let mut members = vec![
            (
                "type".to_owned(),
                Json::from(format!("urn:sluice:problem:{}", self.code)),
            ),
            (
                "title".to_owned(),
                Json::from(self.status.canonical_reason().unwrap_or("Error")),
            ),
            ("status".to_owned(), number(u64::from(self.status.as_u16()))),
            ("code".to_owned(), Json::from(&*self.code)),
            ("detail".to_owned(), Json::from(self.detail)),
        ];
        members.extend(
            self.members
                .into_iter()
                .map(|(name, value)| (name.into_owned(), value)),
        );
        (self.status, self.headers, Json::Object(members).to_string())
    }
}

/// A non-negative number as exact JSON.
pub(crate) fn number(value: u64) -> Json {
    Json::Number(value.to_string().into())
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, headers, document) = self.document();
        let mut response = (
            status,
            [(CONTENT_TYPE, "application/problem+json")],
            document,
        )
            .into_response();
        response.headers_mut().extend(headers);
        response
    }
}
