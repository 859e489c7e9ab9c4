//! Whether the hub lives and serves: for probes, without a token, so without details.

use super::answer;
use super::call::Call;
use super::error::Problem;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

/// All is well.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Health {
    status: &'static str,
}

/// The process answers.
pub(crate) async fn live(_: Call) -> Result<Response, Problem> {
    answer::json(&Health { status: "ok" })
}

/// The stores are open and the configuration is loaded.
pub(crate) async fn ready(call: Call) -> Result<Response, Problem> {
    match call.hub.process.not_ready() {
        None => answer::json(&Health { status: "ok" }),
        Some(why) => Err(Problem::not_ready(why)),
    }
}
