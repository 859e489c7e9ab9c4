//! What all resources of a hub say together: the components that they are, and which resources are none. Pure.

use super::component::Unusable;
use super::data_hub;
use super::objects::Objects;
use crate::crd::{DataHub, Pipe, System};
use crate::{pipe, system};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, ResourceExt};
use sluice_entity::Json;
use sluice_protocol::{
    ComponentKind, ConfigurationSnapshot, HandOver, HandedComponent, HandedVariables, Origin,
    RemovedComponent,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The annotation with the configuration group of what was written through the API.
pub(crate) const GROUP_ANNOTATION: &str = "sluice.dev/config-group";

/// Kind and id.
pub(crate) type Key = (ComponentKind, String);

/// The resources of a hub.
#[derive(Default)]
pub(crate) struct Resources {
    pub(crate) pipes: Objects<Pipe>,
    pub(crate) systems: Objects<System>,
    pub(crate) hubs: Objects<DataHub>,
}

impl Resources {
    /// A resource is deleted.
    pub(crate) fn deleted(&mut self, kind: ComponentKind, name: &str) {
        match kind {
            ComponentKind::Pipe => self.pipes.deleted(name),
            ComponentKind::System => self.systems.deleted(name),
            ComponentKind::Metadata => {}
        }
    }

    /// Whether all there are have been seen. Before that nothing can be said to be gone.
    pub(crate) fn are_complete(&self) -> bool {
        self.pipes.is_complete() && self.systems.is_complete() && self.hubs.is_complete()
    }
}

/// What resources say.
#[derive(Default)]
pub(crate) struct Wanted {
    pub(crate) components: BTreeMap<Key, HandedComponent>,
    pub(crate) variables: Option<HandedVariables>,
    /// By kind and name of the resource.
    pub(crate) unusable: BTreeMap<(ComponentKind, String), Unusable>,
    pub(crate) unusable_variables: Option<Unusable>,
}

/// What the resources of a hub say. What is `known` is not read again.
pub(crate) fn wanted(resources: &Resources, hub: &str, known: &mut Known) -> Wanted {
    let mut wanted = Wanted::default();
    let mut before = std::mem::take(&mut known.0);
    let mut read = |kind, meta: &ObjectMeta, read: &dyn Fn() -> Result<Json, Unusable>| {
        let name = (kind, meta.name.clone().unwrap_or_default());
        let state = (meta.uid.clone(), meta.generation);
        let same = before.remove(&name).filter(|(known, _)| *known == state);
        let (_, found) = same.unwrap_or_else(|| (state.clone(), read().map(Arc::new)));
        known.0.insert(name, (state, found.clone()));
        found
    };
    for object in resources.systems.all() {
        let kind = ComponentKind::System;
        let found = read(kind, &object.metadata, &|| system::validate(object));
        wanted.add(kind, &**object, object.id(), found);
    }
    for object in resources.pipes.all() {
        let kind = ComponentKind::Pipe;
        let found = read(kind, &object.metadata, &|| pipe::validate(object));
        wanted.add(kind, &**object, object.id(), found);
    }
    if let Some(object) = resources.hubs.get(hub) {
        data_hub::add(&mut wanted, object);
    }
    wanted
}

/// What a resource says, or why it says nothing.
type Said = Result<Arc<Json>, Unusable>;

/// A state of a resource: its uid and generation.
type State = (Option<String>, Option<i64>);

/// What resources were found to say, by kind and name.
#[derive(Default)]
pub(crate) struct Known(BTreeMap<(ComponentKind, String), (State, Said)>);

impl Wanted {
    /// Of several with one id the one that was made first counts.
    pub(crate) fn add<K>(
        &mut self,
        kind: ComponentKind,
        object: &K,
        id: String,
        read: Result<Arc<Json>, Unusable>,
    ) where
        K: Resource<DynamicType = ()>,
    {
        let key = (kind, id);
        let read = match self.components.get(&key) {
            Some(first) => {
                let message = format!("{} has the id \"{}\" already", first.origin.name, key.1);
                Err(Unusable::new("IdConflict", message))
            }
            None => read,
        };
        match read {
            Ok(json) => {
                let group = object.annotations().get(GROUP_ANNOTATION).cloned();
                let component = HandedComponent {
                    kind,
                    id: key.1.clone(),
                    group,
                    original: json,
                    origin: origin(object),
                };
                self.components.insert(key, component);
            }
            Err(problem) => {
                self.unusable.insert((kind, object.name_any()), problem);
            }
        }
    }

    /// What the storage node does not have yet, beside what it was told in this leadership.
    pub(crate) fn difference(
        &self,
        has: &ConfigurationSnapshot,
        told: &Told,
        operator_epoch: u64,
    ) -> HandOver {
        let is_known = |one: &&HandedComponent| {
            let key = (one.kind, one.id.clone());
            let offered = has.offered.get(&key).map(|offered| &offered.origin);
            offered == Some(&one.origin) || told.components.get(&key) == Some(&one.origin)
        };
        let changed = self.components.values().filter(|one| !is_known(one));
        let is_gone = |(key, origin): &(&Key, &Origin)| {
            let still = self.components.get(*key);
            // A resource whose configuration became unusable goes on as it was.
            let unusable = self.unusable.keys();
            let is_unusable = unusable
                .filter(|(kind, _)| *kind == key.0)
                .any(|(_, name)| origin.name.ends_with(&format!("/{name}")));
            still.is_none() && !is_unusable
        };
        let offered = has.offered.iter();
        let offered = offered.map(|(key, offered)| (key, &offered.origin));
        let removed = offered
            .filter(is_gone)
            .map(|(key, origin)| RemovedComponent {
                kind: key.0,
                id: key.1.clone(),
                uid: origin.uid.clone(),
            });
        let variables = self.variables.as_ref();
        let variables = variables.filter(|variables| told.variables.as_ref() != Some(*variables));
        HandOver {
            operator_epoch,
            request: None,
            changed: changed.cloned().collect(),
            removed: removed.collect(),
            variables: variables.cloned(),
        }
    }
}

/// What was handed over in this leadership.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) components: BTreeMap<Key, Origin>,
    pub(crate) variables: Option<HandedVariables>,
}

impl Told {
    pub(crate) fn note(&mut self, handed: &HandOver) {
        for gone in &handed.removed {
            self.components.remove(&(gone.kind, gone.id.clone()));
        }
        for one in &handed.changed {
            let key = (one.kind, one.id.clone());
            self.components.insert(key, one.origin.clone());
        }
        if handed.variables.is_some() {
            self.variables.clone_from(&handed.variables);
        }
    }
}

/// Where a component comes from.
pub(crate) fn origin<K: Resource<DynamicType = ()>>(object: &K) -> Origin {
    let generation = object.meta().generation.unwrap_or_default();
    Origin {
        name: format!("{}/{}", K::kind(&()), object.name_any()),
        uid: object.uid().unwrap_or_default(),
        generation: u64::try_from(generation).unwrap_or_default(),
    }
}
