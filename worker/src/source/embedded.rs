//! Source kind `embedded`: the entities written into the configuration (SR5).

use super::{Continuation, Item, PAGE_BYTES, Page, ReadError, SinceValue, Source};
use crate::slice::Slice;
use async_trait::async_trait;
use sluice_config::EmbeddedSource as Settings;
use sluice_entity::{Entity, Numbers};
use std::cmp::Ordering;
use std::sync::Arc;

/// Gives the configured entities in their order.
pub(super) struct EmbeddedSource {
    entities: Arc<[Entity]>,
    continuation: Continuation,
    since: Option<SinceValue>,
    position: usize,
    requires_ids: bool,
}

impl EmbeddedSource {
    /// From the pipe's settings.
    pub(super) fn new(settings: &Settings) -> Self {
        let numbers = Numbers::default();
        let entities: Vec<Entity> = settings
            .entities
            .iter()
            .filter_map(|json| Entity::new(json.to_value(&numbers)))
            .collect();
        EmbeddedSource {
            entities: entities.into(),
            continuation: settings.continuation.clone().into(),
            since: None,
            position: 0,
            requires_ids: false,
        }
    }

    /// With `supports_since` only entities whose `_updated` is greater are given.
    fn is_new(&self, item: &Item) -> bool {
        let Some(since) = &self.since else {
            return true;
        };
        item.since
            .as_ref()
            .is_none_or(|updated| updated.order(since) == Ordering::Greater)
    }
}

#[async_trait]
impl Source for EmbeddedSource {
    fn continuation(&self) -> Continuation {
        self.continuation
    }

    fn require_ids(&mut self) {
        self.requires_ids = true;
    }

    async fn open(
        &mut self,
        since: Option<&SinceValue>,
        _slice: &Arc<Slice>,
    ) -> Result<(), ReadError> {
        self.since = since.filter(|_| self.continuation.supports_since).cloned();
        self.position = 0;
        Ok(())
    }

    async fn next(&mut self, _slice: &Arc<Slice>) -> Result<Option<Page>, ReadError> {
        if self.position == self.entities.len() {
            return Ok(None);
        }
        let (mut items, mut bytes) = (Vec::new(), 0);
        while let Some(entity) = self
            .entities
            .get(self.position)
            .filter(|_| bytes < PAGE_BYTES)
        {
            if self.requires_ids && entity.id().is_none() {
                if items.is_empty() {
                    let index = self.position as u64;
                    return Err(ReadError::missing_id("the embedded entities", index));
                }
                break;
            }
            self.position += 1;
            bytes += entity.encoded_len();
            let item = Item::with_updated(entity.clone());
            if self.is_new(&item) {
                items.push(item);
            }
        }
        Ok(Some(Page {
            items,
            ..Page::default()
        }))
    }
}
