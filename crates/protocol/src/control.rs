//! Configuration whose truth is elsewhere: components that exist as custom resources come from the operator, and changes that
//! users make through the API go to it.
//!
//! ```text
//! kubectl, GitOps ──▶ custom resources ──▶ operator ── hand_over ──▶ storage node ──▶ everybody who watches
//!                            ▲                │ ▲                       │
//!                            └──── apply ─────┘ └── watch_writes ◀── ConfigurationWriter ◀── API
//! ```

use crate::{ComponentKind, Diagnostic, Error, Result};
use async_trait::async_trait;
use sluice_entity::Json;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use tokio::sync::watch;

/// The custom resource that a component comes from, and which state of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Kind and name, as people say it: `Pipe/orders`.
    pub name: String,
    /// Never used again by another object.
    pub uid: String,
    /// Grows with every change of what is wanted.
    pub generation: u64,
}

/// What was handed over for a component last, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Offered {
    /// Where it comes from.
    pub origin: Origin,
    /// `None`: it is the component that everybody sees, with the diagnostics there. Otherwise the problems for which the one
    /// that was there before goes on in its place.
    pub refused: Option<Vec<Diagnostic>>,
}

/// A component as its custom resource has it.
#[derive(Clone, Debug, PartialEq)]
pub struct HandedComponent {
    /// Pipe, system or metadata.
    pub kind: ComponentKind,
    /// Its `_id`.
    pub id: String,
    /// Its configuration group, where the resource says one that its JSON does not.
    pub group: Option<String>,
    /// Its JSON, exact.
    pub original: Arc<Json>,
    /// Where it comes from.
    pub origin: Origin,
}

/// A component whose custom resource is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedComponent {
    /// Pipe, system or metadata.
    pub kind: ComponentKind,
    /// Its `_id`.
    pub id: String,
    /// Of the resource that is gone: a component that comes from another one by now stays.
    pub uid: String,
}

/// Variables that a custom resource sets. They win over those that are set through the API.
#[derive(Clone, Debug, PartialEq)]
pub struct HandedVariables {
    /// Where they come from.
    pub origin: Origin,
    /// All of them.
    pub values: BTreeMap<String, Json>,
}

/// What changed among the custom resources. Nothing else is touched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HandOver {
    /// Of the operator's leader.
    pub operator_epoch: u64,
    /// The write through the API that made these changes, if one did.
    pub request: Option<RequestId>,
    /// New and changed ones.
    pub changed: Vec<HandedComponent>,
    /// Those that are gone.
    pub removed: Vec<RemovedComponent>,
    /// `None`: as before.
    pub variables: Option<HandedVariables>,
}

impl HandOver {
    /// Nothing changed.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.removed.is_empty() && self.variables.is_none()
    }
}

/// What became of a component that was handed over.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Pipe, system or metadata.
    pub kind: ComponentKind,
    /// Its `_id`.
    pub id: String,
    /// False: it has errors, and the one that was there before goes on.
    pub taken: bool,
    /// Problems with their places.
    pub diagnostics: Vec<Diagnostic>,
}

/// The answer to a [`HandOver`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HandOverOutcome {
    /// The revision that has it.
    pub revision: u64,
    /// Of each component that was handed over, in order.
    pub verdicts: Vec<Verdict>,
}

/// A secret whose value is in a Kubernetes Secret. `Debug` shows no value.
#[derive(Clone, PartialEq, Eq)]
pub struct ReferencedSecret {
    /// The value.
    pub value: String,
    /// Name of the Kubernetes Secret.
    pub kept_in: String,
}

impl fmt::Debug for ReferencedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReferencedSecret(in {})", self.kept_in)
    }
}

/// All secrets that a system names in Kubernetes. They win over those that are set through the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedSecrets {
    /// Of the operator's leader.
    pub operator_epoch: u64,
    /// The system's `_id`.
    pub system: String,
    /// By name.
    pub secrets: BTreeMap<String, ReferencedSecret>,
}

/// Names a write through the API for as long as it goes on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub String);

/// A component that a write wants to be there.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedComponent {
    /// Pipe, system or metadata.
    pub kind: ComponentKind,
    /// Its `_id`.
    pub id: String,
    /// Its configuration group.
    pub group: String,
    /// Its JSON, exact.
    pub original: Arc<Json>,
}

/// A write through the API: what it changes, and nothing that it leaves as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteIntent {
    /// Its name.
    pub request: RequestId,
    /// Who asked.
    pub user: String,
    /// Components with errors take the place of others all the same.
    pub force: bool,
    /// New and changed ones.
    pub put: Vec<WantedComponent>,
    /// Those to go.
    pub remove: Vec<(ComponentKind, String)>,
    /// Those to go are what an upload did not mention: one that somebody else manages stays instead of refusing the write.
    pub prunes: bool,
}

/// How a write ended.
#[derive(Debug)]
pub enum WriteAnswer {
    /// The custom resources say it, and it was handed over.
    Applied,
    /// Nothing was changed. A conflict names the other manager.
    Refused(Error),
}

/// Decides about changes of components that users make through the API. The storage node holds one: its own history where it is
/// the truth itself, the operator's stream where custom resources are.
#[async_trait]
pub trait ConfigurationWriter: Send + Sync {
    /// Makes a validated change true. Afterwards everybody who watches has it.
    ///
    /// `Conflict` (reason `managed-elsewhere`) names who else manages a component; nothing was changed. `Unavailable` (reason
    /// `no-operator`): nobody is there who could, and nothing was kept.
    async fn write(&self, intent: WriteIntent) -> Result<()>;
}

/// What the operator asks of a storage node about configuration. Over the network only the operator may (`operator-only`). A
/// call of an earlier leader is refused (`stale-operator`). Every answer comes after what it says is durable.
#[async_trait]
pub trait ConfigurationControl: Send + Sync {
    /// Takes what changed among the custom resources. A component of a generation that was taken before, or earlier, is not
    /// taken again. One with errors does not take the place of one that runs.
    async fn hand_over(&self, handed: HandOver) -> Result<HandOverOutcome>;
    /// Takes all secrets that a system names in Kubernetes.
    async fn hand_over_secrets(&self, handed: HandedSecrets) -> Result<()>;
    /// The writes that wait; the receiver sees every later state (only the newest matters). Writes come in order, and go when they
    /// are answered.
    async fn watch_writes(
        &self,
        operator_epoch: u64,
    ) -> Result<watch::Receiver<Arc<Vec<WriteIntent>>>>;
    /// The operator begins with a write, perhaps again. From then on it waits for its answer through restarts of either side.
    /// `NotFound` (reason `unknown-write`): nobody waits for it any more, and nothing may be done.
    async fn begin_write(&self, operator_epoch: u64, request: &RequestId) -> Result<()>;
    /// The end of a write. One that is not known any more was answered before.
    async fn answer_write(
        &self,
        operator_epoch: u64,
        request: &RequestId,
        answer: WriteAnswer,
    ) -> Result<()>;
}
