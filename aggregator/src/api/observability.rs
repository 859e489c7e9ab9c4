//! Metrics and the log filter, on the same port, with a token.

use super::answer;
use super::call::Call;
use super::error::Problem;
use axum::body::Body;
use axum::response::Response;

/// Content type of the log filter.
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
/// Content type of the metrics.
pub(crate) const METRICS: &str = sluice_telemetry::Metrics::CONTENT_TYPE;

pub(crate) async fn metrics(call: Call) -> Result<Response, Problem> {
    Ok(answer::typed(
        METRICS,
        Body::from(call.hub.metrics.encode()),
    ))
}

pub(crate) async fn log_filter(call: Call) -> Result<Response, Problem> {
    Ok(answer::typed(TEXT, Body::from(call.hub.logs.filter())))
}

pub(crate) async fn set_log_filter(mut call: Call) -> Result<Response, Problem> {
    let whole = call.whole().await?;
    let filter = std::str::from_utf8(&whole.bytes)
        .map_err(|_| Problem::body("a log filter is text"))?
        .trim();
    call.hub
        .logs
        .set_filter(filter)
        .map_err(|error| Problem::invalid("invalid-log-filter", error.to_string()))?;
    tracing::info!(user = %call.user, filter, "the log filter was changed");
    Ok(answer::typed(TEXT, Body::from(call.hub.logs.filter())))
}
