//! `replace`: one pass over the text, so that a replacement is never replaced again.

use sluice_entity::Value;

use crate::functions::args::{argument, each_string, last, string};
use crate::memory::{Memory, Values};

pub(super) fn replace<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let Some(replacements) = replacements(arguments) else {
        return Values::NULL;
    };
    each_string(memory, last(arguments), |text| {
        replaced(memory, text, &replacements)
    })
}

/// Pairs of old and new, none of them with an empty old text; `None` for arguments of a wrong type.
fn replacements<'a>(arguments: &[Values<'a>]) -> Option<Vec<(&'a str, &'a str)>> {
    let mut pairs: Vec<(&str, &str)> = match arguments {
        [dict, _] => {
            let pair = |(old, new): (&'a str, Value<'a>)| Some((old, new.as_str()?));
            dict.first().as_dict()?.iter().filter_map(pair).collect()
        }
        _ => vec![(
            string(argument(arguments, 0))?,
            string(argument(arguments, 1))?,
        )],
    };
    pairs.retain(|(old, _)| !old.is_empty());
    // Where several fit, the longest is meant.
    pairs.sort_by_key(|(old, _)| std::cmp::Reverse(old.len()));
    Some(pairs)
}

fn replaced<'a>(
    memory: &Memory<'a>,
    text: &'a str,
    replacements: &[(&str, &str)],
) -> Option<Value<'a>> {
    let mut result = memory.text();
    let mut rest = text;
    // Up to here everything is copied.
    let mut untouched = 0;
    while let Some(character) = rest.get(untouched..).and_then(|rest| rest.chars().next()) {
        let here = rest.get(untouched..).unwrap_or_default();
        match replacements.iter().find(|(old, _)| here.starts_with(old)) {
            Some((old, new)) => {
                if !memory.has_room(new.len()) {
                    return None;
                }
                result.push_str(rest.get(..untouched).unwrap_or_default());
                result.push_str(new);
                rest = here.get(old.len()..).unwrap_or_default();
                untouched = 0;
            }
            None => untouched += character.len_utf8(),
        }
    }
    result.push_str(rest);
    Some(memory.string(&result))
}
