//! A storage node in memory: keeps what it is given, with one rule about what is refused.

use async_trait::async_trait;
use parking_lot::Mutex;
use sluice_dataset::ReadOptions;
use sluice_entity::{Json, Limits};
use sluice_protocol::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

pub(super) fn json(text: &str) -> Json {
    Json::parse(text.as_bytes(), &Limits::default()).unwrap()
}

/// A configuration that is kept, with one rule: a component has `_id` and `type`, and the type is not `broken`.
pub(super) struct FakeStorage {
    published: watch::Sender<Arc<ConfigurationSnapshot>>,
    pub(super) secrets: Mutex<SecretValues>,
    /// What was asked of microservices, and by whom.
    pub(super) questions: Mutex<Vec<(String, MicroserviceQuestion, String)>>,
}

impl FakeStorage {
    pub(super) fn new() -> Self {
        FakeStorage {
            published: watch::Sender::new(Arc::default()),
            secrets: Mutex::default(),
            questions: Mutex::default(),
        }
    }

    pub(super) fn snapshot(&self) -> Arc<ConfigurationSnapshot> {
        self.published.borrow().clone()
    }

    /// Every component was posted, removed and posted again; offsets run over all of them.
    fn all_history(&self) -> Vec<HistoryEntry> {
        let entry = |component: &Component, offset: u64, version: u64| HistoryEntry {
            offset,
            previous: (version > 0).then(|| offset - 1),
            kind: component.kind,
            id: component.id.clone(),
            timestamp: 1_700_000_000_000_000,
            user: "tester".into(),
            original: (version != 1).then(|| Arc::clone(&component.original)),
        };
        let snapshot = self.snapshot();
        let all = (0u64..).zip(snapshot.components.values());
        all.flat_map(|(position, one)| {
            (0..3).map(move |version| entry(one, position * 3 + version, version))
        })
        .collect()
    }

    fn change(&self, change: impl FnOnce(&mut ConfigurationSnapshot)) -> u64 {
        let mut after = (*self.snapshot()).clone();
        change(&mut after);
        after.revision += 1;
        let revision = after.revision;
        self.published.send_replace(Arc::new(after));
        revision
    }

    fn put(&self, scope: Option<&Scope>, posted: Vec<Json>, force: bool) -> Result<PutOutcome> {
        let mut rejected = Vec::new();
        let mut kept = Vec::new();
        for original in posted {
            let id = original
                .get("_id")
                .and_then(Json::as_str)
                .map(str::to_owned);
            let kind = match original.get("type").and_then(Json::as_str) {
                Some("pipe") => Some(ComponentKind::Pipe),
                Some("metadata") => Some(ComponentKind::Metadata),
                Some(kind) if kind.starts_with("system:") => Some(ComponentKind::System),
                _ => None,
            };
            let diagnostics = match (&id, kind) {
                (Some(_), Some(_)) if original.get("broken").is_none() => Vec::new(),
                _ => vec![Diagnostic {
                    level: Level::Error,
                    code: "unknown-type".into(),
                    message: "no such type".into(),
                    elements: vec![PathElement::Key("source".into()), PathElement::Index(0)],
                }],
            };
            if !diagnostics.is_empty() {
                rejected.push(RejectedComponent {
                    posted: original.clone(),
                    diagnostics: diagnostics.clone(),
                });
            }
            if let (Some(id), Some(kind)) = (id, kind) {
                let group = original
                    .get("metadata")
                    .and_then(|m| m.get("$config-group"));
                let group = group.and_then(Json::as_str).unwrap_or("default").to_owned();
                let group = match scope {
                    Some(Scope::Group(group)) => group.clone(),
                    _ => group,
                };
                let original = Arc::new(original);
                let effective = Arc::clone(&original);
                kept.push(Component {
                    kind,
                    id,
                    group,
                    original,
                    effective,
                    diagnostics,
                });
            }
        }
        if !rejected.is_empty() && !force {
            let revision = self.snapshot().revision;
            return Ok(PutOutcome {
                applied: false,
                revision,
                rejected,
            });
        }
        let revision = self.change(|after| {
            after.components.retain(|_, component| match scope {
                Some(Scope::All) => false,
                Some(Scope::Group(group)) => component.group != *group,
                None => true,
            });
            for component in kept {
                after
                    .components
                    .insert((component.kind, component.id.clone()), component);
            }
        });
        Ok(PutOutcome {
            applied: true,
            revision,
            rejected,
        })
    }
}

