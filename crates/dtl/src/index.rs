//! Index expressions (IX1, IX3): what a dataset keeps an index of, and the keys an entity has in it.

use std::fmt;

use bumpalo::Bump;
use sluice_entity::{Arena, Entity, Json};

use crate::compile;
use crate::diagnostic::Diagnostic;
use crate::eval;
use crate::memory::Memory;
use crate::options::Options;
use crate::outside::{NoEnvironment, NoLookup};
use crate::program::Program;

/// An expression over one entity, `_S`, that depends on nothing else.
pub struct IndexExpression {
    name: String,
    program: Program,
}

impl IndexExpression {
    /// Compiles an entry of a sink's `indexes` (`"$ids"`, a property name or an expression over `_S`), or the
    /// left side of a subset expression.
    pub fn compile(text: &Json, options: &Options) -> Result<IndexExpression, Vec<Diagnostic>> {
        compile::index(text, options)
    }

    pub(crate) fn new(name: String, program: Program) -> IndexExpression {
        IndexExpression { name, program }
    }

    /// The canonical text: the same expression has the same name in every pipe. `_id` is the index on the
    /// entities' ids, which every dataset has anyway.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key of each value that is not null, a list's elements one by one; sorted, without duplicates.
    /// Deleted entities have none (R40), nor has an entity that exceeds the budget of an evaluation. Replaces
    /// what is in `out`.
    pub fn keys(&self, entity: &Entity, arena: &Arena, out: &mut Vec<Vec<u8>>) {
        out.clear();
        if entity.is_deleted() {
            return;
        }
        let bump = Bump::new();
        let memory = Memory::new(arena, &bump, self.program.budget);
        let values =
            eval::expression_over(&self.program, memory, entity, &NoEnvironment, &NoLookup);
        // A program without fail!, trip! and lookups fails only when it exceeds its budget.
        let Ok(values) = values else { return };
        for value in values.iter().filter(|value| !value.is_null()) {
            let mut key = Vec::new();
            value.join_key(&mut key);
            out.push(key);
        }
        out.sort_unstable();
        out.dedup();
    }
}

impl fmt::Debug for IndexExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IndexExpression").field(&self.name).finish()
    }
}
