//! Boolean logic: arguments are evaluated only as far as needed.

use crate::eval::{Outcome, Run, Scope};
use crate::memory::Values;
use crate::program::Node;
use crate::row::{Chapter, example};

use super::{Form, FormBody, each_result};

pub(crate) const CHAPTER: Chapter<FormBody> = Chapter {
    name: "boolean-logic",
    rows: ROWS,
};

const MANY: &str = "CONDITIONS(boolean-expression{>0})";
const VALUES: &str = "FUNCTION(function-expression{0|1}) VALUES(value-expression{1})";

const ROWS: &[Form] = &[
    Form {
        name: "all",
        signature: VALUES,
        doc: "Whether all values, or what the function makes of them, are true.",
        examples: &[example(
            r#"["all", ["gt", "_.", 2], ["list", 4, 5, 6]]"#,
            "true",
        )],
        body: FormBody::Evaluated(all),
    },
    Form {
        name: "and",
        signature: MANY,
        doc: "Whether all arguments are true.",
        examples: &[example(r#"["and", 1, "a", ["list"]]"#, "false")],
        body: FormBody::Evaluated(and),
    },
    Form {
        name: "any",
        signature: VALUES,
        doc: "Whether at least one value, or what the function makes of it, is true.",
        examples: &[example(
            r#"["any", ["gt", "_.", 5], ["list", 4, 6]]"#,
            "true",
        )],
        body: FormBody::Evaluated(any),
    },
    Form {
        name: "not",
        signature: MANY,
        doc: "Whether not all arguments are true.",
        examples: &[
            example(r#"["not", false]"#, "true"),
            example(r#"["not", true, 0]"#, "false"),
        ],
        body: FormBody::Evaluated(not),
    },
    Form {
        name: "or",
        signature: MANY,
        doc: "Whether at least one argument is true.",
        examples: &[example(r#"["or", null, 0]"#, "true")],
        body: FormBody::Evaluated(or),
    },
];

fn and<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    all_true(run, arguments, scope).map(Values::bool)
}

fn not<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    all_true(run, arguments, scope).map(|all| Values::bool(!all))
}

fn all_true<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<bool> {
    for argument in arguments {
        if !run.evaluate(argument, scope)?.is_true() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn or<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    for argument in arguments {
        if run.evaluate(argument, scope)?.is_true() {
            return Ok(Values::bool(true));
        }
    }
    Ok(Values::bool(false))
}

fn all<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    Ok(Values::bool(!search(run, arguments, scope, false)?))
}

fn any<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    Ok(Values::bool(search(run, arguments, scope, true)?))
}

/// Whether there is a value with this truth.
fn search<'a>(
    run: &Run<'a>,
    arguments: &'a [Node],
    scope: Scope<'_, 'a>,
    wanted: bool,
) -> Outcome<bool> {
    match arguments {
        [function, values] => {
            let values = run.evaluate(values, scope)?;
            let mut found = false;
            each_result(run, function, values, scope, |_, result| {
                found = result.is_true() == wanted;
                !found
            })?;
            Ok(found)
        }
        [values] => {
            let values = run.evaluate(values, scope)?;
            Ok(values
                .iter()
                .any(|value| Values::One(value).is_true() == wanted))
        }
        _ => Ok(false),
    }
}
