//! The total order of values of mixed types (EM13), by value: numbers across kinds, dicts whatever their order.

use std::cmp::Ordering;

use crate::containers::{Dict, List};
use crate::layout::{self, MAX_DEPTH};
use crate::value::{Kind, Value};

impl Value<'_> {
    /// Null < boolean < numbers < datetime < UUID < NI < URI < string < dict < list < bytes (EM13).
    /// Numbers by exact value, texts by bytes, dicts by their sorted names and then their values in that order.
    pub fn order(self, other: Value<'_>) -> Ordering {
        order(self, other, 0)
    }

    /// Equal in [`Value::order`]: `1`, `1.0` and `~f1.00` are; the order of a dict does not matter.
    pub fn equals(self, other: Value<'_>) -> bool {
        // The same bytes are the same value, unless they are nested too deep to be walked; then both are.
        self.encoded() == other.encoded() || self.order(other) == Ordering::Equal
    }
}

/// Position of a kind in the order; damage stands with null.
pub(crate) fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Null => 0,
        Kind::Bool => 1,
        Kind::Int | Kind::Decimal | Kind::Float => 2,
        Kind::Datetime => 3,
        Kind::Uuid => 4,
        Kind::Ni => 5,
        Kind::Uri => 6,
        Kind::String => 7,
        Kind::Dict => 8,
        Kind::List => 9,
        Kind::Bytes => 10,
    }
}

fn order(a: Value<'_>, b: Value<'_>, depth: usize) -> Ordering {
    let ranks = (rank(a.kind()), rank(b.kind()));
    if ranks.0 != ranks.1 {
        return ranks.0.cmp(&ranks.1);
    }
    match a.kind() {
        Kind::Null => Ordering::Equal,
        Kind::Bool => a.tag().cmp(&b.tag()),
        Kind::Int | Kind::Decimal | Kind::Float => order_numbers(a, b),
        Kind::Datetime => a.as_datetime().cmp(&b.as_datetime()),
        Kind::Uuid | Kind::Ni | Kind::Uri | Kind::String | Kind::Bytes => {
            a.payload().cmp(b.payload())
        }
        Kind::Dict | Kind::List if depth >= MAX_DEPTH => Ordering::Equal,
        Kind::Dict => match (a.as_dict(), b.as_dict()) {
            (Some(a), Some(b)) => order_dicts(a, b, depth + 1),
            (a, b) => a.is_some().cmp(&b.is_some()),
        },
        Kind::List => match (a.as_list(), b.as_list()) {
            (Some(a), Some(b)) => order_lists(a, b, depth + 1),
            (a, b) => a.is_some().cmp(&b.is_some()),
        },
    }
}

fn order_numbers(a: Value<'_>, b: Value<'_>) -> Ordering {
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        return a.cmp(&b);
    }
    if a.tag() == layout::DECIMAL
        && b.tag() == layout::DECIMAL
        && let (Some((scale, a)), Some((other_scale, b))) = (
            layout::split_decimal(a.payload()),
            layout::split_decimal(b.payload()),
        )
        && scale == other_scale
        && let (Some(a), Some(b)) = (layout::read_int(a), layout::read_int(b))
    {
        return a.cmp(&b);
    }
    match (a.as_number(), b.as_number()) {
        (Some(a), Some(b)) => a.order(&b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

fn order_lists(a: List<'_>, b: List<'_>, depth: usize) -> Ordering {
    for (x, y) in a.iter().zip(b.iter()) {
        let found = order(x, y, depth);
        if found != Ordering::Equal {
            return found;
        }
    }
    a.len().cmp(&b.len())
}

fn order_dicts(a: Dict<'_>, b: Dict<'_>, depth: usize) -> Ordering {
    for position in 0..a.len().min(b.len()) {
        let names = (
            a.sorted_entry(position).map(|entry| entry.name),
            b.sorted_entry(position).map(|entry| entry.name),
        );
        let found = names.0.cmp(&names.1);
        if found != Ordering::Equal {
            return found;
        }
    }
    let found = a.len().cmp(&b.len());
    if found != Ordering::Equal {
        return found;
    }
    for position in 0..a.len() {
        let (x, y) = (a.sorted_entry(position), b.sorted_entry(position));
        let found = match (x, y) {
            (Some(x), Some(y)) => order(
                Value::from_encoded(x.value),
                Value::from_encoded(y.value),
                depth,
            ),
            (x, y) => x.is_some().cmp(&y.is_some()),
        };
        if found != Ordering::Equal {
            return found;
        }
    }
    Ordering::Equal
}
