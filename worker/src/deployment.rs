//! The present configuration and its pipes.

use crate::deployed::Deployed;
use arc_swap::ArcSwap;
use parking_lot::RwLock;
use sluice_config::{Configuration, Environment};
use sluice_protocol::{Code, ConfigurationSnapshot, Error, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What was taken up last.
pub struct Deployment {
    pipes: RwLock<BTreeMap<String, Arc<Deployed>>>,
    taken: ArcSwap<Taken>,
}

/// A configuration as the worker uses it.
pub struct Taken {
    /// As the storage node has it.
    pub snapshot: Arc<ConfigurationSnapshot>,
    /// As it was loaded.
    pub configuration: Configuration,
}

impl Default for Deployment {
    fn default() -> Self {
        let taken = Taken {
            snapshot: Arc::default(),
            configuration: sluice_config::load(&[], &Environment::default()),
        };
        Deployment { pipes: RwLock::default(), taken: ArcSwap::from_pointee(taken) }
    }
}

impl Deployment {
    /// All pipes, by id.
    pub fn pipes(&self) -> Vec<Arc<Deployed>> {
        self.pipes.read().values().cloned().collect()
    }

    /// One pipe.
    pub fn get(&self, id: &str) -> Option<Arc<Deployed>> {
        self.pipes.read().get(id).cloned()
    }

    /// One pipe, or the answer that there is none.
    pub fn pipe(&self, id: &str) -> Result<Arc<Deployed>> {
        self.get(id).ok_or_else(|| Error::not_found("unknown-pipe", "pipe", id))
    }

    /// One pipe that may run.
    pub fn runnable_pipe(&self, id: &str) -> Result<Arc<Deployed>> {
        let pipe = self.pipe(id)?;
        let check = pipe.check_runnable();
        check.map_err(|reason| {
            Error::new(Code::FailedPrecondition, "pipe-not-runnable", format!("pipe \"{id}\" cannot run: {reason}"))
        })?;
        Ok(pipe)
    }

    /// The pipe that writes a dataset.
    pub fn writer_of(&self, dataset: &str) -> Option<Arc<Deployed>> {
        self.pipes.read().values().find(|pipe| pipe.settings().sink_dataset.as_deref() == Some(dataset)).cloned()
    }

    /// Adds a pipe, or takes the place of one.
    pub fn insert(&self, pipe: Arc<Deployed>) {
        self.pipes.write().insert(pipe.id.clone(), pipe);
    }

    /// Takes a pipe away.
    pub fn remove(&self, id: &str) {
        self.pipes.write().remove(id);
    }

    /// What was taken up last.
    pub fn taken(&self) -> Arc<Taken> {
        self.taken.load_full()
    }

    /// Notes what was taken up.
    pub fn set_taken(&self, taken: Taken) {
        self.taken.store(Arc::new(taken));
    }
}
