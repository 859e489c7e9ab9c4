//! When each pipe runs by itself: schedules, signals, start-up (PU1-PU4, PU9, PU10, PU19, R36-R38).
//!
//! One task with one heap of due times for all pipes. It decides nothing about data: whether a pipe has something to read is
//! looked up in the store ([`gates::has_work`]), so that a wake-up that gets lost with the process costs nothing.

mod planning;

use crate::blocking;
use crate::clock::{Micros, SECOND};
use crate::deployed::Deployed;
use crate::deployment::Deployment;
use crate::gates;
use crate::pipe::Asked;
use crate::pipe::commit::Writes;
use crate::pipe::state::{Control, Record};
use crate::runs::Runs;
use crate::shared::Shared;
use futures::FutureExt;
use sluice_config::{Mode, Pipe};
use std::collections::{BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

/// A pipe that failed or did nothing is not started again by the same signal before this.
const SIGNAL_PAUSE: Micros = 30 * SECOND;

/// Why the scheduler looks up.
#[derive(Clone, Debug)]
pub(crate) enum Wake {
    /// The configuration changed; `started`: it is the first one.
    Configured { started: bool },
    /// A pipe was enabled, disabled, reset.
    Look { pipe: String },
    /// A run ended; `useful`: it completed and read or changed something.
    Ended { pipe: String, useful: bool },
}

/// Where everybody sends [`Wake`]s.
pub(crate) fn wakes() -> (UnboundedSender<Wake>, UnboundedReceiver<Wake>) {
    unbounded_channel()
}

/// The one task.
pub(crate) struct Scheduler {
    /// The worker.
    pub shared: Arc<Shared>,
    /// Its pipes.
    pub deployment: Arc<Deployment>,
    /// Who starts runs.
    pub runs: Arc<Runs>,
    /// Wake-ups.
    pub wakes: UnboundedReceiver<Wake>,
    /// Datasets that changed.
    pub changed: UnboundedReceiver<String>,
    /// Ends the task.
    pub stop: CancellationToken,
}

enum Happened {
    Woken(Wake),
    Changed(String),
    Time,
    Stopped,
}

#[derive(Clone, Debug, Default)]
struct Planned {
    run: Option<Micros>,
    rescan: Option<Micros>,
    /// Where the pipe stands in the agenda.
    noted: Option<Micros>,
    /// A signal does not start the pipe before this.
    quiet_until: Micros,
    /// An input changed while the pipe ran: the run may have come too early to see it.
    has_news: bool,
    /// Runs since the last useful one; each doubles the quiet.
    useless: u32,
}

impl Planned {
    fn next(&self) -> Option<Micros> {
        self.run.into_iter().chain(self.rescan).min()
    }
}

struct State {
    scheduler: Scheduler,
    planned: HashMap<String, Planned>,
    /// The next time of each pipe that has one, soonest first.
    agenda: BTreeSet<(Micros, String)>,
    /// Dataset to the pipes that read it or wait for it.
    readers: HashMap<String, Vec<String>>,
}

impl Scheduler {
    /// Until stopped.
    pub(crate) async fn run(self) {
        let mut state = State {
            scheduler: self,
            planned: HashMap::new(),
            agenda: BTreeSet::new(),
            readers: HashMap::new(),
        };
        loop {
            match state.next().await {
                Happened::Woken(Wake::Configured { started }) => state.configured(started).await,
                Happened::Woken(Wake::Look { pipe }) => state.look(&pipe).await,
                Happened::Woken(Wake::Ended { pipe, useful }) => state.ended(&pipe, useful).await,
                Happened::Changed(dataset) => state.changed(dataset).await,
                Happened::Time => {}
                Happened::Stopped => return,
            }
            // After whatever it was: a flood of signals must not keep what is due from starting.
            state.start_due().await;
        }
    }
}

impl State {
    async fn next(&mut self) -> Happened {
        let now = self.now();
        // What is due while the schedule is held waits for the wake-up at its end.
        let is_held = self.scheduler.runs.is_schedule_held();
        let soonest = self.agenda.first().filter(|_| !is_held);
        let until = soonest.map(|(due, _)| Duration::from_micros(due.saturating_sub(now)));
        let scheduler = &mut self.scheduler;
        let timer = async {
            match until {
                Some(until) => tokio::time::sleep(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = scheduler.stop.cancelled() => Happened::Stopped,
            Some(wake) = scheduler.wakes.recv() => Happened::Woken(wake),
            Some(dataset) = scheduler.changed.recv() => Happened::Changed(dataset),
            () = timer => Happened::Time,
        }
    }

    fn now(&self) -> Micros {
        self.scheduler.shared.clock.now()
    }

    async fn configured(&mut self, started: bool) {
        let pipes = self.scheduler.deployment.pipes();
        self.readers.clear();
        for pipe in &pipes {
            let settings = pipe.settings();
            for dataset in settings.inputs.iter().chain(&settings.hop_datasets) {
                self.readers
                    .entry(dataset.clone())
                    .or_default()
                    .push(pipe.id.clone());
            }
        }
        let present: BTreeSet<&str> = pipes.iter().map(|pipe| pipe.id.as_str()).collect();
        self.planned.retain(|id, _| present.contains(id.as_str()));
        self.agenda.retain(|(_, id)| present.contains(id.as_str()));
        for pipe in &pipes {
            let planning = async {
                self.plan(pipe).await;
                if started && self.runs_at_startup(pipe) {
                    let now = self.now();
                    self.due(pipe, now);
                }
                self.signal(pipe);
            };
            guarded(pipe, planning).await;
        }
    }

    async fn look(&mut self, id: &str) {
        if let Some(pipe) = self.scheduler.deployment.get(id) {
            if let Some(planned) = self.planned.get_mut(id) {
                planned.quiet_until = 0;
            }
            let planning = async {
                self.plan(&pipe).await;
                self.signal(&pipe);
            };
            guarded(&pipe, planning).await;
        }
    }

    async fn ended(&mut self, id: &str, useful: bool) {
        let Some(pipe) = self.scheduler.deployment.get(id) else {
            return;
        };
        let now = self.now();
        if let Some(planned) = self.planned.get_mut(id) {
            planned.useless = if useful {
                0
            } else {
                planned.useless.saturating_add(1)
            };
            // A pipe that fails again and again is tried less and less often.
            let pause = SIGNAL_PAUSE << planned.useless.saturating_sub(1).min(7);
            let has_news = std::mem::take(&mut planned.has_news);
            planned.quiet_until = if useful || has_news { 0 } else { now + pause };
        }
        let planning = async {
            self.plan_anew(&pipe).await;
            self.signal(&pipe);
        };
        guarded(&pipe, planning).await;
    }

    async fn changed(&mut self, dataset: String) {
        // Many writes make many notes of the same few datasets; one look at each is enough.
        let mut datasets = BTreeSet::from([dataset]);
        while let Ok(dataset) = self.scheduler.changed.try_recv() {
            datasets.insert(dataset);
        }
        let readers = datasets
            .iter()
            .filter_map(|dataset| self.readers.get(dataset));
        let readers: BTreeSet<String> = readers.flatten().cloned().collect();
        for id in readers {
            if let Some(pipe) = self.scheduler.deployment.get(&id) {
                // News is a reason to try again even right after a failure.
                if let Some(planned) = self.planned.get_mut(&id) {
                    planned.quiet_until = 0;
                    planned.has_news = pipe.running().is_some();
                }
                guarded(&pipe, async { self.signal(&pipe) }).await;
            }
        }
    }

    /// PU4: a pipe that takes signals and has something to read is due now.
    fn signal(&mut self, pipe: &Arc<Deployed>) {
        let settings = pipe.settings();
        if !settings.source.supports_signalling()
            || !self.is_scheduled(pipe, &settings)
            || pipe.running().is_some()
        {
            return;
        }
        let shared = &self.scheduler.shared;
        let progress = pipe.progress.lock().clone();
        if pipe.revisits() || gates::has_work(&settings, &progress, shared) {
            let quiet_until = self
                .planned
                .get(&pipe.id)
                .map_or(0, |planned| planned.quiet_until);
            let due = self.now().max(quiet_until);
            self.due(pipe, due);
        }
    }

    async fn start_due(&mut self) {
        if self.scheduler.runs.is_schedule_held() {
            return;
        }
        let now = self.now();
        let mut due = Vec::new();
        while let Some((time, id)) = self.agenda.pop_first() {
            if time > now {
                self.agenda.insert((time, id));
                break;
            }
            if let Some(planned) = self.planned.get_mut(&id) {
                planned.noted = None;
                let rescan = planned.rescan.take_if(|at| *at <= now).is_some();
                planned.run = planned.run.filter(|at| *at > now);
                due.push((id, rescan));
            }
        }
        for (id, rescan) in due {
            if let Some(pipe) = self.scheduler.deployment.get(&id) {
                guarded(&pipe, self.start(&pipe, rescan)).await;
            }
        }
    }

    async fn start(&mut self, pipe: &Arc<Deployed>, rescan: bool) {
        self.remember(pipe);
        if rescan {
            pipe.control.lock().rescan_due = None;
        }
        let settings = pipe.settings();
        let held_up = !self.is_scheduled(pipe, &settings)
            || pipe.waiting_for(&self.scheduler.shared).is_some();
        let asked = Asked {
            rescan,
            ..Asked::default()
        };
        if held_up || self.scheduler.runs.start(pipe, asked).is_err() {
            // A dataset that becomes populated wakes the pipe; so does the end of the run that goes on.
            if rescan && !held_up {
                pipe.control.lock().rescan_due = Some(self.now());
            }
            self.plan_anew(pipe).await;
        }
    }

    fn runs_at_startup(&self, pipe: &Deployed) -> bool {
        let settings = pipe.settings();
        let not_populated = || {
            let dataset = settings.sink_dataset.as_deref();
            dataset.is_some_and(|dataset| !gates::is_populated(&self.scheduler.shared, dataset))
        };
        self.is_scheduled(pipe, &settings)
            && (settings.pump.run_at_startup
                || (settings.pump.run_at_startup_if_not_populated && not_populated()))
    }

    /// R36, PU19.
    fn is_scheduled(&self, pipe: &Deployed, settings: &Pipe) -> bool {
        let taken = self.scheduler.deployment.taken();
        let metadata = &taken.configuration.metadata;
        settings.pump.exists()
            && settings.pump.mode == Mode::Scheduled
            && !metadata.disable_pump_scheduler
            && !metadata.disable_user_pipes
            && !pipe.control.lock().disabled
            && pipe.check_runnable().is_ok()
    }
}

/// Plans one pipe. Whatever goes wrong with it stays with it: all others still run by themselves.
pub(crate) async fn guarded(pipe: &Deployed, planning: impl Future<Output = ()>) {
    if AssertUnwindSafe(planning).catch_unwind().await.is_err() {
        tracing::error!(pipe = %pipe.id, "planning the pipe's next start failed: a defect; it is not started until it is configured anew");
        pipe.set_next_run(None);
        pipe.set_opening(Some("waits: its next start cannot be planned".to_owned()));
    }
}

/// Writes a pipe's control record as it is in memory.
pub(crate) async fn keep_control(
    shared: &Arc<Shared>,
    pipe: &Arc<Deployed>,
) -> sluice_dataset::Result<()> {
    let bytes = pipe.control.lock().to_bytes();
    let records = vec![(Control::key(&pipe.id)?, Some(bytes))];
    shared
        .commit(Writes {
            records,
            ..Writes::default()
        })
        .await
        .map(|_| ())
}

/// Reads what the store has, for a pipe that is opened. For blocking threads.
pub(crate) async fn load_pipe(
    shared: &Arc<Shared>,
    settings: Arc<Pipe>,
) -> sluice_dataset::Result<Arc<Deployed>> {
    let store = shared.store.clone();
    blocking::run(move || Deployed::open(&store, settings)).await
}
