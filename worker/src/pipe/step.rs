//! What happens to one batch between source and sink: namespaces on, transforms, namespaces off, preparation.
//!
//! No I/O of its own: lookups, clock and secrets are passed in. For blocking threads.

use super::plan::Plan;
use crate::lookup::LocalLookup;
use crate::sink::{DatasetSink, WriteError};
use sluice_dataset::PreparedEntity;
use sluice_dtl::{Environment, Evaluator, Failure, FailureKind, PathElement, Program};
use sluice_entity::{Entity, HashKey, Limits, ValueBuf, add_namespaces, remove_namespaces};
use sluice_protocol::EntityStage;

/// What evaluation reaches beyond the entity.
pub(crate) struct Evaluation<'a> {
    /// Clock, random numbers, secrets.
    pub environment: &'a dyn Environment,
    /// Other datasets.
    pub lookup: &'a LocalLookup<'a>,
    /// `_B`: the URL parameters of a publisher.
    pub parameters: Option<&'a ValueBuf>,
    /// The version of a source entity before this one, where the transforms ask for it and the source is a dataset.
    pub previous: Option<&'a Previous<'a>>,
}

/// Finds the version before one.
pub(crate) type Previous<'a> = dyn Fn(&Entity) -> sluice_dataset::Result<Option<Entity>> + 'a;

/// A transform that could not go on.
#[derive(Debug)]
pub(crate) struct StepFailure {
    /// Stable name.
    pub reason: &'static str,
    /// One sentence with the place in the configuration.
    pub message: String,
    /// The source entity it happened with.
    pub entity: Option<Entity>,
}

/// An entity on its way, with the position of the source entity it was made from.
pub(crate) struct Tagged {
    /// Position in the batch.
    pub origin: usize,
    /// As it is now.
    pub entity: Entity,
}

/// Takes a batch to `stage` and answers what is there then. Entities keep their order.
pub(crate) fn transform(
    plan: &Plan,
    sources: Vec<Entity>,
    stage: EntityStage,
    evaluation: &Evaluation<'_>,
) -> Result<Vec<Tagged>, StepFailure> {
    let tag = |(origin, entity)| Tagged { origin, entity };
    if stage == EntityStage::Source {
        return Ok(sources.into_iter().enumerate().map(tag).collect());
    }
    let mut previous = previous_versions(&sources, evaluation)?;
    let mut sources = sources;
    if plan.namespaces.add {
        let (identity, property) = (&plan.namespaces.identity, &plan.namespaces.property);
        let qualified = |entity: &Entity| add_namespaces(entity, identity, property);
        sources = sources.iter().map(qualified).collect();
        for version in &mut previous {
            *version = version.as_ref().map(qualified);
        }
    }
    let mut made: Vec<Tagged> = sources.iter().cloned().enumerate().map(tag).collect();
    if stage == EntityStage::BeforeTransform {
        return Ok(made);
    }
    for (position, program) in plan.programs.iter().enumerate() {
        // Behind the first transform an entity is no version of anything.
        let previous = if position == 0 { &previous[..] } else { &[] };
        made = apply(program, &made, previous, evaluation)
            .map_err(|(failure, origin)| step_failure(failure, position, sources.get(origin)))?;
    }
    if let Some(last) = plan.programs.len().checked_sub(1) {
        keep_limits(&made, last, &sources)?;
    }
    if stage == EntityStage::Sink && plan.namespaces.remove {
        for tagged in &mut made {
            tagged.entity = remove_namespaces(&tagged.entity);
        }
    }
    Ok(made)
}

