//! From pushed entities to written ones: transforms, preparation, one transaction.

use super::body::Pushed;
use crate::answer;
use crate::blocking;
use crate::pass_over::{Habit, PassOver, Passed, Recipe};
use crate::pipe::RunFailure;
use crate::pipe::commit::{self, Append, Writes};
use crate::pipe::plan::Plan;
use crate::pipe::single_versions::first_versions;
use crate::pipe::step::{self, Output, Stepped, Tagged};
use crate::shared::Shared;
use crate::sink::{DatasetSink, RunFacts, Sink};
use crate::slice::Slice;
use sluice_config::PreventMultipleVersions;
use sluice_dataset::{AppendOptions, FullRun, PreparedEntity};
use sluice_entity::{Entity, Limits, Numbers};
use sluice_protocol::{Code, EntityStage, Error, Result};
use sluice_store::Dataset;
use std::sync::Arc;

/// What happens to the entities of a push.
pub(super) struct Intake {
    /// The worker.
    pub shared: Arc<Shared>,
    /// Transforms and namespaces; `None`: as they are.
    pub plan: Option<Arc<Plan>>,
    /// Where they go.
    pub destination: Destination,
    /// Write also what did not change.
    pub force: bool,
}

/// Where pushed entities go.
#[derive(Clone)]
pub(super) enum Destination {
    /// A dataset.
    Dataset {
        /// How entities are prepared.
        sink: DatasetSink,
        /// Where they are kept.
        dataset: Dataset,
    },
    /// A target outside.
    Outside(Arc<tokio::sync::Mutex<Box<dyn Sink>>>),
}

impl Intake {
    /// What lets entities be passed over that were received before; `None` where more lies between bytes and dataset than a
    /// recipe says.
    pub(super) fn pass_over(
        &self,
        habit: Option<&Arc<Habit>>,
        limits: Limits,
        numbers: Numbers,
    ) -> Option<PassOver> {
        let Destination::Dataset { sink, dataset } = &self.destination else {
            return None;
        };
        let plan = self.plan.as_ref().filter(|plan| plan.passes_over())?;
        let recipe = Recipe {
            limits,
            numbers,
            namespaces: plan.namespaces.clone(),
            sink: sink.clone(),
        };
        PassOver::new(&self.shared, dataset, habit?, recipe)
    }

    /// What is there already decides what may be written, so nothing may be written beside it.
    pub(super) fn looks_first(&self) -> bool {
        let Destination::Dataset { sink, .. } = &self.destination else {
            return false;
        };
        sink.versions != PreventMultipleVersions::Off
    }

    /// Transforms the entities and writes what comes out together with `writes`; answers how many versions that made. An error
    /// means that nothing was written.
    pub(super) async fn write(
        &self,
        pushed: Pushed,
        run: Option<&FullRun>,
        writes: Writes,
    ) -> Result<u64> {
        match self.destination.clone() {
            Destination::Dataset { sink, dataset } => {
                let options = AppendOptions {
                    run: run.map(|run| run.number),
                    force: self.force,
                };
                let (shared, plan) = (self.shared.clone(), self.plan.clone());
                // One trip to a blocking thread for everything: a single entity is written in well under a millisecond.
                blocking::run(move || {
                    let (prepared, passed) =
                        prepare(&shared, plan.as_deref(), pushed, &sink, &dataset)?;
                    let append = Append {
                        passed: passed.into(),
                        options,
                        ..Append::new(&dataset, prepared)
                    };
                    write(&shared, append, writes)
                })
                .await
            }
            Destination::Outside(sink) => {
                let (shared, plan) = (self.shared.clone(), self.plan.clone());
                let made = blocking::run(move || {
                    transform(&shared, plan.as_deref(), pushed.entities, None)
                })
                .await?;
                let delivered = self.deliver(&sink, made).await?;
                self.shared.commit(writes).await.map_err(answer::dataset)?;
                Ok(delivered)
            }
        }
    }

    async fn deliver(
        &self,
        sink: &tokio::sync::Mutex<Box<dyn Sink>>,
        made: Vec<Tagged>,
    ) -> Result<u64> {
        let Output::Entities(entities) = step::prepare(made, None).output else {
            return Ok(0);
        };
        let batch = self
            .plan
            .as_ref()
            .map_or(usize::MAX, |plan| plan.batch_size());
        let mut sink = sink.lock().await;
        let facts = RunFacts {
            sequence: uuid::Uuid::new_v4().to_string(),
            is_full: false,
        };
        sink.begin(&facts).await.map_err(answer::write)?;
        for batch in entities.chunks(batch) {
            sink.deliver(batch).await.map_err(answer::write)?;
        }
        sink.finish(true).await.map_err(answer::write)?;
        Ok(entities.len() as u64)
    }
}

fn transform(
    shared: &Arc<Shared>,
    plan: Option<&Plan>,
    entities: Vec<Entity>,
    own_sink: Option<&Dataset>,
) -> Result<Vec<Tagged>> {
    let Some(plan) = plan
        .filter(|plan| !plan.programs.is_empty() || plan.namespaces.add || plan.namespaces.remove)
    else {
        return Ok(entities
            .into_iter()
            .enumerate()
            .map(|(origin, entity)| Tagged { origin, entity })
            .collect());
    };
    let slice = Slice::new(shared.clone());
    plan.evaluating(shared, &slice, own_sink, None, |evaluation| {
        step::transform(plan, entities, EntityStage::Sink, evaluation)
    })
    .map_err(|failure| answer::run(RunFailure::from(failure)))
}

fn prepare(
    shared: &Arc<Shared>,
    plan: Option<&Plan>,
    pushed: Pushed,
    sink: &DatasetSink,
    dataset: &Dataset,
) -> Result<(Vec<PreparedEntity>, Vec<Passed>)> {
    let Pushed {
        entities,
        raw_hashes,
        passed,
        places,
    } = pushed;
    let made = transform(shared, plan, entities, Some(dataset))?;
    let origins: Vec<usize> = made.iter().map(|tagged| tagged.origin).collect();
    let Stepped { output, rejected } = step::prepare(made, Some((sink, shared.store.hash_key())));
    if let Some((_, error)) = rejected.into_iter().next() {
        let origin = error
            .position
            .and_then(|position| origins.get(position))
            .copied();
        let answer = answer::write(error);
        return Err(match origin {
            Some(origin) => places.name(answer, origin),
            None => answer,
        });
    }
    let Output::Prepared(mut prepared) = output else {
        return Ok((Vec::new(), passed));
    };
    // Hashes are there only where each entity became one.
    for (prepared, raw_hash) in prepared.iter_mut().zip(raw_hashes) {
        prepared.raw_hash = raw_hash;
    }
    let first = first_versions(dataset, &prepared, sink.versions).map_err(|refused| {
        let origin = refused.position.and_then(|position| origins.get(position));
        let Some(origin) = origin else {
            return answer::run(refused.failure);
        };
        let RunFailure { message, .. } = refused.failure;
        places.name(
            Error::new(Code::Conflict, "multiple-versions", message),
            *origin,
        )
    })?;
    Ok((first, passed))
}

fn write(shared: &Shared, append: Append, mut writes: Writes) -> Result<u64> {
    writes.appends.push(append);
    let done = commit::commit(shared, &writes, shared.clock.now()).map_err(answer::dataset)?;
    for dataset in writes.changed_datasets(&done.changes) {
        shared.signals.dataset_changed(dataset.name().as_str());
    }
    Ok(done
        .changes
        .iter()
        .flatten()
        .filter(|change| change.is_appended())
        .count() as u64)
}
