//! `literal`, what is written and not what it would mean; and `is-changed`, which looks at another version.

use crate::eval::{Outcome, Run, Scope};
use crate::functions::comparisons::equal;
use crate::memory::Values;
use crate::program::Node;
use crate::row::{Chapter, example};

use super::{Form, FormBody};

pub(crate) const CHAPTER: Chapter<FormBody> = Chapter {
    name: "misc",
    rows: ROWS,
};

const ROWS: &[Form] = &[
    Form {
        name: "is-changed",
        signature: "FUNCTION(function-expression{1})",
        doc: "Whether the function gives another value for the source entity than for its previous version; null if there is none, true if either is deleted.",
        examples: &[example(r#"["is-changed", "_.name"]"#, "null")],
        body: FormBody::Changing(is_changed),
    },
    Form {
        name: "literal",
        signature: "VALUE(value{1})",
        doc: "The argument as it is written.",
        examples: &[example(
            r#"["literal", ["upper", "_S.x"]]"#,
            r#"["upper", "_S.x"]"#,
        )],
        body: FormBody::Literal,
    },
];

fn is_changed<'a>(
    run: &Run<'a>,
    arguments: &'a [Node],
    scope: Scope<'_, 'a>,
) -> Outcome<Values<'a>> {
    let ([function], Some(previous)) = (arguments, run.previous) else {
        return Ok(Values::NULL);
    };
    let current = scope.frame.root().source;
    if run.memory.is_deleted(current) || run.memory.is_deleted(previous) {
        return Ok(Values::bool(true));
    }
    let now = run.evaluate(function, scope.with_current(Values::One(current)))?;
    let before = run.evaluate(function, scope.with_current(Values::One(previous)))?;
    Ok(Values::bool(!equal(now, before)))
}
