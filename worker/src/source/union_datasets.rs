//! Source kind `union_datasets`: several datasets, one after another (SR3).

use super::{Continuation, Item, PAGE_BYTES, Page, ReadError, SinceValue, Source};
use crate::slice::Slice;
use async_trait::async_trait;
use sluice_config::UnionDatasetsSource as Settings;
use sluice_dataset::{Offset, ReadOptions};
use sluice_entity::{Builder, Entity};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Exhausts each dataset in the listed order; keeps an offset per dataset (R23).
pub(super) struct UnionDatasetsSource {
    settings: Settings,
    positions: BTreeMap<String, Offset>,
    /// Index of the dataset being read.
    current: usize,
    populated: bool,
}

impl UnionDatasetsSource {
    /// From the pipe's settings.
    pub(super) fn new(settings: &Settings) -> Self {
        UnionDatasetsSource {
            settings: settings.clone(),
            positions: BTreeMap::new(),
            current: 0,
            populated: true,
        }
    }

    fn item(&mut self, dataset: &str, entity: Entity) -> Item {
        if let Some(generated) = entity.generated() {
            self.positions.insert(dataset.to_owned(), generated.updated);
        }
        let since = Some(SinceValue::Datasets(Arc::new(self.positions.clone())));
        let entity = if self.settings.prefix_ids {
            with_prefix(dataset, &entity)
        } else {
            entity
        };
        Item { entity, since }
    }
}

/// The same entity with the id `<dataset>:<id>`.
pub(super) fn with_prefix(dataset: &str, entity: &Entity) -> Entity {
    let (Some(id), Some(fields)) = (entity.id(), entity.body().as_dict()) else {
        return entity.clone();
    };
    let id = format!("{dataset}:{id}");
    let mut builder = Builder::new();
    builder.begin_dict();
    for (name, value) in fields.iter() {
        builder.name(name);
        if name == "_id" {
            builder.str(&id)
        } else {
            builder.value(value)
        };
    }
    builder.end();
    match entity.generated() {
        Some(generated) => Entity::with_generated(builder.finish(), *generated),
        None => Entity::new(builder.finish()).unwrap_or_else(|| entity.clone()),
    }
}

#[async_trait]
impl Source for UnionDatasetsSource {
    fn continuation(&self) -> Continuation {
        Continuation::DATASET
    }

    async fn open(
        &mut self,
        since: Option<&SinceValue>,
        _slice: &Arc<Slice>,
    ) -> Result<(), ReadError> {
        self.positions = match since {
            Some(SinceValue::Datasets(offsets)) => (**offsets).clone(),
            _ => BTreeMap::new(),
        };
        self.current = 0;
        self.populated = true;
        Ok(())
    }

    async fn next(&mut self, slice: &Arc<Slice>) -> Result<Option<Page>, ReadError> {
        let Some(dataset) = self.settings.datasets.get(self.current).cloned() else {
            return Ok(None);
        };
        let history = self.settings.include_previous_versions;
        let since = self.positions.get(&dataset).copied();
        let options = ReadOptions {
            since,
            history,
            ..ReadOptions::default()
        };
        let page = slice.read(&dataset, options, PAGE_BYTES).await?;
        let populated = page.status.as_ref().map(|status| status.populated);
        let page = page.versions;
        let items = page
            .iter()
            .map(|version| self.item(&dataset, version.to_entity()))
            .collect();
        if let Some(resume) = page.resume() {
            self.positions.insert(dataset.clone(), resume);
        }
        if page.at_end() {
            self.populated &= self.settings.counts_as_populated(&dataset, populated);
            self.current += 1;
        }
        // Left-out versions at the end of a page count as read.
        let end = Some(SinceValue::Datasets(Arc::new(self.positions.clone())));
        Ok(Some(Page {
            items,
            end,
            ..Page::default()
        }))
    }

    fn is_populated(&self) -> bool {
        self.populated
    }
}
