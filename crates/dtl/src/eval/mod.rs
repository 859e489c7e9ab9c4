//! Evaluation of a program over one source entity at a time.

mod expression;
mod hops;
mod scope;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};

use bumpalo::Bump;
use sluice_entity::{Arena, Builder, Entity, Value, ValueBuf};

use crate::diagnostic::Site;
use crate::failure::{Failure, FailureKind};
use crate::memory::{Memory, Values};
use crate::outside::{Environment, Lookup};
use crate::path;
use crate::program::{Node, Program, Start, Step, Trigger};
use crate::transforms::Flow;
use crate::wildcard;

pub(crate) use expression::fold;
pub(crate) use scope::{Frame, Scope, Target};

pub(crate) type Outcome<T> = Result<T, Box<Failure>>;

/// Expressions and applied rules inside one another; beyond it the stack of a thread is in danger.
const MAX_DEPTH: u32 = 400;
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

/// An access of a program by its address, and the keys it was asked for.
type JoinPlace = (usize, Vec<Vec<u8>>);

/// One evaluation.
pub(crate) struct Run<'a> {
    pub(crate) program: &'a Program,
    pub(crate) memory: Memory<'a>,
    pub(crate) environment: &'a dyn Environment,
    pub(crate) lookup: &'a dyn Lookup,
    parameters: Value<'a>,
    pub(crate) previous: Option<Value<'a>>,
    /// Held back until the evaluation has succeeded.
    created: RefCell<Vec<Value<'a>>>,
    statistics: RefCell<BTreeMap<&'a str, HopsStatistics>>,
    /// Join results by access and keys: many rows tend to look for the same few entities.
    found: RefCell<HashMap<JoinPlace, &'a [Value<'a>]>>,
    depth: Cell<u32>,
}

impl<'a> Run<'a> {
    fn new(
        program: &'a Program,
        memory: Memory<'a>,
        environment: &'a dyn Environment,
        lookup: &'a dyn Lookup,
    ) -> Run<'a> {
        Run {
            program,
            memory,
            environment,
            lookup,
            parameters: Value::NULL,
            previous: None,
            created: RefCell::default(),
            statistics: RefCell::default(),
            found: RefCell::default(),
            depth: Cell::new(0),
        }
    }

    fn transform(&self, source: &'a Entity) -> Outcome<Option<Target<'a>>> {
        let Start::Rule(rule) = self.program.start else {
            return Ok(None);
        };
        let Some(rule) = self.program.rules.get(rule) else {
            return Ok(None);
        };
        let body = self.memory.borrow(source);
        if self
            .program
            .trigger
            .as_ref()
            .is_some_and(|trigger| !self.is_triggered(trigger, body))
        {
            let mut unchanged = Target::from_value(&self.memory, body);
            if source.is_deleted() {
                unchanged.set("_deleted", Values::One(Value::TRUE));
            }
            return Ok(Some(unchanged));
        }
        let target = RefCell::new(inherited(&self.memory, source, rule.steps.len()));
        let frame = Frame {
            source: body,
            target: &target,
            parent: None,
        };
        let flow = self.steps(&rule.steps, &frame)?;
        let mut target = target.into_inner();
        match flow {
            Flow::Discard => return Ok(None),
            Flow::Filter => target.set("_filtered", Values::One(Value::TRUE)),
            Flow::Continue => {}
        }
        let has_id = matches!(target.get("_id"), Some(Values::One(id)) if id.as_str().is_some());
        if !has_id {
            let missing = self.program.id_required && flow == Flow::Continue;
            let message = "the target entity has no string \"_id\"";
            return if missing {
                Err(self.failure(FailureKind::MissingId, message, None))
            } else {
                Ok(None)
            };
        }
        Ok(Some(target))
    }

    fn expression(&self, source: &'a Entity) -> Outcome<Values<'a>> {
        let Start::Expression(node) = &self.program.start else {
            return Ok(Values::NULL);
        };
        let target = RefCell::new(Target::new(&self.memory, 0));
        let frame = Frame {
            source: self.memory.borrow(source),
            target: &target,
            parent: None,
        };
        self.evaluate(node, frame.scope())
    }

    /// Runs transforms until one of them ends the processing of the entity.
    pub(crate) fn steps(&self, steps: &'a [Step], frame: &Frame<'_, 'a>) -> Outcome<Flow> {
        for step in steps {
            if !self.memory.spend(1) {
                return Err(self.budget(step.site));
            }
            match (step.body)(self, step, frame)? {
                Flow::Continue => {}
                end => return Ok(end),
            }
        }
        Ok(Flow::Continue)
    }

    /// Keeps a dict to be emitted.
    pub(crate) fn create(&self, value: Value<'a>) {
        self.created.borrow_mut().push(value);
    }

    /// One more expression or rule around what follows; the caller calls [`Run::leave`].
    fn enter(&self, node: &Node) -> Outcome<()> {
        let depth = self.depth.get() + 1;
        self.depth.set(depth);
        if depth > MAX_DEPTH {
            let message = format!("expressions and rules are nested more than {MAX_DEPTH} deep");
            return Err(self.failure(FailureKind::Budget, message, node.site()));
        }
        if !self.memory.spend(1) {
            return Err(self.failure(FailureKind::Budget, BUDGET, node.site()));
        }
        Ok(())
    }

    fn leave(&self) {
        self.depth.set(self.depth.get().saturating_sub(1));
    }

    pub(crate) fn budget(&self, site: Site) -> Box<Failure> {
        self.failure(FailureKind::Budget, BUDGET, Some(site))
    }

    pub(crate) fn failure(
        &self,
        kind: FailureKind,
        message: impl Into<String>,
        site: Option<Site>,
    ) -> Box<Failure> {
        let elements = site
            .map(|site| self.program.sites.elements(site))
            .unwrap_or_default();
        Box::new(Failure {
            kind,
            message: message.into(),
            elements,
        })
    }

    fn is_triggered(&self, trigger: &Trigger, source: Value<'a>) -> bool {
        let wanted = trigger.value.value();
        let found = path::walk(&self.memory, Values::One(source), &trigger.key);
        found
            .iter()
            .any(|value| match (wanted.as_str(), value.as_str()) {
                (Some(pattern), Some(text)) => wildcard::matches(pattern, text),
                _ => value.equals(wanted),
            })
    }
}

const BUDGET: &str = "the entity takes more steps or memory than one entity may";

/// What the target of the `default` rule begins with (U2, U3).
fn inherited<'a>(memory: &Memory<'a>, source: &'a Entity, capacity: usize) -> Target<'a> {
    let mut target = Target::new(memory, capacity + 2);
    if let Some(id) = source.body().get("_id") {
        target.set("_id", Values::One(id));
    }
    if source.is_deleted() {
        target.set("_deleted", Values::One(Value::TRUE));
    }
    if source.is_filtered() {
        target.set("_filtered", Values::One(Value::TRUE));
    }
    target
}
