//! The words that records use for the few values of an enumeration.

use sluice_protocol::{Isolation, Standing};

const STANDINGS: [(Standing, &str); 4] = [
    (Standing::Active, "active"),
    (Standing::Cordoned, "cordoned"),
    (Standing::Draining, "draining"),
    (Standing::Retired, "retired"),
];

const ISOLATIONS: [(Isolation, &str); 2] = [
    (Isolation::Shared, "shared"),
    (Isolation::Dedicated, "dedicated"),
];

pub(super) fn of_standing(standing: Standing) -> &'static str {
    word(&STANDINGS, standing)
}

pub(super) fn standing(word: &str) -> Option<Standing> {
    value(&STANDINGS, word)
}

pub(super) fn of_isolation(isolation: Isolation) -> &'static str {
    word(&ISOLATIONS, isolation)
}

pub(super) fn isolation(word: &str) -> Option<Isolation> {
    value(&ISOLATIONS, word)
}

fn word<T: Copy + PartialEq>(table: &[(T, &'static str)], value: T) -> &'static str {
    let found = table.iter().find(|(known, _)| *known == value);
    found.map_or("", |(_, word)| word)
}

fn value<T: Copy>(table: &[(T, &'static str)], word: &str) -> Option<T> {
    let found = table.iter().find(|(_, known)| *known == word);
    found.map(|(value, _)| *value)
}
