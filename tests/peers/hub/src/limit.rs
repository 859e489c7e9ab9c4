//! The limit of W4: look the id up in RocksDB, fetch its log entry, then answer a canned entity; axum over plain HTTP.
//! Runs in a process of its own, so that its processor time can be told from the client's.

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use sluice_peers_store::documents::document;
use sluice_peers_store::raw::Raw;
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// First argument of the copy of this process that serves.
pub const COMMAND: &str = "serve-limit";

struct Canned {
    raw: Raw,
    answer: Bytes,
}

/// Serves the pairs in the folder until it is killed; prints its port.
pub async fn serve(folder: &str) -> Result<()> {
    let raw = Raw::open(folder.as_ref())?;
    let canned = Arc::new(Canned {
        raw,
        answer: Bytes::from(document(7)),
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    let router = Router::new()
        .route("/entity", get(answer))
        .with_state(canned);
    axum::serve(listener, router).await?;
    Ok(())
}

async fn answer(
    State(canned): State<Arc<Canned>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let id = query.get("entity_id").map_or("", String::as_str);
    match canned.raw.look_up_entry(id) {
        Ok(Some(_)) => (
            [(header::CONTENT_TYPE, "application/json")],
            canned.answer.clone(),
        )
            .into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A serving copy of this process; ends with the value.
pub struct Limit {
    process: Child,
    pub url: String,
}

impl Limit {
    pub fn start(folder: &std::path::Path) -> Result<Limit> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg(COMMAND)
            .arg(folder)
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().context("it was asked for")?;
        let mut port = String::new();
        BufReader::new(output).read_line(&mut port)?;
        Ok(Limit {
            process,
            url: format!("http://127.0.0.1:{}", port.trim()),
        })
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
