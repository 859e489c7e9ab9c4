//! The second stage of a run: takes each batch through the transforms on a blocking thread and prepares it for the sink.

use super::failure::RunFailure;
use super::plan::Plan;
use super::reader::{Batch, End, Held, Read};
use super::step::{self, Output, Stepped};
use crate::blocking;
use crate::lookup::HopFigures;
use crate::pass_over::Passed;
use crate::shared::Shared;
use crate::sink::DatasetSink;
use crate::source::{ReadError, SinceValue};
use sluice_protocol::EntityStage;
use sluice_store::Dataset;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// What the second stage says.
pub(super) enum Made {
    /// A batch, ready to be written.
    Batch(MadeBatch),
    /// A read failed and is tried again.
    Retried(ReadError),
    /// The run cannot go on.
    Failed(Failed),
    /// Nothing more comes.
    End(End),
}

/// Why nothing more comes.
pub(super) enum Failed {
    /// The source.
    Read(ReadError),
    /// A transform.
    Step(RunFailure),
}

/// A batch on its way to the sink.
pub(super) struct MadeBatch {
    /// What to write.
    pub stepped: Stepped,
    /// Entities that were not read, with how many of what is to be written come before each.
    pub passed: Vec<Passed>,
    /// Source entities it was made from.
    pub read: u64,
    /// Where the source goes on.
    pub since: Option<SinceValue>,
    /// Bytes of the source entities.
    pub bytes: usize,
    /// Spent waiting for the source so far.
    pub source_time: Duration,
    /// Time in the transforms.
    pub time: Duration,
    /// What their hops found.
    pub hops: HopFigures,
    /// Returned when it is written.
    pub held: Held,
}

/// Transforms what the reader sends.
pub(super) struct Stepper {
    /// The worker.
    pub shared: Arc<Shared>,
    /// Transforms and namespaces.
    pub plan: Arc<Plan>,
    /// The dataset that is written, and how entities are prepared for it.
    pub sink: Option<(DatasetSink, Dataset)>,
}

impl Stepper {
    /// Until the reader ends, a transform fails, or nobody listens any more.
    pub(super) async fn run(self, mut input: mpsc::Receiver<Read>, out: mpsc::Sender<Made>) {
        let stepper = Arc::new(self);
        while let Some(read) = input.recv().await {
            let made = match read {
                Read::Batch(batch) => {
                    let stepper = stepper.clone();
                    blocking::run(move || stepper.step(batch)).await
                }
                Read::Retried(error) => Made::Retried(error),
                Read::Failed(error) => Made::Failed(Failed::Read(error)),
                Read::End(end) => Made::End(end),
            };
            let is_last = matches!(made, Made::Failed(_) | Made::End(_));
            if out.send(made).await.is_err() || is_last {
                return;
            }
        }
    }

    fn step(&self, batch: Batch) -> Made {
        let Batch {
            entities,
            raw_hashes,
            passed,
            since,
            slice,
            bytes,
            source_time,
            held,
        } = batch;
        let begun = Instant::now();
        let read = (entities.len() + passed.len()) as u64;
        let first = entities.first().cloned();
        let own_sink = self.sink.as_ref().map(|(_, dataset)| dataset);
        let (made, hops) =
            self.plan
                .evaluating(&self.shared, &slice, own_sink, None, |evaluation| {
                    let made = step::transform(&self.plan, entities, EntityStage::Sink, evaluation);
                    (made, evaluation.lookup.figures())
                });
        let time = begun.elapsed();
        if let Some(failure) = self.too_slow(time, read) {
            let failure = first.into_iter().fold(failure, RunFailure::with_entity);
            return Made::Failed(Failed::Step(failure));
        }
        match made {
            Ok(entities) => {
                let sink = self
                    .sink
                    .as_ref()
                    .map(|(sink, _)| (sink, self.shared.store.hash_key()));
                let mut stepped = step::prepare(entities, sink);
                let passed = keep_hashes(&mut stepped, raw_hashes, passed);
                Made::Batch(MadeBatch {
                    stepped,
                    passed,
                    read,
                    since,
                    bytes,
                    source_time,
                    time,
                    hops,
                    held,
                })
            }
            Err(failure) => Made::Failed(Failed::Step(failure.into())),
        }
    }

    /// PU18.
    fn too_slow(&self, time: Duration, read: u64) -> Option<RunFailure> {
        let allowed = self.plan.pipe.pump.max_seconds_per_entity?;
        let spent = time.as_secs_f64() / read.max(1) as f64;
        let message =
            || format!("a batch took {spent:.3} seconds per entity, {allowed} are allowed");
        (spent > allowed).then(|| RunFailure::new("too-slow", message()))
    }
}

/// Gives what was prepared the hashes of its bytes, and the passed ones their places among it. Both are there only where each
/// entity becomes one, or is rejected.
fn keep_hashes(
    stepped: &mut Stepped,
    raw_hashes: Vec<Option<u128>>,
    mut passed: Vec<Passed>,
) -> Vec<Passed> {
    let Output::Prepared(prepared) = &mut stepped.output else {
        return passed;
    };
    let mut rejected = stepped
        .rejected
        .iter()
        .filter_map(|(_, error)| error.position)
        .peekable();
    let mut prepared = prepared.iter_mut();
    let mut places = Vec::with_capacity(raw_hashes.len());
    let mut place = 0;
    for (position, raw_hash) in raw_hashes.into_iter().enumerate() {
        places.push(place);
        if rejected.next_if_eq(&position).is_some() {
            continue;
        }
        place += 1;
        if let Some(prepared) = prepared.next().filter(|_| raw_hash.is_some()) {
            prepared.raw_hash = raw_hash;
        }
    }
    for passed in &mut passed {
        passed.before = places.get(passed.before).copied().unwrap_or(place);
    }
    passed
}
