//! The JSON Schema (draft 2020-12) of components, made from the tables.

use crate::tables::{
    DESCRIPTIVE, Default, METADATA, PIPE, PUMP, Property, Rows, SINKS, SOURCES, SYSTEMS, Shape,
    TRANSFORMS, Type,
};
use sluice_entity::{Json, Limits};

/// Describes one component: a pipe, a system or the node metadata. Unknown properties are allowed, as they are when a
/// configuration is loaded. Texts with `$ENV(x)` may stand in place of any value; the schema does not say so at every value, so
/// editors may mark them.
pub fn schema() -> Json {
    let definitions = object(vec![
        (
            "pipe",
            component(
                PIPE,
                &[
                    ("source", "source"),
                    ("transform", "transforms"),
                    ("sink", "sink"),
                    ("pump", "pump"),
                ],
                "pipe",
            ),
        ),
        ("metadata", component(METADATA, &[], "metadata")),
        ("system", family(SYSTEMS)),
        ("source", family(SOURCES)),
        ("sink", sink()),
        ("transform", family(TRANSFORMS)),
        (
            "transforms",
            any_of(vec![
                reference("transform"),
                object(vec![
                    ("type", text("array")),
                    ("items", reference("transforms")),
                ]),
            ]),
        ),
        ("pump", rows(&[PUMP, DESCRIPTIVE])),
    ]);
    object(vec![
        (
            "$schema",
            text("https://json-schema.org/draft/2020-12/schema"),
        ),
        ("title", text("Component of a Sluice configuration")),
        (
            "anyOf",
            Json::Array(vec![
                reference("pipe"),
                reference("system"),
                reference("metadata"),
            ]),
        ),
        ("$defs", definitions),
    ])
}

fn component(own: Rows, parts: &[(&str, &str)], kind: &str) -> Json {
    let mut schema = rows(&[own, DESCRIPTIVE]);
    if let Some(properties) = schema.get_mut("properties") {
        for (name, definition) in parts {
            properties.set(name, reference(definition));
        }
        properties.set("type", object(vec![("const", text(kind))]));
    }
    with_required(&mut schema, "type");
    schema
}

fn family(types: &'static [Type]) -> Json {
    any_of(types.iter().map(member).collect())
}

fn member(member: &'static Type) -> Json {
    let mut schema = described(member.rows());
    if let Some(properties) = schema.get_mut("properties") {
        properties.set("type", object(vec![("const", text(member.name))]));
    }
    with_required(&mut schema, "type");
    let choices: Vec<Json> = member
        .one_of
        .iter()
        .map(|names| {
            any_of(
                names
                    .iter()
                    .map(|name| object(vec![("required", Json::Array(vec![text(name)]))]))
                    .collect(),
            )
        })
        .collect();
    if !choices.is_empty() {
        schema.set("allOf", Json::Array(choices));
    }
    if !member.runs {
        schema.set("$comment", text("known, not run by this version"));
    }
    schema
}

/// A sink without a type is a dataset sink.
fn sink() -> Json {
    let mut members: Vec<Json> = SINKS.iter().map(member).collect();
    if let Some(dataset) = members.iter_mut().find(|member| {
        member
            .get("properties")
            .and_then(|properties| properties.get("type")?.get("const")?.as_str())
            == Some("dataset")
    }) {
        dataset.remove("required");
    }
    any_of(members)
}

fn rows(groups: &[Rows]) -> Json {
    described(groups.iter().flat_map(|group| group.iter()))
}

fn described<'r>(rows: impl Iterator<Item = &'r Property>) -> Json {
    let mut properties = Json::object();
    let mut required = Vec::new();
    for row in rows {
        let mut schema = shape(&row.shape);
        if let Some(default) = default(row.default) {
            schema.set("default", default);
        }
        if row.deprecated.is_some() {
            schema.set("deprecated", Json::Bool(true));
        }
        properties.set(row.name, schema);
        if row.required {
            required.push(text(row.name));
        }
    }
    let mut schema = object(vec![("type", text("object")), ("properties", properties)]);
    if !required.is_empty() {
        schema.set("required", Json::Array(required));
    }
    schema
}

