//! Operations of REST systems; sources, transforms and sinks may bring their own (SY3).

use super::common::RATE_LIMITING;
use super::{Default, Property, Rows, Shape, row};

/// A named operation.
pub(super) const OPERATION: Rows = &[
    row("url", Shape::Text).required(),
    row(
        "method",
        Shape::Choice(&["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"]),
    )
    .required(),
    row("comment", Shape::TextOrTexts),
    row("description", Shape::TextOrTexts),
    row("headers", Shape::Object),
    row("params", Shape::Object),
    row(
        "payload-type",
        Shape::Choice(&["text", "json", "json-transit", "form", "multipart-form"]),
    )
    .text("json"),
    row("properties", Shape::Object),
    row("payload", Shape::Payload),
    row("response_property", Shape::Text),
    row("response_headers_property", Shape::Text),
    row("response_status_property", Shape::Text),
    row("payload_property", Shape::Text),
    row("next_page_link", Shape::Text),
    row(
        "next_page_termination_strategy",
        Shape::Choices(TERMINATION),
    )
    .or(Default::Json(
        r#"["next-page-link-empty","same-next-page-request","same-response"]"#,
    )),
    row("page_size", Shape::Integer(1)),
    row("allowed_status_codes", Shape::Statuses).text("200-299"),
    row("ignored_status_codes", Shape::Statuses),
    row("id_expression", Shape::Text),
    row("updated_expression", Shape::Text),
    row("error_expression", Shape::Text),
    row("since_property_name", Shape::Text).text("since"),
    row(
        "since_property_location",
        Shape::Choice(&["query", "header", "manual"]),
    )
    .text("query"),
    RATE_LIMITING[0],
    row("rate_limiting_delay", Shape::Integer(0)),
];

const TERMINATION: &[&str] = &[
    "empty-result",
    "same-next-page-link",
    "next-page-link-empty",
    "same-next-page-request",
    "same-response",
    "not-full-page",
];

/// `custom_auth` of a REST system.
pub(super) const CUSTOM_AUTH: Property = row(
    "custom_auth",
    Shape::Fields(&[
        row("get_token_operation", Shape::Text).required(),
        row("expires_at_expression", Shape::Text),
        row("expires_in_expression", Shape::Text),
        row("refresh_window", Shape::Integer(0)).integer(30),
        row("initial_refresh_token", Shape::Object),
        row("get_refresh_token_operation", Shape::Text),
        row("refresh_token_expires_at_expression", Shape::Text),
        row("refresh_token_expires_in_expression", Shape::Text),
        row("access_token_property", Shape::Text),
        row("refresh_token_property", Shape::Text),
    ]),
);
