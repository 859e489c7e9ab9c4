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
use sluice_dataset::{
    Counters, DatasetName, DatasetNumber, DatasetStatus, Generation, ReadOptions, Since, SinceError,
};
use sluice_entity::Json;
use sluice_protocol::{
    Code, ComponentKind, DatasetReport, Error, FeedHeaders, HistoryEntry, QueueReport,
};
use std::collections::{BTreeMap, BTreeSet};

/// Its name; no pipe can have it.
pub(crate) const NAME: &str = "system:config";
/// It is never made anew: even after a reset of the hub its offsets go on.
const GENERATION: Generation = Generation([0; 16]);
/// Members that the hub makes; posted ones of the same name are left out.
const GENERATED: [&str; 6] = ["_id", "_updated", "_previous", "_ts", "_deleted", "$user"];

/// A version of a component.
pub(crate) struct Version {
    entry: HistoryEntry,
    /// Offset of the version before.
    previous: Option<u64>,
}

impl Version {
    fn is_deleted(&self) -> bool {
        self.entry.original.is_none()
    }

    /// The component as an entity: what was posted, and where, when and by whom.
    pub(crate) fn show(self) -> Exact {
        let deleted = self.is_deleted();
        let entry = self.entry;
        let mut members = vec![
            ("_id".to_owned(), Json::from(entry.id)),
            ("_updated".to_owned(), number(entry.offset)),
        ];
        if let Some(previous) = self.previous {
            members.push(("_previous".to_owned(), number(previous)));
        }
        members.push(("_ts".to_owned(), number(entry.timestamp)));
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
}

fn kind_name(kind: ComponentKind) -> &'static str {
    match kind {
        ComponentKind::Pipe => "pipe",
        ComponentKind::System => "system",
        ComponentKind::Metadata => "metadata",
    }
}

/// The versions of one component, or of all; oldest first.
pub(crate) async fn versions(hub: &Aggregator, id: Option<&str>) -> Result<Vec<Version>, Problem> {
    let entries = hub.storage.history(None, id).await?;
    let mut newest = BTreeMap::new();
    Ok(entries
        .into_iter()
        .map(|entry| Version {
            previous: newest.insert((entry.kind, entry.id.clone()), entry.offset),
            entry,
        })
        .collect())
}

/// What a reader of `versions` gets (R74).
pub(crate) fn page(mut versions: Vec<Version>, options: &ReadOptions) -> Vec<Version> {
    if !options.history {
        let latest = latest(&versions);
        versions.retain(|version| {
            latest.contains(&version.entry.offset) && (options.deleted || !version.is_deleted())
        });
    }
    if options.reverse {
        versions.reverse();
    }
    if let Some(since) = options.since {
        versions.retain(|version| match options.reverse {
            true => version.entry.offset < since,
            false => version.entry.offset > since,
        });
    }
    if let Some(limit) = options.limit {
        versions.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    versions
}

/// Offsets of versions that no later one replaces.
fn latest(versions: &[Version]) -> BTreeSet<u64> {
    let replaced = versions.iter().filter_map(|version| version.previous);
    let mut offsets: BTreeSet<u64> = versions
        .iter()
        .map(|version| version.entry.offset)
        .collect();
    for offset in replaced {
        offsets.remove(&offset);
    }
    offsets
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
    let versions = versions(&call.hub, None).await?;
    let headers = headers(&versions);
    let mut response = answer::list(page(versions, &options), Version::show);
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
    let headers = headers(&versions(&call.hub, None).await?);
    feed::insert(response.headers_mut(), &headers);
    Ok(response)
}

fn headers(versions: &[Version]) -> FeedHeaders {
    FeedHeaders {
        populated: Some(true),
        max_updated: versions.last().map(|version| version.entry.offset),
        generation: Some(GENERATION.to_string()),
        ..FeedHeaders::default()
    }
}

/// The latest version of a component, or the one at an offset.
pub(crate) async fn one(call: &Call, id: &str, offset: Option<u64>) -> Result<Response, Problem> {
    let found = versions(&call.hub, Some(id))
        .await?
        .into_iter()
        .rfind(|version| offset.is_none_or(|offset| offset == version.entry.offset));
    match found {
        Some(version) => answer::json(&version.show()),
        None => Err(Problem::not_found("unknown-entity", "entity", id)),
    }
}

/// The dataset as others are reported.
pub(crate) async fn report(hub: &Aggregator) -> Result<DatasetReport, Problem> {
    let name = DatasetName::existing(NAME).map_err(|error| {
        tracing::error!(%error, "the configuration history has no valid name");
        Problem::internal()
    })?;
    let versions = versions(hub, None).await?;
    let latest = latest(&versions);
    let mut counters = Counters::default();
    for version in &versions {
        let is_latest = u64::from(latest.contains(&version.entry.offset));
        match &version.entry.original {
            Some(original) => {
                counters.log_exists += 1;
                counters.index_exists += is_latest;
                counters.bytes += original.to_string().len() as u64;
            }
            None => {
                counters.log_deleted += 1;
                counters.index_deleted += is_latest;
            }
        }
    }
    let newest = versions.last().map(|version| &version.entry);
    Ok(DatasetReport {
        status: DatasetStatus {
            name,
            number: DatasetNumber(0),
            generation: GENERATION,
            populated: true,
            max_offset: newest.map(|entry| entry.offset),
            epoch: 0,
            counters,
            last_modified: newest.map_or(0, |entry| entry.timestamp),
            indexes: Vec::new(),
        },
        pipe: None,
        origin: "system",
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
