//! A storage node that answers samples and remembers what it was asked. Every change is a revision.

use super::samples;
use crate::*;
use async_trait::async_trait;
use parking_lot::Mutex;
use sluice_dataset::ReadOptions;
use sluice_entity::Json;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use tokio::sync::watch;

pub(super) struct FakeStorageNode {
    pub(super) asked: Mutex<Vec<String>>,
    published: watch::Sender<Arc<ConfigurationSnapshot>>,
}

impl FakeStorageNode {
    pub(super) fn new() -> Self {
        FakeStorageNode {
            asked: Mutex::default(),
            published: watch::Sender::new(Arc::new(samples::snapshot(1, &["a"]))),
        }
    }

    /// Publishes the next revision with these pipes.
    pub(super) fn configure(&self, ids: &[&str]) -> u64 {
        let revision = self.published.borrow().revision + 1;
        let snapshot = samples::snapshot(revision, ids);
        self.published.send_replace(Arc::new(snapshot));
        revision
    }

    /// How many watch it.
    pub(super) fn watchers(&self) -> usize {
        self.published.receiver_count()
    }

    fn change(&self, call: &str, arguments: &dyn Debug) -> u64 {
        self.asked.lock().push(format!("{call} {arguments:?}"));
        self.configure(&["a", "b"])
    }

    fn outcome(&self, revision: u64) -> PutOutcome {
        PutOutcome {
            applied: true,
            revision,
            rejected: vec![RejectedComponent {
                posted: samples::json(r#"{"z": 1.0, "_id": "a"}"#),
                diagnostics: samples::diagnostics(),
            }],
        }
    }
}

#[async_trait]
impl StorageNode for FakeStorageNode {
    fn watch(&self) -> watch::Receiver<Arc<ConfigurationSnapshot>> {
        self.published.subscribe()
    }
    async fn put_configuration(&self, put: PutConfiguration) -> Result<PutOutcome> {
        Ok(self.outcome(self.change("put_configuration", &put)))
    }
    async fn put_component(
        &self,
        expected_kind: ComponentKind,
        component: Json,
        force: bool,
        user: &str,
    ) -> Result<PutOutcome> {
        let revision = self.change("put_component", &(expected_kind, component, force, user));
        Ok(self.outcome(revision))
    }
    async fn add_components(
        &self,
        expected_kind: ComponentKind,
        components: Vec<Json>,
        force: bool,
        user: &str,
    ) -> Result<PutOutcome> {
        let revision = self.change("add_components", &(expected_kind, components, force, user));
        Ok(self.outcome(revision))
    }
    async fn delete_component(&self, kind: ComponentKind, id: &str, user: &str) -> Result<()> {
        if id == "unknown" {
            return Err(Error::not_found("unknown-pipe", "pipe", id));
        }
        self.change("delete_component", &(kind, id, user));
        Ok(())
    }
    async fn history(
        &self,
        kind: Option<ComponentKind>,
        id: Option<&str>,
        options: &ReadOptions,
    ) -> Result<Vec<HistoryEntry>> {
        let asked = format!("history {:?}", (kind, id, options));
        self.asked.lock().push(asked);
        let entries = (0..30).map(|offset| HistoryEntry {
            offset,
            previous: offset.checked_sub(3),
            kind: kind.unwrap_or(ComponentKind::Metadata),
            id: id.unwrap_or("all").to_owned(),
            timestamp: 1_700_000_000_000_000,
            user: "ann".into(),
            original: (offset % 2 == 0).then(|| Arc::new(samples::json(r#"{"n": 1.0}"#))),
        });
        Ok(entries.collect())
    }
    async fn format(&self) -> Result<FormatReport> {
        self.asked.lock().push("format".to_owned());
        Ok(samples::format_report(None))
    }
    async fn finalize(&self, user: &str) -> Result<FormatReport> {
        self.asked.lock().push(format!("finalize {user}"));
        match user {
            "nobody" => Err(Error::new(Code::Conflict, "not-all-upgraded", "w-2")),
            _ => Ok(samples::format_report(Some(9))),
        }
    }
    async fn history_summary(&self) -> Result<HistorySummary> {
        Ok(HistorySummary {
            versions: 1,
            versions_deleted: 2,
            components: 3,
            components_deleted: 4,
            bytes: 5,
            newest: Some(6),
            last_modified: 7,
        })
    }
    async fn put_variables(
        &self,
        variables: BTreeMap<String, Json>,
        replace: bool,
        user: &str,
    ) -> Result<()> {
        self.change("put_variables", &(variables, replace, user));
        Ok(())
    }
    async fn delete_variable(&self, name: &str, user: &str) -> Result<()> {
        self.change("delete_variable", &(name, user));
        Ok(())
    }
    async fn put_secrets(
        &self,
        scope: SecretScope,
        secrets: BTreeMap<String, String>,
        replace: bool,
        user: &str,
    ) -> Result<()> {
        self.change("put_secrets", &(scope, secrets, replace, user));
        Ok(())
    }
    async fn delete_secret(&self, scope: SecretScope, name: &str, user: &str) -> Result<()> {
        self.change("delete_secret", &(scope, name, user));
        Ok(())
    }
    async fn secret_values(&self) -> Result<SecretValues> {
        Ok(SecretValues {
            global: [("password".to_owned(), "hush".to_owned())].into(),
            systems: [(
                "crm".to_owned(),
                [("key".to_owned(), "quiet".to_owned())].into(),
            )]
            .into(),
        })
    }
    async fn hash_key(&self) -> Result<sluice_entity::HashKey> {
        Ok(sluice_entity::HashKey([1, 2, 3, u64::MAX]))
    }
    async fn dataset_number(&self, name: &str) -> Result<u64> {
        Ok(name.len() as u64)
    }
    async fn reset(&self) -> Result<()> {
        self.change("reset", &());
        Ok(())
    }
}
