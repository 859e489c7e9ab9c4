//! The present configuration and its pipes.

use crate::deployed::Deployed;
use arc_swap::ArcSwap;
use parking_lot::RwLock;
use sluice_config::{Configuration, Environment};
use sluice_protocol::{Code, Error, Result};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What was taken up last.
pub(crate) struct Deployment {
    pipes: RwLock<BTreeMap<String, Arc<Deployed>>>,
    taken: ArcSwap<Taken>,
    has_taken: AtomicBool,
}

/// A configuration as the worker uses it.
pub(crate) struct Taken {
    /// As it was loaded.
    pub configuration: Configuration,
}

impl Default for Deployment {
    fn default() -> Self {
        let taken = Taken {
            configuration: sluice_config::load(&[], &Environment::default()),
        };
        Deployment {
            pipes: RwLock::default(),
            taken: ArcSwap::from_pointee(taken),
            has_taken: AtomicBool::new(false),
        }
    }
}

impl Deployment {
    /// All pipes, by id.
    pub(crate) fn pipes(&self) -> Vec<Arc<Deployed>> {
        self.pipes.read().values().cloned().collect()
    }

    /// One pipe.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<Deployed>> {
        self.pipes.read().get(id).cloned()
    }

    /// One pipe, or the answer that there is none.
    pub(crate) fn pipe(&self, id: &str) -> Result<Arc<Deployed>> {
        if let Some(pipe) = self.get(id) {
            return Ok(pipe);
        }
        self.check_taken()?;
        if self.taken().configuration.pipes.contains_key(id) {
            let message = format!("pipe \"{id}\" is not on this worker now; try again");
            return Err(Error::new(Code::Unavailable, "not-here", message));
        }
        Err(Error::not_found("unknown-pipe", "pipe", id))
    }

    /// An error before the first configuration is taken up: what there is and who writes it is not known yet, although the lease
    /// of the process before may hold.
    pub(crate) fn check_taken(&self) -> Result<()> {
        if self.has_taken.load(Ordering::Acquire) {
            return Ok(());
        }
        let message = "this worker has just started; try again";
        Err(Error::new(Code::Unavailable, "not-here", message))
    }

    /// The pipe that writes a dataset.
    pub(crate) fn writer_of(&self, dataset: &str) -> Option<Arc<Deployed>> {
        self.pipes
            .read()
            .values()
            .find(|pipe| pipe.settings().sink_dataset.as_deref() == Some(dataset))
            .cloned()
    }

    /// Adds a pipe, or takes the place of one.
    pub(crate) fn insert(&self, pipe: Arc<Deployed>) {
        self.pipes.write().insert(pipe.id.clone(), pipe);
    }

    /// Takes a pipe away.
    pub(crate) fn remove(&self, id: &str) {
        self.pipes.write().remove(id);
    }

    /// What was taken up last.
    pub(crate) fn taken(&self) -> Arc<Taken> {
        self.taken.load_full()
    }

    /// Notes what was taken up.
    pub(crate) fn set_taken(&self, taken: Taken) {
        self.taken.store(Arc::new(taken));
        self.has_taken.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_the_first_configuration_nothing_is_said_to_be_unknown() {
        let deployment = Deployment::default();
        let refused = deployment.pipe("p").err().unwrap();
        assert_eq!(
            (refused.code, &*refused.reason),
            (Code::Unavailable, "not-here")
        );
        let configuration = sluice_config::load(&[], &Environment::default());
        deployment.set_taken(Taken { configuration });
        assert_eq!(deployment.pipe("p").err().unwrap().reason, "unknown-pipe");
        assert!(deployment.check_taken().is_ok());
    }
}
