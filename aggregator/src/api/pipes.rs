//! Pipes: list, add, show, change, remove, and what they produce.

use super::answer;
use super::call::Call;
use super::components;
use super::entities;
use super::error::Problem;
use super::exact::Exact;
use super::feed;
use super::pipe_view::{Fields, Pipe, execution_dataset};
use axum::response::Response;
use sluice_dataset::ReadOptions;
use sluice_protocol::{ComponentKind, EntityStage, ReadRequest};
use std::collections::BTreeMap;

pub(crate) async fn list(call: Call) -> Result<Response, Problem> {
    let mut pipes = call.hub.worker.pipes().await?;
    if !call.boolean("include-internal-pipes") {
        pipes.retain(|pipe| pipe.origin == "user");
    }
    let fields = Fields::read(call.optional_text("fields"));
    Ok(answer::list(pipes, move |pipe| Pipe::new(pipe, fields)))
}

pub(crate) async fn add(mut call: Call) -> Result<Response, Problem> {
    let ids = components::add(&mut call, ComponentKind::Pipe).await?;
    let mut pipes = Vec::with_capacity(ids.len());
    for id in ids {
        pipes.push(Pipe::new(
            call.hub.worker.pipe(&id).await?,
            Fields::read(None),
        ));
    }
    answer::created(&pipes)
}

pub(crate) async fn show(call: Call) -> Result<Response, Problem> {
    let fields = Fields::read(call.optional_text("fields"));
    answer::json(&Pipe::new(
        call.hub.worker.pipe(call.text("pipe_id")).await?,
        fields,
    ))
}

pub(crate) async fn delete(call: Call) -> Result<Response, Problem> {
    let id = call.text("pipe_id");
    let pipe = call.hub.worker.pipe(id).await?;
    call.hub
        .storage
        .delete_component(ComponentKind::Pipe, id, &call.user)
        .await?;
    call.hub.deployed().await?;
    answer::json(&Pipe::new(pipe, Fields::read(None)))
}

pub(crate) async fn config(call: Call) -> Result<Response, Problem> {
    let pipe = call.hub.worker.pipe(call.text("pipe_id")).await?;
    answer::json(&Exact(pipe.original))
}

pub(crate) async fn put_config(mut call: Call) -> Result<Response, Problem> {
    let id = call.text("pipe_id").to_owned();
    components::put(&mut call, ComponentKind::Pipe, &id).await?;
    answer::json(&Pipe::new(
        call.hub.worker.pipe(&id).await?,
        Fields::read(None),
    ))
}

/// The words of the parameter `stage`, in both spellings that are in use.
pub(crate) const STAGES: &[&str] = &[
    "sink",
    "source",
    "before-transform",
    "before-transforms",
    "after-transform",
    "after-transforms",
];

/// Entities at a stage of the pipe, the latest version of each (R74).
pub(crate) async fn entities(call: Call) -> Result<Response, Problem> {
    let stage = match call.text("stage") {
        "source" => EntityStage::Source,
        "before-transform" | "before-transforms" => EntityStage::BeforeTransform,
        "after-transform" | "after-transforms" => EntityStage::AfterTransform,
        _ => EntityStage::Sink,
    };
    let read = ReadRequest {
        options: ReadOptions {
            limit: call.number("limit"),
            ..ReadOptions::latest()
        },
        since_text: call.optional_text("since").map(str::to_owned),
        parameters: call.others.clone(),
        ..ReadRequest::default()
    };
    feed::print(
        call.hub
            .worker
            .read_pipe(call.text("pipe_id"), stage, read)
            .await?,
    )
    .await
}

/// The execution log (EX1). A pipe that never ran has an empty one.
pub(crate) async fn log(call: Call) -> Result<Response, Problem> {
    let pipe = call.hub.worker.pipe(call.text("pipe_id")).await?;
    let read = ReadRequest {
        options: entities::log_options(&call),
        since_text: call.optional_text("since").map(str::to_owned),
        parameters: BTreeMap::new(),
        ..ReadRequest::default()
    };
    match call
        .hub
        .worker
        .read_dataset(&execution_dataset(&pipe.id), read)
        .await
    {
        Ok(log) => feed::print(log).await,
        Err(error) => match Problem::from(error) {
            problem if problem.is_not_found() => {
                Ok(answer::list(Vec::<()>::new(), |nothing| nothing))
            }
            problem => Err(problem),
        },
    }
}

/// The headers of the log, without entities.
pub(crate) async fn log_options(call: Call) -> Result<Response, Problem> {
    entities::refuse_webhook(&call)?;
    call.hub.worker.pipe(call.text("pipe_id")).await?;
    Ok(entities::allowed("GET, HEAD, OPTIONS"))
}
