//! The storage node at work: one writer at a time, on threads that may block; readers see published snapshots.

use crate::change::{Change, Planned};
use crate::contents::{Contents, kind_name};
use crate::durability::{Followed, Log, ObjectSettings, Opening};
use crate::error::{OpenError, from_store, lost_thread, open_error};
use crate::formats::{self, Readers};
use crate::pending::{Pending, Revision};
use crate::placements::Configured;
use crate::questions::Questions;
use crate::records::ReadError;
use crate::secrets::{SecretsKey, open_key};
use crate::writers::{OwnHistory, Truth, Writes};
use crate::{breaker, configuration, hash_key, history, managed, offers, records, validation};
use async_trait::async_trait;
use parking_lot::RwLock;
use sluice_config::Loader;
use sluice_dataset::ReadOptions;
use sluice_entity::{HashKey, Json};
use sluice_protocol::{
    Code, ComponentKind, ConfigurationSnapshot, ConfigurationWriter, Error, FormatReport,
    HistoryEntry, HistorySummary, MicroserviceAnswer, MicroserviceQuestion, PutConfiguration,
    PutOutcome, Result, SecretScope, SecretValues, StorageNode,
};
use sluice_store::Store;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use tokio_util::task::TaskTracker;

/// Entries of the history that one answer has at most.
const HISTORY_PAGE: usize = 200;
/// How long a change waits for the operator before nobody is there (design 4).
const OPERATOR_PATIENCE: Duration = Duration::from_secs(10);
/// How long a change waits for those before it.
const TURN: Duration = Duration::from_secs(60);

/// Where things are.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The hub's data folder.
    pub data: PathBuf,
    /// The key of the secrets, if it is not in the data folder.
    pub secrets_key_file: Option<PathBuf>,
    /// The key of content hashes, if it is not to be made at the first start: hubs with the same one hash the same content alike.
    pub hash_key_file: Option<PathBuf>,
    /// Budgets of the store.
    pub store: sluice_store::Settings,
    /// Where the truth of the configuration is.
    pub truth: Truth,
    /// How long a change waits for the operator, where it decides.
    pub operator_patience: Duration,
    /// Where everything is kept so that it outlives the disk.
    pub objects: Option<ObjectSettings>,
}

impl Settings {
    /// The usual settings for a data folder. The store is small: it holds configuration only.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Settings {
            data: data.into(),
            secrets_key_file: None,
            hash_key_file: None,
            store: sluice_store::Settings::small(),
            truth: Truth::default(),
            operator_patience: OPERATOR_PATIENCE,
            objects: None,
        }
    }
}

/// A storage node. Clones are handles to the same one; its store closes with the last.
#[derive(Clone)]
pub struct Node {
    pub(crate) inner: Arc<Inner>,
    pub(crate) truth: Truth,
    pub(crate) writes: Arc<Writes>,
    /// What waits for the operator's answer.
    pub(crate) questions: Arc<Questions>,
    /// Decides about changes of components.
    writer: Arc<dyn ConfigurationWriter>,
    /// Held by a change of components from planning to its end.
    turn: Arc<Mutex<()>>,
    /// Those changes.
    changes: TaskTracker,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) key: SecretsKey,
    pub(crate) contents: RwLock<Arc<Contents>>,
    pub(crate) history: RwLock<history::Index>,
    pub(crate) published: watch::Sender<Arc<ConfigurationSnapshot>>,
    /// The same revision as placement sees it.
    pub(crate) configured: watch::Sender<Arc<Configured>>,
    path: PathBuf,
    /// What was validated the last time.
    pub(crate) loader: parking_lot::Mutex<Loader>,
    /// Held by whoever decides a change.
    writer: Arc<Mutex<()>>,
    pub(crate) pending: Pending,
    /// Of what is durable.
    pub(crate) reserved: parking_lot::Mutex<u64>,
    /// The changes in the object store.
    pub(crate) log: Option<Arc<Log>>,
    /// What the hub is written in, for placement.
    pub(crate) format: watch::Sender<u32>,
    /// What workers read, as placement sees them.
    pub(crate) readers: Arc<watch::Sender<Arc<Readers>>>,
    /// How long all roles have to read a format before the hub is finalized in it by itself.
    pub(crate) finalize_after: parking_lot::Mutex<Option<Duration>>,
}

