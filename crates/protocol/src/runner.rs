//! Running everything in dependency order until nothing changes (the scheduler of the compatible client).

use crate::WorkerId;
use std::borrow::Cow;

/// What to run and how long (`POST /pipes/run-all-pipes`).
#[derive(Clone, Debug, PartialEq)]
pub struct RunAll {
    /// Passes without any change before it is done.
    pub extra_zero_runs: u32,
    /// Passes at most.
    pub max_runs: u32,
    /// Seconds at most.
    pub max_run_time: u64,
    /// When pipes are emptied first, also those that read no dataset; otherwise what was just pushed survives.
    pub delete_input_datasets: bool,
    /// Clear offsets and empty sink datasets first.
    pub reset_pipes_and_delete_sink_datasets: bool,
    /// Fail when an input pipe fails; otherwise only the log tells.
    pub check_input_pipes: bool,
    /// Put figures per pipe into the log.
    pub output_run_statistics: bool,
    /// Only these pipes; all when empty.
    pub pipes: Vec<String>,
    /// Other workers run their part of the same run: nobody is done before all are.
    pub together: Option<RunTogether>,
}

/// A run of several workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunTogether {
    /// Names it.
    pub run: String,
    /// Everybody who has a part of it.
    pub workers: Vec<WorkerId>,
}

/// How much at rest a worker's part of a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunRest {
    /// What its passes changed so far.
    pub changes: u64,
    /// Passes in a row that found everything of the other workers here and changed nothing.
    pub quiet: u64,
    /// It has ended, and changes nothing any more.
    pub ended: bool,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunnerOutcome {
    /// Quiet: nothing changes, no queue left.
    Success,
    /// Stopped for a reason; the text says which.
    Failed(String),
}

/// Where the run identified by a token stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunnerStatus {
    /// No run with this token.
    NotRunning,
    /// Still going.
    Running,
    /// Ended.
    Ended(RunnerOutcome),
}

/// A line of the runner's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerLogLine {
    /// Microseconds since 1970 UTC, growing.
    pub timestamp: u64,
    /// `DEBUG`, `INFO`, `WARNING` or `ERROR`.
    pub level: Cow<'static, str>,
    /// The text.
    pub text: String,
}
