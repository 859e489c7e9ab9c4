//! A pipe of the present configuration with everything that lives as long as the process: what it remembers, whether it runs.

use crate::clock::Micros;
use crate::pass_over::Habit;
use crate::pipe::revisit;
use crate::pipe::state::{Control, Progress, Record};
use crate::shared::Shared;
use parking_lot::{Mutex, RwLock};
use sluice_config::{NotRunnable, Pipe, Source};
use sluice_protocol::{EntityStage, Epoch, PipeState};
use sluice_store::Store;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_util::sync::CancellationToken;

/// One pipe.
pub(crate) struct Deployed {
    /// Its id.
    pub id: String,
    settings: RwLock<Arc<Pipe>>,
    /// Written by runs, through the store.
    pub progress: Mutex<Progress>,
    /// Written by people and the scheduler, through the store.
    pub control: Mutex<Control>,
    activity: Mutex<Activity>,
    /// Held for the length of a run: one at a time (PU17).
    pub run_lock: Arc<tokio::sync::Mutex<()>>,
    /// Shared by incremental pushes, exclusive for the requests of a full one (R63).
    pub push_lock: Arc<tokio::sync::RwLock<()>>,
    /// Whether comparing received bytes pays.
    pub habit: Arc<Habit>,
    /// Why it cannot run although it is valid, as far as opening it goes (indexes being built).
    opening: Mutex<Option<String>>,
    /// What has to exist for it could not be made yet.
    is_unprepared: AtomicBool,
    /// Something that it has read of a replica has to be looked at again.
    revisits: AtomicBool,
    /// What was pushed before its state was restored is being taken again.
    replaying: Mutex<Option<String>>,
    turn: Mutex<Turn>,
}

/// Under which epoch the pipe is this worker's.
#[derive(Clone, Copy, Default)]
struct Turn {
    epoch: Epoch,
    /// The storage node knows that it is written under this epoch.
    is_announced: bool,
}

#[derive(Default)]
struct Activity {
    running: Option<Running>,
    next_run: Option<Micros>,
    is_removing: bool,
}

/// A run going on.
#[derive(Clone)]
pub(crate) struct Running {
    /// Start.
    pub started: Micros,
    /// Asks it to stop after its batch.
    pub stop: CancellationToken,
}

impl Deployed {
    /// Takes up a pipe with what the store remembers of it. For blocking threads.
    pub(crate) fn open(store: &Store, settings: Arc<Pipe>) -> sluice_dataset::Result<Arc<Self>> {
        let id = settings.id.clone();
        Ok(Arc::new(Deployed {
            progress: Mutex::new(Progress::load(store, &id)?),
            control: Mutex::new(Control::load(store, &id)?),
            settings: RwLock::new(settings),
            activity: Mutex::default(),
            run_lock: Arc::default(),
            push_lock: Arc::default(),
            habit: Arc::default(),
            opening: Mutex::default(),
            is_unprepared: AtomicBool::new(true),
            revisits: AtomicBool::new(revisit::any(store, &id)?),
            replaying: Mutex::default(),
            turn: Mutex::default(),
            id,
        }))
    }

    /// Its configuration now; a run keeps the one it began with (PP11).
    pub(crate) fn settings(&self) -> Arc<Pipe> {
        self.settings.read().clone()
    }

    /// Another configuration from the next run on.
    pub(crate) fn configure(&self, settings: Arc<Pipe>) {
        *self.settings.write() = settings;
    }

    /// The run going on.
    pub(crate) fn running(&self) -> Option<Running> {
        self.activity.lock().running.clone()
    }

    /// Notes that a run goes on, or none any more.
    pub(crate) fn set_running(&self, running: Option<Running>) {
        self.activity.lock().running = running;
    }

    /// Asks the run going on to stop; true if there is one.
    pub(crate) fn stop(&self) -> bool {
        let running = self.running();
        running.inspect(|running| running.stop.cancel()).is_some()
    }

    /// The next planned start.
    pub(crate) fn next_run(&self) -> Option<Micros> {
        self.activity.lock().next_run
    }

    /// Notes the next planned start.
    pub(crate) fn set_next_run(&self, next_run: Option<Micros>) {
        self.activity.lock().next_run = next_run;
    }

    /// Says what holds the pipe up while it is opened; `None`: nothing.
    pub(crate) fn set_opening(&self, reason: Option<String>) {
        *self.opening.lock() = reason;
    }