impl Inner {
    /// Runs a change to its end, also when the caller goes away meanwhile, and answers when it is durable.
    pub(crate) async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        change: impl FnOnce(&Change) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let guard = Arc::clone(&self.writer).lock_owned().await;
        let (newest, earlier) = self.pending.begin_planning();
        let change_of = Change {
            inner: Arc::clone(self),
            newest,
            ticket: parking_lot::Mutex::default(),
            _guard: guard,
        };
        let deciding = tokio::task::spawn_blocking(move || {
            let decided = change(&change_of);
            (decided, change_of.ticket.into_inner())
        });
        let (decided, own) = deciding.await.map_err(lost_thread)?;
        // Also if this one changed nothing: it may have found that so only because of one before it, which may have been taken back
        // while it looked.
        earlier.wait().await?;
        if let Some(own) = own {
            own.wait().await?;
        }
        decided
    }
}

impl Node {
    /// Opens the node of a data folder and validates what it keeps. Blocks; with an object store it has to be called in a runtime,
    /// on a thread that may block.
    pub fn open(settings: &Settings) -> Result<Node, OpenError> {
        let path = folder(&settings.data);
        let given = settings.hash_key_file.as_deref();
        let given = given.map(hash_key::read).transpose()?;
        let objects = settings.objects.clone();
        let format = &settings.store.format;
        let place = objects.map(|objects| Opening::begin(objects, format.clone()));
        let place = place.transpose()?;
        let claimed = place.as_ref().and_then(Opening::hash_key);
        let store_settings = sluice_store::Settings {
            hash_key: given.or(claimed),
            ..settings.store.clone()
        };
        let store = Store::open(&path, &store_settings).map_err(|source| OpenError::Store {
            path: path.clone(),
            source,
        })?;
        if given.is_some_and(|given| given != *store.hash_key()) {
            return Err(OpenError::OtherHashKey { path });
        }
        let log = match place {
            Some(place) => Some(place.open(&store, &path)?),
            None => {
                Followed::detach(&store).map_err(|error| open_error(&path, error))?;
                None
            }
        };
        let read = || {
            let contents = records::read(&store)?;
            let reserved = records::reserved_numbers(&store)?;
            Ok((contents, history::index(&store)?, reserved))
        };
        let (contents, index, reserved) = read().map_err(|error| open_error(&path, error))?;
        let key = open_key(
            &settings.data,
            settings.secrets_key_file.as_deref(),
            &contents,
        )?;
        let mut contents = contents;
        // The store says a format even where nothing else was kept of it.
        let raised = store.raise_format(contents.hub_format.finalized);
        raised.map_err(|error| open_error(&path, error.into()))?;
        contents.hub_format.finalized = store.format().writes();
        let mut loader = Loader::default();
        // What runs is not known yet: first without what waits.
        let present = validation::validate(&contents, &mut loader).snapshot;
        let validation::Validated {
            snapshot,
            configured,
        } = offers::settle(&mut contents, &present, &mut loader);
        tracing::info!(
            components = snapshot.components.len(),
            revision = snapshot.revision,
            "configuration loaded"
        );
        let writes = Writes::open(&store, settings.operator_patience)
            .map_err(|error| open_error(&path, error))?;
        let writes = Arc::new(writes);
        let hub_format = contents.hub_format;
        let revision = Revision {
            contents: Arc::new(contents),
            snapshot: Arc::new(snapshot),
            configured: Arc::new(configured),
            reserved,
        };
        let inner = Arc::new(Inner {
            store,
            key,
            contents: RwLock::new(revision.contents.clone()),
            history: RwLock::new(index),
            published: watch::Sender::new(revision.snapshot.clone()),
            configured: watch::Sender::new(revision.configured.clone()),
            path,
            loader: parking_lot::Mutex::new(loader),
            writer: Arc::default(),
            pending: Pending::new(revision),
            reserved: parking_lot::Mutex::new(reserved),
            log: log.map(Arc::new),
            format: watch::Sender::new(hub_format.finalized),
            readers: Arc::default(),
            finalize_after: parking_lot::Mutex::default(),
        });
        let writer: Arc<dyn ConfigurationWriter> = match settings.truth {
            Truth::OwnHistory => Arc::new(OwnHistory(inner.clone())),
            Truth::CustomResources => writes.clone(),
        };
        Ok(Node {
            inner,
            truth: settings.truth,
            questions: Arc::new(Questions::new(settings.operator_patience)),
            writes,
            writer,
            turn: Arc::default(),
            changes: TaskTracker::new(),
        })
    }

    /// Why it cannot keep anything; `None`: it can.
    pub fn problem(&self) -> Option<String> {
        let health = self.inner.store.health();
        let problem = health.err().map(|error| error.to_string());
        problem.or_else(|| self.inner.log.as_ref()?.problem())
    }

    pub(crate) fn store(&self) -> Store {
        self.inner.store.clone()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.inner.path
    }

