//! Entities of a dataset: the feed (JP1, R74), one entity, and writing for tests (AP8).

use super::answer;
use super::call::Call;
use super::configuration_log;
use super::error::Problem;
use super::feed;
use super::receivers::Received;
use axum::body::Body;
use axum::response::Response;
use http::HeaderValue;
use http::header::ALLOW;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sluice_dataset::ReadOptions;
use sluice_entity::{Entity, Style};
use sluice_protocol::{PushRequest, ReadRequest};
use std::borrow::Cow;

/// An entity; with transit tags where JSON lacks the type.
pub(crate) struct AnEntity;

impl JsonSchema for AnEntity {
    fn schema_name() -> Cow<'static, str> {
        "Entity".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": ["_id"],
            "properties": {
                "_id": { "type": "string" },
                "_deleted": { "type": "boolean" },
                "_updated": { "description": "Offset in the dataset, or a token where several are read; `since` of the next page." },
                "_previous": { "description": "Offset of the version before." },
                "_ts": { "type": "integer", "description": "Microseconds since 1970 UTC." },
                "_hash": { "type": "string" }
            }
        })
    }
}

/// What the feed's parameters ask for (R74).
pub(crate) fn log_options(call: &Call) -> ReadOptions {
    ReadOptions {
        since: None,
        limit: call.number("limit"),
        reverse: call.boolean("reverse"),
        history: call.boolean("history"),
        deleted: call.boolean("deleted"),
    }
}

fn read_request(call: &Call) -> ReadRequest {
    ReadRequest {
        options: log_options(call),
        since_text: call.optional_text("since").map(str::to_owned),
        subset: call.optional_text("subset").map(str::to_owned),
        populated: call.boolean("populated"),
        parameters: call.others.clone(),
    }
}

pub(crate) async fn list(call: Call) -> Result<Response, Problem> {
    if call.text("dataset_id") == configuration_log::NAME {
        return configuration_log::list(&call).await;
    }
    feed::print(
        call.hub
            .worker
            .read_dataset(call.text("dataset_id"), read_request(&call))
            .await?,
    )
    .await
}

/// The headers of the feed without its entities.
pub(crate) async fn options(call: Call) -> Result<Response, Problem> {
    refuse_webhook(&call)?;
    if call.text("dataset_id") == configuration_log::NAME {
        return configuration_log::options(&call).await;
    }
    let request = ReadRequest {
        options: ReadOptions {
            limit: Some(0),
            ..log_options(&call)
        },
        ..ReadRequest::default()
    };
    let feed = call
        .hub
        .worker
        .read_dataset(call.text("dataset_id"), request)
        .await?;
    let mut response = allowed("GET, HEAD, OPTIONS, POST");
    feed::insert(response.headers_mut(), &feed.headers);
    Ok(response)
}

/// Being told of changes by a webhook is not there yet.
pub(crate) fn refuse_webhook(call: &Call) -> Result<(), Problem> {
    match call.optional_text("webhook") {
        Some(_) => Err(Problem::not_in_this_version("webhooks on feeds")),
        None => Ok(()),
    }
}

/// An empty answer that says what the path takes.
pub(crate) fn allowed(methods: &'static str) -> Response {
    let mut response = answer::typed("text/plain; charset=utf-8", Body::empty());
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(methods));
    response
}

/// One entity by the query parameter `entity_id`, exactly as given.
pub(crate) async fn one(call: Call) -> Result<Response, Problem> {
    let offset = call.number("offset");
    let id = call.text("entity_id").to_owned();
    find(call, &id, offset).await
}

/// One entity by the rest of the path, which may contain `/`.
pub(crate) async fn one_by_path(call: Call) -> Result<Response, Problem> {
    let id = call.text("rest").to_owned();
    find(call, &id, None).await
}

async fn find(call: Call, id: &str, offset: Option<u64>) -> Result<Response, Problem> {
    if call.optional_text("subset").is_some() {
        return Err(Problem::not_in_this_version(
            "looking one entity up in a subset",
        ));
    }
    if call.text("dataset_id") == configuration_log::NAME {
        return configuration_log::one(&call, id, offset).await;
    }
    let entity = call
        .hub
        .worker
        .entity(call.text("dataset_id"), id, offset)
        .await?;
    Ok(answer::typed(
        "application/json",
        Body::from(printed(&entity)),
    ))
}

fn printed(entity: &Entity) -> Vec<u8> {
    let mut text = Vec::with_capacity(entity.encoded_len() * 3 / 2 + 256);
    entity.write_json(&mut text, &Style::default());
    text
}

/// Writes straight into a dataset: for tests, in developer mode only.
pub(crate) async fn write(mut call: Call) -> Result<Response, Problem> {
    configuration_log::refuse_change(call.text("dataset_id"))?;
    let mut parameters = std::mem::take(&mut call.others);
    parameters.insert("force".to_owned(), call.boolean("force").to_string());
    let request = PushRequest {
        content_length: super::body::content_length(&call.parts.headers)?,
        parameters,
        user: call.user.clone(),
        ..PushRequest::default()
    };
    let body = call.stream().await?;
    call.hub
        .worker
        .write_dataset(call.text("dataset_id"), request, body)
        .await?;
    answer::json(&Received {})
}
