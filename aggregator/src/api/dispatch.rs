//! From the route table to a router: one endpoint per row, with the gates that every call passes.

use super::auth;
use super::call::Call;
use super::error::Problem;
use super::operation::{Access, Operation};
use super::{NOT_IN_THIS_VERSION, OPERATIONS};
use crate::Aggregator;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter};
use futures::FutureExt;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, Method};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;
use tracing::Instrument;

/// Every path of the API, ready to be served.
pub fn router(hub: Arc<Aggregator>) -> Router {
    let mut router: Router<Arc<Aggregator>> = Router::new();
    for (path, methods) in endpoints() {
        router = router.route(path, methods);
    }
    let gates = Gates {
        hub: Arc::clone(&hub),
        places: Arc::new(Semaphore::new(hub.settings.limits.requests_in_flight)),
    };
    router
        .fallback(|| async { Problem::unknown_path() })
        .layer(middleware::from_fn_with_state(gates, surround))
        .with_state(hub)
}

/// Rows that share a path become one method router; other methods of the path are answered with what it takes.
fn endpoints() -> BTreeMap<&'static str, MethodRouter<Arc<Aggregator>>> {
    let mut endpoints: BTreeMap<&'static str, (MethodRouter<Arc<Aggregator>>, Vec<Method>)> =
        BTreeMap::new();
    for operation in OPERATIONS {
        let method = operation.verb.method();
        for path in spellings(operation.path) {
            let (methods, allowed) = endpoints.entry(path).or_default();
            *methods = std::mem::take(methods).on(filter(&method), answer(operation));
            allowed.push(method.clone());
        }
    }
    for missing in NOT_IN_THIS_VERSION {
        let (methods, allowed) = endpoints.entry(missing.path).or_default();
        for verb in missing.verbs {
            let method = verb.method();
            let feature = missing.feature;
            *methods = std::mem::take(methods).on(filter(&method), move || async move {
                Problem::not_in_this_version(feature)
            });
            allowed.push(method);
        }
    }
    let with_fallback = |(path, (methods, allowed)): (_, (MethodRouter<_>, Vec<Method>))| {
        let allowed = allow(allowed);
        (
            path,
            methods.fallback(move || std::future::ready(Problem::method_not_allowed(&allowed))),
        )
    };
    endpoints.into_iter().map(with_fallback).collect()
}

/// `/api` is also asked for as `/api/`, and the rest of a path that goes on may be nothing.
fn spellings(path: &'static str) -> impl Iterator<Item = &'static str> {
    let also = if path == "/api" {
        Some("/api/")
    } else {
        path.strip_suffix("{*rest_of_path}")
    };
    std::iter::once(path).chain(also)
}

fn allow(mut methods: Vec<Method>) -> String {
    if methods.contains(&Method::GET) {
        methods.push(Method::HEAD);
    }
    methods.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    methods.dedup();
    methods
        .iter()
        .map(Method::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

fn filter(method: &Method) -> MethodFilter {
    MethodFilter::try_from(method.clone())
        .expect("every verb of the table is a method that axum knows")
}

fn answer(
    operation: &'static Operation,
) -> impl Fn(State<Arc<Aggregator>>, Request) -> futures::future::BoxFuture<'static, Response>
+ Clone
+ Send
+ Sync
+ 'static {
    move |State(hub), request| {
        let span = tracing::Span::current();
        span.record("operation", operation.id);
        run(operation, hub, request).boxed()
    }
}

async fn run(operation: &'static Operation, hub: Arc<Aggregator>, request: Request) -> Response {
    let began = Instant::now();
    let metrics = hub.counted.clone();
    // A panic is a bug of ours in one request; the others go on.
    let outcome = AssertUnwindSafe(perform(operation, hub, request))
        .catch_unwind()
        .await;
    let response = match outcome {
        Ok(Ok(response)) => response,
        Ok(Err(problem)) => problem.into_response(),
        Err(_) => {
            tracing::error!(operation = operation.id, "a handler panicked");
            Problem::internal().into_response()
        }
    };
    metrics.answered(operation.id, response.status().as_u16(), began.elapsed());
    response
}

async fn perform(
    operation: &'static Operation,
    hub: Arc<Aggregator>,
    request: Request,
) -> Result<Response, Problem> {
    if operation.access == Access::Developer && !hub.settings.developer_mode {
        return Err(Problem::developer_mode(operation.id));
    }
    let (parts, body) = request.into_parts();
    let call = Call::read(operation, hub, parts, body).await?;
    (operation.handler)(call).await
}

/// What every request passes. One layer for all of it: each layer copies and boxes everything inside of it for each request.
#[derive(Clone)]
struct Gates {
    hub: Arc<Aggregator>,
    places: Arc<Semaphore>,
}

impl Gates {
    /// Refuses requests beyond the number that may be answered at the same time, and those without a valid token.
    async fn pass(&self, mut request: Request, next: Next) -> Response {
        let Ok(_place) = self.places.try_acquire() else {
            return Problem::busy("requests").into_response();
        };
        match auth::authenticate(&self.hub, &mut request) {
            Ok(()) => next.run(request).await,
            Err(problem) => problem.into_response(),
        }
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Headers that keep browsers from doing harm.
static ALWAYS: [(HeaderName, HeaderValue); 5] = [
    (
        STRICT_TRANSPORT_SECURITY,
        HeaderValue::from_static("max-age=31536000"),
    ),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
    ),
];

/// What holds for every answer: a request id, and headers that keep browsers from doing harm.
async fn surround(State(gates): State<Gates>, request: Request, next: Next) -> Response {
    let id = uuid::Uuid::now_v7().to_string();
    let span = tracing::info_span!("request", %id, method = %request.method(), operation = tracing::field::Empty);
    let mut response = gates.pass(request, next).instrument(span).await;
    let headers = response.headers_mut();
    headers.reserve(ALWAYS.len() + 1);
    for (name, value) in &ALWAYS {
        headers.insert(name, value.clone());
    }
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}