#[async_trait]
impl StorageNode for FakeStorage {
    async fn format(&self) -> Result<FormatReport> {
        let worker = WorkerFormats {
            reads: Some(FormatRange::FIRST),
            is_present: true,
        };
        Ok(FormatReport {
            format: 1,
            reads: FormatRange::FIRST,
            workers: [(WorkerId("w".into()), worker)].into(),
            finalizes: Some(1_700_000_000_000_000),
        })
    }
    async fn finalize(&self, _: &str) -> Result<FormatReport> {
        self.format().await
    }
    fn watch(&self) -> watch::Receiver<Arc<ConfigurationSnapshot>> {
        self.published.subscribe()
    }
    async fn put_configuration(&self, put: PutConfiguration) -> Result<PutOutcome> {
        self.put(Some(&put.scope), put.components, put.force)
    }
    async fn put_component(
        &self,
        _: ComponentKind,
        one: Json,
        force: bool,
        _: &str,
    ) -> Result<PutOutcome> {
        self.put(None, vec![one], force)
    }
    async fn add_components(
        &self,
        _: ComponentKind,
        all: Vec<Json>,
        force: bool,
        _: &str,
    ) -> Result<PutOutcome> {
        self.put(None, all, force)
    }
    async fn delete_component(&self, kind: ComponentKind, id: &str, _: &str) -> Result<()> {
        let key = (kind, id.to_owned());
        if !self.snapshot().components.contains_key(&key) {
            return Err(Error::not_found("unknown-component", "component", id));
        }
        self.change(|after| drop(after.components.remove(&key)));
        Ok(())
    }
    async fn history(
        &self,
        _: Option<ComponentKind>,
        id: Option<&str>,
        options: &ReadOptions,
    ) -> Result<Vec<HistoryEntry>> {
        let mut entries = self.all_history();
        entries.retain(|entry| {
            let is_latest = entry.offset % 3 == 2;
            let is_after = options.since.is_none_or(|since| match options.reverse {
                true => entry.offset < since,
                false => entry.offset > since,
            });
            id.is_none_or(|id| id == entry.id)
                && is_after
                && options.shows(is_latest, entry.original.is_none())
        });
        if options.reverse {
            entries.reverse();
        }
        // Small pages, so that readers have to ask for more than one.
        let limit = options.limit.unwrap_or(u64::MAX).min(2);
        entries.truncate(usize::try_from(limit).unwrap());
        Ok(entries)
    }
    async fn history_summary(&self) -> Result<HistorySummary> {
        let components = self.snapshot().components.len() as u64;
        Ok(HistorySummary {
            versions: components * 2,
            versions_deleted: components,
            components,
            newest: (components * 3).checked_sub(1),
            ..HistorySummary::default()
        })
    }
    async fn put_variables(
        &self,
        variables: BTreeMap<String, Json>,
        replace: bool,
        _: &str,
    ) -> Result<()> {
        self.change(|after| {
            if replace {
                after.variables.clear();
            }
            after.variables.extend(variables);
        });
        Ok(())
    }
    async fn delete_variable(&self, name: &str, _: &str) -> Result<()> {
        if !self.snapshot().variables.contains_key(name) {
            return Err(Error::not_found("unknown-variable", "variable", name));
        }
        self.change(|after| drop(after.variables.remove(name)));
        Ok(())
    }
    async fn put_secrets(
        &self,
        scope: SecretScope,
        secrets: BTreeMap<String, String>,
        replace: bool,
        _: &str,
    ) -> Result<()> {
        let mut values = self.secrets.lock();
        let of_scope = match &scope {
            SecretScope::Global => &mut values.global,
            SecretScope::System(id) => values.systems.entry(id.clone()).or_default(),
        };
        if replace {
            of_scope.clear();
        }
        of_scope.extend(secrets);
        let names: Vec<String> = of_scope.keys().cloned().collect();
        self.change(|after| match scope {
            SecretScope::Global => after.secret_names = names,
            SecretScope::System(id) => drop(after.system_secret_names.insert(id, names)),
        });
        Ok(())
    }
    async fn delete_secret(&self, scope: SecretScope, name: &str, _: &str) -> Result<()> {
        let mut values = self.secrets.lock();
        let of_scope = match &scope {
            SecretScope::Global => &mut values.global,
            SecretScope::System(id) => values.systems.entry(id.clone()).or_default(),
        };
        match of_scope.remove(name) {
            Some(_) => Ok(()),
            None => Err(Error::not_found("unknown-secret", "secret", name)),
        }
    }
    async fn secret_values(&self) -> Result<SecretValues> {
        Ok(self.secrets.lock().clone())
    }
    async fn hash_key(&self) -> Result<sluice_entity::HashKey> {
        Ok(sluice_entity::HashKey([1, 2, 3, u64::MAX]))
    }
    async fn dataset_number(&self, _: &str) -> Result<u64> {
        Ok(1)
    }
    async fn ask_microservice(
        &self,
        system: &str,
        question: MicroserviceQuestion,
        user: &str,
    ) -> Result<MicroserviceAnswer> {
        self.questions
            .lock()
            .push((system.to_owned(), question.clone(), user.to_owned()));
        if system == "elsewhere" {
            return Err(no_containers(system));
        }
        if system == "unattended" {
            return Err(Error::new(Code::Unavailable, "no-operator", "not there"));
        }
        if system == "confused" {
            return Ok(MicroserviceAnswer::Reloading);
        }
        Ok(match question {
            MicroserviceQuestion::Status => MicroserviceAnswer::Status(MicroserviceStatus {
                reason: "CrashLoopBackOff".into(),
                image: "image:1".into(),
                restarts: 3,
                ..MicroserviceStatus::default()
            }),
            MicroserviceQuestion::Logs(wanted) => MicroserviceAnswer::Logs(match wanted.since {
                None => "2026-01-01T00:00:00.000000001Z first\n".into(),
                Some(_) => "2026-01-01T00:00:00.000000002Z second\n".into(),
            }),
            MicroserviceQuestion::Reload => MicroserviceAnswer::Reloading,
        })
    }
    async fn reset(&self) -> Result<()> {
        self.change(|after| {
            *after = ConfigurationSnapshot {
                revision: after.revision,
                ..Default::default()
            }
        });
        Ok(())
    }
}