    /// What holds the pipe up while it is opened.
    pub(crate) fn opening(&self) -> Option<String> {
        self.opening.lock().clone()
    }

    /// What has to exist for the pipe does not yet exist.
    pub(crate) fn is_unprepared(&self) -> bool {
        self.is_unprepared.load(Ordering::Relaxed)
    }

    /// Notes whether what has to exist for the pipe exists.
    pub(crate) fn set_unprepared(&self, is_unprepared: bool) {
        self.is_unprepared.store(is_unprepared, Ordering::Relaxed);
    }

    /// Something that it has read of a replica has to be looked at again.
    pub(crate) fn revisits(&self) -> bool {
        self.revisits.load(Ordering::Relaxed)
    }

    /// Notes whether there is any such thing.
    pub(crate) fn set_revisits(&self, revisits: bool) {
        self.revisits.store(revisits, Ordering::Relaxed);
    }

    /// Says how what was pushed is being taken again; `None`: it is not, or no more.
    pub(crate) fn set_replaying(&self, replaying: Option<String>) {
        *self.replaying.lock() = replaying;
    }

    /// Why it waits for its restored state to be whole.
    pub(crate) fn replaying(&self) -> Option<String> {
        self.replaying.lock().clone()
    }

    /// The epoch it is owned under.
    pub(crate) fn epoch(&self) -> Epoch {
        self.turn.lock().epoch
    }

    /// Owned under this epoch from now on.
    pub(crate) fn set_epoch(&self, epoch: Epoch, is_announced: bool) {
        *self.turn.lock() = Turn {
            epoch,
            is_announced,
        };
    }

    /// The epoch, if the storage node has yet to hear that the pipe is written under it.
    pub(crate) fn unannounced(&self) -> Option<Epoch> {
        let turn = self.turn.lock();
        (!turn.is_announced).then_some(turn.epoch)
    }

    /// The storage node has heard it.
    pub(crate) fn set_announced(&self, epoch: Epoch) {
        let mut turn = self.turn.lock();
        turn.is_announced |= turn.epoch == epoch;
    }

    /// Marks it as on its way out.
    pub(crate) fn set_removing(&self) {
        self.activity.lock().is_removing = true;
    }

    /// It is on its way out: whoever waited for its lock comes too late.
    pub(crate) fn is_removing(&self) -> bool {
        self.activity.lock().is_removing
    }

    /// `runtime.state`
    pub(crate) fn state(&self) -> PipeState {
        if self.is_removing() {
            PipeState::Removing
        } else {
            PipeState::Deployed
        }
    }

    /// Runs and pushes may begin: the configuration is valid and this version can run it.
    pub(crate) fn check_runnable(&self) -> Result<(), String> {
        let settings = self.settings();
        if !settings.valid {
            return Err("the configuration has errors".to_owned());
        }
        settings.runnable.as_ref().map_err(ToString::to_string)?;
        match crate::gates::unsupported(&settings) {
            Some(reason) => Err(reason.to_owned()),
            None => Ok(()),
        }
    }

    /// The entities at a stage can be worked out: whether the sink can be written does not matter (client contract 1.5).
    pub(crate) fn check_evaluable(&self, stage: EntityStage) -> Result<(), String> {
        let settings = self.settings();
        if !settings.valid {
            return Err("the configuration has errors".to_owned());
        }
        let is_transformed = !matches!(stage, EntityStage::Source | EntityStage::BeforeTransform);
        // Of several parts that cannot be run the configuration names the first: source, transform, sink, system.
        let matters = match &settings.runnable {
            Ok(()) => false,
            Err(NotRunnable::Invalid) => true,
            Err(NotRunnable::NotInThisVersion { part, .. }) => match *part {
                "sink" => false,
                "transform" => is_transformed,
                "system" => matches!(settings.source, Source::Json(_) | Source::Csv(_)),
                _ => true,
            },
        };
        if matters {
            settings.runnable.as_ref().map_err(ToString::to_string)?;
        }
        match crate::gates::unsupported_source(&settings) {
            Some(reason) => Err(reason.to_owned()),
            None => Ok(()),
        }
    }

    /// Why the pipe would not run now, in words.
    pub(crate) fn waiting_for(&self, shared: &Shared) -> Option<String> {
        self.check_runnable()
            .err()
            .or_else(|| self.opening())
            .or_else(|| self.replaying())
            .or_else(|| crate::gates::waiting_for(&self.settings(), shared))
    }
}
