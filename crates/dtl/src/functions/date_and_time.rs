//! Date and time: parsing, formatting, differences, time zones. Conversion with a default is a form.

mod calendar;
mod format;
mod parse;
pub(crate) mod zone;

use sluice_entity::{Kind, Value};

use crate::memory::{Memory, Values};
use crate::outside::Environment;
use crate::row::{Chapter, example};

use super::args::{argument, each, each_string, integer, last, string};
use super::{Function, FunctionBody};

pub(crate) use calendar::instant;

pub(crate) const CHAPTER: Chapter<FunctionBody> = Chapter {
    name: "date-and-time",
    rows: ROWS,
};

const ROWS: &[Function] = &[
    Function {
        name: "datetime-diff",
        signature: "DATEPART(string{1}) STARTDATE(value-expression{1}) ENDDATE(value-expression{1})",
        doc: "The number of whole years, months, weeks, days, hours, minutes, seconds, milliseconds, microseconds or nanoseconds from end to start, cut off toward zero.",
        examples: &[
            example(
                r#"["datetime-diff", "day", "~t2015-07-28", "~t2015-07-29"]"#,
                "-1",
            ),
            example(
                r#"["datetime-diff", "month", "~t2015-03-02", "~t2016-07-29"]"#,
                "-16",
            ),
        ],
        body: FunctionBody::Pure(datetime_diff),
    },
    Function {
        name: "datetime-format",
        signature: FORMAT,
        doc: "Each datetime as text in the time zone, UTC if none is given.",
        examples: &[
            example(
                r#"["datetime-format", "%Y-%m-%d %H:%M:%S", "~t2018-08-18T12:39:01Z"]"#,
                r#""2018-08-18 12:39:01""#,
            ),
            example(
                r#"["datetime-format", "Europe/Oslo", "%H:%M %z", "~t2018-08-18T12:39:01Z"]"#,
                r#""14:39 +0200""#,
            ),
        ],
        body: FunctionBody::Pure(datetime_format),
    },
    Function {
        name: "datetime-parse",
        signature: FORMAT,
        doc: "Each string that matches the format as a datetime; read in the time zone, UTC if none is given.",
        examples: &[
            example(
                r#"["datetime-parse", "%d.%m.%Y", ["list", "28.07.2015", "x"]]"#,
                r#"["~t2015-07-28T00:00:00Z"]"#,
            ),
            example(
                r#"["datetime-parse", "Europe/Oslo", "%Y-%m-%dT%H:%M:%S", "2018-08-18T12:39:01"]"#,
                r#""~t2018-08-18T10:39:01Z""#,
            ),
        ],
        body: FunctionBody::Pure(datetime_parse),
    },
    Function {
        name: "datetime-plus",
        signature: "DATEPART(string{1}) VALUE(integer{1}) VALUES(value-expression{1})",
        doc: "Each datetime with that many years, months, weeks, days, hours, minutes, seconds, milliseconds, microseconds or nanoseconds added.",
        examples: &[
            example(
                r#"["datetime-plus", "hour", -1, "~t2016-03-01"]"#,
                r#""~t2016-02-29T23:00:00Z""#,
            ),
            example(
                r#"["datetime-plus", "month", 1, "~t2015-01-31T12:00:00Z"]"#,
                r#""~t2015-02-28T12:00:00Z""#,
            ),
        ],
        body: FunctionBody::Pure(datetime_plus),
    },
    Function {
        name: "datetime-shift",
        signature: "FROM_TIMEZONE(string{1}) TO_TIMEZONE(string{1}) VALUES(value-expression{1})",
        doc: "Each datetime moved: its clock is read in the first time zone and shown in the second.",
        examples: &[example(
            r#"["datetime-shift", "Europe/Oslo", "UTC", "~t2015-07-28T09:46:00Z"]"#,
            r#""~t2015-07-28T07:46:00Z""#,
        )],
        body: FunctionBody::Pure(datetime_shift),
    },
    Function {
        name: "is-datetime",
        signature: "VALUES(value-expression{1})",
        doc: "Whether the first value is a datetime.",
        examples: &[example(r#"["is-datetime", "~t2015-07-28"]"#, "true")],
        body: FunctionBody::Pure(is_datetime),
    },
    Function {
        name: "now",
        signature: "NONE(value-expression{0})",
        doc: "The current time. Processing an entity again gives another one.",
        examples: &[],
        body: FunctionBody::Ambient(now),
    },
];

const FORMAT: &str =
    "TIMEZONE_NAME(string{0|1}) FORMATSTRING(string{1}) VALUES(value-expression{1})";

fn datetime_diff<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let date = |index| argument(arguments, index).first().as_datetime();
    let difference =
        || calendar::Part::parse(string(argument(arguments, 0))?)?.between(date(1)?, date(2)?);
    Values::from_option(difference().map(|number| memory.arena().number(&number)))
}

fn datetime_format<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let Some((zone, format)) = zone_and_format(arguments) else {
        return Values::NULL;
    };
    let one = |value: Value<'a>| {
        let mut text = memory.text();
        format::format(value.as_datetime()?, &zone, format, &mut text)?;
        Some(memory.string(&text))
    };
    each(memory, last(arguments), one)
}

fn datetime_parse<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let Some((zone, format)) = zone_and_format(arguments) else {
        return Values::NULL;
    };
    each_string(memory, last(arguments), |text| {
        Some(memory.arena().datetime(parse::parse(text, &zone, format)?))
    })
}

/// `None` for a time zone that does not exist, and for arguments of a wrong type.
fn zone_and_format<'a>(arguments: &[Values<'a>]) -> Option<(zone::Zone, &'a str)> {
    match arguments {
        [format, _] => Some((zone::Zone::Utc, string(*format)?)),
        [zone, format, _] => Some((zone::Zone::named(string(*zone)?)?, string(*format)?)),
        _ => None,
    }
}

fn datetime_plus<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let part = string(argument(arguments, 0)).and_then(calendar::Part::parse);
    let (Some(part), Some(count)) = (part, integer(argument(arguments, 1))) else {
        return Values::NULL;
    };
    each(memory, last(arguments), |value| {
        Some(
            memory
                .arena()
                .datetime(part.add(value.as_datetime()?, count)?),
        )
    })
}

fn datetime_shift<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let zone = |index| string(argument(arguments, index)).and_then(zone::Zone::named);
    let (Some(from), Some(to)) = (zone(0), zone(1)) else {
        return Values::NULL;
    };
    let one = |value: Value<'a>| {
        let clock = value.as_datetime()?;
        let offset = to.offset_at(from.to_utc(clock.seconds())?);
        let seconds = from
            .to_utc(clock.seconds())?
            .checked_add(i64::from(offset))?;
        Some(memory.arena().datetime(instant(
            i128::from(seconds) * 1_000_000_000 + i128::from(clock.nanos()),
        )?))
    };
    each(memory, last(arguments), one)
}

fn is_datetime<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    Values::bool(last(arguments).first().kind() == Kind::Datetime)
}

fn now<'a>(memory: &Memory<'a>, environment: &dyn Environment, _: &[Values<'a>]) -> Values<'a> {
    Values::One(memory.arena().datetime(environment.now()))
}
