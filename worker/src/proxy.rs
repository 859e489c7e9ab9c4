//! Requests of callers that go on to a microservice as they are, and its answers on their way back.

use crate::system::{RequestFailure, Systems};
use futures::{StreamExt, TryStreamExt};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Method};
use sluice_protocol::{ByteStream, Code, Error, HttpHeaders, ProxyReply, ProxyRequest, Result};

/// Most bytes of the headers of an answer.
const HEADER_BYTES: usize = 64 << 10;

/// Sends a request on, and answers what the microservice does.
pub(crate) async fn proxy(
    systems: &Systems,
    system: &str,
    request: ProxyRequest,
    body: ByteStream,
) -> Result<ProxyReply> {
    let connected = systems
        .http(system)
        .map_err(|why| Error::new(Code::NotFound, "no-container-runtime", why))?;
    let method = Method::from_bytes(request.method.as_bytes())
        .map_err(|_| Error::invalid("invalid-method", "this is no HTTP method"))?;
    let mut sent = connected
        .pass_on(method, &request.target, headers(request.headers)?)
        .map_err(refused)?;
    if request.has_body {
        sent = sent.body(Body::wrap_stream(body));
    } else {
        drop(body);
    }
    let answer = sent
        .send()
        .await
        .map_err(|source| unreachable(system, source))?;
    let status = answer.status().as_u16();
    let mut bytes = 0;
    let mut back = Vec::new();
    for (name, value) in answer.headers() {
        bytes += name.as_str().len() + value.len();
        back.push((name.as_str().to_owned(), value.as_bytes().to_vec()));
    }
    if bytes > HEADER_BYTES {
        let message = format!("the headers of the answer of system \"{system}\" are too long");
        return Err(Error::new(Code::Unavailable, "answer-too-large", message));
    }
    let id = system.to_owned();
    let body = answer.bytes_stream();
    let body = body.map_err(move |source| broken_off(&id, source)).boxed();
    Ok(ProxyReply {
        status,
        headers: back,
        body,
    })
}

fn headers(given: HttpHeaders) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let name = HeaderName::try_from(name);
        let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) else {
            return Err(Error::invalid(
                "invalid-header",
                "a header cannot be sent on",
            ));
        };
        headers.append(name, value);
    }
    Ok(headers)
}

fn refused(failure: RequestFailure) -> Error {
    let code = match failure.reason {
        "not-a-microservice" => Code::NotFound,
        "invalid-path" => Code::InvalidArgument,
        _ => Code::FailedPrecondition,
    };
    Error::new(code, failure.reason, failure.message)
}

/// The address stays out of it: its query may hold what is nobody's business.
fn unreachable(system: &str, source: reqwest::Error) -> Error {
    let what = if source.is_timeout() {
        "did not answer in time"
    } else {
        "cannot be reached"
    };
    let message = format!("the microservice \"{system}\" {what}");
    Error::new(Code::Unavailable, "unreachable-system", message).caused_by(source.without_url())
}

fn broken_off(system: &str, source: reqwest::Error) -> Error {
    let message = format!("the answer of the microservice \"{system}\" broke off");
    Error::new(Code::Unavailable, "interrupted-answer", message).caused_by(source.without_url())
}
