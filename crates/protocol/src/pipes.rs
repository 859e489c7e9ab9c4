//! What the API shows of pipes and systems, and what can be asked of a pump.

use crate::Diagnostic;
use sluice_entity::Json;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `runtime.state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipeState {
    /// Configuration is being taken up.
    Deploying,
    /// Ready to run or running.
    Deployed,
    /// On its way out.
    Removing,
}

/// Which point of a pipe's stream to read (AP1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum EntityStage {
    /// As the source gives them.
    Source,
    /// After namespaces are added.
    BeforeTransform,
    /// After the last transform.
    AfterTransform,
    /// As the sink would store or send them.
    #[default]
    Sink,
}

/// Operations of a pump (PU16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// Run now.
    Start,
    /// Run now from the beginning, keeping the offset semantics of a full run.
    StartRescan,
    /// Stop the present run after its batch.
    Stop,
    /// Allow scheduled runs.
    Enable,
    /// Forbid scheduled runs; a run going on finishes (R36).
    Disable,
    /// Set or clear the source offset.
    UpdateLastSeen,
    /// Skip what is there.
    SetLastSeenToEnd,
    /// Forget the retry queue (R34).
    DiscardRetries,
    /// Append chosen entities again (DS11).
    Repost,
}

impl OperationKind {
    /// Every operation with its name on the wire.
    pub const ALL: [(OperationKind, &'static str); 9] = [
        (OperationKind::Start, "start"),
        (OperationKind::StartRescan, "start-rescan"),
        (OperationKind::Stop, "stop"),
        (OperationKind::Enable, "enable"),
        (OperationKind::Disable, "disable"),
        (OperationKind::UpdateLastSeen, "update-last-seen"),
        (OperationKind::SetLastSeenToEnd, "set-last-seen-to-end"),
        (OperationKind::DiscardRetries, "discard-retries"),
        (OperationKind::Repost, "repost"),
    ];
    /// Name on the wire.
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("start", |(_, name)| name)
    }
    /// From the name on the wire.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(kind, _)| *kind)
    }
}

/// A pump operation with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct PumpOperation {
    /// What to do.
    pub kind: OperationKind,
    /// Form or query parameters: `last-seen`, `comment`, `allow-mass-delete`, `entity-ids` ...
    pub parameters: BTreeMap<String, String>,
}

/// A pump operation asked for by a user.
#[derive(Clone, Debug, PartialEq)]
pub struct PumpRequest {
    /// The operation.
    pub operation: PumpOperation,
    /// Who asked, for the execution log (EX4).
    pub user: String,
}

/// How the latest finished run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct LastRun {
    /// Microseconds since 1970 UTC.
    pub started: u64,
    /// Microseconds since 1970 UTC.
    pub finished: u64,
    /// Whether it completed.
    pub success: bool,
    /// Why it stopped, or a summary.
    pub message: String,
}

/// Work waiting for a pipe.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Queues {
    /// Unread entries of each input dataset; empty when the source has no queue.
    pub source: BTreeMap<String, u64>,
    /// Entities to process again because of hops.
    pub dependencies: u64,
    /// Entities waiting for another try (PU13).
    pub retries: u64,
}

/// What of a pipe is in the object store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckpointReport {
    /// Number of its newest checkpoint.
    pub number: Option<u64>,
    /// When that was made, as far as is known: microseconds since 1970 UTC.
    pub made: Option<u64>,
    /// When all of the pipe was in it, last: microseconds since 1970 UTC.
    pub whole: Option<u64>,
    /// Why the last try to make one failed.
    pub problem: Option<String>,
}

/// A pipe as `GET /pipes/{id}` and `/pipes/{id}/pump` show it.
#[derive(Clone, Debug, PartialEq)]
pub struct PipeReport {
    /// Pipe id.
    pub id: String,
    /// `user` or `system`.
    pub origin: String,
    /// As posted.
    pub original: Arc<Json>,
    /// Defaults filled in.
    pub effective: Arc<Json>,
    /// Validation problems.
    pub diagnostics: Vec<Diagnostic>,
    /// No error among the diagnostics.
    pub valid: bool,
    /// Deployment state.
    pub state: PipeState,
    /// Why the pipe does not run now, in words ("waits for dataset x to be populated"); `None` when nothing holds it.
    pub waiting_for: Option<String>,
    /// Whether it has a pump; receivers and publishers have none.
    pub has_pump: bool,
    /// Operations its pump takes now.
    pub supported_operations: Vec<OperationKind>,
    /// `scheduled`, `manual` or `off`.
    pub mode: Cow<'static, str>,
    /// Run-time state on top of the mode.
    pub disabled: bool,
    /// A run is going on.
    pub running: bool,
    /// Start of the present or latest run, microseconds.
    pub last_started: Option<u64>,
    /// Latest finished run.
    pub last_run: Option<LastRun>,
    /// Next planned start, microseconds.
    pub next_run: Option<u64>,
    /// Mean duration of the latest runs, seconds.
    pub average_process_time: Option<f64>,
    /// The source offset as the API shows it.
    pub last_seen: Option<Json>,
    /// What waits.
    pub queues: Queues,
    /// Reasons to process again (AR1), each a sentence.
    pub reprocessing_reasons: Vec<String>,
    /// Dead-letter dataset, if configured.
    pub dead_letter_dataset: Option<String>,
    /// Dataset ids this pipe reads (source and hops).
    pub dependencies: Vec<String>,
    /// Dataset it writes, if one.
    pub sink_dataset: Option<String>,
    /// Bytes its dataset takes.
    pub storage: u64,
    /// What of it is in the object store; `None`: its worker has none.
    pub checkpoint: Option<CheckpointReport>,
}

/// A system as `GET /systems/{id}` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemReport {
    /// System id.
    pub id: String,
    /// Whether the last use reached it; `None` before the first.
    pub reachable: Option<bool>,
    /// Last problem, if any.
    pub message: Option<String>,
}
