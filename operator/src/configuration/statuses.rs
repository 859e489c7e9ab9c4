//! The statuses of a hub's pipes and systems: found for all, written where they differ.

use super::events::Events;
use super::hashes::Hashes;
use super::keeper::Hub;
use super::wanted::{Key, Resources, Wanted};
use crate::crd::{DataHub, Operation, OperationOutcome, Pipe, System};
use crate::microservice::{State, States};
use crate::system::Dereferenced;
use crate::{Error, Result, pipe, system};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, StreamExt};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use sluice_entity::Json;
use sluice_protocol::{ComponentKind, ConfigurationSnapshot, PlacementControl, Topology};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Writes that go on at the same time.
const AT_ONCE: usize = 16;
/// The field manager of statuses: another one than that of objects.
const MANAGER: &str = "sluice-operator-status";

/// What statuses are made of, beside what is found anew each time.
pub(crate) struct Statuses {
    pipes: Api<Pipe>,
    systems: Api<System>,
    events: Events,
    /// Of effective configurations in use.
    effective: Hashes<Key>,
    /// Of what is in use, as it was written.
    active: Hashes<Key>,
    /// Of what was written last.
    written: Hashes<Key>,
}

/// What everything is compared with.
pub(crate) struct Seen<'a> {
    pub(crate) wanted: &'a Wanted,
    pub(crate) configuration: &'a ConfigurationSnapshot,
    pub(crate) topology: &'a Topology,
    pub(crate) secrets: &'a BTreeMap<String, Dereferenced>,
    pub(crate) microservices: &'a States,
    pub(crate) placement: &'a dyn PlacementControl,
}

impl Statuses {
    pub(crate) fn new(hub: &Hub) -> Self {
        Statuses {
            pipes: hub.api(),
            systems: hub.api(),
            events: Events::new(hub),
            effective: Hashes::default(),
            active: Hashes::default(),
            written: Hashes::default(),
        }
    }

    /// Writes the statuses that differ from what is known of the resources.
    pub(crate) async fn write(
        &mut self,
        resources: &mut Resources,
        hub: Option<&DataHub>,
        seen: &Seen<'_>,
    ) -> Result<()> {
        let now = Timestamp::now();
        self.forget(seen);
        let has_object_store = hub.is_some_and(|hub| hub.spec.object_store.is_some());
        let mut pipes = Vec::new();
        for object in resources.pipes.all() {
            let key = (ComponentKind::Pipe, object.id());
            let operations = operations(object, seen.placement).await;
            let in_use = self.in_use(&key, seen);
            let found = pipe::Found {
                unusable: seen.unusable(ComponentKind::Pipe, &**object),
                configuration: seen.configuration,
                topology: seen.topology,
                in_use: in_use.as_deref(),
                hashes: self.hashes(&key, seen),
                has_object_store,
                operations,
            };
            let status = pipe::status(object, &key, &found, now);
            if object.status.as_ref() != Some(&status) {
                pipes.push((Arc::clone(object), status));
            }
        }
        let mut systems = Vec::new();
        for object in resources.systems.all() {
            let key = (ComponentKind::System, object.id());
            let secrets = seen.secrets.get(&key.1);
            let found = system::Found {
                unusable: seen.unusable(ComponentKind::System, &**object),
                configuration: seen.configuration,
                hashes: self.hashes(&key, seen),
                secret_problems: secrets.map_or(&[], |found| &found.problems),
                microservice: seen.microservice(&key),
            };
            let status = system::status(object, &key, &found, now);
            if object.status.as_ref() != Some(&status) {
                systems.push((Arc::clone(object), status));
            }
        }
        let changed: Vec<_> = pipes
            .iter()
            .map(|(object, status)| {
                let before = object.status.as_ref().map(|status| &status.conditions);
                self.events.of(&**object, before, &status.conditions)
            })
            .chain(systems.iter().map(|(object, status)| {
                let before = object.status.as_ref().map(|status| &status.conditions);
                self.events.of(&**object, before, &status.conditions)
            }))
            .collect();
        // One that cannot be written keeps no other from it.
        let (written, failed) = apply(&self.pipes, pipes).await;
        let mut uids: HashSet<String> = written.iter().filter_map(ResourceExt::uid).collect();
        written
            .into_iter()
            .for_each(|one| resources.pipes.written(one));
        let (written, also_failed) = apply(&self.systems, systems).await;
        uids.extend(written.iter().filter_map(ResourceExt::uid));
        written
            .into_iter()
            .for_each(|one| resources.systems.written(one));
        // What was not written is told when it is.
        let told = changed.into_iter().flatten();
        let told = told.filter(|told| told.uid().is_none_or(|uid| uids.contains(uid)));
        self.events.publish(told).await;
        failed.or(also_failed).map_or(Ok(()), Err)
    }

