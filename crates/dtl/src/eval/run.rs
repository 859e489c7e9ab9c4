//! One evaluation: a rule or an expression over one source entity, with its memory and its bounds.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};

use sluice_entity::{Entity, Value};

use crate::diagnostic::Site;
use crate::failure::{Failure, FailureKind};
use crate::memory::{Memory, Values};
use crate::outside::{Environment, Lookup};
use crate::path;
use crate::program::{Node, Program, Start, Step, Trigger};
use crate::transforms::Flow;
use crate::wildcard;

use super::{Frame, HopsStatistics, Outcome, Target};

/// Expressions and applied rules inside one another; beyond it the stack of a thread is in danger.
const MAX_DEPTH: u32 = 400;
/// An access of a program by its address, and the keys it was asked for.
type JoinPlace = (usize, Vec<Vec<u8>>);

/// One evaluation.
pub(crate) struct Run<'a> {
    pub(crate) program: &'a Program,
    pub(crate) memory: Memory<'a>,
    pub(crate) environment: &'a dyn Environment,
    pub(crate) lookup: &'a dyn Lookup,
    pub(super) parameters: Value<'a>,
    pub(crate) previous: Option<Value<'a>>,
    /// Held back until the evaluation has succeeded.
    pub(super) created: RefCell<Vec<Value<'a>>>,
    pub(super) statistics: RefCell<BTreeMap<&'a str, HopsStatistics>>,
    /// Join results by access and keys: many rows tend to look for the same few entities.
    pub(super) found: RefCell<HashMap<JoinPlace, &'a [Value<'a>]>>,
    pub(super) depth: Cell<u32>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
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

    pub(super) fn transform(&self, source: &'a Entity) -> Outcome<Option<Target<'a>>> {
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
        if !self.memory.has_room(target.encoded_len()) || self.memory.is_exhausted() {
            return Err(self.failure(FailureKind::Budget, BUDGET, None));
        }
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

    pub(super) fn expression(&self, source: &'a Entity) -> Outcome<Values<'a>> {
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
    pub(super) fn enter(&self, node: &Node) -> Outcome<()> {
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

    pub(super) fn leave(&self) {
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

pub(super) const BUDGET: &str = "the entity takes more steps or memory than one entity may";

/// What the target of the `default` rule begins with (U2, U3).
fn inherited<'a>(memory: &Memory<'a>, source: &'a Entity, capacity: usize) -> Target<'a> {
    let mut target = Target::new(memory, capacity + 2);
    if let Some(id) = source.body().get("_id") {
        target.set("_id", Values::One(id));
    }
    let (deleted, filtered) = source.marks();
    if deleted {
        target.set("_deleted", Values::One(Value::TRUE));
    }
    if filtered {
        target.set("_filtered", Values::One(Value::TRUE));
    }
    target
}