/// Nothing comes out of transforms that could not be read again. What a source gives was judged when it was read.
fn keep_limits(made: &[Tagged], position: usize, sources: &[Entity]) -> Result<(), StepFailure> {
    let limits = Limits::default();
    for Tagged { origin, entity } in made {
        if let Some(excess) = entity.body().excess(&limits) {
            let id = entity.id().unwrap_or_default();
            let message = format!(
                "transform {position}: the entity \"{id}\" that it makes breaks a limit at {}: {}",
                excess.path, excess.code
            );
            return Err(StepFailure {
                reason: "transform-limit",
                message,
                entity: sources.get(*origin).cloned(),
            });
        }
    }
    Ok(())
}

fn previous_versions(
    sources: &[Entity],
    evaluation: &Evaluation<'_>,
) -> Result<Vec<Option<Entity>>, StepFailure> {
    let Some(previous) = evaluation.previous else {
        return Ok(Vec::new());
    };
    let versions: Result<Vec<_>, _> = sources.iter().map(previous).collect();
    versions.map_err(|error| StepFailure {
        reason: error.code(),
        message: format!("cannot read the previous version of an entity: {error}"),
        entity: None,
    })
}

fn apply(
    program: &Program,
    entities: &[Tagged],
    previous: &[Option<Entity>],
    evaluation: &Evaluation<'_>,
) -> Result<Vec<Tagged>, (Failure, usize)> {
    let mut evaluator = Evaluator::new(program, evaluation.environment, evaluation.lookup);
    let mut made = Vec::with_capacity(entities.len());
    for Tagged { origin, entity } in entities {
        let before = previous.get(*origin).and_then(Option::as_ref);
        evaluator
            .transform(entity, before, evaluation.parameters, &mut |entity| {
                made.push(Tagged {
                    origin: *origin,
                    entity,
                })
            })
            .map_err(|failure| (failure, *origin))?;
        evaluation.lookup.entity_ended();
    }
    Ok(made)
}

fn step_failure(failure: Failure, position: usize, entity: Option<&Entity>) -> StepFailure {
    let reason = match failure.kind {
        FailureKind::Fail => "transform-failed",
        FailureKind::Trip => "transform-tripped",
        FailureKind::MissingId => "missing-id",
        FailureKind::Budget => "transform-budget",
        FailureKind::Lookup => "lookup-failed",
    };
    let place = place(&failure.elements);
    let message = format!("transform {position}{place}: {}", failure.message);
    StepFailure {
        reason,
        message,
        entity: entity.cloned(),
    }
}

fn place(elements: &[PathElement]) -> String {
    let mut text = String::new();
    for element in elements {
        match element {
            PathElement::Key(key) => text.push_str(&format!(" {key}")),
            PathElement::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    if text.is_empty() {
        text
    } else {
        format!(" at{text}")
    }
}

/// What a target gets to see of a batch.
pub(crate) enum Output {
    /// Hashed and stripped for a dataset.
    Prepared(Vec<PreparedEntity>),
    /// As they are, filtered ones left out (EM8).
    Entities(Vec<Entity>),
}

/// A batch ready to be written, and what can never be.
pub(crate) struct Stepped {
    /// In order.
    pub output: Output,
    /// Entities that the sink refuses as such (too large, without id).
    pub rejected: Vec<(Entity, WriteError)>,
}

/// Prepares the output of the transforms for the sink.
pub(crate) fn prepare(made: Vec<Tagged>, sink: Option<(&DatasetSink, &HashKey)>) -> Stepped {
    let entities = made.into_iter().map(|tagged| tagged.entity);
    let Some((sink, key)) = sink else {
        let entities = entities.filter(|entity| !entity.is_filtered()).collect();
        return Stepped {
            output: Output::Entities(entities),
            rejected: Vec::new(),
        };
    };
    let mut prepared = Vec::with_capacity(entities.len());
    let mut rejected = Vec::new();
    for (position, entity) in entities.enumerate() {
        match sink.prepare(&entity, key) {
            Ok(entity) => prepared.push(entity),
            Err(mut error) => {
                error.position = Some(position);
                rejected.push((entity, error));
            }
        }
    }
    Stepped {
        output: Output::Prepared(prepared),
        rejected,
    }
}
