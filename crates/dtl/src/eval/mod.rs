//! Evaluation of a program over one source entity at a time.

mod expression;
mod hops;
mod run;
mod scope;

use std::cell::RefCell;
use std::collections::BTreeMap;

use bumpalo::Bump;
use sluice_entity::{Arena, Builder, Entity, Value, ValueBuf};

use crate::failure::Failure;
use crate::memory::{Memory, Values};
use crate::outside::{Environment, Lookup};
use crate::program::{Program, Start};
use crate::transforms::Flow;

pub(crate) use expression::fold;
pub(crate) use run::Run;
pub(crate) use scope::{Frame, PropertyName, Scope, Target};

pub(crate) type Outcome<T> = Result<T, Box<Failure>>;

/// Memory kept for the next entity.
const KEPT_BYTES: usize = 16 << 20;

/// Runs one program over many entities. Belongs to one thread; its memory is used again for each entity.
pub struct Evaluator<'p> {
    program: &'p Program,
    environment: &'p dyn Environment,
    lookup: &'p dyn Lookup,
    arena: Arena,
    bump: Bump,
    /// Remembers the shapes of what comes out.
    builder: RefCell<Builder>,
    statistics: BTreeMap<String, HopsStatistics>,
}

/// What hops with a `trace` did (HO13).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HopsStatistics {
    /// The most entities that one join found at once.
    pub max_cardinality: u64,
    /// Rows found in all.
    pub rows: u64,
}

impl<'p> Evaluator<'p> {
    pub fn new(
        program: &'p Program,
        environment: &'p dyn Environment,
        lookup: &'p dyn Lookup,
    ) -> Evaluator<'p> {
        Evaluator {
            program,
            environment,
            lookup,
            arena: Arena::new(),
            bump: Bump::new(),
            builder: RefCell::new(Builder::new()),
            statistics: BTreeMap::new(),
        }
    }

    /// Runs the `default` rule over `source` and hands every entity that comes out to `emit`: those of `create`
    /// first, then the target. A filtered target carries `_filtered` (R8). On failure nothing is emitted.
    ///
    /// `previous` is the version of the source entity before this one, if the source is a dataset; `parameters`
    /// is `_B`.
    pub fn transform(
        &mut self,
        source: &Entity,
        previous: Option<&Entity>,
        parameters: Option<&ValueBuf>,
        emit: &mut dyn FnMut(Entity),
    ) -> Result<(), Failure> {
        self.transform_values(source, previous, parameters, &mut |value| {
            Entity::new(value.to_owned())
                .into_iter()
                .for_each(&mut *emit);
        })
    }

    /// As [`Evaluator::transform`], but what comes out is only borrowed: for callers that print or store it at
    /// once. Every value is a dict.
    pub fn transform_values(
        &mut self,
        source: &Entity,
        previous: Option<&Entity>,
        parameters: Option<&ValueBuf>,
        emit: &mut dyn FnMut(Value<'_>),
    ) -> Result<(), Failure> {
        self.reset();
        let run = self.run(previous, parameters);
        {
            let target = run.transform(source).map_err(|failure| *failure)?;
            run.created.borrow().iter().copied().for_each(&mut *emit);
            if let Some(target) = target {
                let mut builder = self.builder.borrow_mut();
                builder.clear();
                target.build(&mut builder);
                emit(builder.as_value());
            }
        }
        let statistics: Vec<_> = run
            .statistics
            .take()
            .into_iter()
            .map(|(trace, new)| (trace.to_owned(), new))
            .collect();
        self.count(statistics);
        Ok(())
    }

    /// Bytes of the values of the present evaluation.
    #[cfg(test)]
    pub(crate) fn allocated(&self) -> usize {
        self.arena.allocated() + self.bump.allocated_bytes()
    }

    /// The value of a program that is one expression; null for any other program.
    pub fn evaluate(
        &mut self,
        source: &Entity,
        previous: Option<&Entity>,
    ) -> Result<ValueBuf, Failure> {
        self.reset();
        let run = self.run(previous, None);
        let values = run.expression(source).map_err(|failure| *failure)?;
        Ok(run.memory.value(values).to_owned())
    }

    /// Runs the `default` rule as `apply` would: on `target`, with nothing inherited from the source. The
    /// target is `None` when the rule filtered or discarded it.
    pub(crate) fn apply(
        &mut self,
        source: &Entity,
        previous: Option<&Entity>,
        target: Value<'_>,
    ) -> Result<(Option<ValueBuf>, Vec<Entity>), Failure> {
        self.reset();
        let run = self.run(previous, None);
        let Start::Rule(rule) = run.program.start else {
            return Ok((None, Vec::new()));
        };
        let target = RefCell::new(Target::from_value(
            &run.memory,
            run.memory.arena().copy(target),
        ));
        let frame = Frame {
            source: run.memory.borrow(source),
            target: &target,
            parent: None,
        };
        let steps = run
            .program
            .rules
            .get(rule)
            .map_or(&[][..], |rule| &rule.steps);
        let flow = run.steps(steps, &frame).map_err(|failure| *failure)?;
        let target =
            (flow == Flow::Continue).then(|| target.borrow().to_value(&run.memory).to_owned());
        let created = run
            .created
            .borrow()
            .iter()
            .copied()
            .filter_map(|value| Entity::new(value.to_owned()))
            .collect();
        Ok((target, created))
    }

    /// What hops with a `trace` did since the evaluator was made.
    pub fn statistics(&self) -> &BTreeMap<String, HopsStatistics> {
        &self.statistics
    }

    fn reset(&mut self) {
        self.bump.reset();
        self.arena.reset();
        if self.bump.allocated_bytes() > KEPT_BYTES {
            self.bump = Bump::new();
        }
        if self.arena.allocated() > KEPT_BYTES {
            self.arena = Arena::new();
        }
    }

    fn run<'a>(
        &'a self,
        previous: Option<&'a Entity>,
        parameters: Option<&'a ValueBuf>,
    ) -> Run<'a> {
        let memory = Memory::new(&self.arena, &self.bump, self.program.budget);
        let mut run = Run::new(self.program, memory, self.environment, self.lookup);
        run.parameters = parameters.map_or(Value::NULL, ValueBuf::value);
        run.previous = previous.map(|entity| run.memory.borrow(entity));
        run
    }

    fn count(&mut self, statistics: Vec<(String, HopsStatistics)>) {
        for (trace, new) in statistics {
            let known = self.statistics.entry(trace).or_default();
            known.max_cardinality = known.max_cardinality.max(new.max_cardinality);
            known.rows += new.rows;
        }
    }
}

/// The value of an expression over an entity, in memory that the caller gives.
pub(crate) fn expression_over<'a>(
    program: &'a Program,
    memory: Memory<'a>,
    source: &'a Entity,
    environment: &'a dyn Environment,
    lookup: &'a dyn Lookup,
) -> Outcome<Values<'a>> {
    Run::new(program, memory, environment, lookup).expression(source)
}
