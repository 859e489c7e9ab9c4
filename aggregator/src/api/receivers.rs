//! Receivers (PB2): pushing entities into a pipe (JP3-JP5, R62, R63, R73).

use super::answer;
use super::body;
use super::call::Call;
use super::error::Problem;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use sluice_protocol::PushRequest;

/// Everything pushed is durable.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Received {}

pub(crate) async fn push(mut call: Call) -> Result<Response, Problem> {
    let text = |name: &str| call.optional_text(name).map(str::to_owned);
    let mut request = PushRequest {
        sequence_id: text("sequence_id"),
        is_full: call.boolean("is_full"),
        request_id: text("request_id"),
        previous_request_id: text("previous_request_id"),
        is_first: call.boolean("is_first"),
        is_last: call.boolean("is_last"),
        allow_mass_delete: call.boolean("allow-mass-delete"),
        content_length: body::content_length(&call.parts.headers)?,
        completeness: call.number("x-dataset-completeness"),
        user: call.user.clone(),
        ..PushRequest::default()
    };
    request.parameters = std::mem::take(&mut call.others);
    let body = call.stream().await?;
    call.hub
        .worker
        .push(call.text("pipe_id"), request, body)
        .await?;
    answer::json(&Received {})
}
