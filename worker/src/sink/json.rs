//! Sink kind `json`: pushes batches to an HTTP endpoint by the JSON push protocol (SK3, JP3-JP5, R62).

use super::{RunFacts, Sink, WriteError};
use crate::system::{HttpSystem, RequestFailure};
use async_trait::async_trait;
use reqwest::{Method, StatusCode};
use sluice_config::JsonSink as Settings;
use sluice_entity::{Entity, Style};
use std::sync::Arc;

/// The longest answer of a target that is looked at.
const ANSWER_BYTES: usize = 1 << 20;

/// A connected target. Each run is one sequence of requests; an empty request ends it, if it is complete.
pub(super) struct JsonSink {
    system: Arc<HttpSystem>,
    settings: Settings,
    run: Option<RunFacts>,
    /// Requests of this run that were accepted.
    accepted: u64,
}

impl JsonSink {
    /// From the pipe's settings and its system's connection.
    pub(super) fn new(settings: &Settings, system: Arc<HttpSystem>) -> Self {
        JsonSink {
            system,
            settings: settings.clone(),
            run: None,
            accepted: 0,
        }
    }

    async fn push(&mut self, entities: &[Entity], is_last: bool) -> Result<(), WriteError> {
        let mut body = vec![b'['];
        for (position, entity) in entities.iter().enumerate() {
            if position > 0 {
                body.push(b',');
            }
            entity.write_json(&mut body, &Style::default());
        }
        body.push(b']');
        let parameters = self.parameters(is_last);
        let request = self
            .system
            .request(Method::POST, &self.settings.url)
            .map_err(RequestFailure::into_write_error)?
            .query(&parameters)
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(body);
        let request = self.system.with_headers(request, &self.settings.headers);
        let answer = self
            .system
            .send(request)
            .await
            .map_err(RequestFailure::into_write_error)?;
        // Read to its end so that the connection serves the next request.
        self.system
            .read_bounded(answer, ANSWER_BYTES)
            .await
            .map_err(RequestFailure::into_write_error)?;
        self.accepted += 1;
        Ok(())
    }

    fn parameters(&self, is_last: bool) -> Vec<(&'static str, String)> {
        let Some(run) = &self.run else {
            return Vec::new();
        };
        let mut parameters = vec![
            ("sequence_id", run.sequence.clone()),
            ("is_full", run.is_full.to_string()),
            ("request_id", self.accepted.to_string()),
        ];
        if self.accepted > 0 {
            parameters.push(("previous_request_id", (self.accepted - 1).to_string()));
        }
        if run.is_full {
            parameters.push(("is_first", (self.accepted == 0).to_string()));
            parameters.push(("is_last", is_last.to_string()));
        }
        parameters
    }
}

#[async_trait]
impl Sink for JsonSink {
    async fn begin(&mut self, run: &RunFacts) -> Result<(), WriteError> {
        self.run = Some(run.clone());
        self.accepted = 0;
        Ok(())
    }

    async fn deliver(&mut self, entities: &[Entity]) -> Result<(), WriteError> {
        self.push(entities, false).await
    }

    /// A last request, mostly an empty one. Receivers delete at that of a full push, so one that lacks entities is left
    /// unfinished; the next one takes its place (JP5).
    async fn finish(&mut self, all_delivered: bool) -> Result<(), WriteError> {
        let is_full = self.run.as_ref().is_some_and(|run| run.is_full);
        if is_full && !all_delivered {
            return Ok(());
        }
        self.push(&[], true).await
    }
}

impl RequestFailure {
    /// A 409 means that the sequence is broken: the run begins again with a new one (JP4).
    fn into_write_error(self) -> WriteError {
        let conflict = self.status == Some(StatusCode::CONFLICT);
        let too_large = self.status == Some(StatusCode::PAYLOAD_TOO_LARGE)
            || self.status == Some(StatusCode::BAD_REQUEST);
        let error = if too_large {
            WriteError::entity(self.reason, self.message, None)
        } else {
            WriteError::communication(self.reason, self.message)
        };
        let error = match self.source {
            Some(source) => error.caused_by(source),
            None => error,
        };
        if conflict { error.ending_run() } else { error }
    }
}
