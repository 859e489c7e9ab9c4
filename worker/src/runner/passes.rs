//! The passes of the runner: each pipe once per pass, until quiet.

use super::order::{self, Node};
use super::together::Others;
use super::{Log, Run};
use crate::clock::SECOND;
use crate::deployed::Deployed;
use crate::deployment::Deployment;
use crate::pipe::retry_queue::RetryQueue;
use crate::pipe::{Asked, Outcome};
use crate::reports;
use crate::reprocessing;
use crate::runs::{NotStarted, Runs};
use crate::shared::Shared;
use sluice_config::{Mode, Pipe, Sink as SinkSettings};
use sluice_protocol::{RunAll, RunnerOutcome};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Passes over the same pipes.
pub(super) struct Passes<'a> {
    shared: &'a Arc<Shared>,
    runs: &'a Arc<Runs>,
    run: &'a Run,
    asked: &'a RunAll,
    user: &'a str,
    pipes: Vec<Arc<Deployed>>,
    failures: BTreeMap<String, String>,
    done_inputs: BTreeSet<String>,
}

/// What a pass did.
#[derive(Default)]
struct Pass {
    changes: u64,
    ran: u64,
}

/// What keeps the runner from being done.
#[derive(Default)]
struct Left {
    unread: u64,
    held_up: Vec<String>,
}

/// The pipes to run, in order: those that can be pumped into a dataset. Receivers, publishers and pipes with targets outside are
/// left alone, as the predecessor of this scheduler did.
pub(super) fn choose(deployment: &Deployment, asked: &RunAll) -> Vec<Arc<Deployed>> {
    let all = deployment.pipes();
    let wanted = |pipe: &&Arc<Deployed>| asked.pipes.is_empty() || asked.pipes.contains(&pipe.id);
    let nodes: Vec<Node> = all
        .iter()
        .filter(wanted)
        .map(|pipe| {
            let settings = pipe.settings();
            let reads = settings
                .inputs
                .iter()
                .chain(&settings.hop_datasets)
                .cloned()
                .collect();
            Node {
                id: pipe.id.clone(),
                reads,
                writes: settings.sink_dataset.clone(),
            }
        })
        .collect();
    order::order(&nodes)
        .iter()
        .filter_map(|id| deployment.get(id))
        .collect()
}

fn is_pumped(settings: &Pipe) -> bool {
    settings.pump.exists()
        && matches!(settings.sink, SinkSettings::Dataset(_))
        && !settings.is_receiver()
}

impl<'a> Passes<'a> {
    pub(super) fn new(
        shared: &'a Arc<Shared>,
        runs: &'a Arc<Runs>,
        run: &'a Run,
        asked: &'a RunAll,
        user: &'a str,
        chosen: Vec<Arc<Deployed>>,
    ) -> Self {
        let pipes = chosen
            .into_iter()
            .filter(|pipe| is_pumped(&pipe.settings()))
            .collect();
        Passes {
            shared,
            runs,
            run,
            asked,
            user,
            pipes,
            failures: BTreeMap::new(),
            done_inputs: BTreeSet::new(),
        }
    }

    fn log(&self) -> &Log {
        &self.run.log
    }