    pub(crate) fn watch_configured(&self) -> watch::Receiver<Arc<Configured>> {
        self.inner.configured.subscribe()
    }

    /// Ends what waits for the operator: from now on such changes are refused. What was begun goes on after the next start.
    pub async fn close(&self) {
        self.writes.close();
        self.changes.close();
        self.changes.wait().await;
        self.inner.pending.tasks.close();
        self.inner.pending.tasks.wait().await;
    }

    /// Plans a change of components and has it decided, to its end, also when the caller goes away meanwhile.
    async fn put(
        &self,
        plan: impl FnOnce(&Change) -> Result<Planned> + Send + 'static,
    ) -> Result<PutOutcome> {
        let node = self.clone();
        let putting = self.changes.spawn(async move {
            let by_operator = node.truth == Truth::CustomResources;
            if by_operator {
                node.writes.operator().await?;
            }
            let turn = tokio::time::timeout(TURN, node.turn.lock());
            let _turn = turn.await.map_err(|_| busy())?;
            if by_operator {
                node.writes.settled().await?;
            }
            let planned = node.inner.change(plan).await?;
            let mut outcome = planned.outcome;
            if let Some(intent) = planned.intent {
                node.writer.write(intent).await?;
                outcome.revision = node.inner.published.borrow().revision;
            }
            Ok(outcome)
        });
        putting.await.map_err(lost_thread)?
    }
}

#[async_trait]
impl StorageNode for Node {
    fn watch(&self) -> watch::Receiver<Arc<ConfigurationSnapshot>> {
        self.inner.published.subscribe()
    }

    async fn put_configuration(&self, put: PutConfiguration) -> Result<PutOutcome> {
        self.put(move |change| {
            let before = change.before();
            let merged = configuration::replace_scope(&before, &put.scope, put.components);
            if !put.force && breaker::is_on(&change.inner.published.borrow()) {
                breaker::check(&before, &merged.contents)?;
            }
            change.plan(merged, put.force, &put.user)
        })
        .await
    }

    async fn put_component(
        &self,
        expected: ComponentKind,
        json: Json,
        force: bool,
        user: &str,
    ) -> Result<PutOutcome> {
        let user = user.to_owned();
        self.put(move |change| change.plan_single(expected, vec![json], force, &user))
            .await
    }

    async fn add_components(
        &self,
        expected: ComponentKind,
        components: Vec<Json>,
        force: bool,
        user: &str,
    ) -> Result<PutOutcome> {
        let user = user.to_owned();
        self.put(move |change| {
            let ids = components
                .iter()
                .filter_map(|json| json.get("_id").and_then(Json::as_str));
            let before = change.before();
            for id in ids {
                if before.components.contains_key(&(expected, id.to_owned())) {
                    let message = format!("there is a {} \"{id}\" already", kind_name(expected));
                    return Err(Error::new(Code::Conflict, "already-exists", message)
                        .with("id", Json::from(id)));
                }
            }
            change.plan_single(expected, components, force, &user)
        })
        .await
    }

    async fn delete_component(&self, kind: ComponentKind, id: &str, user: &str) -> Result<()> {
        let (user, key) = (user.to_owned(), (kind, id.to_owned()));
        let deleted = self.put(move |change| change.plan_removal(vec![key], &user));
        deleted.await.map(drop)
    }

    async fn history(
        &self,
        kind: Option<ComponentKind>,
        id: Option<&str>,
        options: &ReadOptions,
    ) -> Result<Vec<HistoryEntry>> {
        let offsets = {
            let index = self.inner.history.read();
            let offsets = index.select(kind, id, options, HISTORY_PAGE).into_iter();
            offsets
                .map(|offset| (offset, index.previous(offset)))
                .collect::<Vec<_>>()
        };
        let store = self.inner.store.clone();
        let entries = tokio::task::spawn_blocking(move || history::read(&store, &offsets));
        entries
            .await
            .map_err(lost_thread)?
            .map_err(|error| match error {
                ReadError::Store(error) => from_store(error),
                ReadError::Record { record, problem } => Error::new(
                    Code::Internal,
                    "internal",
                    format!("the record {record} cannot be understood: {problem}"),
                ),
            })
    }

    async fn history_summary(&self) -> Result<HistorySummary> {
        Ok(self.inner.history.read().summary())
    }

    async fn put_variables(
        &self,
        variables: BTreeMap<String, Json>,
        replace: bool,
        user: &str,
    ) -> Result<()> {
        let user = user.to_owned();
        self.inner
            .change(move |change| {
                change.edit(&user, |contents| {
                    for name in variables.keys() {
                        managed::variable(contents, name)?;
                    }
                    if replace {
                        contents.variables.clear();
                    }
                    contents.variables.extend(variables);
                    Ok(())
                })
            })
            .await
    }

