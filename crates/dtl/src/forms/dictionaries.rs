//! Paths by name, rules as functions, and mapping over dicts.

use sluice_entity::Value;

use crate::eval::{Outcome, Run, Scope};
use crate::memory::Values;
use crate::path;
use crate::program::Node;
use crate::row::{Chapter, example};

use super::{Form, FormBody};

pub(crate) const CHAPTER: Chapter<FormBody> = Chapter {
    name: "dictionaries",
    rows: ROWS,
};

const ROWS: &[Form] = &[
    Form {
        name: "apply",
        signature: "RULE_ID(rule{1}) VALUES(value-expression{1})",
        doc: "Each dict as the source of the rule; its targets. A list gives a list, without what the rule filters or discards.",
        examples: &[],
        body: FormBody::Apply,
    },
    Form {
        name: "apply-hops",
        signature: "RULE_ID(rule{1}) HOPS_SPEC(dict{>=1})",
        doc: "The results of the hops as sources of the rule; its targets.",
        examples: &[],
        body: FormBody::ApplyHops,
    },
    Form {
        name: "path",
        signature: "PROPERTY_PATH(value-expression{1}) VALUES(value-expression{1})",
        doc: "What is at the end of the path of names, for each of the values. A name without a namespace means every namespace.",
        examples: &[
            example(
                r#"["path", "age", ["list", {"age": 23}, {"age": 24}]]"#,
                "[23, 24]",
            ),
            example(r#"["path", ["list", 1, "age", null], {"age": 24}]"#, "24"),
            example(r#"["path", "foo", {"bar": 123}]"#, "null"),
        ],
        body: FormBody::Path(path_of),
    },
];

/// With names that are computed; constant ones are part of the program.
fn path_of<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    let [names, values] = arguments else {
        return Ok(Values::NULL);
    };
    let names = run.evaluate(names, scope)?;
    let steps = path::steps(
        names.iter().filter_map(Value::as_str),
        &run.program.namespaces,
    );
    Ok(path::walk(
        &run.memory,
        run.evaluate(values, scope)?,
        &steps,
    ))
}