    /// Until quiet, stuck, stopped or out of passes.
    pub(super) async fn run(mut self) -> RunnerOutcome {
        // What started by itself before would change things behind the back of the passes.
        for pipe in &self.pipes {
            tokio::select! {
                ended = pipe.run_lock.lock() => drop(ended),
                () = self.run.stop.cancelled() => break,
            }
        }
        let needed = self.asked.extra_zero_runs.max(1);
        let (shared, run) = (self.shared, self.run);
        let mut others = Others::of(&shared.replicas, run);
        run.rest.lock().get_or_insert_default();
        if let Some(others) = &others {
            tokio::select! {
                () = others.begun() => {}
                () = run.stop.cancelled() => {}
            }
        }
        let (mut quiet, mut stuck) = (0, 0);
        let (mut number, mut is_waiting) = (0, false);
        // Passes that only wait for other workers are none of those that are allowed.
        while is_waiting || number < self.asked.max_runs.max(1) {
            number += u32::from(!is_waiting);
            let begun = self.run.clock_now(self.shared);
            if let Err(reason) = self.catch_up().await {
                return RunnerOutcome::Failed(reason);
            }
            let pass = self.pass(number == 1).await;
            if self.run.stop.is_cancelled() {
                return RunnerOutcome::Failed("stopped".to_owned());
            }
            let left = self.left().await;
            run.passed(pass.changes);
            if let Some(others) = others.as_mut().filter(|_| pass.changes > 0) {
                others.changed();
            }
            if is_waiting && pass.changes == 0 {
                match are_at_rest(&mut others).await {
                    true => return self.ended(left),
                    false => continue,
                }
            }
            is_waiting = false;
            let seconds = (self.run.clock_now(self.shared) - begun) as f64 / SECOND as f64;
            let text = format!(
                "pass {number}: {} pipes ran, {} changes, {} entries unread, {seconds:.2} seconds",
                pass.ran, pass.changes, left.unread
            );
            self.log().line("INFO", text);
            let is_quiet = pass.changes == 0 && left.unread == 0;
            quiet = if is_quiet { quiet + 1 } else { 0 };
            stuck = if pass.changes == 0 && left.unread > 0 {
                stuck + 1
            } else {
                0
            };
            // Without changes the next pass finds what this one found: somebody is held up for good.
            if quiet >= needed || stuck > needed {
                if are_at_rest(&mut others).await {
                    return self.ended(left);
                }
                is_waiting = true;
            }
        }
        RunnerOutcome::Failed(format!("not quiet after {} passes", self.asked.max_runs))
    }

    /// Nothing changes any more, here and elsewhere.
    fn ended(&self, left: Left) -> RunnerOutcome {
        if left.unread == 0 {
            return self.verdict(left);
        }
        let reasons = left.held_up.join("; ");
        RunnerOutcome::Failed(format!("{} entries cannot be read: {reasons}", left.unread))
    }

    /// Waits until everything is here that other workers have of what the pipes read.
    async fn catch_up(&self) -> Result<(), String> {
        let mut datasets = BTreeSet::new();
        for pipe in self
            .pipes
            .iter()
            .filter(|pipe| pipe.check_runnable().is_ok())
        {
            let settings = pipe.settings();
            let read = settings.inputs.iter().chain(&settings.hop_datasets);
            let theirs = read.filter(|dataset| self.shared.assignment.is_elsewhere(dataset));
            datasets.extend(theirs.cloned());
        }
        for dataset in datasets {
            let caught_up = self.shared.replicas.catch_up(self.shared, &dataset);
            tokio::select! {
                caught_up = caught_up => caught_up
                    .map_err(|error| format!("dataset {dataset} of another worker: {error}"))?,
                () = self.run.stop.cancelled() => return Ok(()),
            }
        }
        Ok(())
    }

    async fn pass(&mut self, is_first: bool) -> Pass {
        let mut pass = Pass::default();
        for pipe in self.pipes.clone() {
            if self.run.stop.is_cancelled() {
                break;
            }
            let settings = pipe.settings();
            let is_input = settings.inputs.is_empty();
            if is_input && self.done_inputs.contains(&pipe.id) {
                continue;
            }
            if let Some(reason) = self.held_up(&pipe, &settings) {
                if is_first {
                    self.log().line(
                        "WARNING",
                        format!("pipe {} does not run: {reason}", pipe.id),
                    );
                }
                continue;
            }
            let Some(outcome) = self.run_pipe(&pipe, &settings).await else {
                continue;
            };
            self.done_inputs.insert(pipe.id.clone());
            pass.ran += 1;
            pass.changes += outcome.figures.changes;
            self.note(&pipe.id, &outcome);
        }
        pass
    }

    fn held_up(&self, pipe: &Deployed, settings: &Pipe) -> Option<String> {
        if settings.pump.mode == Mode::Off {
            return Some("its mode is off".to_owned());
        }
        pipe.waiting_for(self.shared)
    }

