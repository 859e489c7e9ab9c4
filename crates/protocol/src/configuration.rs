//! Configuration as it travels: components, diagnostics, uploads, history, secrets.

use crate::Offered;
use sluice_entity::Json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which of the three kinds of component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ComponentKind {
    /// `type: pipe`
    Pipe,
    /// `type: system:*`
    System,
    /// `type: metadata`, id `node`
    Metadata,
}

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The component works; something looks wrong.
    Warning,
    /// The component does not run.
    Error,
}

impl Level {
    /// `warning` or `error`, as in `config-errors`.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// One step into a component's JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathElement {
    /// A member of an object.
    Key(String),
    /// An element of an array, from 0.
    Index(usize),
}

/// A problem of a component, with its place in the component's original JSON (CF4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub level: Level,
    /// Stable kebab-case code, e.g. `unknown-property`.
    pub code: String,
    /// One sentence for people.
    pub message: String,
    /// Where in the original JSON.
    pub elements: Vec<PathElement>,
}

/// A component as the storage node keeps it and everyone sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Pipe, system or metadata.
    pub kind: ComponentKind,
    /// Its `_id`.
    pub id: String,
    /// `metadata.$config-group`, `default` when absent (CF2).
    pub group: String,
    /// The JSON as posted, exact.
    pub original: Arc<Json>,
    /// With variables, conditions and defaults filled in; secrets stay references (CF5).
    pub effective: Arc<Json>,
    /// Problems found when it was validated against the present configuration and variables.
    pub diagnostics: Vec<Diagnostic>,
}

impl Component {
    /// False when a diagnostic is an error: it is kept and shown, and never runs.
    pub fn is_valid(&self) -> bool {
        self.diagnostics.iter().all(|d| d.level != Level::Error)
    }
}

/// Everything configured, at one revision. Cheap to clone, never changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfigurationSnapshot {
    /// Grows with every change of components, variables or secret names.
    pub revision: u64,
    /// By kind and id.
    pub components: BTreeMap<(ComponentKind, String), Component>,
    /// Environment variables (EV1).
    pub variables: BTreeMap<String, Json>,
    /// Names of the global secrets.
    pub secret_names: Vec<String>,
    /// Names of each system's secrets.
    pub system_secret_names: BTreeMap<String, Vec<String>>,
    /// What custom resources offer for components, by kind and id. Empty where there are none.
    pub offered: BTreeMap<(ComponentKind, String), Offered>,
}

/// Which components an upload replaces (CF1, R68).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `/config-all`: every group.
    All,
    /// `/config` is the group `default`; `/config/{group}` the named one.
    Group(String),
}

/// An upload of a whole scope: what it does not contain is removed from the scope.
#[derive(Clone, Debug, PartialEq)]
pub struct PutConfiguration {
    /// What is replaced.
    pub scope: Scope,
    /// The posted components, exact.
    pub components: Vec<Json>,
    /// Keep components with errors, flagged invalid; without it one error refuses the upload and changes nothing.
    pub force: bool,
    /// Who asked, for the history.
    pub user: String,
}

/// A posted component that was refused or kept although invalid.
#[derive(Clone, Debug, PartialEq)]
pub struct RejectedComponent {
    /// As posted.
    pub posted: Json,
    /// Its problems.
    pub diagnostics: Vec<Diagnostic>,
}

/// What an upload did.
#[derive(Clone, Debug, PartialEq)]
pub struct PutOutcome {
    /// False: refused, nothing changed.
    pub applied: bool,
    /// The revision after it.
    pub revision: u64,
    /// Components with diagnostics, errors and warnings.
    pub rejected: Vec<RejectedComponent>,
}

/// One stored version of a component (CF6).
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    /// Offset in `system:config`.
    pub offset: u64,
    /// Offset of the version before it of the same component.
    pub previous: Option<u64>,
    /// Kind and id.
    pub kind: ComponentKind,
    /// Component id.
    pub id: String,
    /// Microseconds since 1970 UTC.
    pub timestamp: u64,
    /// Who changed it.
    pub user: String,
    /// `None`: removed by this change.
    pub original: Option<Arc<Json>>,
}

/// The stored versions of all components, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistorySummary {
    /// Versions that are not removals.
    pub versions: u64,
    /// Removals.
    pub versions_deleted: u64,
    /// Components that there are.
    pub components: u64,
    /// Components that were removed.
    pub components_deleted: u64,
    /// Bytes of JSON.
    pub bytes: u64,
    /// The newest offset.
    pub newest: Option<u64>,
    /// When it was written, microseconds since 1970 UTC; 0 if nothing was.
    pub last_modified: u64,
}

/// Where a secret lives (EV2): system secrets die with their system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretScope {
    /// Visible to all systems.
    Global,
    /// Only in this system's configuration.
    System(String),
}

/// Decrypted secrets for a worker. `Debug` shows names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretValues {
    /// Global secrets.
    pub global: BTreeMap<String, String>,
    /// Per system.
    pub systems: BTreeMap<String, BTreeMap<String, String>>,
}

impl SecretValues {
    /// The value `$SECRET(name)` has inside `system` (its own secret wins) or outside any system.
    pub fn resolve(&self, system: Option<&str>, name: &str) -> Option<&str> {
        system
            .and_then(|system| self.systems.get(system))
            .and_then(|own| own.get(name))
            .or_else(|| self.global.get(name))
            .map(String::as_str)
    }
}

impl std::fmt::Debug for SecretValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretValues")
            .field("global", &self.global.keys().collect::<Vec<_>>())
            .field("systems", &self.systems.keys().collect::<Vec<_>>())
            .finish()
    }
}
