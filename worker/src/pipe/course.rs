//! A run in its course: what it was asked, what it decided, what it opened.

use super::Asked;
use super::commit::Writes;
use super::failure::RunFailure;
use super::figures::Figures;
use super::ledger::Ledger;
use super::plan::Plan;
use super::retry_queue::RetryQueue;
use super::revisit;
use super::state::{FullProgress, InputSeen, KeptSince};
use super::sync_type::{self, Decision, Facts, SyncType};
use super::writer::{Destination, Writer};
use crate::blocking;
use crate::clock::Micros;
use crate::deployed::Deployed;
use crate::execution_log::{self, OffsetSet, RunEvents};
use crate::pass_over::{PassOver, Recipe};
use crate::reprocessing;
use crate::shared::Shared;
use crate::sink::{DatasetSink, RunFacts, Target};
use crate::source::{Looked, RevisitingSource, SinceValue, Source, Strategy};
use sluice_config::{ReprocessingPolicy, SetInitialOffset, Sink as SinkSettings};
use sluice_dataset::{FullRun, WritableDataset};
use sluice_entity::{Limits, Numbers};
use sluice_store::{Dataset, StateKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// One run.
pub(super) struct Course {
    /// The worker.
    pub shared: Arc<Shared>,
    /// The pipe.
    pub deployed: Arc<Deployed>,
    /// Its configuration for this run.
    pub plan: Arc<Plan>,
    /// What was asked.
    pub asked: Asked,
    /// Start.
    pub started: Micros,
    /// Asks it to stop.
    pub stop: CancellationToken,
    /// Inputs as they were at the start, those out of step as they were before (AR1).
    pub inputs: BTreeMap<String, InputSeen>,
    /// Full, partial, incremental, and where it begins.
    pub decision: Decision,
    /// The dataset it writes, and how entities are prepared for it.
    pub sink: Option<(DatasetSink, Dataset)>,
    /// The last stage, once opened.
    pub writer: Option<Writer>,
    /// The ledger until the writer takes it.
    pub ledger: Option<Ledger>,
}

impl Course {
    /// A run that begins at `started`.
    pub(super) fn new(
        shared: &Arc<Shared>,
        deployed: &Arc<Deployed>,
        asked: Asked,
        started: Micros,
        stop: CancellationToken,
    ) -> Self {
        let settings = deployed.settings();
        let events = RunEvents {
            pipe: deployed.id.clone(),
            sync_type: SyncType::Incremental,
            started,
            user: asked.user.clone(),
            hash_key: *shared.store.hash_key(),
        };
        let mut ledger = Ledger::new(shared, deployed, events);
        ledger.progress.last_started = Some(started);
        Course {
            inputs: reprocessing::inputs_now(&settings, shared),
            plan: Arc::new(Plan::new(&settings)),
            shared: shared.clone(),
            deployed: deployed.clone(),
            asked,
            started,
            stop,
            decision: Decision {
                sync_type: SyncType::Incremental,
                since: None,
                full: None,
            },
            sink: None,
            writer: None,
            ledger: Some(ledger),
        }
    }

    /// The ledger, wherever it is now.
    pub(super) fn ledger(&mut self) -> &mut Ledger {
        let writer = self.writer.as_mut().map(|writer| &mut writer.ledger);
        writer
            .or(self.ledger.as_mut())
            .expect("the ledger is with the writer or here")
    }

    /// AR2: the policy `automatic` goes back as far as is needed, or starts over.
    pub(super) fn reset_if_out_of_sync(&mut self) {
        if self.plan.pipe.reprocessing_policy != ReprocessingPolicy::Automatic {
            return;
        }
        let progress = self.ledger().progress.clone();
        let reasons = reprocessing::reasons(&self.plan.pipe, &progress, &self.shared);
        let Some(reason) = reasons.first() else {
            return;
        };
        tracing::info!(pipe = %self.deployed.id, reason, "going back: the pipe is out of sync with its inputs");
        let now = self.shared.clock.now();
        let ledger = self.ledger();
        let before = ledger.progress.since.clone();
        let is_rewound = reprocessing::rewind(&mut ledger.progress, &reasons);
        if !is_rewound {
            ledger.progress.reset();
        }
        let set = OffsetSet {
            before: before.as_ref().map(KeptSince::value),
            after: ledger.progress.since.as_ref().map(KeptSince::value),
            is_reset: !is_rewound,
            user: None,
            reasons: &reasons,
            now,
        };
        let event = execution_log::offset_set(&ledger.events.pipe, &set, &ledger.events.hash_key);
        ledger.note(event);
    }

    /// Back to where nothing that was read of replicas is lost; answers what says so, to be forgotten when the run has ended well.
    pub(super) async fn go_back(&mut self) -> Result<Vec<StateKey>, RunFailure> {
        if !self.deployed.revisits() {
            return Ok(Vec::new());
        }
        let back = revisit::back_to(&self.shared, &self.deployed.id).await;
        let back = back.map_err(|source| RunFailure::store("read where to go back to", source))?;
        let token = || uuid::Uuid::new_v4().to_string();
        revisit::go_back(&mut self.ledger().progress, &back, token);
        Ok(back.into_iter().map(|one| one.key).collect())
    }

    /// The source of this run.
    pub(super) fn connect_source(
        &mut self,
        looked: &Looked,
    ) -> Result<Box<dyn Source>, RunFailure> {
        let source = self
            .plan
            .connect_source(&self.shared)
            .map_err(|error| RunFailure::from(&error))?;
        let mut source = source.ok_or_else(|| {
            RunFailure::new("not-runnable", "the pipe has no source that can be pulled")
        })?;
        if let Some(feed) = &self.ledger().progress.feed {
            source.remember(feed);
        }
        if self.plan.programs.is_empty() {
            source.require_ids();
        }
        if self.deployed.revisits() {
            let (pipe, settings) = (&self.deployed.id, &self.plan.pipe.source);
            source = Box::new(RevisitingSource::new(
                source,
                &self.shared,
                pipe,
                settings,
                looked,
            ));
        }
        Ok(source)
    }

    /// Decides the kind of run and opens its last stage.
    pub(super) async fn open_writer(&mut self, strategy: Strategy) -> Result<Writer, RunFailure> {
        self.decide(strategy);
        let target = self
            .plan
            .connect_target(&self.shared)
            .map_err(|error| RunFailure::from(&error))?;
        let target = target.ok_or_else(|| {
            RunFailure::new("not-runnable", "the pipe has no sink that can be written")
        })?;
        let destination = self.open_destination(target).await?;
        let pump = &self.plan.pipe.pump;
        let dead_letters = match &pump.dead_letter_dataset {
            Some(name) => Some(open_dead_letters(&self.shared, name).await?),
            None => None,
        };
        let (store, pipe) = (self.shared.store.clone(), self.deployed.id.clone());
        let queue = blocking::run(move || RetryQueue::load(&store, &pipe)).await;
        let mut ledger = self.ledger.take().expect("the writer is opened once");
        if pump.log_events_noop_runs {
            ledger.log_started();
        }
        let writer = Writer {
            shared: self.shared.clone(),
            plan: self.plan.clone(),
            destination,
            ledger,
            queue: RetryQueue::default(),
            figures: Figures::default(),
            strategy,
            dead_letters,
            consecutive_errors: 0,
            unsaved_batches: 0,
            is_whole: self.decision.sync_type == SyncType::Full && self.decision.since.is_none(),
            tried: BTreeSet::new(),
            unwritten: Vec::new(),
            undelivered: BTreeSet::new(),
        };
        match queue {
            Ok(queue) => Ok(Writer { queue, ..writer }),
            Err(source) => {
                self.ledger = Some(writer.ledger);
                Err(RunFailure::store("read the retry queue", source))
            }
        }
    }

    /// Lets the source leave unread what it received before, where that makes no difference: each run reads everything, so no
    /// since value of an entity matters, and nothing but a recipe lies between source and dataset.
    pub(super) fn pass_over(&self, source: &mut dyn Source) {
        let Some((sink, dataset)) = self.sink.as_ref().filter(|_| {
            self.plan.passes_over() && source.continuation().strategy() == Strategy::None
        }) else {
            return;
        };
        let recipe = Recipe {
            limits: Limits::default(),
            numbers: Numbers::default(),
            namespaces: self.plan.namespaces.clone(),
            sink: sink.clone(),
        };
        if let Some(pass_over) = PassOver::new(&self.shared, dataset, &self.deployed.habit, recipe)
        {
            source.pass_over(pass_over);
        }
    }

    fn decide(&mut self, strategy: Strategy) {
        let asked_for_rescan = self.asked.rescan;
        let pipe = self.plan.pipe.clone();
        let inputs = self.inputs.clone();
        let ledger = self.ledger();
        let token = || uuid::Uuid::new_v4().to_string();
        reprocessing::forget_other_generations(&mut ledger.progress, &inputs, token);
        let initial_since = pipe.source.continuation().initial_since_value;
        let decision = sync_type::decide(Facts {
            rescan: asked_for_rescan,
            strategy,
            progress: &ledger.progress,
            initial_since: initial_since.as_ref().map(SinceValue::from_json),
            rescan_run_count: pipe.pump.rescan_run_count,
            partial: pipe
                .pump
                .partial_rescan_run_count
                .zip(pipe.pump.partial_rescan_delta),
            token: token(),
        });
        ledger.events.sync_type = decision.sync_type;
        ledger.progress.full = decision.full.clone();
        if decision.sync_type != SyncType::Full {
            let before = ledger.progress.inputs.as_ref();
            self.inputs = reprocessing::kept_reasons(before, inputs);
        }
        self.decision = decision;
    }

    async fn open_destination(&mut self, target: Target) -> Result<Destination, RunFailure> {
        match target {
            Target::Dataset(sink) => {
                let dataset = self
                    .shared
                    .dataset(&sink.dataset)
                    .await
                    .map_err(RunFailure::protocol)?;
                let pipe = self.plan.pipe.clone();
                let SinkSettings::Dataset(settings) = &pipe.sink else {
                    return Err(RunFailure::new(
                        "not-runnable",
                        "the sink is no dataset sink",
                    ));
                };
                if settings.set_initial_offset == SetInitialOffset::Initially {
                    let writes = Writes {
                        populated: vec![dataset.clone()],
                        ..Writes::default()
                    };
                    self.ledger().commit(writes).await?;
                }
                let run = match &mut self.decision.full {
                    Some(full) if sink.deletion_tracking => {
                        let run = begin_run(&self.shared, &dataset, full).await?;
                        // Marks that are lost are made again: what was read before would count as unseen.
                        self.decision.since = full.since.as_ref().map(|since| since.value());
                        Some(run)
                    }
                    _ => None,
                };
                self.ledger().progress.full = self.decision.full.clone();
                let versions = settings.prevent_multiple_versions;
                self.sink = Some((sink, dataset.clone()));
                Ok(Destination::Dataset {
                    dataset,
                    run,
                    versions,
                })
            }
            Target::Outside(mut sink) => {
                if let Some(full) = &mut self.decision.full {
                    // What an interrupted attempt delivered is not in this one, and what is not in it is gone (JP5).
                    full.since = None;
                    self.decision.since = None;
                    self.ledger().progress.full = self.decision.full.clone();
                }
                let facts = RunFacts {
                    sequence: uuid::Uuid::new_v4().to_string(),
                    is_full: self.decision.sync_type == SyncType::Full,
                };
                sink.begin(&facts)
                    .await
                    .map_err(|error| RunFailure::from(&error))?;
                Ok(Destination::Outside(sink))
            }
        }
    }
}

/// The full run that goes on, or a new one from the beginning.
async fn begin_run(
    shared: &Arc<Shared>,
    dataset: &Dataset,
    full: &mut FullProgress,
) -> Result<FullRun, RunFailure> {
    if let Some(run) = dataset
        .run_under_way()
        .filter(|run| run.token == full.token)
    {
        return Ok(run);
    }
    full.since = None;
    let failed = |source| RunFailure::store("begin a full run", source);
    let (shared, begun, token) = (shared.clone(), dataset.clone(), full.token.clone());
    let run = blocking::run(move || {
        shared.assignment.lease.check()?;
        begun.begin_run(&token)
    })
    .await
    .map_err(failed)?;
    full.measure.begin(dataset, &run).map_err(failed)?;
    Ok(run)
}

/// The dead-letter dataset: made and populated before anything can be in it (R35).
pub(crate) async fn open_dead_letters(
    shared: &Arc<Shared>,
    name: &str,
) -> Result<Dataset, RunFailure> {
    use sluice_dataset::Dataset as _;
    let dataset = if name.starts_with("system:") {
        shared
            .internal_dataset(sluice_dataset::DatasetName::internal(name))
            .await
    } else {
        shared.dataset(name).await
    };
    let dataset = dataset.map_err(RunFailure::protocol)?;
    if !dataset.status().is_ok_and(|status| status.populated) {
        let writes = Writes {
            populated: vec![dataset.clone()],
            ..Writes::default()
        };
        shared
            .commit(writes)
            .await
            .map_err(|source| RunFailure::store("populate the dead letters", source))?;
    }
    Ok(dataset)
}
