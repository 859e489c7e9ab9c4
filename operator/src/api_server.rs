//! The way to the API server: every request is counted, none is repeated behind the back of whoever sent it.

use crate::metrics::{Metrics, WATCH};
use crate::{Error, Result};
use futures::future::{BoxFuture, FutureExt};
use http::{Method, Request, Response};
use kube::client::{Body, ClientBuilder};
use kube::{Client, Config};
use std::task::{Context, Poll};
use std::time::Instant;
use tower::Service;
use tower::layer::layer_fn;

/// A client whose requests are counted.
pub(crate) fn connect(mut config: Config, metrics: &Metrics) -> Result<Client> {
    // A refused request would be sent again for minutes, and hold up what comes after it; whoever sent it knows better.
    config.default_retry = false;
    let builder = ClientBuilder::try_from(config).map_err(|error| Error::Connect(error.into()))?;
    let counted = layer_fn(|inner| Counted {
        inner,
        metrics: metrics.clone(),
    });
    Ok(builder.with_layer(&counted).build())
}

/// Counts what goes through it.
struct Counted<S> {
    inner: S,
    metrics: Metrics,
}

impl<S, B> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (verb, begun) = (verb(&request), Instant::now());
        let (answering, metrics) = (self.inner.call(request), self.metrics.clone());
        async move {
            let answered = answering.await;
            let status = answered.as_ref().ok();
            let status = status.map(|answer| answer.status().as_u16());
            metrics.requested(verb, status, begun.elapsed());
            answered
        }
        .boxed()
    }
}

fn verb(request: &Request<Body>) -> &'static str {
    let query = request.uri().query().unwrap_or_default();
    match *request.method() {
        Method::GET if query.split('&').any(|part| part == "watch=true") => WATCH,
        Method::GET => "get",
        Method::POST => "post",
        Method::PUT => "put",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watches_are_told_from_reads() {
        let of = |uri: &str| verb(&Request::get(uri).body(Body::empty()).unwrap());
        assert_eq!(of("/api/v1/pods?&watch=true&timeoutSeconds=290"), WATCH);
        assert_eq!(of("/api/v1/pods?labelSelector=watch%3Dtrue"), "get");
    }
}
