//! Strings: joining, splitting, replacing, matching, converting.

mod replace;
mod to_text;

use sluice_entity::Value;

use crate::memory::{Memory, Values};
use crate::row::{Chapter, example, example_of};
use crate::wildcard;

use super::args::{argument, each, each_string, flat, integer, last, string};
use super::{Function, FunctionBody};

pub(crate) const CHAPTER: Chapter<FunctionBody> = Chapter {
    name: "strings",
    rows: ROWS,
};

const VALUES: &str = "VALUES(value-expression{1})";

const ROWS: &[Function] = &[
    Function {
        name: "concat",
        signature: "VALUES(value-expression{>=1})",
        doc: "All strings of the arguments, one after the other; \"\" if there are none.",
        examples: &[
            example_of(
                r#"{"name": "John"}"#,
                r#"["concat", "Hello ", "_S.name", "!"]"#,
                r#""Hello John!""#,
            ),
            example(r#"["concat", "a", ["list", "b", 123], 3.14]"#, r#""ab""#),
        ],
        body: FunctionBody::Pure(concat),
    },
    Function {
        name: "is-string",
        signature: VALUES,
        doc: "Whether the first value is a string.",
        examples: &[example(r#"["is-string", ["list", "a", 1]]"#, "true")],
        body: FunctionBody::Pure(is_string),
    },
    Function {
        name: "join",
        signature: "SEPARATOR(string{1}) VALUES(value-expression{1})",
        doc: "The strings among the values with the separator between them.",
        examples: &[example(
            r#"["join", "-", ["list", "a", "b", 123, "c"]]"#,
            r#""a-b-c""#,
        )],
        body: FunctionBody::Pure(join),
    },
    Function {
        name: "length",
        signature: VALUES,
        doc: "The number of characters of each string.",
        examples: &[example(r#"["length", ["list", "", "å", 1]]"#, "[0, 1]")],
        body: FunctionBody::Pure(length),
    },
    Function {
        name: "lower",
        signature: VALUES,
        doc: "Each string in lower case.",
        examples: &[example(
            r#"["lower", ["list", "A", "Ø", 1]]"#,
            r#"["a", "ø"]"#,
        )],
        body: FunctionBody::Pure(lower),
    },
    Function {
        name: "lstrip",
        signature: STRIP,
        doc: "Each string without white space, or the given characters, at its left end.",
        examples: &[example(r#"["lstrip", " abc "]"#, r#""abc ""#)],
        body: FunctionBody::Pure(lstrip),
    },
    Function {
        name: "matches",
        signature: "PATTERN(string{1}) VALUES(value-expression{1})",
        doc: "Whether all values are strings that match the pattern of * and ?; false when there are none.",
        examples: &[
            example(
                r#"["matches", "a*p*a", ["list", "alpha", "alpaca"]]"#,
                "true",
            ),
            example(r#"["matches", "*", null]"#, "false"),
        ],
        body: FunctionBody::Pure(matches),
    },
    Function {
        name: "replace",
        signature: "REPLACEMENTS(value-expression{1}) VALUES(value-expression{1}) or OLD_STRING(string{1}) NEW_STRING(string{1}) VALUES(value-expression{1})",
        doc: "Each string with the old string, or each key of the dict, replaced in one pass.",
        examples: &[
            example(
                r#"["replace", "http://", "https://", "http://x/"]"#,
                r#""https://x/""#,
            ),
            example(r#"["replace", {"a": "b", "b": "a"}, "abc"]"#, r#""bac""#),
        ],
        body: FunctionBody::Pure(replace::replace),
    },
    Function {
        name: "rstrip",
        signature: STRIP,
        doc: "Each string without white space, or the given characters, at its right end.",
        examples: &[example(r#"["rstrip", " abc "]"#, r#"" abc""#)],
        body: FunctionBody::Pure(rstrip),
    },
    Function {
        name: "split",
        signature: "SEPARATOR(string{0|1}) VALUES(value-expression{1})",
        doc: "The parts of the strings between separators, in one list; \"\" separates characters, no separator means white space.",
        examples: &[
            example(
                r#"["split", "-", ["list", "a-b", "c"]]"#,
                r#"["a", "b", "c"]"#,
            ),
            example(r#"["split", "", "abc"]"#, r#"["a", "b", "c"]"#),
        ],
        body: FunctionBody::Pure(split),
    },
    Function {
        name: "string",
        signature: VALUES,
        doc: "Each value as a string, without transit tag; lists in lists and dicts as JSON.",
        examples: &[
            example(r#"["string", 1]"#, r#""1""#),
            example(
                r#"["string", ["list", ["list", 1, 2], {"b": 2, "a": null}]]"#,
                r#"["[1, 2]", "{\"a\": null, \"b\": 2}"]"#,
            ),
        ],
        body: FunctionBody::Pure(to_string),
    },
    Function {
        name: "strip",
        signature: STRIP,
        doc: "Each string without white space, or the given characters, at both ends.",
        examples: &[example(
            r#"["strip", "xy", ["list", "123xyx", "xy456yx"]]"#,
            r#"["123", "456"]"#,
        )],
        body: FunctionBody::Pure(strip),
    },
    Function {
        name: "substring",
        signature: "START_INDEX(integer{1}) END_INDEX(integer{0|1}) VALUES(value-expression{1})",
        doc: "The characters of each string from start to before end; negative indexes count from the end.",
        examples: &[
            example(r#"["substring", 2, 4, "abcdef"]"#, r#""cd""#),
            example(r#"["substring", -3, -1, "abcdef"]"#, r#""de""#),
        ],
        body: FunctionBody::Pure(substring),
    },
    Function {
        name: "upper",
        signature: VALUES,
        doc: "Each string in upper case.",
        examples: &[example(
            r#"["upper", ["list", "a", "ø", 1]]"#,
            r#"["A", "Ø"]"#,
        )],
        body: FunctionBody::Pure(upper),
    },
];

const STRIP: &str = "CHARACTERS(string{0|1}) VALUES(value-expression{1})";

fn concat<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let strings = || {
        arguments
            .iter()
            .flat_map(|values| values.iter())
            .filter_map(Value::text_bytes)
    };
    let length = strings().map(<[u8]>::len).sum();
    if !memory.has_room(length) {
        return Values::NULL;
    }
    Values::One(memory.arena().joined(length, strings()))
}

fn is_string<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    Values::bool(string(last(arguments)).is_some())
}

fn join<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let values = last(arguments);
    let Some(separator) = string(argument(arguments, 0)).filter(|_| !values.is_null()) else {
        return Values::NULL;
    };
    let mut text = memory.text();
    for (index, part) in values.iter().filter_map(|value| value.as_str()).enumerate() {
        if index > 0 {
            text.push_str(separator);
        }
        text.push_str(part);
    }
    Values::One(memory.string(&text))
}

fn length<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    each_string(memory, last(arguments), |text| {
        Some(
            memory
                .arena()
                .int(i64::try_from(text.chars().count()).ok()?),
        )
    })
}

fn lower<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    each(memory, last(arguments), |value| {
        let full = || Some(memory.string(&value.as_str()?.to_lowercase()));
        memory.arena().ascii_lower(value).or_else(full)
    })
}

fn upper<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    each(memory, last(arguments), |value| {
        let full = || Some(memory.string(&value.as_str()?.to_uppercase()));
        memory.arena().ascii_upper(value).or_else(full)
    })
}

fn lstrip<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    stripped(memory, arguments, |text, strip| {
        text.trim_start_matches(strip)
    })
}

fn rstrip<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    stripped(memory, arguments, |text, strip| {
        text.trim_end_matches(strip)
    })
}

fn strip<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    stripped(memory, arguments, |text, strip| {
        text.trim_start_matches(strip).trim_end_matches(strip)
    })
}

fn stripped<'a>(
    memory: &Memory<'a>,
    arguments: &[Values<'a>],
    strip: fn(&'a str, &dyn Fn(char) -> bool) -> &'a str,
) -> Values<'a> {
    let characters = match arguments {
        [characters, _] => match string(*characters) {
            Some(characters) => Some(characters),
            None => return Values::NULL,
        },
        _ => None,
    };
    let unwanted = |character: char| match characters {
        Some(characters) => characters.contains(character),
        None => character.is_whitespace(),
    };
    each_string(memory, last(arguments), |text| {
        Some(memory.string(strip(text, &unwanted)))
    })
}

fn matches<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let pattern = argument(arguments, 0)
        .iter()
        .find_map(|value| value.as_str());
    let values = last(arguments);
    let all = |pattern: &str| {
        values.iter().all(|value| {
            value
                .as_str()
                .is_some_and(|text| wildcard::matches(pattern, text))
        })
    };
    Values::bool(!values.is_empty() && pattern.is_some_and(all))
}

fn split<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let separator = match arguments {
        [separator, _] => match string(*separator) {
            Some(separator) => Some(separator),
            None => return Values::NULL,
        },
        _ => None,
    };
    flat(memory, last(arguments), |value| {
        let text = value.as_str()?;
        let mut parts = memory.items();
        match separator {
            Some("") => parts.extend(text.char_indices().map(|(at, character)| {
                memory.string(text.get(at..at + character.len_utf8()).unwrap_or_default())
            })),
            Some(separator) => parts.extend(text.split(separator).map(|part| memory.string(part))),
            None => parts.extend(text.split_whitespace().map(|part| memory.string(part))),
        }
        Some(parts)
    })
}

fn to_string<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    each(memory, last(arguments), |value| {
        to_text::to_text(memory, value)
    })
}

fn substring<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let (start, end) = match arguments {
        [start, _] => (integer(*start), Some(i64::MAX)),
        [start, end, _] => (integer(*start), integer(*end)),
        _ => (None, None),
    };
    let (Some(start), Some(end)) = (start, end) else {
        return Values::NULL;
    };
    each_string(memory, last(arguments), |text| {
        let count = text.chars().count();
        let from = position(start, count);
        let length = position(end, count).saturating_sub(from);
        let mut rest = text.chars();
        rest.by_ref().take(from).for_each(drop);
        let tail = rest.as_str();
        rest.by_ref().take(length).for_each(drop);
        Some(
            memory.string(
                tail.get(..tail.len() - rest.as_str().len())
                    .unwrap_or_default(),
            ),
        )
    })
}

/// A position in something of `count` elements, counted from the end when it is negative.
fn position(index: i64, count: usize) -> usize {
    let distance = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
    if index < 0 {
        count.saturating_sub(distance)
    } else {
        distance.min(count)
    }
}
