//! One change of what is kept: edit, validate, write, publish. Runs on a thread that may block, one at a time.

use crate::contents::{Contents, kind_name};
use crate::error::from_store;
use crate::history::Index;
use crate::records::Author;
use crate::service::Inner;
use crate::validation::{Validated, validate};
use crate::{configuration, records};
use sluice_entity::Json;
use sluice_protocol::{
    ComponentKind, ConfigurationSnapshot, Diagnostic, Error, Level, PutOutcome, RejectedComponent,
    Result,
};
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;

/// The right to change what is kept.
pub(crate) struct Change {
    pub(crate) inner: Arc<Inner>,
    pub(crate) _guard: OwnedMutexGuard<()>,
}

impl Change {
    pub(crate) fn before(&self) -> Arc<Contents> {
        Arc::clone(&self.inner.contents.read())
    }

    /// Makes an edit of what is kept durable, then visible. Nothing is written when nothing changed.
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
        after.counters.revision += 1;
        let validated = validate(&after);
        self.write(&before, after, validated, user)
    }

    /// A number for a new dataset, given once. Nothing that is watched changes.
    pub(crate) fn next_dataset_number(&self, name: &str) -> Result<u64> {
        let before = self.before();
        let mut after = (*before).clone();
        let number = after.counters.next_dataset;
        after.counters.next_dataset += 1;
        records::write(&self.inner.store, &before, &mut after, &author("system"))
            .map_err(from_store)?;
        tracing::info!(dataset = name, number, "dataset number given");
        *self.inner.contents.write() = Arc::new(after);
        Ok(number)
    }

    /// Empties everything but the counters.
    pub(crate) fn reset(&self) -> Result<()> {
        let mut after = Contents {
            counters: self.before().counters,
            ..Contents::default()
        };
        after.counters.revision += 1;
        records::write_reset(&self.inner.store, &after).map_err(from_store)?;
        *self.inner.history.write() = Index::default();
        let validated = validate(&after);
        tracing::info!(
            revision = after.counters.revision,
            "configuration, variables and secrets were reset"
        );
        self.publish(after, validated);
        Ok(())
    }

    fn write(
        &self,
        before: &Contents,
        mut after: Contents,
        validated: Validated,
        user: &str,
    ) -> Result<()> {
        let author = author(user);
        let entries =
            records::write(&self.inner.store, before, &mut after, &author).map_err(from_store)?;
        let mut history = self.inner.history.write();
        entries.into_iter().for_each(|entry| history.add(entry));
        drop(history);
        tracing::info!(
            revision = after.counters.revision,
            user,
            "configuration changed"
        );
        self.publish(after, validated);
        Ok(())
    }

    fn publish(&self, contents: Contents, validated: Validated) {
        let Validated {
            snapshot,
            configured,
        } = validated;
        *self.inner.contents.write() = Arc::new(contents);
        self.inner.configured.send_replace(Arc::new(configured));
        self.inner.published.send_replace(Arc::new(snapshot));
    }

    /// Puts components of one kind. What cannot be kept at all refuses them, also when forced.
    pub(crate) fn put_single(
        &self,
        expected: ComponentKind,
        components: Vec<Json>,
        force: bool,
        user: &str,
    ) -> Result<PutOutcome> {
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
        self.put(merged, force && can_be_kept, user)
    }

    /// Applies an upload unless it has errors and is not forced (CF4).
    pub(crate) fn put(
        &self,
        merged: configuration::Merged,
        force: bool,
        user: &str,
    ) -> Result<PutOutcome> {
        let before = self.before();
        let configuration::Merged {
            contents: mut after,
            posted,
        } = merged;
        let is_changed = after != *before;
        after.counters.revision += u64::from(is_changed);
        let validated = validate(&after);
        let rejected = rejected(posted, &validated.snapshot);
        let has_errors = rejected
            .iter()
            .flat_map(|one| &one.diagnostics)
            .any(|one| one.level == Level::Error);
        if has_errors && !force {
            return Ok(PutOutcome {
                applied: false,
                revision: before.counters.revision,
                rejected,
            });
        }
        let revision = validated.snapshot.revision;
        if is_changed {
            self.write(&before, after, validated, user)?;
        }
        Ok(PutOutcome {
            applied: true,
            revision,
            rejected,
        })
    }
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
