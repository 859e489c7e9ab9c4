//! The description of the API: as OpenAPI, and as a page that needs nothing from elsewhere.

use super::answer;
use super::call::Call;
use super::error::Problem;
use super::openapi::openapi;
use axum::body::Body;
use axum::response::Response;
use http::header::ACCEPT;
use serde_json::Value;
use std::fmt::{self, Write};

/// Content type of the page.
pub(crate) const HTML: &str = "text/html; charset=utf-8";

pub(crate) async fn document(_: Call) -> Result<Response, Problem> {
    answer::json(&openapi())
}

/// The page, or the document for those who ask for JSON and not for HTML.
pub(crate) async fn page(call: Call) -> Result<Response, Problem> {
    let accept = call
        .parts
        .headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if accept.contains("application/json") && !accept.contains("text/html") {
        return document(call).await;
    }
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = write_page(&mut page, &openapi());
    Ok(answer::typed(HTML, Body::from(page)))
}

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sluice API</title><style>
body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}code{background:#eee;padding:.1em .3em}
section{border-top:1px solid #ccc;margin-top:1em}h2{font-size:1em}table{border-collapse:collapse}td{padding:.1em 1em .1em 0;vertical-align:top}
</style><h1>Sluice API</h1><p>Machine-readable: <code>/api/reference/openapi.json</code></p>";

fn write_page(page: &mut String, document: &Value) -> fmt::Result {
    page.push_str(HEAD);
    let paths = document["paths"].as_object().into_iter().flatten();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            write!(
                page,
                "<section><h2><code>{} {}</code></h2>",
                method.to_ascii_uppercase(),
                Escaped(path)
            )?;
            write!(page, "<p>{}</p>", Escaped(text(&operation["summary"])))?;
            write_parameters(page, &operation["parameters"])?;
            page.push_str("</section>");
        }
    }
    Ok(())
}

fn write_parameters(page: &mut String, parameters: &Value) -> fmt::Result {
    let Some(parameters) = parameters.as_array() else {
        return Ok(());
    };
    page.push_str("<table>");
    for parameter in parameters {
        let name = Escaped(text(&parameter["name"]));
        let place = Escaped(text(&parameter["in"]));
        write!(
            page,
            "<tr><td><code>{name}</code><td>{place}<td>{}",
            Escaped(text(&parameter["description"]))
        )?;
    }
    page.push_str("</table>");
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Text inside HTML.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '<' => f.write_str("&lt;"),
            '&' => f.write_str("&amp;"),
            '"' => f.write_str("&quot;"),
            other => f.write_char(other),
        })
    }
}