fn shape(shape: &Shape) -> Json {
    let of = |kind| object(vec![("type", text(kind))]);
    let least =
        |kind, least: i64| object(vec![("type", text(kind)), ("minimum", Json::from(least))]);
    let list_of = |items| object(vec![("type", text("array")), ("items", items)]);
    let non_empty = || {
        object(vec![
            ("type", text("array")),
            ("items", of("string")),
            ("minItems", Json::from(1i64)),
        ])
    };
    let choice = |names: &[&str]| {
        object(vec![(
            "enum",
            Json::Array(names.iter().map(|name| text(name)).collect()),
        )])
    };
    let named = |rows_of: Rows| {
        object(vec![
            ("type", text("object")),
            ("additionalProperties", rows(&[rows_of])),
        ])
    };
    match shape {
        Shape::Any => Json::object(),
        Shape::Bool => of("boolean"),
        Shape::Integer(minimum) => least("integer", *minimum),
        Shape::Number => least("number", 0),
        Shape::Factor => least("number", 1),
        Shape::Text | Shape::Statuses | Shape::Cron | Shape::Encoding => of("string"),
        Shape::Letter => object(vec![
            ("type", text("string")),
            ("minLength", Json::from(1i64)),
            ("maxLength", Json::from(1i64)),
            ("pattern", text("[^\\r\\n]")),
        ]),
        Shape::Texts => list_of(of("string")),
        Shape::SomeTexts => non_empty(),
        Shape::TextOrTexts => any_of(vec![of("string"), list_of(of("string"))]),
        Shape::TextOrInteger => any_of(vec![of("string"), of("integer")]),
        Shape::Choice(names) => choice(names),
        Shape::Choices(names) => any_of(vec![choice(names), list_of(choice(names))]),
        Shape::BoolOr(names) => any_of(vec![of("boolean"), choice(names)]),
        Shape::List => of("array"),
        Shape::Entities => list_of(of("object")),
        Shape::Object => of("object"),
        Shape::TextMap => object(vec![
            ("type", text("object")),
            ("additionalProperties", of("string")),
        ]),
        Shape::TextOrObject => any_of(vec![of("string"), of("object")]),
        Shape::Payload => any_of(vec![of("string"), of("array"), of("object")]),
        Shape::Fields(inner) => rows(&[inner]),
        Shape::Switch(inner) => any_of(vec![of("boolean"), rows(&[inner])]),
        Shape::Named(inner) | Shape::ByStatus(inner) => named(inner),
        Shape::Subset => object(vec![
            ("type", text("array")),
            ("minItems", Json::from(3i64)),
            ("maxItems", Json::from(3i64)),
        ]),
        Shape::Completeness => any_of(vec![of("boolean"), list_of(of("string")), of("object")]),
        Shape::Indexes => any_of(vec![choice(&["$ids"]), of("array")]),
        Shape::Dataset => object(vec![
            ("type", text("string")),
            ("minLength", Json::from(1i64)),
            ("pattern", text("^[^/]*$")),
        ]),
        Shape::Datasets | Shape::AliasedDatasets => non_empty(),
        Shape::MergeVersion => object(vec![(
            "enum",
            Json::Array(vec![Json::from(1i64), Json::from(2i64)]),
        )]),
    }
}

/// Defaults that stand in the table; inherited and computed ones depend on other components.
fn default(default: Default) -> Option<Json> {
    match default {
        Default::Bool(value) => Some(Json::Bool(value)),
        Default::Int(value) => Some(Json::from(value)),
        Default::Text(value) => Some(text(value)),
        Default::Json(value) => Json::parse(value.as_bytes(), &Limits::default()).ok(),
        Default::Absent | Default::NodeWide(_) => None,
    }
}

fn with_required(schema: &mut Json, name: &str) {
    match schema.get_mut("required") {
        Some(Json::Array(required)) => required.push(text(name)),
        _ => schema.set("required", Json::Array(vec![text(name)])),
    }
}

fn text(text: &str) -> Json {
    Json::from(text)
}

fn reference(definition: &str) -> Json {
    object(vec![("$ref", Json::from(format!("#/$defs/{definition}")))])
}

fn any_of(options: Vec<Json>) -> Json {
    object(vec![("anyOf", Json::Array(options))])
}

fn object(members: Vec<(&str, Json)>) -> Json {
    Json::Object(
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}
