//! Arithmetic over one value or a list, with the fixed operand first.

use sluice_entity::{Number, Value};

use crate::memory::{Memory, Values};
use crate::row::{Chapter, example};

use super::args::{argument, each, last, number};
use super::{Function, FunctionBody};

pub(crate) const CHAPTER: Chapter<FunctionBody> = Chapter {
    name: "math",
    rows: ROWS,
};

const ROWS: &[Function] = &[
    Function {
        name: "divide",
        signature: "DIVISOR(numeric-expression{1}) DIVIDENDS(value-expression{1})",
        doc: "Each number divided by the divisor; nothing for a divisor of zero.",
        examples: &[
            example(r#"["divide", 2, ["list", 2, 4, 6]]"#, "[1, 2, 3]"),
            example(r#"["divide", 0, 1]"#, "null"),
        ],
        body: FunctionBody::Pure(divide),
    },
    Function {
        name: "minus",
        signature: "DECREMENT(numeric-expression{1}) VALUES(value-expression{1})",
        doc: "Each number less the decrement.",
        examples: &[example(r#"["minus", 1, ["list", 5, 6]]"#, "[4, 5]")],
        body: FunctionBody::Pure(minus),
    },
    Function {
        name: "multiply",
        signature: "MULTIPLIER(numeric-expression{1}) VALUES(value-expression{1})",
        doc: "Each number times the multiplier.",
        examples: &[
            example(r#"["multiply", 2, ["list", 2, "x", 6]]"#, "[4, 12]"),
            example(r#"["multiply", 2.3, 2]"#, "4.6"),
        ],
        body: FunctionBody::Pure(multiply),
    },
    Function {
        name: "plus",
        signature: "INCREMENT(numeric-expression{1}) VALUES(value-expression{1})",
        doc: "Each number plus the increment.",
        examples: &[example(
            r#"["plus", 10, ["list", 1, 2, 3]]"#,
            "[11, 12, 13]",
        )],
        body: FunctionBody::Pure(plus),
    },
];

fn divide<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    each_number(memory, arguments, |divisor, value| value.div(divisor))
}

fn minus<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    each_number(memory, arguments, |decrement, value| {
        Some(value.sub(decrement))
    })
}

fn multiply<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    each_number(memory, arguments, |multiplier, value| {
        Some(value.mul(multiplier))
    })
}

fn plus<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    each_number(memory, arguments, |increment, value| {
        Some(value.add(increment))
    })
}

/// Digits of a result on the way: some times what a value may have in the end.
const MAX_DIGITS: usize = 16_384;
/// Powers of ten of a result: what the digits and the exponent of a text can come to, so that each can be read again.
const MAX_EXPONENT: u32 = 8_192;

/// The first argument is fixed; null if it is no number.
fn each_number<'a>(
    memory: &Memory<'a>,
    arguments: &[Values<'a>],
    compute: impl Fn(&Number, &Number) -> Option<Number>,
) -> Values<'a> {
    let Some(fixed) = number(argument(arguments, 0)) else {
        return Values::NULL;
    };
    let one = |value: Value<'a>| {
        let number = compute(&fixed, &value.as_number()?)?;
        // Repeated products grow without end, and each costs the square of its digits.
        let exponent = match &number {
            Number::Decimal(decimal) => decimal.exponent().unsigned_abs(),
            _ => 0,
        };
        if number.digits_at_most() > MAX_DIGITS || exponent > MAX_EXPONENT {
            memory.give_up();
            return None;
        }
        Some(memory.arena().number(&number))
    };
    each(memory, last(arguments), one)
}
