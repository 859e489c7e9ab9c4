//! `ni`: making namespaced identifiers. Knows the URI prefixes of the pipe, and so is a form.

use sluice_entity::{Kind, Value};

use crate::eval::{Outcome, Run, Scope};
use crate::functions::args::{each, string};
use crate::memory::Values;
use crate::program::Node;
use crate::row::{Chapter, example};

use super::{Form, FormBody};

pub(crate) const CHAPTER: Chapter<FormBody> = Chapter {
    name: "namespaced-identifiers",
    rows: ROWS,
};

const ROWS: &[Form] = &[Form {
    name: "ni",
    signature: "NAMESPACE(string{0|1}) VALUES(value-expression{1})",
    doc: "Strings as identifiers of the namespace. Without a namespace strings are taken as they are, and the prefixes of URIs become namespaces.",
    examples: &[
        example(
            r#"["ni", "foo", ["list", "bar", 1, "x:y"]]"#,
            r#"["~:foo:bar", "~:foo:x:y"]"#,
        ),
        example(r#"["ni", "~rhttp://example.org/bar"]"#, r#""~:_:bar""#),
    ],
    body: FormBody::Evaluated(ni),
}];

fn ni<'a>(run: &Run<'a>, arguments: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
    let arena = run.memory.arena();
    match arguments {
        [namespace, values] => {
            let namespace = run.evaluate(namespace, scope)?;
            let values = run.evaluate(values, scope)?;
            let Some(namespace) = string(namespace) else {
                return Ok(Values::NULL);
            };
            let mut text = run.memory.text();
            let one = |value: Value<'a>| {
                let id = value.as_str()?;
                text.clear();
                text.extend([namespace, ":", id]);
                Some(arena.ni(&text))
            };
            Ok(each(&run.memory, values, one))
        }
        [values] => {
            let one = |value: Value<'a>| match value.kind() {
                Kind::Ni => Some(value),
                Kind::Uri => Some(arena.ni(&run.program.uris.collapse(value.as_uri()?))),
                _ => Some(arena.ni(value.as_str()?)),
            };
            Ok(each(&run.memory, run.evaluate(values, scope)?, one))
        }
        _ => Ok(Values::NULL),
    }
}
