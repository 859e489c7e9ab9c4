//! Values as sets: who has whom in common. Small sets are compared one by one, large ones by their keys.

use std::collections::HashSet;

use sluice_entity::Value;

use crate::memory::Values;

/// Pairs up to this number are compared one by one.
const FEW_PAIRS: usize = 256;

/// What is in a list of values.
pub(crate) enum Members<'a> {
    Few(Values<'a>),
    Many(HashSet<Vec<u8>>),
}

impl<'a> Members<'a> {
    /// `questions`: how often [`Members::contains`] will be asked.
    pub(crate) fn new(values: Values<'a>, questions: usize) -> Members<'a> {
        if values.len().saturating_mul(questions) <= FEW_PAIRS {
            return Members::Few(values);
        }
        Members::Many(values.iter().map(key).collect())
    }

    pub(crate) fn contains(&self, value: Value<'_>) -> bool {
        match self {
            Members::Few(values) => values.iter().any(|own| own.equals(value)),
            Members::Many(keys) => keys.contains(&key(value)),
        }
    }
}

/// Values met so far, for lists without duplicates.
#[derive(Default)]
pub(crate) struct Seen<'a> {
    few: Vec<Value<'a>>,
    many: HashSet<Vec<u8>>,
}

impl<'a> Seen<'a> {
    /// Whether the value was not there yet.
    pub(crate) fn insert(&mut self, value: Value<'a>) -> bool {
        const FEW: usize = 16;
        if self.many.is_empty() {
            if self.few.iter().any(|own| own.equals(value)) {
                return false;
            }
            if self.few.len() < FEW {
                self.few.push(value);
                return true;
            }
            self.many.extend(self.few.iter().map(|own| key(*own)));
        }
        self.many.insert(key(value))
    }
}

/// Whether there is any value in common.
pub(crate) fn overlap(left: Values<'_>, right: Values<'_>) -> bool {
    let members = Members::new(right, left.len());
    left.iter().any(|value| members.contains(value))
}

/// As [`overlap`], but null is no value (R40).
pub(crate) fn joins(left: Values<'_>, right: Values<'_>) -> bool {
    let members = Members::new(right, left.len());
    left.iter()
        .any(|value| !value.is_null() && members.contains(value))
}

fn key(value: Value<'_>) -> Vec<u8> {
    let mut key = Vec::new();
    value.join_key(&mut key);
    key
}
