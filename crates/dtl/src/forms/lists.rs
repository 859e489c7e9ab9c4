//! Functions over lists that take a function: map, filter, sort, choose.

use std::cmp::Ordering;

use sluice_entity::Value;

use crate::eval::{Outcome, Run, Scope};
use crate::memory::Values;
use crate::program::Node;
use crate::row::{Chapter, example};
use crate::sets::Seen;

use super::{Form, FormBody, each_result};

pub(crate) const CHAPTER: Chapter<FormBody> = Chapter {
    name: "lists",
    rows: ROWS,
};

const OPTIONAL: &str = "FUNCTION(function-expression{0|1}) VALUES(value-expression{1})";
const REQUIRED: &str = "FUNCTION(function-expression{1}) VALUES(value-expression{1})";

const ROWS: &[Form] = &[
    Form {
        name: "distinct",
        signature: OPTIONAL,
        doc: "The values without duplicates, judged by the function if there is one; the first of equal ones stays.",
        examples: &[example(
            r#"["distinct", ["upper", "_."], ["list", "a", "A", "B", "b"]]"#,
            r#"["a", "B"]"#,
        )],
        body: FormBody::Evaluated(distinct),
    },
    Form {
        name: "filter",
        signature: REQUIRED,
        doc: "The values for which the function is true.",
        examples: &[example(
            r#"["filter", ["gt", "_.age", 42], ["list", {"age": 30}, {"age": 50}]]"#,
            r#"[{"age": 50}]"#,
        )],
        body: FormBody::Evaluated(filter),
    },
    Form {
        name: "map",
        signature: REQUIRED,
        doc: "A list of what the function makes of each value.",
        examples: &[
            example(
                r#"["map", ["concat", "_.", "!"], ["list", "a", "b"]]"#,
                r#"["a!", "b!"]"#,
            ),
            example(
                r#"["map", ["list", "_.", 1], ["list", "a"]]"#,
                r#"[["a", 1]]"#,
            ),
        ],
        body: FormBody::Evaluated(map),
    },
    Form {
        name: "map-dict",
        signature: "KEY_FUNCTION(function-expression{1}) VALUE_FUNCTION(function-expression{1}) VALUES(value-expression{1})",
        doc: "Each dict with its keys and values replaced; pairs whose new key is no string are left out, and dicts that end up empty.",
        examples: &[
            example(
                r#"["map-dict", ["concat", "x:", "_."], ["plus", 1, "_."], {"A": 1, "B": 2}]"#,
                r#"{"x:A": 2, "x:B": 3}"#,
            ),
            example(r#"["map-dict", null, "_.", ["list", {"A": 1}]]"#, "[]"),
        ],
        body: FormBody::Evaluated(map_dict),
    },
    Form {
        name: "max",
        signature: OPTIONAL,
        doc: "The greatest value, judged by the function if there is one; of equal ones the first.",
        examples: &[example(r#"["max", ["list", "b", 2, "a", 3]]"#, r#""b""#)],
        body: FormBody::Evaluated(max),
    },
    Form {
        name: "min",
        signature: OPTIONAL,
        doc: "The least value, judged by the function if there is one; of equal ones the first.",
        examples: &[example(
            r#"["min", ["list", "B", "b", "A", "a"]]"#,
            r#""A""#,
        )],
        body: FormBody::Evaluated(min),
    },
    Form {
        name: "sorted",
        signature: OPTIONAL,
        doc: "The values in ascending order, judged by the function if there is one; equal ones keep their order.",
        examples: &[example(
            r#"["sorted", ["list", "b", 2, {"x": 1}, "a", 4]]"#,
            r#"[2, 4, "a", "b", {"x": 1}]"#,
        )],
        body: FormBody::Evaluated(sorted),
    },
    Form {
        name: "sorted-descending",
        signature: OPTIONAL,
        doc: "The values in descending order, judged by the function if there is one; equal ones keep their order.",
        examples: &[example(
            r#"["sorted-descending", ["list", 4, 2, 5, 4]]"#,
            "[5, 4, 4, 2]",
        )],
        body: FormBody::Evaluated(sorted_descending),
    },
];

fn distinct<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    let (values, keyed) = keyed(run, arguments, scope)?;
    if values.is_null() {
        return Ok(values);
    }
    let mut seen = Seen::default();
    let mut items = run.memory.items();
    items.extend(
        keyed
            .into_iter()
            .filter(|(key, _)| seen.insert(*key))
            .map(|(_, value)| value),
    );
    Ok(run.memory.list(items))
}

fn filter<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    let [function, values] = arguments else {
        return Ok(Values::NULL);
    };
    let values = run.evaluate(values, scope)?;
    let mut items = run.memory.items();
    each_result(run, function, values, scope, |value, result| {
        if result.is_true() {
            items.push(value);
        }
        true
    })?;
    if values.is_list() {
        Ok(run.memory.list(items))
    } else {
        Ok(Values::from_option(items.first().copied()))
    }
}

fn map<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    let [function, values] = arguments else {
        return Ok(Values::NULL);
    };
    let values = run.evaluate(values, scope)?;
    if values.is_null() {
        return Ok(Values::NULL);
    }
    let list = run.memory.arena().try_build(|out| {
        out.begin_list();
        for value in values.iter() {
            run.write(function, scope.with_current(Values::One(value)), out)?;
        }
        out.end();
        Ok(())
    });
    list.map(Values::One)
}

