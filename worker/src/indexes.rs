//! Secondary indexes of the datasets that pipes hop to: who needs which, and seeing to it that they are there (IX1).
//!
//! The store keeps an index in the write that changes the data, but only if it has been told the expression since it was opened.
//! So the expressions of all pipes are told before anything is written, and to each dataset as soon as it is made.

use crate::lookup::PRIMARY;
use parking_lot::{Mutex, RwLock};
use sluice_config::{Configuration, Pipe, Transform};
use sluice_dataset::{Dataset as _, IndexKeys, Result, WritableDataset};
use sluice_dtl::IndexExpression;
use sluice_entity::{Arena, Entity};
use sluice_store::Dataset;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What the pipes of the present configuration need, by dataset.
#[derive(Default)]
pub(crate) struct Indexes {
    needed: RwLock<Needed>,
    /// What the pipes of this worker need: replicas are indexed for nobody else.
    needed_here: RwLock<Needed>,
}

/// Expressions by dataset.
type Needed = HashMap<String, Vec<Arc<dyn IndexKeys>>>;

impl Indexes {
    /// Takes up a configuration.
    pub(crate) fn take_up(&self, configuration: &Configuration) {
        *self.needed.write() = needed(configuration.pipes.values().map(|pipe| &**pipe));
    }

    /// Takes up the pipes of this worker.
    pub(crate) fn take_up_here<'a>(&self, pipes: impl Iterator<Item = &'a Pipe>) {
        *self.needed_here.write() = needed(pipes);
    }

    /// The datasets that need any.
    pub(crate) fn datasets(&self) -> Vec<String> {
        self.needed.read().keys().cloned().collect()
    }

    /// Tells the dataset all expressions it needs: takes up what is built, builds what is not. For blocking threads.
    pub(crate) fn ensure(&self, dataset: &Dataset) -> Result<()> {
        for keys in self.needed_by(dataset) {
            dataset.ensure_index(keys)?;
        }
        Ok(())
    }

    /// Whether all of the dataset's indexes can be asked.
    pub(crate) fn are_ready(&self, dataset: &Dataset) -> Result<bool> {
        let status = dataset.status()?;
        let is_ready = |name: &str| {
            status
                .indexes
                .iter()
                .any(|index| index.name == name && index.ready)
        };
        Ok(self
            .needed_by(dataset)
            .iter()
            .all(|keys| is_ready(keys.name())))
    }

    fn needed_by(&self, dataset: &Dataset) -> Vec<Arc<dyn IndexKeys>> {
        let needed = match dataset.is_replica() {
            true => self.needed_here.read(),
            false => self.needed.read(),
        };
        needed
            .get(dataset.name().as_str())
            .cloned()
            .unwrap_or_default()
    }
}

fn needed<'a>(pipes: impl Iterator<Item = &'a Pipe>) -> Needed {
    let mut needed: HashMap<String, BTreeMap<String, Arc<dyn IndexKeys>>> = HashMap::new();
    for pipe in pipes.filter(|pipe| pipe.runnable.is_ok()) {
        for transform in &pipe.transforms {
            let Transform::Dtl(dtl) = transform else {
                continue;
            };
            for requirement in dtl
                .program
                .indexes()
                .iter()
                .filter(|need| need.index.name() != PRIMARY)
            {
                let keys = ExpressionKeys::new(requirement.index.clone());
                let of_dataset = needed.entry(requirement.dataset.clone()).or_default();
                of_dataset.insert(requirement.index.name().to_owned(), Arc::new(keys));
            }
        }
    }
    let lists = needed
        .into_iter()
        .map(|(name, keys)| (name, keys.into_values().collect()));
    lists.collect()
}

/// A compiled join expression as the keys of a secondary index.
pub(crate) struct ExpressionKeys {
    expression: Arc<IndexExpression>,
    arena: Mutex<Arena>,
}

impl ExpressionKeys {
    /// Keys by this expression.
    pub(crate) fn new(expression: Arc<IndexExpression>) -> Self {
        ExpressionKeys {
            expression,
            arena: Mutex::new(Arena::new()),
        }
    }
}

impl IndexKeys for ExpressionKeys {
    fn name(&self) -> &str {
        self.expression.name()
    }

    fn keys(&self, entity: &Entity, out: &mut Vec<Vec<u8>>) {
        let mut own = Vec::new();
        let mut arena = self.arena.lock();
        self.expression.keys(entity, &arena, &mut own);
        arena.reset();
        out.append(&mut own);
    }
}
