//! Source kind `dataset`: the log of one dataset, read from the slice's snapshot (SR1).

use super::{Continuation, Item, PAGE_BYTES, Page, ReadError, SinceValue, Source};
use crate::slice::Slice;
use async_trait::async_trait;
use sluice_config::DatasetSource as Settings;
use sluice_dataset::{Offset, ReadOptions};
use sluice_entity::Value;
use std::sync::Arc;

/// Reads latest versions, or all of them, after an offset.
pub(crate) struct DatasetSource {
    dataset: String,
    history: bool,
    include_replaced: bool,
    position: Option<Offset>,
    ended: bool,
    populated: bool,
}

impl DatasetSource {
    /// From the pipe's settings.
    pub(crate) fn new(settings: &Settings) -> Self {
        DatasetSource {
            dataset: settings.dataset.clone(),
            history: settings.include_previous_versions,
            include_replaced: settings.include_replaced,
            position: None,
            ended: false,
            populated: false,
        }
    }
}

#[async_trait]
impl Source for DatasetSource {
    fn continuation(&self) -> Continuation {
        Continuation::DATASET
    }

    async fn open(
        &mut self,
        since: Option<&SinceValue>,
        _slice: &Arc<Slice>,
    ) -> Result<(), ReadError> {
        self.position = since.and_then(SinceValue::offset);
        self.ended = false;
        Ok(())
    }

    async fn next(&mut self, slice: &Arc<Slice>) -> Result<Option<Page>, ReadError> {
        if self.ended {
            return Ok(None);
        }
        let options = ReadOptions {
            since: self.position,
            history: self.history,
            ..ReadOptions::default()
        };
        let page = slice.read(&self.dataset, options, PAGE_BYTES).await?;
        self.position = page.versions.resume().or(self.position);
        self.ended = page.versions.at_end();
        self.populated = page.status.is_some_and(|status| status.populated);
        let entities = page.versions.iter().map(|version| version.to_entity());
        let items = entities
            .filter(|entity| {
                self.include_replaced
                    || entity.body().get("$replaced").and_then(Value::as_bool) != Some(true)
            })
            .map(|entity| Item {
                since: entity
                    .generated()
                    .map(|generated| SinceValue::Offset(generated.updated)),
                entity,
            });
        Ok(Some(Page {
            items: items.collect(),
            end: self.position.map(SinceValue::Offset),
            ..Page::default()
        }))
    }

    fn is_populated(&self) -> bool {
        self.populated
    }
}