fn map_dict<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    let [key, value, dicts] = arguments else {
        return Ok(Values::NULL);
    };
    let dicts = run.evaluate(dicts, scope)?;
    let mut items = run.memory.items();
    for dict in dicts.iter().filter_map(Value::as_dict) {
        let mut pairs: Vec<(&'a str, Value<'a>)> = Vec::with_capacity(dict.len());
        for (own_key, own_value) in dict.iter() {
            let own_key = Values::One(run.memory.string(own_key));
            let new_key = run.evaluate(key, scope.with_current(own_key))?;
            let Values::One(new_key) = new_key else {
                continue;
            };
            let Some(new_key) = new_key.as_str() else {
                continue;
            };
            let new_value = run.evaluate(value, scope.with_current(Values::One(own_value)))?;
            pairs.push((new_key, run.memory.value(new_value)));
        }
        let bytes = pairs.iter().map(|(_, value)| value.encoded().len()).sum();
        if !run.memory.has_room(bytes) {
            return Ok(Values::NULL);
        }
        if !pairs.is_empty() {
            items.push(run.memory.arena().dict(pairs));
        }
    }
    if dicts.is_list() {
        Ok(run.memory.list(items))
    } else {
        Ok(Values::from_option(items.first().copied()))
    }
}

fn max<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    best(run, arguments, scope, Ordering::Greater)
}

fn min<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    best(run, arguments, scope, Ordering::Less)
}

fn best<'a>(
    run: &Run<'a>,
    arguments: &'a [Node],
    scope: Scope<'_, 'a>,
    better: Ordering,
) -> Outcome<Values<'a>> {
    let (_, keyed) = keyed(run, arguments, scope)?;
    let best = keyed.into_iter().reduce(|best, next| {
        if next.0.order(best.0) == better {
            next
        } else {
            best
        }
    });
    Ok(Values::from_option(best.map(|(_, value)| value)))
}

fn sorted<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    ordered(run, arguments, scope, |a, b| a.order(b))
}

fn sorted_descending<'a>(
    run: &Run<'a>,
    arguments: &'a [Node],
    scope: Scope<'_, 'a>,
) -> Outcome<Values<'a>> {
    ordered(run, arguments, scope, |a, b| b.order(a))
}

fn ordered<'a>(
    run: &Run<'a>,
    arguments: &'a [Node],
    scope: Scope<'_, 'a>,
    order: fn(Value<'a>, Value<'a>) -> Ordering,
) -> Outcome<Values<'a>> {
    let (values, mut keyed) = keyed(run, arguments, scope)?;
    if !values.is_list() {
        return Ok(values);
    }
    keyed.sort_by(|a, b| order(a.0, b.0));
    let mut items = run.memory.items_of(keyed.len());
    items.extend(keyed.into_iter().map(|(_, value)| value));
    Ok(run.memory.list(items))
}

/// A value with what it is judged by.
type Keyed<'a> = (Value<'a>, Value<'a>);

/// The values of the last argument, and each with what the function makes of it, or itself.
fn keyed<'a>(
    run: &Run<'a>,
    arguments: &'a [Node],
    scope: Scope<'_, 'a>,
) -> Outcome<(Values<'a>, Vec<Keyed<'a>>)> {
    match arguments {
        [function, values] => {
            let values = run.evaluate(values, scope)?;
            let mut keyed = Vec::with_capacity(values.len());
            each_result(run, function, values, scope, |value, key| {
                keyed.push((run.memory.value(key), value));
                true
            })?;
            Ok((values, keyed))
        }
        [values] => {
            let values = run.evaluate(values, scope)?;
            Ok((values, values.iter().map(|value| (value, value)).collect()))
        }
        _ => Ok((Values::NULL, Vec::new())),
    }
}
