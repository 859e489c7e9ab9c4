//! One change of what is kept: edit, validate, decide. Runs on a thread that may block, one at a time. What is decided becomes
//! durable and then visible in `pending`.

use crate::contents::{ComponentKey, Contents, Kept, kind_name};
use crate::difference::{Difference, Kind};
use crate::formats::HubFormat;
use crate::pending::{Decided, HistoryChange, Revision, Ticket};
use crate::records::Author;
use crate::service::Inner;
use crate::validation::Validated;
use crate::{configuration, offers, records};
use parking_lot::Mutex;
use sluice_entity::Json;
use sluice_protocol::{
    Code, ComponentKind, ConfigurationSnapshot, Diagnostic, Error, HandOver, HandOverOutcome,
    Level, PutOutcome, RejectedComponent, RequestId, Result, SecretScope, WantedComponent,
    WriteIntent,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;

/// Who changes what no user changes through the API, in the history.
const CUSTOM_RESOURCES: &str = "custom-resources";

/// Numbers of datasets that one word to the object store reserves. A lost disk loses as many at most, and none is given twice.
const RESERVED: u64 = 1_000;

/// The right to change what is kept.
pub(crate) struct Change {
    pub(crate) inner: Arc<Inner>,
    /// What it is planned on; that may be about to become durable.
    pub(crate) newest: Revision,
    /// Of what it decided.
    pub(crate) ticket: Mutex<Option<Ticket>>,
    pub(crate) _guard: OwnedMutexGuard<()>,
}

impl Change {
    /// What is kept before it.
    pub(crate) fn before(&self) -> Arc<Contents> {
        Arc::clone(&self.newest.contents)
    }

    /// Decides an edit of what is kept. Nothing is written when nothing changed.
    pub(crate) fn edit(
        &self,
        user: &str,
        edit: impl FnOnce(&mut Contents) -> Result<()>,
    ) -> Result<()> {
        let before = self.before();
        let mut after = (*before).clone();
        edit(&mut after)?;
        after.settle();
        if after == *before {
            return Ok(());
        }
        self.keep(&before, after, user).map(drop)
    }

    /// Takes what changed among the custom resources. `write` is the one through the API that changed them.
    pub(crate) fn hand_over(
        &self,
        handed: &HandOver,
        write: Option<&WriteIntent>,
    ) -> Result<HandOverOutcome> {
        let before = self.before();
        let mut after = (*before).clone();
        offers::hand_over(&mut after, handed, write.is_some_and(|write| write.force));
        after.settle();
        if after != *before {
            let user = write.map_or(CUSTOM_RESOURCES, |write| &write.user);
            self.keep(&before, after, user)?;
        }
        let snapshot = self.inner.pending.newest().snapshot;
        let verdicts = offers::verdicts(handed, &snapshot);
        tracing::info!(
            revision = snapshot.revision,
            changed = handed.changed.len(),
            removed = handed.removed.len(),
            with_errors = offers::refused(&verdicts),
            "custom resources were handed over"
        );
        Ok(HandOverOutcome {
            revision: snapshot.revision,
            verdicts,
        })
    }

    /// What a write through the API wants is so, here and now.
    pub(crate) fn apply(&self, intent: WriteIntent) -> Result<()> {
        self.edit(&intent.user, |contents| {
            for key in &intent.remove {
                contents.components.remove(key);
            }
            for wanted in intent.put {
                let kept = Kept {
                    group: wanted.group,
                    original: wanted.original,
                };
                contents.components.insert((wanted.kind, wanted.id), kept);
            }
            Ok(())
        })
    }

    /// Decides the next revision.
    fn keep(&self, before: &Arc<Contents>, mut after: Contents, user: &str) -> Result<()> {
        after.counters.revision += 1;
        let validated = self.settle(&mut after);
        let (shared, entries) = records::difference(before, &mut after, &author(user));
        tracing::info!(
            revision = after.counters.revision,
            user,
            "configuration changes"
        );
        let history = HistoryChange::Add(entries);
        self.decide(before, after, validated, shared, history)
    }

    fn settle(&self, contents: &mut Contents) -> Validated {
        let present = &self.newest.snapshot;
        offers::settle(contents, present, &mut self.inner.loader.lock())
    }

    /// A number for a new dataset, given once. Nothing that is watched changes.
    pub(crate) fn next_dataset_number(&self, name: &str) -> Result<u64> {
        let mut revision = self.newest.clone();
        let before = revision.contents.clone();
        let mut after = (*before).clone();
        let number = after.counters.next_dataset;
        after.counters.next_dataset += 1;
        let (mut shared, mut own) = (Difference::default(), Difference::default());
        own.put_single(Kind::Counters, records::counters_text(after.counters));
        if self.inner.log.is_some() && after.counters.next_dataset > revision.reserved {
            revision.reserved = after.counters.next_dataset + RESERVED;
            shared.put_single(Kind::DatasetNumbers, revision.reserved.to_string());
        }
        revision.contents = Arc::new(after);
        let decided = Decided {
            revision,
            shared,
            own,
            history: HistoryChange::Add(Vec::new()),
        };
        self.enqueue(&before, decided)?;
        tracing::info!(dataset = name, number, "dataset number given");
        Ok(number)
    }

    /// What the hub is written in from now on. Nothing that is watched changes.
    pub(crate) fn put_hub_format(&self, hub_format: HubFormat) -> Result<()> {
        let mut revision = self.newest.clone();
        let before = revision.contents.clone();
        if before.hub_format == hub_format {
            return Ok(());
        }
        let mut shared = Difference::default();
        shared.put_single(Kind::HubFormat, records::hub_format_text(hub_format));
        revision.contents = Arc::new(Contents {
            hub_format,
            ..(*before).clone()
        });
        let decided = Decided {
            revision,
            shared,
            own: Difference::default(),
            history: HistoryChange::Add(Vec::new()),
        };
        tracing::info!(?hub_format, "the hub's format is to change");
        self.enqueue(&before, decided)
    }

    /// Empties everything but the counters and what custom resources say.
    pub(crate) fn reset(&self) -> Result<()> {
        let before = self.before();
        let mut after = Contents {
            counters: before.counters,
            handed_variables: before.handed_variables.clone(),
            hub_format: before.hub_format,
            ..Contents::default()
        };
        after.counters.revision += 1;
        let shared = records::reset_difference(&after);
        let validated = self.settle(&mut after);
        tracing::info!(
            revision = after.counters.revision,
            "configuration, variables and secrets are reset"
        );
        self.decide(&before, after, validated, shared, HistoryChange::Reset)
    }

    fn decide(
        &self,
        before: &Arc<Contents>,
        after: Contents,
        validated: Validated,
        shared: Difference,
        history: HistoryChange,
    ) -> Result<()> {
        let revision = Revision {
            contents: Arc::new(after),
            snapshot: Arc::new(validated.snapshot),
            configured: Arc::new(validated.configured),
            reserved: self.newest.reserved,
        };
        let decided = Decided {
            revision,
            shared,
            own: Difference::default(),
            history,
        };
        self.enqueue(before, decided)
    }

    fn enqueue(&self, before: &Arc<Contents>, decided: Decided) -> Result<()> {
        let ticket = self.inner.enqueue(before, decided)?;
        *self.ticket.lock() = Some(ticket);
        Ok(())
    }

    /// What it takes to put components of one kind. What cannot be kept at all refuses them, also when forced.
    pub(crate) fn plan_single(
        &self,
        expected: ComponentKind,
        components: Vec<Json>,
        force: bool,
        user: &str,
    ) -> Result<Planned> {
        let merged = configuration::put(&self.before(), components);
        let mut keys = merged.posted.iter().filter_map(|one| one.key.as_ref());
        if let Some((kind, id)) = keys.find(|(kind, _)| *kind != expected) {
            let message = format!(
                "\"{id}\" is a {}, here belongs a {}",
                kind_name(*kind),
                kind_name(expected)
            );
            return Err(Error::invalid("wrong-kind-of-component", message)
                .with("id", Json::from(id.as_str())));
        }
        let can_be_kept = merged.posted.iter().all(|one| one.key.is_some());
        self.plan(merged, force && can_be_kept, user)
    }

    /// What it takes to remove components, all of which are there.
    pub(crate) fn plan_removal(&self, keys: Vec<ComponentKey>, user: &str) -> Result<Planned> {
        let before = self.before();
        for key in &keys {
            if !before.components.contains_key(key) {
                let (reason, what) = configuration::missing(key.0);
                return Err(Error::not_found(reason, what, &key.1));
            }
        }
        let mut after = (*before).clone();
        for key in &keys {
            after.components.remove(key);
        }
        let mut intent = intent(&before, &after, &BTreeSet::new(), false, user)?;
        if let Some(intent) = &mut intent {
            intent.prunes = false;
        }
        Ok(Planned {
            outcome: PutOutcome {
                applied: true,
                revision: before.counters.revision,
                rejected: Vec::new(),
            },
            intent,
        })
    }

    /// A sealed value of a secret.
    pub(crate) fn seal(&self, scope: &SecretScope, name: &str, value: &str) -> Result<Arc<[u8]>> {
        let sealed = self.inner.key.seal(scope, name, value);
        sealed.ok_or_else(|| Error::new(Code::Internal, "internal", "secrets cannot be sealed"))
    }

    /// What it takes to apply an upload; nothing if it has errors and is not forced (CF4).
    pub(crate) fn plan(
        &self,
        merged: configuration::Merged,
        force: bool,
        user: &str,
    ) -> Result<Planned> {
        let before = self.before();
        let configuration::Merged {
            contents: mut after,
            posted,
        } = merged;
        let keys: BTreeSet<ComponentKey> =
            posted.iter().filter_map(|one| one.key.clone()).collect();
        // What is posted takes the place of whatever waits there.
        for key in &keys {
            if let Some(offer) = after.offers.get_mut(key) {
                offer.waiting = None;
            }
        }
        let intent = intent(&before, &after, &keys, force, user)?;
        let validated = self.settle(&mut after);
        let rejected = rejected(posted, &validated.snapshot);
        let has_errors = rejected
            .iter()
            .flat_map(|one| &one.diagnostics)
            .any(|one| one.level == Level::Error);
        let applied = force || !has_errors;
        Ok(Planned {
            outcome: PutOutcome {
                applied,
                revision: before.counters.revision,
                rejected,
            },
            intent: intent.filter(|_| applied),
        })
    }
}

/// What an upload does, and how it ends if that succeeds.
pub(crate) struct Planned {
    pub(crate) outcome: PutOutcome,
    /// `None`: it changes nothing.
    pub(crate) intent: Option<WriteIntent>,
}

/// What makes `after` of `before`; `posted` says also what replaces something that is offered and has errors.
fn intent(
    before: &Contents,
    after: &Contents,
    posted: &BTreeSet<ComponentKey>,
    force: bool,
    user: &str,
) -> Result<Option<WriteIntent>> {
    let waits = |key: &ComponentKey| {
        let offer = before.offers.get(key);
        posted.contains(key) && offer.is_some_and(|offer| offer.waiting.is_some())
    };
    let put = after.components.iter();
    let put = put.filter(|(key, kept)| before.components.get(*key) != Some(*kept) || waits(key));
    let put: Vec<WantedComponent> = put
        .map(|((kind, id), kept)| WantedComponent {
            kind: *kind,
            id: id.clone(),
            group: kept.group.clone(),
            original: Arc::clone(&kept.original),
        })
        .collect();
    let remove = before.components.keys();
    let remove = remove.filter(|key| !after.components.contains_key(*key));
    let remove: Vec<ComponentKey> = remove.cloned().collect();
    if put.is_empty() && remove.is_empty() {
        return Ok(None);
    }
    Ok(Some(WriteIntent {
        request: new_request()?,
        user: user.to_owned(),
        force,
        put,
        remove,
        prunes: true,
    }))
}

/// A name that no other write has.
pub(crate) fn new_request() -> Result<RequestId> {
    let mut bytes = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| Error::new(Code::Internal, "internal", "there is no randomness"))?;
    Ok(RequestId(
        bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    ))
}

/// The posted components that have diagnostics: their own, and those of validation.
fn rejected(
    posted: Vec<configuration::Posted>,
    snapshot: &ConfigurationSnapshot,
) -> Vec<RejectedComponent> {
    let with_all = |one: configuration::Posted| {
        let validated = one
            .key
            .as_ref()
            .and_then(|key| snapshot.components.get(key));
        let validated = validated
            .into_iter()
            .flat_map(|component| &component.diagnostics)
            .cloned();
        let diagnostics: Vec<Diagnostic> = one.diagnostics.into_iter().chain(validated).collect();
        (!diagnostics.is_empty()).then(|| RejectedComponent {
            posted: (*one.original).clone(),
            diagnostics,
        })
    };
    posted.into_iter().filter_map(with_all).collect()
}

/// Who changes something now.
fn author(user: &str) -> Author {
    let timestamp = u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap_or_default();
    Author {
        user: user.to_owned(),
        timestamp,
    }
}
