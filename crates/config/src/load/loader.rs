//! Loading again after a change: what did not change is not read again.

use super::cross::{self, Found};
use super::pipe::{self, Draft};
use super::{Configuration, admitted, load_metadata, prepare, system};
use crate::{Component, Environment, Kind, Metadata, NotRunnable, Pipe, System};
use sluice_entity::Json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Loads one configuration after the other. A component whose JSON is the same allocation as the last time costs only what
/// depends on the others, as long as metadata, variables and names of secrets are the same; what is equal is the same allocation
/// as the last time. It gives exactly what [`load`](super::load) gives.
#[derive(Default)]
pub struct Loader {
    /// What the components were read against.
    surroundings: Option<(Environment, Arc<Json>)>,
    systems: BTreeMap<String, Arc<System>>,
    pipes: BTreeMap<String, Known>,
}

/// A pipe as it was loaded the last time.
struct Known {
    draft: Arc<Draft>,
    /// What the others say of it, and what it is with that.
    settled: Option<(Found, Arc<Pipe>)>,
}

impl Loader {
    /// Validates all components of a hub together.
    pub fn load(&mut self, components: &[Component], environment: &Environment) -> Configuration {
        let (components, refused) = admitted(components, environment);
        let of_node = components.iter().find(|one| one.kind == Kind::Metadata);
        let metadata = load_metadata(of_node.copied(), environment);
        self.forget_others(environment, &metadata);
        let mut known_systems = std::mem::take(&mut self.systems);
        let mut known_pipes = std::mem::take(&mut self.pipes);

        let mut systems = BTreeMap::new();
        let mut drafts = BTreeMap::new();
        for component in components {
            let id = component.id.clone();
            match component.kind {
                Kind::Metadata => {}
                Kind::System => {
                    let known = known_systems.remove(&id);
                    let known =
                        known.filter(|known| Arc::ptr_eq(&known.original, &component.original));
                    let read = || {
                        let prepared = prepare(component, environment, &metadata.effective);
                        Arc::new(system::load(component, prepared))
                    };
                    systems.insert(id, known.unwrap_or_else(read));
                }
                Kind::Pipe => {
                    let is_same = |known: &Known| {
                        Arc::ptr_eq(&known.draft.pipe.original, &component.original)
                    };
                    let draft = match known_pipes.get(&id).filter(|known| is_same(known)) {
                        Some(known) => Arc::clone(&known.draft),
                        None => Arc::new(draft(component, environment, &metadata)),
                    };
                    drafts.insert(id, draft);
                }
            }
        }
        let found = cross::check(&drafts, &systems);
        let mut pipes = BTreeMap::new();
        for ((id, draft), found) in drafts.into_iter().zip(found) {
            let settled = known_pipes.remove(&id).and_then(|known| {
                let is_same = Arc::ptr_eq(&known.draft, &draft);
                known
                    .settled
                    .filter(|(before, _)| is_same && *before == found)
            });
            let (found, pipe) = settled.unwrap_or_else(|| {
                let pipe = settle(&draft.pipe, &found);
                (found, Arc::new(pipe))
            });
            pipes.insert(id.clone(), Arc::clone(&pipe));
            let settled = Some((found, pipe));
            self.pipes.insert(id, Known { draft, settled });
        }
        self.systems.clone_from(&systems);
        Configuration {
            pipes,
            systems,
            metadata,
            refused,
        }
    }

    /// Against another environment nothing is as it was.
    fn forget_others(&mut self, environment: &Environment, metadata: &Metadata) {
        let is_same = |(before, node_wide): &(Environment, Arc<Json>)| {
            before == environment && *node_wide == metadata.effective
        };
        if !self.surroundings.as_ref().is_some_and(is_same) {
            self.systems.clear();
            self.pipes.clear();
            self.surroundings = Some((environment.clone(), Arc::clone(&metadata.effective)));
        }
    }
}

fn draft(component: &Component, environment: &Environment, metadata: &Metadata) -> Draft {
    match prepare(component, environment, &metadata.effective) {
        Ok((node, filler)) => pipe::load(component, node, filler, metadata),
        Err(problem) => pipe::untouched(component, problem),
    }
}

/// A pipe with what the others say of it.
fn settle(draft: &Pipe, found: &Found) -> Pipe {
    let mut pipe = draft.clone();
    pipe.diagnostics.extend(found.diagnostics.iter().cloned());
    pipe.valid = crate::is_valid(&pipe.diagnostics);
    if !pipe.valid {
        pipe.runnable = Err(NotRunnable::Invalid);
    } else if let (Ok(()), Some(reason)) = (&pipe.runnable, &found.not_runnable) {
        pipe.runnable = Err(reason.clone());
    }
    pipe
}
