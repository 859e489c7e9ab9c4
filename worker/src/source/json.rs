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
    answer: Answer,
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
            answer: Answer::default(),
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
        self.answer = Answer {
            asked: self.since.clone(),
            ..Answer::default()
        };
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

    /// A run that took this for the end would delete what is behind it (R27).
    fn stands_still(&self) -> ReadError {
        let Answer { asked, last, .. } = &self.answer;
        let told = |since: &Option<SinceValue>| since.as_ref().map(SinceValue::to_text);
        let from = told(asked).map_or("the first page".to_owned(), |asked| {
            format!("the page after since value {asked}")
        });
        let to = told(last).map_or("its entities have no \"_updated\"".to_owned(), |last| {
            format!("it ends at {last}")
        });
        let message = format!(
            "the feed of system \"{}\" at \"{}\" does not lead on: {from} holds {} entities and {to}, so what comes behind them \
             cannot be asked for; without \"page_size\" it is read in one answer",
            self.settings.system, self.settings.url, self.answer.count
        );
        ReadError::communication("feed-stands-still", message)
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

/// What a page says of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behind {
    /// It is asked for.
    Another,
    /// It was the last.
    Nothing,
    /// There may be more, and no since value leads to it.
    Unknown,
}

/// The answer to one request, as far as it came.
#[derive(Default)]
struct Answer {
    /// The since value of the request.
    asked: Option<SinceValue>,
    /// Of the last entity that has one.
    last: Option<SinceValue>,
    /// Entities that came.
    count: u64,
    /// One of them has another since value than was asked for.
    has_other: bool,
}

impl Answer {
    /// The since value that `page` ends with.
    fn note(&mut self, page: &Page) -> Option<SinceValue> {
        self.count += (page.items.len() + page.passed.len()) as u64;
        let mut sinces = page.items.iter().filter_map(|item| item.since.as_ref());
        self.has_other |= sinces
            .clone()
            .any(|since| Some(since) != self.asked.as_ref());
        let last = sinces.next_back().cloned();
        self.last = last.clone().or(self.last.take());
        last
    }

    /// An empty page is the last (R74). One that does not lead on is the last only where it is shorter than it may be and holds
    /// nothing but the very place that it was asked for: the other side counts `since` in, or its entities have no place. Else
    /// it does not know `since`, and what is behind the page will never come.
    fn behind(&self, size: u64) -> Behind {
        let leads_on = match (&self.asked, &self.last) {
            (_, None) => false,
            (Some(SinceValue::Offset(asked)), Some(SinceValue::Offset(last))) => last > asked,
            (asked, last) => asked != last,
        };
        if self.count == 0 {
            Behind::Nothing
        } else if leads_on {
            Behind::Another
        } else if self.count < size && !self.has_other {
            Behind::Nothing
        } else {
            Behind::Unknown
        }
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
                    && let Some(last) = self.answer.note(&page)
                {
                    self.since = Some(last);
                }
                return Ok(Some(page));
            }
            self.stream = None;
            match self.page_size().map(|size| self.answer.behind(size)) {
                None | Some(Behind::Nothing) => return Ok(None),
                Some(Behind::Another) => self.stream = Some(self.ask().await?),
                Some(Behind::Unknown) => return Err(self.stands_still()),
            }
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

#[cfg(test)]
mod tests {
    use super::super::Item;
    use super::*;
    use sluice_entity::{Json, Limits};

    fn behind(asked: Option<&str>, page: &str) -> Behind {
        let mut answer = Answer {
            asked: asked.map(SinceValue::from_text),
            ..Answer::default()
        };
        let entities = Json::parse(page.as_bytes(), &Limits::default()).unwrap();
        for entity in entities.as_array().unwrap() {
            let entity = sluice_entity::Entity::new(entity.to_value(&Default::default()));
            answer.note(&Page {
                items: vec![Item::with_updated(entity.unwrap())],
                ..Page::default()
            });
        }
        answer.behind(2)
    }

    #[test]
    fn only_a_page_that_leads_on_is_followed_by_another_and_only_a_harmless_one_is_the_last() {
        for (asked, page, expected) in [
            (None, "[]", Behind::Nothing),
            (Some("4"), "[]", Behind::Nothing),
            (None, r#"[{"_updated": 0}]"#, Behind::Another),
            (Some("4"), r#"[{"_updated": 5}, {}]"#, Behind::Another),
            (Some("x"), r#"[{"_updated": "a"}]"#, Behind::Another),
            // `since` is counted in, and there is nothing more.
            (Some("4"), r#"[{"_updated": 4}]"#, Behind::Nothing),
            (Some("x"), r#"[{"_updated": "x"}]"#, Behind::Nothing),
            // No since values, and less than was asked for.
            (None, "[{}]", Behind::Nothing),
            (None, "[{}, {}]", Behind::Unknown),
            (
                Some("4"),
                r#"[{"_updated": 4}, {"_updated": 4}]"#,
                Behind::Unknown,
            ),
            (
                Some("4"),
                r#"[{"_updated": 3}, {"_updated": 4}]"#,
                Behind::Unknown,
            ),
            (Some("4"), r#"[{"_updated": 0}]"#, Behind::Unknown),
            (
                Some("x"),
                r#"[{"_updated": "a"}, {"_updated": "x"}]"#,
                Behind::Unknown,
            ),
        ] {
            assert_eq!(behind(asked, page), expected, "{asked:?} {page}");
        }
    }
}
