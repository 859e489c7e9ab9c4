//! Source kind `json`: pulls a feed by the JSON pull protocol (SR7, JP1, JP2, AR3).

use super::http_stream::EntityStream;
use super::{Continuation, Page, ReadError, SinceValue, Source};
use crate::pass_over::PassOver;
use crate::pipe::state::FeedSeen;
use crate::slice::Slice;
use crate::system::{HttpSystem, RequestFailure};
use async_trait::async_trait;
use reqwest::{Method, Response, StatusCode};
use sluice_config::JsonSource as Settings;
use std::sync::Arc;

/// A feed of another hub or service, one request or page by page.
pub(super) struct JsonSource {
    system: Arc<HttpSystem>,
    settings: Settings,
    continuation: Continuation,
    /// Of the last entity seen, or where this run began.
    since: Option<SinceValue>,
    stream: Option<EntityStream>,
    /// The present answer moved the since value: there may be another page.
    moved: bool,
    populated: bool,
    /// From the latest answer's headers; before the first one, what an earlier run was told.
    feed: FeedSeen,
    pass_over: Option<PassOver>,
    /// What was read before was of another generation, and the reader does not know it yet.
    started_over: bool,
    requires_ids: bool,
}

impl JsonSource {
    /// From the pipe's settings and its system's connection.
    pub(super) fn new(settings: &Settings, system: Arc<HttpSystem>) -> Self {
        JsonSource {
            system,
            settings: settings.clone(),
            continuation: settings.continuation.clone().into(),
            since: None,
            stream: None,
            moved: false,
            populated: true,
            feed: FeedSeen::default(),
            pass_over: None,
            started_over: false,
            requires_ids: false,
        }
    }

    /// Pages only where each one begins exactly behind the one before.
    fn page_size(&self) -> Option<u64> {
        let all = Continuation {
            supports_since: true,
            is_since_comparable: true,
            is_chronological: true,
        };
        self.settings.page_size.filter(|_| self.continuation == all)
    }

    /// The answer to one request. Where `since` belongs to another generation of the dataset, it is read from its beginning:
    /// with that value the other side would leave out what is there now, or say that it is gone.
    async fn ask(&mut self) -> Result<EntityStream, ReadError> {
        let answer = match self.request().await {
            Ok(answer) if !self.is_of_another_generation(&answer) => answer,
            Err(failure) if !self.is_gone(&failure) => return Err(failure.into_read_error()),
            Ok(_) | Err(_) => {
                self.since = None;
                self.started_over = true;
                let answer = self.request().await;
                answer.map_err(RequestFailure::into_read_error)?
            }
        };
        // A feed that does not say counts as populated.
        let populated = answer.headers().get("x-dataset-populated");
        self.populated =
            populated.is_none_or(|value| !value.as_bytes().eq_ignore_ascii_case(b"false"));
        self.feed = FeedSeen::from_headers(answer.headers());
        self.moved = false;
        let what = format!("the feed of system \"{}\"", self.settings.system);
        let pass_over = self.pass_over.clone();
        Ok(EntityStream::new(
            self.system.clone(),
            answer,
            what,
            pass_over,
            self.requires_ids,
        ))
    }

    fn is_of_another_generation(&self, answer: &Response) -> bool {
        let now = FeedSeen::from_headers(answer.headers());
        self.since.is_some() && now.is_other_generation(&self.feed)
    }

    fn is_gone(&self, failure: &RequestFailure) -> bool {
        self.since.is_some() && failure.status == Some(StatusCode::GONE)
    }

    async fn request(&self) -> Result<Response, RequestFailure> {
        let mut parameters = Vec::new();
        if let Some(since) = self
            .since
            .as_ref()
            .filter(|_| self.continuation.supports_since)
        {
            parameters.push(("since", since.to_text()));
        }
        if let Some(limit) = self.page_size() {
            parameters.push(("limit", limit.to_string()));
        }
        if let Some(subset) = &self.settings.subset {
            parameters.push(("subset", subset.text.to_string()));
        }
        let request = self.system.request(Method::GET, &self.settings.url)?;
        let request = self
            .system
            .with_headers(request.query(&parameters), &self.settings.headers);
        let request = request.header(reqwest::header::ACCEPT, "application/json");
        self.system.send(request).await
    }
}

#[async_trait]
impl Source for JsonSource {
    fn continuation(&self) -> Continuation {
        self.continuation
    }

    fn pass_over(&mut self, pass_over: PassOver) {
        self.pass_over = Some(pass_over);
    }

    fn require_ids(&mut self) {
        self.requires_ids = true;
    }

    async fn open(
        &mut self,
        since: Option<&SinceValue>,
        _slice: &Arc<Slice>,
    ) -> Result<(), ReadError> {
        self.since = since.filter(|since| !since.is_nowhere()).cloned();
        self.stream = Some(self.ask().await?);
        Ok(())
    }

    async fn next(&mut self, _slice: &Arc<Slice>) -> Result<Option<Page>, ReadError> {
        loop {
            let Some(stream) = &mut self.stream else {
                return Ok(None);
            };
            if let Some(page) = stream.next().await? {
                if self.page_size().is_some()
                    && let Some(last) = page.items.iter().rev().find_map(|item| item.since.clone())
                {
                    self.moved |= self.since.as_ref() != Some(&last);
                    self.since = Some(last);
                }
                return Ok(Some(page));
            }
            // A page that gives nothing is the last, and so is one that moves nothing: the other side would give it for ever.
            self.stream = None;
            if !self.moved {
                return Ok(None);
            }
            self.stream = Some(self.ask().await?);
        }
    }

    fn is_populated(&self) -> bool {
        self.populated
    }

    fn remember(&mut self, feed: &FeedSeen) {
        self.feed = feed.clone();
    }

    fn take_started_over(&mut self) -> bool {
        std::mem::take(&mut self.started_over)
    }

    fn feed(&self) -> Option<FeedSeen> {
        Some(self.feed.clone())
    }
}