    async fn delete_variable(&self, name: &str, user: &str) -> Result<()> {
        let (user, name) = (user.to_owned(), name.to_owned());
        self.inner
            .change(move |change| {
                change.edit(&user, |contents| {
                    managed::variable(contents, &name)?;
                    let removed = contents.variables.remove(&name);
                    removed
                        .map(drop)
                        .ok_or_else(|| Error::not_found("unknown-variable", "variable", &name))
                })
            })
            .await
    }

    async fn put_secrets(
        &self,
        scope: SecretScope,
        secrets: BTreeMap<String, String>,
        replace: bool,
        user: &str,
    ) -> Result<()> {
        let user = user.to_owned();
        self.inner
            .change(move |change| {
                change.edit(&user, |contents| {
                    if let SecretScope::System(id) = &scope
                        && !contents
                            .components
                            .contains_key(&(ComponentKind::System, id.clone()))
                    {
                        return Err(Error::not_found("unknown-system", "system", id));
                    }
                    for name in secrets.keys() {
                        managed::secret(contents, &scope, name)?;
                    }
                    let kept = contents.secrets.entry(scope.clone()).or_default();
                    if replace {
                        kept.clear();
                    }
                    for (name, value) in &secrets {
                        let sealed = change.seal(&scope, name, value)?;
                        kept.insert(name.clone(), sealed);
                    }
                    Ok(())
                })
            })
            .await
    }

    async fn delete_secret(&self, scope: SecretScope, name: &str, user: &str) -> Result<()> {
        let (user, name) = (user.to_owned(), name.to_owned());
        self.inner
            .change(move |change| {
                change.edit(&user, |contents| {
                    managed::secret(contents, &scope, &name)?;
                    let removed = contents
                        .secrets
                        .get_mut(&scope)
                        .and_then(|secrets| secrets.remove(&name));
                    removed
                        .map(drop)
                        .ok_or_else(|| Error::not_found("unknown-secret", "secret", &name))
                })
            })
            .await
    }

    async fn secret_values(&self) -> Result<SecretValues> {
        let contents = Arc::clone(&self.inner.contents.read());
        self.inner
            .key
            .open_all(&contents)
            .map_err(|(name, reason)| {
                Error::new(
                    Code::Internal,
                    "internal",
                    format!("the secret \"{name}\" does not open: {}", reason.in_words()),
                )
            })
    }

    async fn hash_key(&self) -> Result<HashKey> {
        Ok(*self.inner.store.hash_key())
    }

    async fn ask_microservice(
        &self,
        system: &str,
        question: MicroserviceQuestion,
        user: &str,
    ) -> Result<MicroserviceAnswer> {
        self.ask(system, question, user).await
    }

    async fn dataset_number(&self, name: &str) -> Result<u64> {
        let name = name.to_owned();
        self.inner
            .change(move |change| change.next_dataset_number(&name))
            .await
    }

    async fn format(&self) -> Result<FormatReport> {
        let hub = self.inner.contents.read().hub_format;
        let readers = self.inner.readers.borrow().clone();
        let (knows, after) = (
            self.inner.store.format().reads(),
            *self.inner.finalize_after.lock(),
        );
        Ok(formats::report(hub, knows, &readers, after))
    }

    async fn finalize(&self, user: &str) -> Result<FormatReport> {
        let user = user.to_owned();
        self.inner
            .change(move |change| {
                let knows = change.inner.store.format().reads();
                let readers = change.inner.readers.borrow().clone();
                let next = formats::on_request(change.before().hub_format, knows, &readers)?;
                tracing::info!(
                    user,
                    format = next.finalized,
                    "the hub is finalized on request"
                );
                change.put_hub_format(next)
            })
            .await?;
        self.format().await
    }

    async fn reset(&self) -> Result<()> {
        if self.truth == Truth::CustomResources {
            // Where the truth is, too.
            self.put(|change| {
                let all = change.before().components.keys().cloned().collect();
                change.plan_removal(all, "reset")
            })
            .await?;
        }
        self.inner.change(Change::reset).await
    }
}

fn busy() -> Error {
    let message = "other changes of the configuration take too long; nothing was changed or queued";
    Error::new(Code::Unavailable, "configuration-busy", message)
}

/// Where the node's store lies below a data folder.
pub(crate) fn folder(data: &Path) -> PathBuf {
    data.join("storage-node")
}

#[cfg(test)]
mod tests;
