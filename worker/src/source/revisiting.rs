//! Before anything that is new: the ids of replicas that have to be looked at again, each as it is now.

use super::{
    Continuation, Item, Page, ReadError, SinceValue, Source, merge_datasets, union_datasets,
};
use crate::blocking;
use crate::pass_over::PassOver;
use crate::pipe::revisit::{self, Waiting};
use crate::pipe::state::FeedSeen;
use crate::shared::Shared;
use crate::slice::Slice;
use async_trait::async_trait;
use parking_lot::Mutex;
use sluice_config::Source as Settings;
use sluice_dataset::{Dataset as _, Version};
use sluice_entity::{Builder, Entity, Value};
use sluice_store::StateKey;
use std::sync::Arc;

/// Ids per page.
const PAGE: usize = 500;

/// The keys of what was looked at.
pub(crate) type Looked = Arc<Mutex<Vec<StateKey>>>;

/// A source of datasets, with what waits to be looked at again before it.
pub(crate) struct RevisitingSource {
    source: Box<dyn Source>,
    shared: Arc<Shared>,
    pipe: String,
    settings: Settings,
    after: Option<StateKey>,
    is_done: bool,
    looked: Looked,
}

impl RevisitingSource {
    pub(crate) fn new(
        source: Box<dyn Source>,
        shared: &Arc<Shared>,
        pipe: &str,
        settings: &Settings,
        looked: &Looked,
    ) -> Self {
        RevisitingSource {
            source,
            shared: shared.clone(),
            pipe: pipe.to_owned(),
            settings: settings.clone(),
            after: None,
            is_done: false,
            looked: looked.clone(),
        }
    }
}

#[async_trait]
impl Source for RevisitingSource {
    fn continuation(&self) -> Continuation {
        self.source.continuation()
    }

    async fn open(
        &mut self,
        since: Option<&SinceValue>,
        slice: &Arc<Slice>,
    ) -> Result<(), ReadError> {
        self.after = None;
        self.is_done = false;
        self.looked.lock().clear();
        self.source.open(since, slice).await
    }

    fn pass_over(&mut self, pass_over: PassOver) {
        self.source.pass_over(pass_over);
    }

    fn require_ids(&mut self) {
        self.source.require_ids();
    }

    async fn next(&mut self, slice: &Arc<Slice>) -> Result<Option<Page>, ReadError> {
        if self.is_done {
            return self.source.next(slice).await;
        }
        let (shared, pipe, after) = (self.shared.clone(), self.pipe.clone(), self.after.clone());
        let (settings, slice) = (self.settings.clone(), slice.clone());
        let (waiting, items) = blocking::run(move || {
            let waiting = revisit::next(&shared.store, &pipe, after.as_ref(), PAGE)
                .map_err(|source| ReadError::dataset("", source))?;
            let items = waiting.iter().map(|one| {
                let entity = present(&settings, &slice, one);
                entity.map_err(|source| ReadError::dataset(&one.dataset, source))
            });
            let items = items.collect::<Result<Vec<_>, _>>()?;
            Ok::<_, ReadError>((waiting, items))
        })
        .await?;
        self.is_done = waiting.len() < PAGE;
        self.after = waiting.last().map(|last| last.key.clone());
        self.looked
            .lock()
            .extend(waiting.into_iter().map(|one| one.key));
        // They say nothing of where the source goes on.
        let items = items.into_iter().flatten().map(|entity| Item {
            entity,
            since: None,
        });
        Ok(Some(Page {
            items: items.collect(),
            ..Page::default()
        }))
    }

    fn is_populated(&self) -> bool {
        self.source.is_populated()
    }

    fn remember(&mut self, feed: &FeedSeen) {
        self.source.remember(feed);
    }

    fn take_started_over(&mut self) -> bool {
        self.source.take_started_over()
    }

    fn feed(&self) -> Option<FeedSeen> {
        self.source.feed()
    }
}

/// The entity that the source would give for an id now; deleted where there is none. `None`: it would give nothing.
fn present(
    settings: &Settings,
    slice: &Slice,
    waiting: &Waiting,
) -> sluice_dataset::Result<Option<Entity>> {
    let Waiting { dataset, id, .. } = waiting;
    match settings {
        Settings::MergeDatasets(settings) => {
            let present = merge_datasets::present(slice, settings, id)?;
            Ok(Some(present.unwrap_or_else(|| gone(id))))
        }
        Settings::UnionDatasets(settings) => {
            let entity = latest(slice, dataset, id)?;
            let entity = entity.map_or_else(|| gone(id), |version| version.to_entity());
            Ok(Some(match settings.prefix_ids {
                true => union_datasets::with_prefix(dataset, &entity),
                false => entity,
            }))
        }
        Settings::Dataset(settings) => {
            let Some(version) = latest(slice, dataset, id)? else {
                return Ok(Some(gone(id)));
            };
            let entity = version.to_entity();
            let replaced = entity.body().get("$replaced").and_then(Value::as_bool);
            let is_given = settings.include_replaced || replaced != Some(true);
            Ok(is_given.then_some(entity))
        }
        // Only sources of datasets read replicas.
        _ => Ok(None),
    }
}

fn latest(slice: &Slice, dataset: &str, id: &str) -> sluice_dataset::Result<Option<Version>> {
    match slice.dataset(dataset)? {
        Some(dataset) => dataset.get(id),
        None => Ok(None),
    }
}

fn gone(id: &str) -> Entity {
    let mut builder = Builder::new();
    builder.begin_dict();
    builder.name("_id");
    builder.str(id);
    builder.name("_deleted");
    builder.bool(true);
    builder.end();
    Entity::new(builder.finish()).expect("a dict with an _id is an entity")
}