    /// Runs the pipe now, after a run that goes on already. `None`: it was stopped, the worker stops, or the pipe left it.
    async fn run_pipe(&self, pipe: &Arc<Deployed>, settings: &Pipe) -> Option<Outcome> {
        loop {
            let rescan = hops_changed(pipe, settings, self.shared);
            let asked = Asked {
                rescan,
                user: Some(self.user.to_owned()),
                ..Asked::default()
            };
            match self.runs.start(pipe, asked) {
                Ok(mut outcome) => {
                    tokio::select! {
                        outcome = &mut outcome => return outcome.ok(),
                        () = self.run.stop.cancelled() => {
                            pipe.stop();
                            return outcome.await.ok();
                        }
                    }
                }
                Err(NotStarted::Running) => drop(pipe.run_lock.lock().await),
                Err(NotStarted::Stopping | NotStarted::Gone) => return None,
            }
        }
    }

    fn note(&mut self, id: &str, outcome: &Outcome) {
        let figures = &outcome.figures;
        match &outcome.failure {
            Some(failure) => {
                self.log().line(
                    "ERROR",
                    format!("pipe {id} failed ({}): {}", failure.reason, failure.message),
                );
                self.failures.insert(id.to_owned(), failure.message.clone());
            }
            None => {
                self.failures.remove(id);
                if self.asked.output_run_statistics && (figures.read > 0 || figures.changes > 0) {
                    self.log().line(
                        "DEBUG",
                        format!(
                            "pipe {id}: {} read, {} changed",
                            figures.read, figures.changes
                        ),
                    );
                }
            }
        }
    }

    /// What is still to be read, and by whom.
    async fn left(&self) -> Left {
        let mut left = Left::default();
        for pipe in &self.pipes {
            let settings = pipe.settings();
            let progress = pipe.progress.lock().clone();
            let unread: u64 = settings
                .inputs
                .iter()
                .map(|dataset| reports::unread(self.shared, dataset, &progress))
                .sum();
            let (store, id) = (self.shared.store.clone(), pipe.id.clone());
            let retries = crate::blocking::run(move || RetryQueue::load(&store, &id))
                .await
                .map_or(0, |queue| queue.waiting());
            // A pipe that cannot run at all holds up only itself.
            if pipe.check_runnable().is_err() || settings.pump.mode == Mode::Off {
                continue;
            }
            if unread + retries > 0 {
                left.unread += unread + retries;
                let failure = self.failures.get(&pipe.id).cloned();
                let reason = pipe
                    .waiting_for(self.shared)
                    .or(failure)
                    .unwrap_or_else(|| "entries are left".to_owned());
                left.held_up.push(format!("pipe {}: {reason}", pipe.id));
            }
        }
        left
    }

    /// The client runs hubs whose sources it cannot reach: without `check_input_pipes` their failures are told and do not count.
    fn verdict(&self, _left: Left) -> RunnerOutcome {
        let is_input = |id: &String| {
            let mut pipes = self.pipes.iter();
            pipes.any(|pipe| pipe.id == *id && pipe.settings().inputs.is_empty())
        };
        let (mut failed, mut told) = (Vec::new(), Vec::new());
        for (id, message) in &self.failures {
            let named = format!("{id} ({message})");
            if self.asked.check_input_pipes || !is_input(id) {
                failed.push(named);
            } else {
                told.push(named);
            }
        }
        if !told.is_empty() {
            let text = format!(
                "input pipes failed, which does not count without check_input_pipes: {}",
                told.join("; ")
            );
            self.log().line("WARNING", text);
        }
        if failed.is_empty() {
            return RunnerOutcome::Success;
        }
        RunnerOutcome::Failed(format!("pipes failed: {}", failed.join("; ")))
    }
}

async fn are_at_rest(others: &mut Option<Others<'_>>) -> bool {
    match others {
        Some(others) => others.are_at_rest().await,
        None => true,
    }
}

/// A dataset the pipe hops to has changed since the pipe's last run: everything may come out differently.
fn hops_changed(pipe: &Deployed, settings: &Pipe, shared: &Shared) -> bool {
    if settings.hop_datasets.is_empty() {
        return false;
    }
    let Some(seen) = pipe.progress.lock().inputs.clone() else {
        return false;
    };
    let now = reprocessing::inputs_now(settings, shared);
    let own = settings.sink_dataset.as_ref();
    settings
        .hop_datasets
        .iter()
        .filter(|name| Some(*name) != own)
        .any(|name| seen.get(name) != now.get(name))
}
