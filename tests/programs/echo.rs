//! A microservice for tests on clusters: it answers with what it was asked, and has entities to read.
//!
//! `GET /entities` answers two entities with the value of the environment variable `KEY`; any other request is answered with its
//! method, target, headers and body, and told on standard output. It listens at `PORT`, 5000 if nobody says.

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};

/// Larger bodies are refused.
const BODY_MAX: usize = 1 << 20;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let port = match std::env::var("PORT") {
        Ok(text) => text.parse().context("PORT is a port")?,
        Err(_) => 5000,
    };
    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let listener = tokio::net::TcpListener::bind(address).await?;
    say(&format!("listens at {address}"));
    let router = Router::new()
        .route("/entities", get(entities))
        .fallback(echo);
    axum::serve(listener, router).await?;
    Ok(())
}

async fn entities() -> Json<Value> {
    let key = std::env::var("KEY").unwrap_or_default();
    Json(json!([{"_id": "1", "key": key}, {"_id": "2", "key": key}]))
}

async fn echo(request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = match to_bytes(body, BODY_MAX).await {
        Ok(body) => body,
        Err(error) => {
            return (axum::http::StatusCode::PAYLOAD_TOO_LARGE, error.to_string()).into_response();
        }
    };
    say(&format!("{} {}", head.method, head.uri));
    Json(told(
        head.method.as_ref(),
        &head.uri.to_string(),
        &head.headers,
        &body,
    ))
    .into_response()
}

fn told(method: &str, target: &str, headers: &HeaderMap, body: &Bytes) -> Value {
    let headers = headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.to_string(), Value::String(value))
    });
    json!({
        "method": method,
        "target": target,
        "headers": headers.collect::<serde_json::Map<_, _>>(),
        "body": String::from_utf8_lossy(body),
    })
}

#[allow(clippy::print_stdout, reason = "its log is what it prints")]
fn say(line: &str) {
    println!("{line}");
}
