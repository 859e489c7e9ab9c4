//! A hub with receivers, and entities sent to it.

use crate::child::Child;
use anyhow::{Result, ensure};
use bytes::Bytes;
use reqwest::{Body, Method};
use serde_json::{Value, json};
use sluice_peers_store::documents::document;
use std::time::Duration;
use tempfile::TempDir;

/// A hub of its own; its folder goes with it.
pub struct Hub {
    pub child: Child,
    folder: TempDir,
}

impl Hub {
    /// A hub with one receiver for each name, and the pipes.
    pub async fn start(receivers: &[&str], pipes: &[Value]) -> Result<Hub> {
        Hub::start_with(receivers, pipes, &[]).await
    }

    /// The same with these flags.
    pub async fn start_with(receivers: &[&str], pipes: &[Value], flags: &[&str]) -> Result<Hub> {
        let folder = tempfile::tempdir()?;
        let flags = [&["--developer-mode"], flags].concat();
        let child = Child::start_with(&folder.path().join("data"), &flags).await?;
        let receiver =
            |id: &&str| json!({"_id": id, "type": "pipe", "source": {"type": "http_endpoint"}});
        let configuration: Vec<Value> = receivers
            .iter()
            .map(receiver)
            .chain(pipes.iter().cloned())
            .collect();
        child.put("/config", &json!(configuration)).await?;
        Ok(Hub { child, folder })
    }

    /// The same hub started again: what lay in write buffers lies in files now.
    pub async fn restart(mut self) -> Result<Hub> {
        self.child.kill()?;
        let child = Child::start(&self.folder.path().join("data")).await?;
        Ok(Hub { child, ..self })
    }

    /// One request that has to succeed; it may take long.
    pub async fn push(&self, receiver: &str, body: impl Into<Body>) -> Result<()> {
        let request = self
            .child
            .request(Method::POST, &format!("/receivers/{receiver}/entities"));
        let request = request
            .header("content-type", "application/json")
            .timeout(Duration::from_secs(1_800));
        let response = request.body(body).send().await?;
        let status = response.status();
        let text = response.text().await?;
        ensure!(status.is_success(), "a push was answered {status}: {text}");
        Ok(())
    }

    /// Documents `first..first + count` in one streamed body.
    pub async fn push_documents(&self, receiver: &str, first: u64, count: u64) -> Result<()> {
        self.push(receiver, stream(first, count, document)).await
    }
}

/// An array of entities as a body, as few at a time as the connection takes.
pub fn stream(first: u64, count: u64, entity: fn(u64) -> Vec<u8>) -> Body {
    const CHUNK: u64 = 200;
    let chunks = (0..count.div_ceil(CHUNK)).map(move |chunk| {
        let from = first + chunk * CHUNK;
        let to = (from + CHUNK).min(first + count);
        let mut text = array(from..to, entity);
        // The brackets of the pieces make one array.
        if chunk > 0 {
            text[0] = b',';
        }
        if to < first + count {
            text.pop();
        }
        Ok::<_, std::io::Error>(Bytes::from(text))
    });
    Body::wrap_stream(futures::stream::iter(chunks))
}

/// An array of entities as text.
pub fn array(numbers: impl Iterator<Item = u64>, entity: fn(u64) -> Vec<u8>) -> Vec<u8> {
    let mut text = Vec::with_capacity(200 << 10);
    for number in numbers {
        text.push(if text.is_empty() { b'[' } else { b',' });
        text.extend_from_slice(&entity(number));
    }
    text.push(b']');
    text
}
