//! Conditionals: only the branch that is chosen is evaluated.

use crate::eval::{Outcome, Run, Scope};
use crate::functions::comparisons::equal;
use crate::memory::Values;
use crate::program::Node;
use crate::row::{Chapter, example_of};

use super::{Form, FormBody};

pub(crate) const CHAPTER: Chapter<FormBody> = Chapter {
    name: "conditionals",
    rows: ROWS,
};

const ROWS: &[Form] = &[
    Form {
        name: "case",
        signature: "(VALUE(value-expression{1}) THEN(value-expression{1})){>=1} ELSE(value-expression{0|1})",
        doc: "The first result whose condition is true; else the last argument, or null.",
        examples: &[example_of(
            r#"{"age": 15}"#,
            r#"["case", ["gte", "_S.age", 18], "adult", ["gte", "_S.age", 13], "teenager", "child"]"#,
            r#""teenager""#,
        )],
        body: FormBody::Evaluated(case),
    },
    Form {
        name: "case-eq",
        signature: "VALUE(value-expression{1}) (VALUE_N(value-expression{1}) THEN(value-expression{1})){>=1} ELSE(value-expression{0|1})",
        doc: "The first result whose value equals the first argument; else the last argument, or null.",
        examples: &[
            example_of(
                r#"{"country": "SE"}"#,
                r#"["case-eq", "_S.country", "NO", "Norway", "SE", "Sweden", "Other"]"#,
                r#""Sweden""#,
            ),
            example_of(
                r#"{"code": 1}"#,
                r#"["case-eq", "_S.code", 45, "DK"]"#,
                "null",
            ),
        ],
        body: FormBody::Evaluated(case_eq),
    },
    Form {
        name: "if",
        signature: "CONDITION(boolean-expression{1}) THEN(value-expression{1}) ELSE(value-expression{0|1})",
        doc: "The second argument if the first is true, else the third, or null.",
        examples: &[example_of(
            r#"{"age": 42}"#,
            r#"["if", ["gt", "_S.age", 42], 1, 2]"#,
            "2",
        )],
        body: FormBody::Evaluated(if_else),
    },
];

fn case<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    choose(run, arguments, scope, |value| value.is_true())
}

fn case_eq<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    let Some((value, branches)) = arguments.split_first() else {
        return Ok(Values::NULL);
    };
    let value = run.evaluate(value, scope)?;
    choose(run, branches, scope, |other| equal(value, other))
}

fn choose<'a>(
    run: &Run<'a>,
    branches: &'a [Node],
    scope: Scope<'_, 'a>,
    fits: impl Fn(Values<'a>) -> bool,
) -> Outcome<Values<'a>> {
    let mut pairs = branches.chunks_exact(2);
    for pair in pairs.by_ref() {
        if let [value, then] = pair
            && fits(run.evaluate(value, scope)?)
        {
            return run.evaluate(then, scope);
        }
    }
    optional(run, pairs.remainder().first(), scope)
}

fn if_else<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    let Some((condition, branches)) = arguments.split_first() else {
        return Ok(Values::NULL);
    };
    let branch = if run.evaluate(condition, scope)?.is_true() {
        branches.first()
    } else {
        branches.get(1)
    };
    optional(run, branch, scope)
}

fn optional<'a>(
    run: &Run<'a>,
    node: Option<&'a Node>,
    scope: Scope<'_, 'a>,
) -> Outcome<Values<'a>> {
    node.map_or(Ok(Values::NULL), |node| run.evaluate(node, scope))
}
