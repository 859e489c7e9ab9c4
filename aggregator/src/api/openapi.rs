//! The OpenAPI 3.1 document, made from the route table.

use super::OPERATIONS;
use super::entities::AnEntity;
use super::operation::{
    Access, Answer, Kind, Operation, Parameter, Place, RequestBody, SchemaOf, schema,
};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// `application/problem+json`: what every failed call answers.
#[derive(JsonSchema)]
#[allow(dead_code)] // only its schema is used
struct Problem {
    /// A URI that names the kind of problem.
    r#type: String,
    title: String,
    /// The HTTP status.
    status: u16,
    /// Stable name of the reason.
    code: String,
    /// A sentence for people.
    detail: String,
}

/// The description of everything that is routed.
pub fn openapi() -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .for_serialize()
        .into_generator();
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = operation.path.replace("{*", "{");
        let methods = paths
            .entry(path)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(methods) = methods {
            methods.insert(
                operation.verb.method().as_str().to_ascii_lowercase(),
                describe(operation, &mut generator),
            );
        }
    }
    let problem = reference(schema::<Problem>, &mut generator);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Sluice",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The service API of a hub. Every failed call answers a problem document with a stable code.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" }
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
            "responses": {
                "Problem": {
                    "description": "The call failed",
                    "content": { "application/problem+json": { "schema": problem } }
                }
            }
        },
        "security": [{ "token": [] }]
    })
}

fn describe(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let (status, answer) = answer(operation.answer, generator);
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "responses": { status: answer, "default": { "$ref": "#/components/responses/Problem" } },
    });
    let parameters: Vec<Value> = operation
        .parameters
        .iter()
        .filter(|parameter| parameter.place != Place::Form)
        .map(parameter)
        .collect();
    if !parameters.is_empty() {
        described["parameters"] = Value::Array(parameters);
    }
    if let Some(body) = request_body(operation, generator) {
        described["requestBody"] = body;
    }
    match operation.access {
        Access::Open => described["security"] = json!([]),
        Access::Developer => described["x-developer-mode"] = Value::Bool(true),
        Access::Token => {}
    }
    described
}

fn parameter(parameter: &Parameter) -> Value {
    let place = match parameter.place {
        Place::Path => "path",
        Place::Header => "header",
        Place::Query | Place::Form => "query",
    };
    json!({
        "name": parameter.name,
        "in": place,
        "required": parameter.required,
        "description": parameter.about,
        "schema": kind(parameter.kind),
    })
}

fn kind(kind: Kind) -> Value {
    match kind {
        Kind::Text | Kind::Since => json!({ "type": "string" }),
        Kind::Words(words) => {
            json!({ "type": "string", "description": format!("some of {}", words.join(", ")) })
        }
        Kind::Boolean(None) => json!({ "type": "boolean" }),
        Kind::Boolean(Some(absent)) => json!({ "type": "boolean", "default": absent }),
        Kind::Number(None) => json!({ "type": "integer", "minimum": 0 }),
        Kind::Number(Some(absent)) => json!({ "type": "integer", "minimum": 0, "default": absent }),
        Kind::Choice(words) => json!({ "type": "string", "enum": words, "default": words.first() }),
    }
}

fn request_body(operation: &Operation, generator: &mut SchemaGenerator) -> Option<Value> {
    let content = match operation.body {
        RequestBody::None => return None,
        RequestBody::Json(schema) => {
            json!({ "application/json": { "schema": reference(schema, generator) } })
        }
        RequestBody::Entities => json!({ "application/json": { "schema": entities(generator) } }),
        RequestBody::Anything => json!({ "*/*": {} }),
        RequestBody::Text => json!({ "text/plain": { "schema": { "type": "string" } } }),
        RequestBody::Form => {
            let schema = form(operation);
            json!({
                "application/x-www-form-urlencoded": { "schema": schema },
                "multipart/form-data": { "schema": schema },
            })
        }
        RequestBody::Configuration => json!({
            "application/json": { "schema": { "type": "array", "items": { "type": "object" } } },
            "application/zip": {},
            "multipart/form-data": {
                "schema": { "type": "object", "properties": { "file": {} }, "required": ["file"] }
            },
        }),
    };
    // A form may as well be given in the query.
    let required = !matches!(operation.body, RequestBody::Form | RequestBody::Anything);
    Some(json!({ "required": required, "content": content }))
}

fn form(operation: &Operation) -> Value {
    let fields: Vec<&Parameter> = operation
        .parameters
        .iter()
        .filter(|parameter| parameter.place == Place::Form)
        .collect();
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| {
            let mut schema = kind(field.kind);
            schema["description"] = Value::from(field.about);
            (field.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> = fields
        .iter()
        .filter(|field| field.required)
        .map(|field| field.name)
        .collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

fn answer(answer: Answer, generator: &mut SchemaGenerator) -> (&'static str, Value) {
    let described = |content: Value| json!({ "description": "Done", "content": content });
    match answer {
        Answer::Json(schema) => (
            "200",
            described(json!({ "application/json": { "schema": reference(schema, generator) } })),
        ),
        Answer::Created(schema) => (
            "201",
            described(json!({ "application/json": { "schema": reference(schema, generator) } })),
        ),
        Answer::Accepted(schema) => (
            "202",
            described(json!({ "application/json": { "schema": reference(schema, generator) } })),
        ),
        Answer::Anything => (
            "200",
            json!({ "description": "What the microservice answers", "content": { "*/*": {} } }),
        ),
        Answer::Configuration(schema) => (
            "200",
            described(
                json!({ "application/json": { "schema": reference(schema, generator) }, "application/zip": {} }),
            ),
        ),
        Answer::Entities => {
            let mut described =
                described(json!({ "application/json": { "schema": entities(generator) } }));
            described["headers"] = feed_headers();
            ("200", described)
        }
        Answer::Document(content_type) => (
            "200",
            described(json!({ content_type: { "schema": { "type": "string" } } })),
        ),
    }
}

fn entities(generator: &mut SchemaGenerator) -> Value {
    json!({ "type": "array", "items": reference(schema::<AnEntity>, generator) })
}

fn feed_headers() -> Value {
    let header =
        |about: &str, kind: &str| json!({ "description": about, "schema": { "type": kind } });
    json!({
        "X-Dataset-Populated": header("All of the source was read once", "boolean"),
        "X-Dataset-Max-Updated": header("Highest offset", "integer"),
        "X-Dataset-Generation": header("New with every creation of the dataset", "string"),
        "X-Dataset-Filtered": header("Some entities may have been left out", "boolean"),
        "X-Dataset-Completeness": header("Microseconds since 1970 UTC", "integer"),
        "X-Dataset-Restore-Uuid": header("Names the latest restore", "string"),
        "X-Dataset-Restore-Offset": header("Highest offset at the latest restore", "integer"),
    })
}

fn reference(schema: SchemaOf, generator: &mut SchemaGenerator) -> Value {
    schema(generator).to_value()
}
