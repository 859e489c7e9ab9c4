//! Source kind `merge_datasets`: several datasets as one stream in the order of `_ts` (SR4).

use super::{Continuation, Item, PAGE_BYTES, Page, ReadError, SinceValue, Source};
use crate::blocking;
use crate::slice::Slice;
use async_trait::async_trait;
use sluice_config::{MergeDatasetsSource as Settings, MergeStrategy};
use sluice_dataset::{Dataset, Offset, ReadOptions, Version, VersionBatch};
use sluice_entity::{Builder, Entity};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Gives each id at its newest change over all datasets; keeps an offset per dataset (R23).
pub(super) struct MergeDatasetsSource {
    settings: Arc<Settings>,
    positions: BTreeMap<String, Offset>,
    populated: bool,
    ended: bool,
}

impl MergeDatasetsSource {
    /// From the pipe's settings.
    pub(super) fn new(settings: &Settings) -> Self {
        MergeDatasetsSource {
            settings: Arc::new(settings.clone()),
            positions: BTreeMap::new(),
            populated: true,
            ended: false,
        }
    }
}

#[async_trait]
impl Source for MergeDatasetsSource {
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
        self.populated = true;
        self.ended = false;
        Ok(())
    }

    async fn next(&mut self, slice: &Arc<Slice>) -> Result<Option<Page>, ReadError> {
        if self.ended {
            return Ok(None);
        }
        let (slice, settings, positions) =
            (slice.clone(), self.settings.clone(), self.positions.clone());
        let merged = blocking::run(move || merge(&slice, &settings, positions)).await?;
        self.positions = merged.positions;
        self.ended = merged.at_end;
        self.populated = merged.populated;
        let end = Some(SinceValue::Datasets(Arc::new(self.positions.clone())));
        Ok(Some(Page {
            items: merged.items,
            end,
            ..Page::default()
        }))
    }

    fn is_populated(&self) -> bool {
        self.populated
    }
}

struct Merged {
    items: Vec<Item>,
    positions: BTreeMap<String, Offset>,
    at_end: bool,
    populated: bool,
}

/// A page of one of the datasets, and how far it is used up.
struct Input<'a> {
    name: &'a str,
    dataset: Box<dyn Dataset + 'a>,
    page: VersionBatch,
    next: usize,
}

impl Input<'_> {
    /// `_ts` of the next version. Beyond the end of a page that is not the last nothing may be said.
    fn next_timestamp(&self) -> Option<u64> {
        self.page.get(self.next).map(|version| version.generated.ts)
    }

    fn is_used_up(&self) -> bool {
        self.next == self.page.len()
    }
}

/// Reads a page of each dataset and merges until one of them is used up: what lies behind that page may be older than what the
/// others still hold.
fn merge(
    slice: &Slice,
    settings: &Settings,
    mut positions: BTreeMap<String, Offset>,
) -> Result<Merged, ReadError> {
    let (mut inputs, mut populated) = (Vec::new(), true);
    for name in &settings.datasets {
        let failed = |source| ReadError::dataset(name, source);
        let Some(dataset) = slice.dataset(name).map_err(failed)? else {
            populated &= settings.counts_as_populated(name, None);
            continue;
        };
        populated &=
            settings.counts_as_populated(name, Some(dataset.status().map_err(failed)?.populated));
        let options = ReadOptions::latest().after(positions.get(name).copied());
        let page = dataset.read(&options, PAGE_BYTES).map_err(failed)?;
        inputs.push(Input {
            name,
            dataset: Box::new(dataset),
            page,
            next: 0,
        });
    }
    let mut items = Vec::new();
    loop {
        if inputs
            .iter()
            .any(|input| input.is_used_up() && !input.page.at_end())
        {
            break;
        }
        // The first of equals: the listed order decides.
        let oldest = (0..inputs.len())
            .filter(|&index| !inputs[index].is_used_up())
            .min_by_key(|&index| inputs[index].next_timestamp());
        let Some(index) = oldest else { break };
        let version = inputs[index]
            .page
            .get(inputs[index].next)
            .map(|version| version.to_version());
        inputs[index].next += 1;
        let Some(version) = version else { continue };
        positions.insert(inputs[index].name.to_owned(), version.generated.updated);
        if let Some(entity) = entity_of(&inputs, index, version, settings.strategy)? {
            items.push(Item {
                entity,
                since: Some(SinceValue::Datasets(Arc::new(positions.clone()))),
            });
        }
    }
    let at_end = inputs
        .iter()
        .all(|input| input.is_used_up() && input.page.at_end());
    for input in inputs.iter().filter(|input| input.is_used_up()) {
        if let Some(resume) = input.page.resume() {
            positions.insert(input.name.to_owned(), resume);
        }
    }
    Ok(Merged {
        items,
        positions,
        at_end,
        populated,
    })
}

/// The entity this version stands for, or nothing where another dataset has a newer one: that one is given in its own place.
fn entity_of(
    inputs: &[Input<'_>],
    index: usize,
    version: Version,
    strategy: MergeStrategy,
) -> Result<Option<Entity>, ReadError> {
    let id = version.to_entity().id().unwrap_or_default().to_owned();
    let mut versions = Vec::with_capacity(inputs.len());
    for (other, input) in inputs.iter().enumerate() {
        if other == index {
            versions.push((input.name, version.clone()));
        } else if let Some(found) = input
            .dataset
            .get(&id)
            .map_err(|source| ReadError::dataset(input.name, source))?
        {
            if (found.generated.ts, other) > (version.generated.ts, index) {
                return Ok(None);
            }
            versions.push((input.name, found));
        }
    }
    Ok(match strategy {
        MergeStrategy::Latest => Some(version.to_entity()),
        MergeStrategy::All => combined(&id, &versions),
    })
}

/// The entity that stands for an id now; `None` where no dataset has it.
pub(super) fn present(
    slice: &Slice,
    settings: &Settings,
    id: &str,
) -> sluice_dataset::Result<Option<Entity>> {
    let mut versions = Vec::new();
    for name in &settings.datasets {
        if let Some(dataset) = slice.dataset(name)?
            && let Some(version) = dataset.get(id)?
        {
            versions.push((name.as_str(), version));
        }
    }
    Ok(match settings.strategy {
        // Of equals the last in the listed order, as in the stream.
        MergeStrategy::Latest => versions
            .iter()
            .max_by_key(|(_, version)| version.generated.ts)
            .map(|(_, version)| version.to_entity()),
        MergeStrategy::All if versions.is_empty() => None,
        MergeStrategy::All => combined(id, &versions),
    })
}

/// One dict per dataset under the dataset's name. Deleted when it is deleted in all of them.
fn combined(id: &str, versions: &[(&str, Version)]) -> Option<Entity> {
    let mut builder = Builder::new();
    builder.begin_dict();
    builder.name("_id");
    builder.str(id);
    builder.name("_deleted");
    builder.bool(
        versions
            .iter()
            .all(|(_, version)| version.generated.deleted),
    );
    for (name, version) in versions {
        builder.name(name);
        builder.begin_dict();
        for (field, value) in version.body.value().as_dict()?.iter() {
            builder.name(field);
            builder.value(value);
        }
        builder.name("_deleted");
        builder.bool(version.generated.deleted);
        builder.end();
    }
    builder.end();
    Entity::new(builder.finish())
}
