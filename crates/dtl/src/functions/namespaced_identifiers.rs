//! Namespaced identifiers: taking them apart. The namespace ends at the first colon, so that an identifier
//! made with `["ni", "foo", "x:y"]` has the namespace "foo" and the id "x:y" again (U9).

use sluice_entity::{Kind, Value};

use crate::memory::{Memory, Values};
use crate::row::{Chapter, example};

use super::args::{each, last};
use super::{Function, FunctionBody};

pub(crate) const CHAPTER: Chapter<FunctionBody> = Chapter {
    name: "namespaced-identifiers",
    rows: ROWS,
};

const VALUES: &str = "VALUES(value-expression{1})";

const ROWS: &[Function] = &[
    Function {
        name: "is-ni",
        signature: VALUES,
        doc: "Whether the first value is a namespaced identifier.",
        examples: &[
            example(r#"["is-ni", "~:foo:bar"]"#, "true"),
            example(r#"["is-ni", "foo:bar"]"#, "false"),
        ],
        body: FunctionBody::Pure(is_ni),
    },
    Function {
        name: "ni-id",
        signature: VALUES,
        doc: "The id part of namespaced identifiers and of strings that look like them.",
        examples: &[
            example(r#"["ni-id", "~:foo:bar"]"#, r#""bar""#),
            example(
                r#"["ni-id", ["list", "foo:bar", 1, "baz"]]"#,
                r#"["bar", "baz"]"#,
            ),
        ],
        body: FunctionBody::Pure(ni_id),
    },
    Function {
        name: "ni-ns",
        signature: VALUES,
        doc: "The namespace part of namespaced identifiers and of strings that look like them; \"\" if there is none.",
        examples: &[
            example(r#"["ni-ns", "~:foo:bar"]"#, r#""foo""#),
            example(r#"["ni-ns", "foo"]"#, r#""""#),
        ],
        body: FunctionBody::Pure(ni_ns),
    },
];

fn is_ni<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    Values::bool(last(arguments).first().kind() == Kind::Ni)
}

fn ni_id<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    parts(memory, arguments, |_, id| id)
}

fn ni_ns<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    parts(memory, arguments, |namespace, _| namespace)
}

fn parts<'a>(
    memory: &Memory<'a>,
    arguments: &[Values<'a>],
    choose: fn(&'a str, &'a str) -> &'a str,
) -> Values<'a> {
    let part = |value: Value<'a>| {
        let text = value.as_ni().or_else(|| value.as_str())?;
        let (namespace, id) = text.split_once(':').unwrap_or(("", text));
        Some(memory.string(choose(namespace, id)))
    };
    each(memory, last(arguments), part)
}
