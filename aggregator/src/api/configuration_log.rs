//! The dataset `system:config` (DS9, CF6): every version of every component, read from the storage node.
//!
//! Its entities are components as they were posted, so secrets are in it by name only. Nobody writes it through the API.

use super::answer;
use super::call::Call;
use super::entities;
use super::error::{Problem, number};
use super::exact::Exact;
use super::feed;
use crate::Aggregator;
use axum::response::Response;
use futures::stream::{self, StreamExt};
use sluice_dataset::{
    Counters, DatasetName, DatasetNumber, DatasetStatus, Generation, ReadOptions, Since, SinceError,
};
use sluice_entity::Json;
use sluice_protocol::{
    Code, ComponentKind, DatasetReport, Error, FeedHeaders, HistoryEntry, QueueReport,
};
use std::sync::Arc;

/// Its name; no pipe can have it.
pub(crate) const NAME: &str = "system:config";
/// It is never made anew: even after a reset of the hub its offsets go on.
const GENERATION: Generation = Generation([0; 16]);
/// Members that the hub makes; posted ones of the same name are left out.
const GENERATED: [&str; 6] = ["_id", "_updated", "_previous", "_ts", "_deleted", "$user"];

/// A version of a component as an entity: what was posted, and where, when and by whom.
fn show(entry: HistoryEntry) -> Exact {
    let mut members = vec![
        ("_id".to_owned(), Json::from(entry.id)),
        ("_updated".to_owned(), number(entry.offset)),
    ];
    if let Some(previous) = entry.previous {
        members.push(("_previous".to_owned(), number(previous)));
    }
    members.push(("_ts".to_owned(), number(entry.timestamp)));
    let deleted = entry.original.is_none();
    members.push(("_deleted".to_owned(), Json::Bool(deleted)));
    members.push(("$user".to_owned(), Json::from(entry.user)));
    match entry.original.as_deref() {
        Some(Json::Object(original)) => members.extend(
            original
                .iter()
                .filter(|(name, _)| !GENERATED.contains(&name.as_str()))
                .cloned(),
        ),
        _ => members.push(("type".to_owned(), Json::from(kind_name(entry.kind)))),
    }
    Json::Object(members).into()
}

fn kind_name(kind: ComponentKind) -> &'static str {
    match kind {
        ComponentKind::Pipe => "pipe",
        ComponentKind::System => "system",
        ComponentKind::Metadata => "metadata",
    }
}

/// What a reader gets (R74), page by page from the storage node: neither side reads or holds more than a page.
struct Pages {
    hub: Arc<Aggregator>,
    id: Option<String>,
    /// Where the next page begins, and how many versions it may still have.
    options: ReadOptions,
}

impl Pages {
    /// The next versions; none at the end.
    async fn next(&mut self) -> Result<Vec<HistoryEntry>, Error> {
        if self.options.limit == Some(0) {
            return Ok(Vec::new());
        }
        let id = self.id.as_deref();
        let page = self.hub.storage.history(None, id, &self.options).await?;
        if let Some(last) = page.last() {
            self.options.since = Some(last.offset);
        }
        if let Some(left) = &mut self.options.limit {
            *left = left.saturating_sub(page.len() as u64);
        }
        Ok(page)
    }

    /// The answer, once the first page is there.
    async fn answer(mut self) -> Result<Response, Problem> {
        let first = self.next().await?;
        let rest = stream::unfold((!first.is_empty()).then_some(self), |pages| async {
            let mut pages = pages?;
            match pages.next().await {
                Ok(page) if page.is_empty() => None,
                Ok(page) => Some((Ok(page), Some(pages))),
                Err(error) => Some((Err(error), None)),
            }
        });
        let pages = stream::iter([Ok(first)]).chain(rest);
        Ok(answer::list_of_pages(pages, show))
    }
}

