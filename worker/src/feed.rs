//! Reading datasets for callers: feeds, page by page, and single entities (R74, DS3, JP2).

use crate::answer;
use crate::blocking;
use crate::execution_log;
use crate::shared::Shared;
use futures::stream::{self, StreamExt};
use sluice_dataset::{DEFAULT_PAGE_BYTES, Dataset as _, DatasetStatus, Offset, ReadOptions, Since};
use sluice_entity::Entity;
use sluice_protocol::{Code, Error, Feed, FeedHeaders, FeedStream, Page, ReadRequest, Result};
use sluice_store::Dataset;
use std::sync::Arc;

/// A dataset that exists, under its name or its alias.
pub(crate) fn existing(shared: &Shared, name: &str) -> Result<Dataset> {
    let stored = execution_log::stored_name(name);
    shared
        .existing(&stored)
        .ok_or_else(|| Error::not_found("unknown-dataset", "dataset", name))
}

/// The entities of a dataset as the request wants them.
pub(crate) async fn dataset(shared: &Arc<Shared>, name: &str, read: ReadRequest) -> Result<Feed> {
    let dataset = existing(shared, name)?;
    let status = dataset.status().map_err(answer::dataset)?;
    check(&status, &read)?;
    let since = match &read.since_text {
        Some(text) => Since::parse(text, status.generation)
            .map_err(answer::since)?
            .offset(),
        None => read.options.since,
    };
    let options = ReadOptions {
        since,
        ..read.options
    };
    Ok(Feed {
        headers: headers(&status),
        pages: pages(dataset, options),
    })
}

/// What the request asks beyond position and filters.
pub(crate) fn check(status: &DatasetStatus, read: &ReadRequest) -> Result<()> {
    if read.populated && !status.populated {
        let message = format!("dataset \"{}\" is not populated", status.name);
        return Err(Error::new(Code::NotFound, "not-populated", message));
    }
    if read.subset.is_some() {
        let message = format!("dataset \"{}\" has no index for this subset", status.name);
        return Err(Error::new(Code::NotFound, "unknown-index", message));
    }
    Ok(())
}

/// JP2.
pub(crate) fn headers(status: &DatasetStatus) -> FeedHeaders {
    FeedHeaders {
        populated: Some(status.populated),
        max_updated: status.max_offset,
        generation: Some(status.generation.to_string()),
        ..FeedHeaders::default()
    }
}

struct Reading {
    dataset: Dataset,
    options: ReadOptions,
}

/// One page per poll: a reader that stops reading stops the scan.
fn pages(dataset: Dataset, options: ReadOptions) -> FeedStream {
    stream::unfold(Some(Reading { dataset, options }), |reading| async {
        let mut reading = reading?;
        if reading.options.limit == Some(0) {
            return None;
        }
        let (dataset, options) = (reading.dataset.clone(), reading.options.clone());
        match blocking::run(move || dataset.read(&options, DEFAULT_PAGE_BYTES)).await {
            Ok(page) => {
                let is_last = page.at_end();
                reading.options.limit = reading
                    .options
                    .limit
                    .map(|limit| limit.saturating_sub(page.len() as u64));
                reading.options.since = page.resume().or(reading.options.since);
                Some((Ok(Page::Versions(page)), (!is_last).then_some(reading)))
            }
            Err(error) => Some((Err(answer::dataset(error)), None)),
        }
    })
    .boxed()
}

/// One entity: the latest version, or exactly the one at `offset`.
pub(crate) async fn entity(
    shared: &Shared,
    name: &str,
    id: &str,
    offset: Option<Offset>,
) -> Result<Entity> {
    let dataset = existing(shared, name)?;
    let wanted = id.to_owned();
    let found = shared.short_work.run(move || match offset {
        Some(offset) => dataset.get_at(&wanted, offset),
        None => dataset.get(&wanted),
    });
    let version = found.await.map_err(answer::dataset)?;
    version.map(|version| version.to_entity()).ok_or_else(|| {
        Error::not_found("unknown-entity", "entity", id)
            .with("dataset", sluice_entity::Json::from(name))
    })
}
