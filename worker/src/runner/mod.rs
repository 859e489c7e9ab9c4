//! Runs all pipes in dependency order until nothing changes and no queue is left (client contract 1.6).

mod log;
mod order;
mod passes;
mod together;

use crate::clock::Clock;
use crate::deployed::Deployed;
use crate::deployment::Deployment;
use crate::emptying;
use crate::runs::Runs;
use crate::shared::Shared;
use log::Log;
use parking_lot::Mutex;
use sluice_protocol::{
    Code, Error, Result, RunAll, RunRest, RunTogether, RunnerLogLine, RunnerOutcome, RunnerStatus,
};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Ended runs that are still known.
const REMEMBERED: usize = 20;

/// Runs everything, one run at a time.
pub(crate) struct Runner {
    shared: Arc<Shared>,
    deployment: Arc<Deployment>,
    runs: Arc<Runs>,
    known: Mutex<VecDeque<Arc<Run>>>,
}

struct Run {
    token: String,
    log: Log,
    stop: CancellationToken,
    status: watch::Sender<RunnerStatus>,
    /// Other workers have a part of it.
    together: Option<RunTogether>,
    /// What they are told; `None` before the first pass.
    rest: Mutex<Option<RunRest>>,
}

impl Runner {
    /// For the pipes of this worker.
    pub(crate) fn new(
        shared: &Arc<Shared>,
        deployment: &Arc<Deployment>,
        runs: &Arc<Runs>,
    ) -> Self {
        Runner {
            shared: shared.clone(),
            deployment: deployment.clone(),
            runs: runs.clone(),
            known: Mutex::default(),
        }
    }

    /// Runs to the end.
    pub(crate) async fn run(&self, asked: RunAll, user: &str) -> Result<RunnerStatus> {
        let run = self.begin(asked, user)?;
        let mut status = run.status.subscribe();
        let ended = status
            .wait_for(|status| *status != RunnerStatus::Running)
            .await;
        Ok(ended.map_or(RunnerStatus::NotRunning, |status| status.clone()))
    }

    /// Begins, and answers the token to ask with.
    pub(crate) fn start(&self, asked: RunAll, user: &str) -> Result<String> {
        self.begin(asked, user).map(|run| run.token.clone())
    }

    fn begin(&self, asked: RunAll, user: &str) -> Result<Arc<Run>> {
        let mut known = self.known.lock();
        if known
            .iter()
            .any(|run| *run.status.borrow() == RunnerStatus::Running)
        {
            return Err(Error::new(
                Code::Conflict,
                "runner-busy",
                "the runner runs already; stop it first",
            ));
        }
        let run = Arc::new(Run {
            token: uuid::Uuid::new_v4().to_string(),
            log: Log::new(self.shared.clock.clone()),
            stop: CancellationToken::new(),
            status: watch::Sender::new(RunnerStatus::Running),
            together: asked.together.clone(),
            rest: Mutex::default(),
        });
        known.push_back(run.clone());
        while known.len() > REMEMBERED {
            known.pop_front();
        }
        let (shared, deployment, runs) = (
            self.shared.clone(),
            self.deployment.clone(),
            self.runs.clone(),
        );
        let (task, user) = (run.clone(), user.to_owned());
        self.runs.spawn_to_the_end(async move {
            let outcome = execute(&shared, &deployment, &runs, &task, &asked, &user).await;
            match &outcome {
                RunnerOutcome::Success => task.log.line(
                    "INFO",
                    "done: nothing changes any more and no queue is left",
                ),
                RunnerOutcome::Failed(reason) => {
                    task.log.line("ERROR", format!("failed: {reason}"))
                }
            }
            task.rest.lock().get_or_insert_default().ended = true;
            task.status.send_replace(RunnerStatus::Ended(outcome));
        });
        Ok(run)
    }

    /// Asks the run going on to stop and waits for it; false if there is none.
    pub(crate) async fn stop(&self, patience: Duration) -> bool {
        let running = self
            .known
            .lock()
            .iter()
            .find(|run| *run.status.borrow() == RunnerStatus::Running)
            .cloned();
        let Some(run) = running else { return false };
        run.stop.cancel();
        let mut status = run.status.subscribe();
        let _ = tokio::time::timeout(
            patience,
            status.wait_for(|status| *status != RunnerStatus::Running),
        )
        .await;
        true
    }

    /// Lines of the run with the token, or of the latest one.
    pub(crate) fn log(&self, since: Option<u64>, token: Option<&str>) -> Vec<RunnerLogLine> {
        self.find(token)
            .map(|run| run.log.after(since))
            .unwrap_or_default()
    }

    /// Where a run stands.
    pub(crate) fn status(&self, token: &str) -> RunnerStatus {
        self.find(Some(token))
            .map_or(RunnerStatus::NotRunning, |run| run.status.borrow().clone())
    }

    /// How much at rest this worker's part of a run of several workers is.
    pub(crate) fn rest(&self, run: &str) -> Option<RunRest> {
        let known = self.known.lock();
        let is_part = |known: &&Arc<Run>| {
            let together = known.together.as_ref();
            together.is_some_and(|together| together.run == run)
        };
        let part = known.iter().rev().find(is_part)?;
        *part.rest.lock()
    }

    fn find(&self, token: Option<&str>) -> Option<Arc<Run>> {
        let known = self.known.lock();
        known
            .iter()
            .rev()
            .find(|run| token.is_none_or(|token| run.token == token))
            .cloned()
    }
}

async fn execute(
    shared: &Arc<Shared>,
    deployment: &Arc<Deployment>,
    runs: &Arc<Runs>,
    run: &Run,
    asked: &RunAll,
    user: &str,
) -> RunnerOutcome {
    let _held = runs.hold_schedule();
    let chosen = passes::choose(deployment, asked);
    run.log
        .line("INFO", format!("running {} pipes", chosen.len()));
    if let Err(error) = prepare(shared, asked, &chosen, &run.log).await {
        return RunnerOutcome::Failed(error.to_string());
    }
    let passes = passes::Passes::new(shared, runs, run, asked, user, chosen);
    let limit = Duration::from_secs(asked.max_run_time);
    match tokio::time::timeout(limit, passes.run()).await {
        Ok(outcome) => outcome,
        Err(_) => RunnerOutcome::Failed(format!("not quiet after {} seconds", asked.max_run_time)),
    }
}

/// What is emptied before the first pass: everything, or all but what came from outside, or nothing.
async fn prepare(
    shared: &Arc<Shared>,
    asked: &RunAll,
    chosen: &[Arc<Deployed>],
    log: &Log,
) -> Result<()> {
    if !asked.reset_pipes_and_delete_sink_datasets {
        return Ok(());
    }
    let is_emptied =
        |pipe: &&Arc<Deployed>| asked.delete_input_datasets || !pipe.settings().inputs.is_empty();
    let mut emptied: Vec<Arc<Deployed>> = chosen.iter().filter(is_emptied).cloned().collect();
    emptied.sort_by(|one, other| one.id.cmp(&other.id));
    for pipe in &emptied {
        log.line("DEBUG", format!("emptying pipe {}", pipe.id));
    }
    emptying::empty_pipes(shared, &emptied).await
}

impl Run {
    /// Notes for the other workers what a pass did.
    fn passed(&self, changes: u64) {
        let mut rest = self.rest.lock();
        let rest = rest.get_or_insert_default();
        rest.changes += changes;
        rest.quiet = if changes == 0 { rest.quiet + 1 } else { 0 };
    }

    fn clock_now(&self, shared: &Shared) -> u64 {
        let clock: &dyn Clock = &*shared.clock;
        clock.now()
    }
}
