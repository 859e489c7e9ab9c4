//! What the storage node offers: configuration, variables, secrets, dataset numbers.

use crate::{
    ComponentKind, ConfigurationSnapshot, FormatReport, HistoryEntry, HistorySummary,
    MicroserviceAnswer, MicroserviceQuestion, PutConfiguration, PutOutcome, Result, SecretScope,
    SecretValues, no_containers, no_formats,
};
use async_trait::async_trait;
use sluice_dataset::ReadOptions;
use sluice_entity::{HashKey, Json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

/// The keeper of configuration with history, variables, secrets and topology. Every answer of a write comes after the change is durable.
#[async_trait]
pub trait StorageNode: Send + Sync {
    /// The present configuration; the receiver sees each later revision (only the newest matters).
    fn watch(&self) -> watch::Receiver<Arc<ConfigurationSnapshot>>;
    /// Replaces a scope of components (CF1). Validation errors without `force` answer `applied: false`.
    async fn put_configuration(&self, put: PutConfiguration) -> Result<PutOutcome>;
    /// Adds or replaces one component. `expected_kind` refuses a body of another kind.
    async fn put_component(
        &self,
        expected_kind: ComponentKind,
        component: Json,
        force: bool,
        user: &str,
    ) -> Result<PutOutcome>;
    /// Adds components of one kind, all or none. One that exists already (`Conflict`, reason `already-exists`) or has errors
    /// without `force` (`applied: false`) refuses all of them.
    async fn add_components(
        &self,
        expected_kind: ComponentKind,
        components: Vec<Json>,
        force: bool,
        user: &str,
    ) -> Result<PutOutcome>;
    /// Removes one component; `NotFound` when there is none.
    async fn delete_component(&self, kind: ComponentKind, id: &str, user: &str) -> Result<()>;
    /// Stored versions of the components of a kind and an id, of all where `None`, as `options` say (R74). One page: as many as
    /// the storage node likes, none only at the end. The next one goes on at the last one's offset. The cost is that of the page.
    async fn history(
        &self,
        kind: Option<ComponentKind>,
        id: Option<&str>,
        options: &ReadOptions,
    ) -> Result<Vec<HistoryEntry>>;
    /// The stored versions in numbers.
    async fn history_summary(&self) -> Result<HistorySummary>;
    /// Replaces all variables (`PUT /env`) or adds to them (`POST /env`).
    async fn put_variables(
        &self,
        variables: BTreeMap<String, Json>,
        replace: bool,
        user: &str,
    ) -> Result<()>;
    /// Removes one variable; `NotFound` when there is none.
    async fn delete_variable(&self, name: &str, user: &str) -> Result<()>;
    /// Writes secrets: all of the scope (`replace`) or the named ones.
    async fn put_secrets(
        &self,
        scope: SecretScope,
        secrets: BTreeMap<String, String>,
        replace: bool,
        user: &str,
    ) -> Result<()>;
    /// Removes one secret; `NotFound` when there is none.
    async fn delete_secret(&self, scope: SecretScope, name: &str, user: &str) -> Result<()>;
    /// Decrypted values, for workers only.
    async fn secret_values(&self) -> Result<SecretValues>;
    /// The key of the hub's content hashes, for workers only: what is equal in one store is equal in all.
    async fn hash_key(&self) -> Result<HashKey>;
    /// The number of a dataset about to be created: given once, unique in the hub, never reused (design 3).
    async fn dataset_number(&self, name: &str) -> Result<u64>;
    /// Asks the operator about a microservice. `NotFound` (reason `no-container-runtime`) where nobody runs containers;
    /// `Unavailable` (reason `no-operator`) where the operator does not answer.
    async fn ask_microservice(
        &self,
        system: &str,
        _question: MicroserviceQuestion,
        _user: &str,
    ) -> Result<MicroserviceAnswer> {
        Err(no_containers(system))
    }
    /// What the hub is written in, and what its roles read.
    async fn format(&self) -> Result<FormatReport> {
        Err(no_formats())
    }
    /// From now on the newest format is written that every role reads. `Conflict` (reason `not-all-upgraded`) names the workers
    /// that do not read what the storage node reads.
    async fn finalize(&self, _user: &str) -> Result<FormatReport> {
        Err(no_formats())
    }
    /// Empties configuration, history, variables and secrets; keeps keys and dataset numbering.
    async fn reset(&self) -> Result<()>;
}