/// The versions of one component.
pub(crate) async fn of_component(
    call: &Call,
    id: &str,
    options: ReadOptions,
) -> Result<Response, Problem> {
    let any = ReadOptions {
        limit: Some(1),
        ..ReadOptions::default()
    };
    if call
        .hub
        .storage
        .history(None, Some(id), &any)
        .await?
        .is_empty()
    {
        return Err(Problem::not_found("unknown-component", "component", id));
    }
    let pages = Pages {
        hub: Arc::clone(&call.hub),
        id: Some(id.to_owned()),
        options,
    };
    pages.answer().await
}

/// The feed.
pub(crate) async fn list(call: &Call) -> Result<Response, Problem> {
    if call.optional_text("subset").is_some() {
        let message = format!("dataset \"{NAME}\" has no index for this subset");
        return Err(Error::new(Code::NotFound, "unknown-index", message).into());
    }
    let since = match call.optional_text("since") {
        Some(text) => Since::parse(text, GENERATION)
            .map_err(|error| refused(&error))?
            .offset(),
        None => None,
    };
    let options = ReadOptions {
        since,
        ..entities::log_options(call)
    };
    let headers = headers(call).await?;
    let pages = Pages {
        hub: Arc::clone(&call.hub),
        id: None,
        options,
    };
    let mut response = pages.answer().await?;
    feed::insert(response.headers_mut(), &headers);
    Ok(response)
}

fn refused(error: &SinceError) -> Problem {
    match error {
        SinceError::Malformed => Problem::invalid("invalid-since", error.to_string()),
        SinceError::OtherGeneration { .. } => {
            Error::new(Code::Gone, "other-generation", error.to_string()).into()
        }
    }
}

/// The headers of the feed without its entities.
pub(crate) async fn options(call: &Call) -> Result<Response, Problem> {
    let mut response = entities::allowed("GET, HEAD, OPTIONS");
    let headers = headers(call).await?;
    feed::insert(response.headers_mut(), &headers);
    Ok(response)
}

async fn headers(call: &Call) -> Result<FeedHeaders, Problem> {
    Ok(FeedHeaders {
        populated: Some(true),
        max_updated: call.hub.storage.history_summary().await?.newest,
        generation: Some(GENERATION.to_string()),
        ..FeedHeaders::default()
    })
}

/// The latest version of a component, or the one at an offset.
pub(crate) async fn one(call: &Call, id: &str, offset: Option<u64>) -> Result<Response, Problem> {
    // The newest one at or below the offset has to be at it.
    let options = ReadOptions {
        since: offset.map(|offset| offset.saturating_add(1)),
        limit: Some(1),
        reverse: true,
        ..ReadOptions::default()
    };
    let found = call.hub.storage.history(None, Some(id), &options).await?;
    let found = found
        .into_iter()
        .find(|entry| offset.is_none_or(|offset| offset == entry.offset));
    match found {
        Some(entry) => answer::json(&show(entry)),
        None => Err(Problem::not_found("unknown-entity", "entity", id)),
    }
}

/// The dataset as others are reported.
pub(crate) async fn report(hub: &Aggregator) -> Result<DatasetReport, Problem> {
    let name = DatasetName::existing(NAME).map_err(|error| {
        tracing::error!(%error, "the configuration history has no valid name");
        Problem::internal()
    })?;
    let summary = hub.storage.history_summary().await?;
    Ok(DatasetReport {
        status: DatasetStatus {
            name,
            number: DatasetNumber(0),
            generation: GENERATION,
            populated: true,
            max_offset: summary.newest,
            epoch: 0,
            counters: Counters {
                log_exists: summary.versions,
                log_deleted: summary.versions_deleted,
                index_exists: summary.components,
                index_deleted: summary.components_deleted,
                bytes: summary.bytes,
            },
            last_modified: summary.last_modified,
            indexes: Vec::new(),
        },
        pipe: None,
        origin: "system".into(),
        queues: QueueReport::default(),
        indexes: Vec::new(),
    })
}

/// Refuses to change it: only uploads of configuration do.
pub(crate) fn refuse_change(dataset: &str) -> Result<(), Problem> {
    if dataset == NAME {
        let message = format!("dataset \"{NAME}\" belongs to the hub and is only read");
        return Err(Error::new(Code::PermissionDenied, "internal-dataset", message).into());
    }
    Ok(())
}
