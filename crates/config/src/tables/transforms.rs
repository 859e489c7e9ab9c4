//! Every transform type (TR2 to TR12).

use super::common::{CONDITIONAL, RATE_LIMITING, SYSTEM, TRACED, TRIGGER_ON};
use super::rest::OPERATION;
use super::{Default, Rows, Shape, Type, later, row, runs};

/// The family.
pub(crate) const TRANSFORMS: &[Type] = &[
    runs("dtl", &[DTL, TRIGGER_ON, NO_SIDE_EFFECTS]),
    runs("conditional", &[CONDITIONAL]),
    runs("chained", &[CHAINED]),
    later("emit_children", &[NO_SIDE_EFFECTS]),
    later("http", &[SYSTEM, HTTP, TRIGGER_ON, SIDE_EFFECTS]),
    later(
        "rest",
        &[
            SYSTEM,
            REST,
            RATE_LIMITING,
            TRACED,
            TRIGGER_ON,
            SIDE_EFFECTS,
        ],
    ),
    later("template", &[TEMPLATE, SIDE_EFFECTS]),
    later("json_schema", &[JSON_SCHEMA, TRIGGER_ON, NO_SIDE_EFFECTS])
        .with_one_of(&[&["schema", "schema_url"]]),
    later("xml", &[XML, TRIGGER_ON, NO_SIDE_EFFECTS]),
    later("rdf", &[RDF, NO_SIDE_EFFECTS]),
    // Retired.
    later("properties_to_curies", &[PROPERTIES_TO_CURIES]),
    later("uris_to_curies", &[PREFIX_INCLUDES]),
    later("lower_keys", &[KEYS]),
    later("upper_keys", &[KEYS]),
    later("undirected_graph", &[UNDIRECTED_GRAPH]),
];

const NO_SIDE_EFFECTS: Rows = &[row("side_effects", Shape::Bool).no()];

const SIDE_EFFECTS: Rows = &[row("side_effects", Shape::Bool).yes()];

const DTL: Rows = &[
    row("rules", Shape::Object).required().cryptography(),
    row("id_required", Shape::Bool).yes(),
];

const CHAINED: Rows = &[row("transforms", Shape::List).required()];

const HTTP: Rows = &[
    row("url", Shape::Text).required(),
    row("batch_size", Shape::Integer(1)).integer(100),
    row("headers", Shape::TextMap),
];

const REST: Rows = &[
    row("operation", Shape::Text),
    row("operations", Shape::Named(OPERATION)).secret(),
    row("properties", Shape::Object),
    row("payload", Shape::Payload),
    row("payload_property", Shape::Text),
    row("response_property", Shape::Text).text("response"),
    row("response_headers_property", Shape::Text),
    row("response_status_property", Shape::Text),
    row("response_include_content_type", Shape::Bool).no(),
    row("replace_entity", Shape::Bool).no(),
    row("id_expression", Shape::Text),
    row("updated_expression", Shape::Text),
    row("error_expression", Shape::Text),
    row("allowed_status_codes", Shape::Statuses).text("200-299"),
    row("ignored_status_codes", Shape::Statuses),
    row("if_transform_empty", Shape::Choice(&["accept", "fail"])).text("accept"),
];

const TEMPLATE: Rows = &[
    row("template", Shape::TextOrObject).required(),
    // Checked against the template's own table where the template is a built-in one.
    row("properties", Shape::Object).required().cryptography(),
];

/// `properties` of each built-in template.
pub(crate) const TEMPLATES: &[Type] = &[
    later("transform-collect-rest", &[TEMPLATE_COLLECT])
        .with_one_of(&[&["operation_lookup", "operation_lookup_delete"]]),
    later("transform-defaults-rest", &[TEMPLATE_DEFAULTS]),
    later("transform-share-rest", &[TEMPLATE_SHARE]),
];

const TEMPLATE_COLLECT: Rows = &[
    row("rest_system", Shape::Text),
    row("primary_key", Shape::TextOrTexts).required(),
    row("share_dataset", Shape::Dataset).required(),
    row("operation_lookup", Shape::Text),
    row("operation_lookup_properties", Shape::Object),
    row("original_property", Shape::Text),
    row("operation_lookup_delete", Shape::Text),
    row("operation_lookup_delete_properties", Shape::Object),
];

const TEMPLATE_DEFAULTS: Rows = &[
    row("rest_system", Shape::Text),
    row("primary_key", Shape::TextOrTexts).required(),
    row("operation", Shape::Text),
    row("operation_properties", Shape::Object),
];

const TEMPLATE_SHARE: Rows = &[
    row("rest_system", Shape::Text),
    row("primary_key", Shape::TextOrTexts).required(),
    row("primary_key_insert", Shape::TextOrTexts),
    row("is_natural_key", Shape::Bool).no(),
    row("share_dataset", Shape::Dataset).required(),
    row("payload_property", Shape::Text).text("payload"),
    row("operation_lookup", Shape::Text).text("lookup"),
    row("operation_lookup_properties", Shape::Object),
    row("operation_insert", Shape::Text).text("insert"),
    row("operation_insert_properties", Shape::Object),
    row("operation_update", Shape::Text).text("update"),
    row("operation_update_properties", Shape::Object),
    row("operation_delete", Shape::Text).text("delete"),
    row("operation_delete_properties", Shape::Object),
    row("lookup_allowed_status_codes", Shape::Statuses).text("100-599"),
    row("insert_allowed_status_codes", Shape::Statuses).text("100-599"),
    row("update_allowed_status_codes", Shape::Statuses).text("100-599"),
    row("delete_allowed_status_codes", Shape::Statuses).text("100-599"),
    row("rules", Shape::Object).cryptography(),
    row("rewrite_rules_payload", Shape::Object).cryptography(),
    row("rewrite_rules_lookup", Shape::Object).cryptography(),
    row("rewrite_rules_mutation", Shape::Object).cryptography(),
    row("client_side_patching", Shape::Bool).no(),
];

const JSON_SCHEMA: Rows = &[
    row("schema", Shape::Object),
    row("schema_url", Shape::Text),
    row("system", Shape::Text),
    row("key_valid", Shape::Text).text("valid"),
    row("key_errors", Shape::Text).text("errors"),
];

const XML: Rows = &[
    row("xml-property", Shape::Text).required(),
    row("root-attributes", Shape::Object),
    row("include-xml-decl", Shape::Bool).no(),
    row("skip-deleted-entities", Shape::Bool).yes(),
];

const RDF: Rows = &[row("rdf-property", Shape::Text).required()];

const PROPERTIES_TO_CURIES: Rows = &[
    row("rule", Shape::Text),
    row("quote_safe_characters", Shape::Text).text("/"),
    row("id", Shape::Text),
    row("properties", Shape::List),
];

const PREFIX_INCLUDES: Rows = &[row("prefix_includes", Shape::Texts)];

const KEYS: Rows = &[row("recurse", Shape::Bool).no()];

const UNDIRECTED_GRAPH: Rows = &[
    row("nodes", Shape::Texts).or(Default::Json(r#"["_id","sameAs"]"#)),
    row("from", Shape::Text).text("from"),
    row("to", Shape::Text).text("to"),
];
