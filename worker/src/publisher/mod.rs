//! Pipes evaluated on request: publishers, and any stage of any pipe (PB1, PB3, SK4, client contract 1.5).
//!
//! The target of the pipe's sink is never touched, and nothing is remembered.

mod limit;
mod position;

use crate::answer;
use crate::blocking;
use crate::deployed::Deployed;
use crate::feed;
use crate::gates;
use crate::pipe::RunFailure;
use crate::pipe::plan::Plan;
use crate::pipe::step;
use crate::shared::Shared;
use crate::sink::{self, Render};
use crate::slice::Slice;
use crate::source::{Item, Source};
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use limit::{Limit, Shown};
use position::Positions;
use sluice_config::{Sink as SinkSettings, Source as SourceSettings};
use sluice_dataset::Dataset as _;
use sluice_entity::{Builder, Entity, ValueBuf};
use sluice_protocol::{
    ByteStream, Code, EntityStage, Error, Feed, FeedHeaders, FeedStream, Page, PublishRequest,
    Published, ReadRequest, Result,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Source entities that are transformed at a time.
const BATCH: usize = 100;

/// The entities of a pipe at a stage. What a dataset sink stores is read from the dataset; all else is evaluated.
pub(crate) async fn read_pipe(
    shared: &Arc<Shared>,
    pipe: &Deployed,
    stage: EntityStage,
    read: ReadRequest,
) -> Result<Feed> {
    let settings = pipe.settings();
    if let (EntityStage::Sink, SinkSettings::Dataset(sink)) = (stage, &settings.sink) {
        // What was stored is there, whatever became of the configuration.
        if shared.existing(&sink.dataset).is_some() {
            return feed::dataset(shared, &sink.dataset, read).await;
        }
        check(pipe, stage, &read)?;
        read.since_text
            .as_deref()
            .map(position::absent)
            .transpose()?;
        return nothing_yet(&sink.dataset, &read);
    }
    evaluate(shared, pipe, stage, read).await
}

/// What is asked for can be worked out.
fn check(pipe: &Deployed, stage: EntityStage, read: &ReadRequest) -> Result<()> {
    if let Err(reason) = pipe.check_evaluable(stage) {
        let message = format!("pipe \"{}\" cannot be evaluated: {reason}", pipe.id);
        return Err(Error::new(
            Code::FailedPrecondition,
            "pipe-not-runnable",
            message,
        ));
    }
    if read.subset.is_some() {
        let message = format!("pipe \"{}\" has no index for this subset", pipe.id);
        return Err(Error::new(Code::NotFound, "unknown-index", message));
    }
    Ok(())
}

/// The dataset of a pipe that never ran is empty, and not populated.
fn nothing_yet(dataset: &str, read: &ReadRequest) -> Result<Feed> {
    if read.populated {
        let message = format!("dataset \"{dataset}\" is not populated");
        return Err(Error::new(Code::NotFound, "not-populated", message));
    }
    let headers = FeedHeaders {
        populated: Some(false),
        ..FeedHeaders::default()
    };
    Ok(Feed {
        headers,
        pages: stream::empty().boxed(),
    })
}

/// Renders a publisher.
pub(crate) async fn publish(
    shared: &Arc<Shared>,
    pipe: &Deployed,
    request: PublishRequest,
) -> Result<Published> {
    let settings = pipe.settings();
    let format = match &settings.sink {
        SinkSettings::HttpEndpoint(_) => "json",
        SinkSettings::CsvEndpoint(_) => "csv",
        _ => {
            let message = format!(
                "pipe \"{}\" publishes nothing: its sink is no endpoint",
                pipe.id
            );
            return Err(Error::new(Code::NotFound, "unknown-publisher", message));
        }
    };
    if format != request.format {
        let message = format!(
            "pipe \"{}\" publishes {format}, not {}",
            pipe.id, request.format
        );
        return Err(Error::new(Code::NotFound, "other-format", message));
    }
    let feed = evaluate(shared, pipe, EntityStage::Sink, request.read).await?;
    let Some(renderer) = sink::renderer(&settings.sink) else {
        return Ok(Published::Entities(feed));
    };
    let file = match &settings.sink {
        SinkSettings::CsvEndpoint(sink) => request.file.or_else(|| sink.filename.clone()),
        _ => request.file,
    };
    Ok(Published::Bytes {
        content_type: renderer.content_type(),
        file,
        body: rendered(renderer, feed.pages),
    })
}

async fn evaluate(
    shared: &Arc<Shared>,
    pipe: &Deployed,
    stage: EntityStage,
    read: ReadRequest,
) -> Result<Feed> {
    check(pipe, stage, &read)?;
    let settings = pipe.settings();
    if let Some(reason) = pipe
        .opening()
        .or_else(|| gates::waiting_for(&settings, shared))
    {
        let message = format!("pipe \"{}\" {reason}", pipe.id);
        return Err(Error::new(Code::FailedPrecondition, "pipe-waits", message));
    }
    let plan = Plan::new(&settings);
    let headers = headers(shared, &plan, &read, stage)?;
    let Some(mut source) = plan.connect_source(shared).map_err(answer::read)? else {
        // What was pushed into a receiver is not kept on the way to its sink.
        return Ok(Feed {
            headers,
            pages: stream::empty().boxed(),
        });
    };
    let slice = shared.slice().await;
    let positions = Positions::new(&settings, &slice).await?;
    let given = read.since_text.clone();
    let given = given.or_else(|| read.options.since.map(|offset| offset.to_string()));
    let since = given
        .map(|text| positions.since(&text, source.continuation()))
        .transpose()?;
    source
        .open(since.as_ref(), &slice)
        .await
        .map_err(answer::read)?;
    let evaluation = Evaluating {
        shared: shared.clone(),
        plan: Arc::new(plan),
        source,
        slice,
        positions: Arc::new(positions),
        stage,
        parameters: parameters(&read.parameters),
        pending: VecDeque::new(),
        limit: Limit::new(read.options.limit),
        shows_deleted: read.options.deleted || read.options.history,
        ended: false,
    };
    Ok(Feed {
        headers,
        pages: evaluation.pages(),
    })
}

/// Facts of the dataset that is read, where it is one.
fn headers(
    shared: &Shared,
    plan: &Plan,
    read: &ReadRequest,
    stage: EntityStage,
) -> Result<FeedHeaders> {
    let [input] = plan.pipe.inputs.as_slice() else {
        return Ok(FeedHeaders::default());
    };
    let Some(dataset) = shared.readable(input) else {
        return nothing_yet(input, read).map(|feed| feed.headers);
    };
    let status = dataset.status().map_err(answer::dataset)?;
    feed::check(&status, read)?;
    // R65: a transform may leave out the entity at the maximum offset.
    let filtered = Some(stage != EntityStage::Source && !plan.programs.is_empty());
    let mut headers = feed::headers(&status);
    if !matches!(plan.pipe.source, SourceSettings::Dataset(_)) {
        // A feed of several datasets, of which there is one: `_updated` is no offset in it.
        headers.max_updated = None;
    }
    Ok(FeedHeaders {
        filtered,
        ..headers
    })
}

/// `_B` (DT2).
fn parameters(parameters: &BTreeMap<String, String>) -> ValueBuf {
    let mut builder = Builder::new();
    builder.begin_dict();
    for (name, value) in parameters {
        builder.name(name);
        builder.str(value);
    }
    builder.end();
    builder.finish()
}

struct Evaluating {
    shared: Arc<Shared>,
    plan: Arc<Plan>,
    source: Box<dyn Source>,
    slice: Arc<Slice>,
    positions: Arc<Positions>,
    stage: EntityStage,
    parameters: ValueBuf,
    pending: VecDeque<Item>,
    limit: Limit,
    shows_deleted: bool,
    ended: bool,
}

impl Evaluating {
    /// One batch per poll, so that the first byte comes before the end is known.
    fn pages(self) -> FeedStream {
        stream::unfold(Some(self), |evaluating| async {
            let mut evaluating = evaluating?;
            match evaluating.next().await {
                Ok(Some(entities)) => Some((Ok(Page::Entities(entities)), Some(evaluating))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }

    async fn next(&mut self) -> Result<Option<Vec<Entity>>> {
        let is_shared = !self.positions.are_unique() && self.limit.has_position();
        if self.limit.is_reached() && !is_shared {
            return Ok(None);
        }
        while self.pending.is_empty() {
            if self.ended {
                return Ok(None);
            }
            if self.slice.is_over() {
                self.slice = self.shared.slice().await;
                self.positions = self.positions.follow(&self.slice).await?.into();
            }
            match self.source.next(&self.slice).await.map_err(answer::read)? {
                Some(page) => self.pending.extend(page.items),
                None => self.ended = true,
            }
        }
        let next = self.pending.front().and_then(|item| item.since.as_ref());
        if self.limit.ends_before(next) {
            return Ok(None);
        }
        let batch: Vec<Item> = self
            .pending
            .drain(..self.pending.len().min(BATCH))
            .collect();
        let shown = self.transform(batch).await.map_err(answer::run)?;
        let shown = self.limit.take(shown);
        let entities: Vec<Entity> = shown.into_iter().map(|shown| shown.entity).collect();
        self.shared.metrics.published(entities.len() as u64);
        Ok(Some(entities))
    }

    async fn transform(&mut self, batch: Vec<Item>) -> Result<Vec<Shown>, RunFailure> {
        let (shared, plan, slice) = (self.shared.clone(), self.plan.clone(), self.slice.clone());
        let (stage, parameters, shows_deleted) =
            (self.stage, self.parameters.clone(), self.shows_deleted);
        let positions = self.positions.clone();
        blocking::run(move || {
            let (entities, since): (Vec<Entity>, Vec<_>) = batch
                .into_iter()
                .map(|item| (item.entity, item.since))
                .unzip();
            let made = plan.evaluating(&shared, &slice, None, Some(&parameters), |evaluation| {
                step::transform(&plan, entities, stage, evaluation)
            })?;
            let shown = made.into_iter().filter(|tagged| {
                // EM8: outside of a dataset sink a filtered entity is none.
                (stage != EntityStage::Sink || !tagged.entity.is_filtered())
                    && (shows_deleted || !tagged.entity.is_deleted())
            });
            let shown = shown.map(|tagged| {
                let since = since.get(tagged.origin).cloned().flatten();
                let entity = positions.mark(&tagged.entity, since.as_ref());
                Shown { entity, since }
            });
            Ok(shown.collect())
        })
        .await
    }
}

enum Rendering {
    Begin(Box<dyn Render>, FeedStream),
    Pages(Box<dyn Render>, FeedStream),
    End,
}

fn rendered(renderer: Box<dyn Render>, pages: FeedStream) -> ByteStream {
    stream::unfold(Rendering::Begin(renderer, pages), |rendering| async {
        match rendering {
            Rendering::Begin(mut renderer, pages) => {
                let mut out = Vec::new();
                let begun = renderer.begin(&mut out);
                Some(chunk(begun, out, || Rendering::Pages(renderer, pages)))
            }
            Rendering::Pages(mut renderer, mut pages) => match pages.next().await {
                Some(Ok(page)) => {
                    let mut out = Vec::new();
                    let entities = match page {
                        Page::Entities(entities) => entities,
                        Page::Versions(versions) => {
                            versions.iter().map(|version| version.to_entity()).collect()
                        }
                    };
                    let rendered = renderer.entities(&entities, &mut out);
                    Some(chunk(rendered, out, || Rendering::Pages(renderer, pages)))
                }
                Some(Err(error)) => Some((Err(error), Rendering::End)),
                None => {
                    let mut out = Vec::new();
                    let ended = renderer.end(&mut out);
                    Some(chunk(ended, out, || Rendering::End))
                }
            },
            Rendering::End => None,
        }
    })
    .boxed()
}

fn chunk(
    rendered: Result<(), sink::WriteError>,
    out: Vec<u8>,
    next: impl FnOnce() -> Rendering,
) -> (Result<Bytes>, Rendering) {
    match rendered {
        Ok(()) => (Ok(Bytes::from(out)), next()),
        Err(error) => (Err(answer::write(error)), Rendering::End),
    }
}