    fn in_use(&mut self, key: &Key, seen: &Seen<'_>) -> Option<String> {
        let component = seen.configuration.components.get(key)?;
        Some(self.effective.of(key, &component.effective))
    }

    /// Of what was written last, and of what is used.
    fn hashes(&mut self, key: &Key, seen: &Seen<'_>) -> (Option<String>, Option<String>) {
        let written = seen.wanted.components.get(key);
        let written = written.map(|one| self.written.of(key, &one.original));
        let active = seen.configuration.components.get(key);
        let active = active.map(|component| self.active.of(key, &component.original));
        (written, active)
    }

    fn forget(&mut self, seen: &Seen<'_>) {
        let is_there = |key: &Key| {
            seen.wanted.components.contains_key(key)
                || seen.configuration.components.contains_key(key)
        };
        self.effective.retain(is_there);
        self.active.retain(is_there);
        self.written.retain(is_there);
    }
}

impl Seen<'_> {
    /// How a system's microservice is, if it is one.
    fn microservice(&self, key: &Key) -> Option<State> {
        let component = self.configuration.components.get(key)?;
        let kind = component.effective.get("type").and_then(Json::as_str);
        let known = || self.microservices.get(&key.1).cloned();
        (kind == Some("system:microservice")).then(|| known().unwrap_or_else(State::starting))
    }

    fn unusable<K: Resource>(
        &self,
        kind: ComponentKind,
        object: &K,
    ) -> Option<&super::component::Unusable> {
        self.wanted.unusable.get(&(kind, object.name_any()))
    }
}

/// Does what was asked for once and not done yet; what became of all that is still asked for.
async fn operations(object: &Pipe, placement: &dyn PlacementControl) -> Vec<OperationOutcome> {
    let known = object.status.as_ref().map(|status| &status.operations);
    let mut outcomes = Vec::new();
    for Operation { id, kind } in &object.spec.operations {
        let known = known.and_then(|known| known.iter().find(|one| one.id == *id));
        if let Some(known) = known {
            outcomes.push(known.clone());
            continue;
        }
        let crate::crd::OperationKind::StartOver = kind;
        let done = placement.start_over(&object.id()).await;
        if let Err(error) = &done
            && error.code.is_retryable()
        {
            // Neither done nor refused: the next round asks again.
            continue;
        }
        outcomes.push(OperationOutcome {
            id: id.clone(),
            succeeded: done.is_ok(),
            message: done.err().map(|error| error.to_string()),
        });
    }
    outcomes
}

/// Writes statuses; gives what was written, and a failure if there was one. A resource that is gone meanwhile needs none.
async fn apply<K, S>(api: &Api<K>, statuses: Vec<(Arc<K>, S)>) -> (Vec<K>, Option<Error>)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + Sync,
    S: Serialize + Send,
{
    let writes: Vec<BoxFuture<'_, Result<Option<K>>>> = statuses
        .into_iter()
        .map(|(object, status)| apply_one(api, object, status).boxed())
        .collect();
    let written: Vec<Result<Option<K>>> = stream::iter(writes)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let (mut done, mut failed) = (Vec::new(), None);
    for one in written {
        match one {
            Ok(one) => done.extend(one),
            Err(error) => failed = Some(error),
        }
    }
    (done, failed)
}

async fn apply_one<K, S>(api: &Api<K>, object: Arc<K>, status: S) -> Result<Option<K>>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
    S: Serialize,
{
    let name = object.name_any();
    let patch = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": { "name": name, "uid": object.uid() },
        "status": status,
    });
    let parameters = PatchParams::apply(MANAGER).force();
    let written = api
        .patch_status(&name, &parameters, &Patch::Apply(patch))
        .await;
    match written {
        Ok(written) => Ok(Some(written)),
        // Gone, or another one with the same name.
        Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => Ok(None),
        Err(error) => Err(Error::api("write the status of", "resource", &name)(error)),
    }
}
