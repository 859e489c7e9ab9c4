//! Conversions with a default: what cannot be converted is left out, or replaced by what the default
//! expression makes of it.

use sluice_entity::{Datetime, Value};

use crate::eval::{Outcome, Run, Scope};
use crate::functions::args;
use crate::functions::date_and_time::instant;
use crate::functions::numbers::to_integer;
use crate::memory::{Memory, Values};
use crate::program::Node;
use crate::row::{Chapter, example};

use super::{Form, FormBody};

pub(crate) const NUMBERS: Chapter<FormBody> = Chapter {
    name: "numbers",
    rows: NUMBER_ROWS,
};
pub(crate) const DATE_AND_TIME: Chapter<FormBody> = Chapter {
    name: "date-and-time",
    rows: DATE_ROWS,
};

const DEFAULT: &str = "FUNCTION(default-value-expression{0|1}) VALUES(value-expression{1})";

const NUMBER_ROWS: &[Form] = &[Form {
    name: "integer",
    signature: DEFAULT,
    doc: "Each value as an integer: fractions are cut off, text is read as digits or as two's complement after 0x.",
    examples: &[
        example(
            r#"["integer", ["list", "1", "~rhttp://www.example.org/", 124.4]]"#,
            "[1, 124]",
        ),
        example(
            r#"["integer", ["string", "_."], ["list", "1", "10^2"]]"#,
            r#"[1, "10^2"]"#,
        ),
        example(r#"["integer", "0xff"]"#, "-1"),
    ],
    body: FormBody::Evaluated(integer),
}];

const DATE_ROWS: &[Form] = &[Form {
    name: "datetime",
    signature: DEFAULT,
    doc: "Each value as a datetime: text in the form of a datetime literal, integers as nanoseconds since 1970.",
    examples: &[
        example(
            r#"["datetime", "2015-07-28T09:46:00.12345Z"]"#,
            r#""~t2015-07-28T09:46:00.12345Z""#,
        ),
        example(
            r#"["datetime", 1438076760123450000]"#,
            r#""~t2015-07-28T09:46:00.12345Z""#,
        ),
        example(
            r#"["datetime", ["string", "n/a"], ["list", "2015-07-28", "hello"]]"#,
            r#"["~t2015-07-28", "n/a"]"#,
        ),
    ],
    body: FormBody::Evaluated(datetime),
}];

fn integer<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    convert(run, arguments, scope, |memory, value| {
        Some(memory.arena().number(&to_integer(value)?))
    })
}

fn datetime<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    convert(run, arguments, scope, |memory, value| {
        Some(memory.arena().datetime(to_datetime(value)?))
    })
}

fn to_datetime(value: Value<'_>) -> Option<Datetime> {
    value
        .as_datetime()
        .or_else(|| Datetime::parse(value.as_str()?))
        .or_else(|| {
            instant(i128::from(
                value
                    .as_i64()
                    .filter(|_| value.kind() == sluice_entity::Kind::Int)?,
            ))
        })
}

type Convert = for<'a> fn(&Memory<'a>, Value<'a>) -> Option<Value<'a>>;

fn convert<'a>(
    run: &Run<'a>,
    arguments: &'a [Node],
    scope: Scope<'_, 'a>,
    one: Convert,
) -> Outcome<Values<'a>> {
    let (default, values) = match arguments {
        [default, values] => (Some(default), values),
        [values] => (None, values),
        _ => return Ok(Values::NULL),
    };
    let values = run.evaluate(values, scope)?;
    let Some(default) = default else {
        return Ok(args::each(&run.memory, values, |value| {
            one(&run.memory, value)
        }));
    };
    let convert_or = |value: Value<'a>| match one(&run.memory, value) {
        Some(converted) => Ok(Values::One(converted)),
        None => run.evaluate(default, scope.with_current(Values::One(value))),
    };
    if !values.is_list() {
        return values.iter().next().map_or(Ok(Values::NULL), convert_or);
    }
    let mut items = run.memory.items_of(values.len());
    for value in values.iter().filter(|value| !value.is_null()) {
        items.push(run.memory.value(convert_or(value)?));
    }
    Ok(run.memory.list(items))
}
