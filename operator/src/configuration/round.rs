//! One look at everything: hand over what differs, write the statuses that differ.

use super::keeper::Hub;
use super::link::Link;
use super::statuses::{Seen, Statuses};
use super::wanted::{Known, Resources, Told, Wanted, wanted};
use crate::Result;
use crate::crd::PipeIsolation;
use crate::microservice::States;
use crate::system::{self, Dereferenced};
use k8s_openapi::api::core::v1::Secret;
use sluice_protocol::{
    ComponentKind, HandOver, HandedSecrets, Incarnation, Isolation, WriteIntent,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

/// Bytes of configuration that are handed over at once. Beyond it is done in parts, systems first.
const PART_BYTES: usize = 64 << 20;

/// What is remembered from round to round.
pub(crate) struct Round {
    pub(crate) hub: Hub,
    pub(crate) link: Link,
    pub(crate) resources: Resources,
    told: Told,
    known: Known,
    /// Of each system that names Secrets, as they were handed over.
    secrets: BTreeMap<String, Dereferenced>,
    secrets_are_due: bool,
    /// How pipes share their workers, as it was said.
    isolation: BTreeMap<String, Isolation>,
    statuses: Statuses,
    /// How microservices are.
    microservices: watch::Receiver<Arc<States>>,
    /// The last write that was answered: it may be shown a moment longer.
    answered: Option<String>,
    /// The revision that has everything that was handed over.
    revision: u64,
    /// The life of the storage node that was told that it has everything.
    filled: Option<Incarnation>,
    /// The life that knows what was said to it.
    life: Option<Incarnation>,
}

impl Round {
    pub(crate) fn new(hub: Hub, link: Link, microservices: watch::Receiver<Arc<States>>) -> Self {
        Round {
            statuses: Statuses::new(&hub),
            hub,
            link,
            microservices,
            resources: Resources::default(),
            told: Told::default(),
            known: Known::default(),
            secrets: BTreeMap::new(),
            secrets_are_due: true,
            isolation: BTreeMap::new(),
            answered: None,
            revision: 0,
            filled: None,
            life: None,
        }
    }

    /// A storage node on another disk knows nothing of what the one before was told.
    fn look_at_life(&mut self) {
        let life = self.link.topology.borrow().incarnation;
        if self.life.replace(life).is_some_and(|before| before != life) {
            self.secrets.clear();
            self.secrets_are_due = true;
            self.isolation.clear();
        }
    }

    /// Whether all resources have been seen: before that nothing is done.
    pub(crate) fn is_ready(&self) -> bool {
        self.resources.are_complete()
    }

    pub(crate) fn is_new(&self, write: &WriteIntent) -> bool {
        self.answered.as_deref() != Some(&write.request.0)
    }

    pub(crate) fn answered(&mut self, write: &WriteIntent) {
        self.answered = Some(write.request.0.clone());
    }

    pub(crate) fn look_at_secrets(&mut self) {
        self.secrets_are_due = true;
    }

    /// What the resources say now.
    pub(crate) fn wanted(&mut self) -> Wanted {
        wanted(&self.resources, &self.hub.name, &mut self.known)
    }

    /// Looks at everything once.
    pub(crate) async fn go(&mut self) -> Result<()> {
        if !self.is_ready() {
            return Ok(());
        }
        let done = self.step().await;
        if let Err(error) = &done {
            let error = crate::controllers::chain(error);
            tracing::warn!(
                hub = self.hub.name,
                error,
                "the configuration of a hub is behind"
            );
        }
        done
    }

    async fn step(&mut self) -> Result<()> {
        self.look_at_life();
        let wanted = self.wanted();
        self.hand_over(&wanted).await?;
        if std::mem::take(&mut self.secrets_are_due) {
            let handed = self.hand_over_secrets(&wanted).await;
            self.secrets_are_due = handed.is_err();
            handed?;
        }
        self.say_filled().await?;
        self.say_isolation().await?;
        self.write_statuses(&wanted).await
    }

    /// Hands over what differs.
    async fn hand_over(&mut self, wanted: &Wanted) -> Result<()> {
        let has = self.link.configuration.borrow().clone();
        let difference = wanted.difference(&has, &self.told, self.link.operator_epoch);
        if difference.is_empty() {
            return Ok(());
        }
        for part in in_parts(difference) {
            self.hand(part).await?;
        }
        Ok(())
    }

    /// Hands over something.
    pub(crate) async fn hand(&mut self, handed: HandOver) -> Result<()> {
        let outcome = self.link.control.hand_over(handed.clone()).await;
        let outcome = outcome.map_err(self.hub.failed("hand over configuration"))?;
        self.told.note(&handed);
        self.revision = self.revision.max(outcome.revision);
        let refused = outcome.verdicts.iter().filter(|verdict| !verdict.taken);
        tracing::info!(
            hub = self.hub.name,
            revision = outcome.revision,
            changed = handed.changed.len(),
            removed = handed.removed.len(),
            refused = refused.count(),
            "configuration handed over"
        );
        Ok(())
    }

    /// Reads the Secrets that systems name, and hands over what changed.
    async fn hand_over_secrets(&mut self, wanted: &Wanted) -> Result<()> {
        let api = self.hub.api::<Secret>();
        let usable = |id: &str| {
            let key = (ComponentKind::System, id.to_owned());
            wanted.components.contains_key(&key)
        };
        self.secrets.retain(|id, _| usable(id));
        let systems: Vec<_> = self.resources.systems.all().into_iter().cloned().collect();
        for object in systems.into_iter().filter(|object| usable(&object.id())) {
            let id = object.id();
            // Once in a leadership also where there are none: there may have been before.
            if object.spec.secret_refs.is_empty() && self.secrets.contains_key(&id) {
                let known = self.secrets.get(&id);
                if known.is_some_and(|known| known.secrets.is_empty()) {
                    continue;
                }
            }
            let found = system::secrets(&api, &object).await?;
            let known = self.secrets.get(&id).map(|known| &known.secrets);
            if known != Some(&found.secrets) {
                let handed = HandedSecrets {
                    operator_epoch: self.link.operator_epoch,
                    system: id.clone(),
                    secrets: found.secrets.clone(),
                };
                let handed = self.link.control.hand_over_secrets(handed).await;
                handed.map_err(self.hub.failed("hand over secrets"))?;
            }
            self.secrets.insert(id, found);
        }
        Ok(())
    }

    /// Says that all resources are handed over, once placement has heard of them: what comes later is new.
    async fn say_filled(&mut self) -> Result<()> {
        let (incarnation, revision) = {
            let topology = self.link.topology.borrow();
            (topology.incarnation, topology.revision)
        };
        if self.filled == Some(incarnation) || revision < self.revision {
            return Ok(());
        }
        let said = self.link.placement.filled().await;
        said.map_err(self.hub.failed("say that a hub is filled"))?;
        self.filled = Some(incarnation);
        Ok(())
    }

    /// Says how pipes share their workers, where that changed, and once at the beginning.
    async fn say_isolation(&mut self) -> Result<()> {
        let placed = self.link.topology.borrow().clone();
        let mut wanted = BTreeMap::new();
        for pipe in self.resources.pipes.all() {
            let isolation = pipe
                .spec
                .placement
                .as_ref()
                .map(|placement| placement.isolation);
            let isolation = match isolation {
                Some(PipeIsolation::Dedicated) => Isolation::Dedicated,
                Some(PipeIsolation::Shared) | None => Isolation::Shared,
            };
            wanted.insert(pipe.id(), isolation);
        }
        self.isolation.retain(|pipe, _| wanted.contains_key(pipe));
        for (pipe, isolation) in wanted {
            // A pipe that placement has not heard of yet is told in a later round.
            let is_known = self.isolation.get(&pipe) == Some(&isolation);
            if is_known || !placed.pipes.contains_key(&pipe) {
                continue;
            }
            let said = self.link.placement.set_isolation(&pipe, isolation).await;
            said.map_err(self.hub.failed("say how a pipe is placed"))?;
            self.isolation.insert(pipe, isolation);
        }
        Ok(())
    }

    async fn write_statuses(&mut self, wanted: &Wanted) -> Result<()> {
        let has = self.link.configuration.borrow().clone();
        let topology = self.link.topology.borrow().clone();
        let hub = self.resources.hubs.get(&self.hub.name).cloned();
        let microservices = self.microservices.borrow().clone();
        let seen = Seen {
            wanted,
            configuration: &has,
            topology: &topology,
            secrets: &self.secrets,
            microservices: &microservices,
            placement: &*self.link.placement,
        };
        self.statuses
            .write(&mut self.resources, hub.as_deref(), &seen)
            .await
    }
}

/// Systems before pipes: a pipe may need a system of another part.
fn in_parts(difference: HandOver) -> Vec<HandOver> {
    let HandOver {
        operator_epoch,
        changed,
        removed,
        variables,
        ..
    } = difference;
    let part = || HandOver {
        operator_epoch,
        ..HandOver::default()
    };
    let mut changed = changed;
    changed.sort_by_key(|one| std::cmp::Reverse(one.kind));
    let mut parts = vec![HandOver {
        variables,
        ..part()
    }];
    let mut weight = 0;
    for one in changed {
        let more = one.original.to_string().len();
        if weight > 0 && weight + more > PART_BYTES {
            parts.push(part());
            weight = 0;
        }
        weight += more;
        if let Some(last) = parts.last_mut() {
            last.changed.push(one);
        }
    }
    if let Some(last) = parts.last_mut() {
        last.removed = removed;
    }
    parts
}
