//! Joins at run time: index look-ups inside one another, from the input to the last alias.

use std::collections::HashSet;

use sluice_entity::Value;
use smallvec::SmallVec;

use crate::failure::FailureKind;
use crate::hops::{Access, Condition, Hops, HopsCall, Recursion, Returns};
use crate::memory::{Items, Values};
use crate::program::Node;
use crate::sets;

use super::expression::chain;
use super::{Frame, Outcome, Run, Scope};

type Row<'a> = SmallVec<[Value<'a>; 4]>;

impl<'a> Run<'a> {
    /// The results of the last specification, as a list; of `apply-hops` what the rule makes of them.
    pub(super) fn hops(&self, call: &'a HopsCall, scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
        let mut inputs = self.memory.items_of(1);
        inputs.push(scope.frame.source);
        for hops in &call.hops {
            let mut results = self.memory.items();
            match hops.recursion {
                Some(recursion) => {
                    self.recurse(call, hops, recursion, &inputs, scope, &mut results)?
                }
                None => {
                    for input in &inputs {
                        self.hop(call, hops, *input, scope, &mut results)?;
                    }
                }
            }
            inputs = results;
        }
        let results = self.memory.list(inputs);
        match call.rule {
            Some(rule) => self.apply_all(rule, results, scope, call.site),
            None => Ok(results),
        }
    }

    /// HO4: the output is the next input, until there is nothing new or the bound is reached (R41).
    fn recurse(
        &self,
        call: &'a HopsCall,
        hops: &'a Hops,
        recursion: Recursion,
        roots: &[Value<'a>],
        scope: Scope<'_, 'a>,
        results: &mut Items<'a>,
    ) -> Outcome<()> {
        let mut seen: HashSet<Vec<u8>> = roots.iter().map(|root| key(*root)).collect();
        if !recursion.exclude_root {
            results.extend(roots.iter().copied());
        }
        let mut level = self.memory.items_of(roots.len());
        level.extend(roots.iter().copied());
        let mut depth = 0;
        while !level.is_empty() && recursion.max_depth.is_none_or(|bound| depth < bound) {
            let mut found = self.memory.items();
            for input in &level {
                self.hop(call, hops, *input, scope, &mut found)?;
            }
            found.retain(|value| seen.insert(key(*value)));
            results.extend(found.iter().copied());
            level = found;
            depth += 1;
        }
        Ok(())
    }

    /// All results of one specification for one input, which is its `_S`.
    fn hop(
        &self,
        call: &'a HopsCall,
        hops: &'a Hops,
        input: Value<'a>,
        scope: Scope<'_, 'a>,
        results: &mut Items<'a>,
    ) -> Outcome<()> {
        let frame = Frame {
            source: input,
            target: scope.frame.target,
            parent: scope.frame.parent,
        };
        let inside = Scope {
            frame: &frame,
            current: scope.current,
            row: &[],
        };
        for condition in &hops.before {
            if !self.holds(condition, inside)? {
                return Ok(());
            }
        }
        let mut row: Row<'a> = hops.accesses.iter().map(|_| Value::NULL).collect();
        self.rows(call, hops, 0, &mut row, inside, results)
    }

    /// Extends the row by the alias that is read at this position, for each entity that fits.
    fn rows(
        &self,
        call: &'a HopsCall,
        hops: &'a Hops,
        at: usize,
        row: &mut Row<'a>,
        scope: Scope<'_, 'a>,
        results: &mut Items<'a>,
    ) -> Outcome<()> {
        let Some(access) = hops.accesses.get(at) else {
            return self.project(hops, Scope { row, ..scope }, results);
        };
        let keys = self.keys(&access.keys, Scope { row, ..scope })?;
        let found = self.find(call, access, keys)?;
        if let Some(trace) = &hops.trace {
            let mut statistics = self.statistics.borrow_mut();
            let own = statistics.entry(trace).or_default();
            own.max_cardinality = own.max_cardinality.max(found.len() as u64);
            own.rows += if at + 1 == hops.accesses.len() {
                found.len() as u64
            } else {
                0
            };
        }
        for entity in found {
            if self.memory.is_exhausted() || !self.memory.spend(1) {
                return Err(self.budget(call.site));
            }
            if let Some(place) = row.get_mut(usize::from(access.alias)) {
                *place = *entity;
            }
            let mut fits = true;
            for condition in &access.conditions {
                fits = fits && self.holds(condition, Scope { row, ..scope })?;
            }
            if fits {
                self.rows(call, hops, at + 1, row, scope, results)?;
            }
        }
        Ok(())
    }

    /// The entities that the other side of the join leads to, ordered by `_id` (HO5).
    fn find(
        &self,
        call: &'a HopsCall,
        access: &'a Access,
        keys: Vec<Vec<u8>>,
    ) -> Outcome<&'a [Value<'a>]> {
        if keys.is_empty() {
            return Ok(&[]);
        }
        let place = (std::ptr::from_ref(access) as usize, keys);
        if let Some(known) = self.found.borrow().get(&place) {
            return Ok(known);
        }
        let entities = self
            .lookup
            .by_index(&access.dataset, &access.index, &place.1);
        let entities = entities
            .map_err(|error| self.failure(FailureKind::Lookup, chain(&error), Some(call.site)))?;
        let mut values = self.memory.items_of(entities.len());
        for entity in &entities {
            if !self.memory.has_room(entity.encoded_len()) {
                return Err(self.budget(call.site));
            }
            values.push(self.memory.keep(entity));
        }
        let values: &'a [Value<'a>] = values.into_bump_slice();
        self.found.borrow_mut().insert(place, values);
        Ok(values)
    }

    /// The keys of one side, as the index of the other has them: nulls never join (R40).
    fn keys(&self, node: &'a Node, scope: Scope<'_, 'a>) -> Outcome<Vec<Vec<u8>>> {
        let values = self.evaluate(node, scope)?;
        let mut keys: Vec<Vec<u8>> = values
            .iter()
            .filter(|value| !value.is_null())
            .map(key)
            .collect();
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    fn holds(&self, condition: &'a Condition, scope: Scope<'_, 'a>) -> Outcome<bool> {
        match condition {
            Condition::True(node) => Ok(self.evaluate(node, scope)?.is_true()),
            Condition::Overlap(left, right) => {
                let (left, right) = (self.evaluate(left, scope)?, self.evaluate(right, scope)?);
                Ok(sets::joins(left, right))
            }
        }
    }

    /// What one row gives.
    fn project(
        &self,
        hops: &'a Hops,
        scope: Scope<'_, 'a>,
        results: &mut Items<'a>,
    ) -> Outcome<()> {
        match &hops.returns {
            Returns::Aliases(numbers) => {
                results.extend(
                    numbers
                        .iter()
                        .filter_map(|number| scope.row.get(usize::from(*number)))
                        .copied(),
                );
            }
            Returns::Template(node) => results.push(self.memory.value(self.evaluate(node, scope)?)),
            Returns::Flattened(node) => results.extend(self.evaluate(node, scope)?.iter()),
        }
        Ok(())
    }
}

fn key(value: Value<'_>) -> Vec<u8> {
    let mut key = Vec::new();
    value.join_key(&mut key);
    key
}
