//! The first value that is not null.

use crate::eval::{Outcome, Run, Scope};
use crate::memory::Values;
use crate::program::Node;
use crate::row::{Chapter, example};

use super::{Form, FormBody, each_result};

pub(crate) const CHAPTER: Chapter<FormBody> = Chapter {
    name: "nulls",
    rows: ROWS,
};

const ROWS: &[Form] = &[
    Form {
        name: "coalesce",
        signature: "FUNCTION(function-expression{0|1}) VALUES(value-expression{1})",
        doc: "The first value that is not null, or for which the function is true; else null.",
        examples: &[
            example(r#"["coalesce", ["list", null, 2, 3]]"#, "2"),
            example(r#"["coalesce", ["gt", "_.", 2], ["list", 1, 2, 3]]"#, "3"),
        ],
        body: FormBody::Evaluated(coalesce),
    },
    Form {
        name: "coalesce-args",
        signature: "VALUES(value-expression{>=1})",
        doc: "The first argument that is not null; the empty list is not null here. Later arguments are not evaluated.",
        examples: &[example(r#"["coalesce-args", null, ["list"], 123]"#, "[]")],
        body: FormBody::Evaluated(coalesce_args),
    },
    Form {
        name: "if-null",
        signature: "VALUE(value-expression{1}) FALLBACK-VALUE(value-expression{1})",
        doc: "The value, or the fallback if is-null holds for the value.",
        examples: &[example(r#"["if-null", ["list", null, 123], 2]"#, "2")],
        body: FormBody::Evaluated(if_null),
    },
];

fn coalesce<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    match arguments {
        [function, values] => {
            let values = run.evaluate(values, scope)?;
            let mut found = Values::NULL;
            each_result(run, function, values, scope, |value, result| {
                let fits = result.is_true();
                if fits {
                    found = Values::One(value);
                }
                !fits
            })?;
            Ok(found)
        }
        [values] => Ok(Values::from_option(
            run.evaluate(values, scope)?
                .iter()
                .find(|value| !value.is_null()),
        )),
        _ => Ok(Values::NULL),
    }
}

fn coalesce_args<'a>(
    run: &Run<'a>,
    arguments: &'a [Node],
    scope: Scope<'_, 'a>,
) -> Outcome<Values<'a>> {
    for argument in arguments {
        let values = run.evaluate(argument, scope)?;
        if !values.is_null() {
            return Ok(values);
        }
    }
    Ok(Values::NULL)
}

fn if_null<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    let [value, fallback] = arguments else {
        return Ok(Values::NULL);
    };
    let value = run.evaluate(value, scope)?;
    if value.first().is_null() {
        run.evaluate(fallback, scope)
    } else {
        Ok(value)
    }
}
