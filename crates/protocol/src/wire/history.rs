//! The history of components: which versions are asked for, the versions, and their numbers.

use super::components::component_kind;
use super::damaged::Damaged;
use super::json::optional_json;
use super::proto;
use crate::{ComponentKind, HistoryEntry, HistorySummary};
use sluice_dataset::ReadOptions;
use std::sync::Arc;

/// What is asked for as it goes out.
pub(crate) fn to_history(
    kind: Option<ComponentKind>,
    id: Option<&str>,
    options: &ReadOptions,
) -> proto::HistoryRequest {
    proto::HistoryRequest {
        kind: kind.map(|kind| proto::ComponentKind::from(kind).into()),
        id: id.map(str::to_owned),
        since: options.since,
        limit: options.limit,
        reverse: options.reverse,
        history: options.history,
        deleted: options.deleted,
    }
}

/// What is asked for as it arrives: of which kind, and how to read.
pub(crate) fn history(
    wanted: &proto::HistoryRequest,
) -> Result<(Option<ComponentKind>, ReadOptions), Damaged> {
    let options = ReadOptions {
        since: wanted.since,
        limit: wanted.limit,
        reverse: wanted.reverse,
        history: wanted.history,
        deleted: wanted.deleted,
    };
    Ok((wanted.kind.map(component_kind).transpose()?, options))
}

impl From<&HistoryEntry> for proto::HistoryEntry {
    fn from(entry: &HistoryEntry) -> Self {
        proto::HistoryEntry {
            offset: entry.offset,
            previous: entry.previous,
            kind: proto::ComponentKind::from(entry.kind).into(),
            id: entry.id.clone(),
            timestamp: entry.timestamp,
            user: entry.user.clone(),
            original: entry.original.as_ref().map(|json| json.to_string()),
        }
    }
}

impl TryFrom<proto::HistoryEntry> for HistoryEntry {
    type Error = Damaged;

    fn try_from(entry: proto::HistoryEntry) -> Result<Self, Damaged> {
        Ok(HistoryEntry {
            offset: entry.offset,
            previous: entry.previous,
            kind: component_kind(entry.kind)?,
            id: entry.id,
            timestamp: entry.timestamp,
            user: entry.user,
            original: optional_json(entry.original.as_ref(), "original")?.map(Arc::new),
        })
    }
}

impl From<HistorySummary> for proto::HistorySummary {
    fn from(summary: HistorySummary) -> Self {
        proto::HistorySummary {
            versions: summary.versions,
            versions_deleted: summary.versions_deleted,
            components: summary.components,
            components_deleted: summary.components_deleted,
            bytes: summary.bytes,
            newest: summary.newest,
            last_modified: summary.last_modified,
        }
    }
}

impl From<proto::HistorySummary> for HistorySummary {
    fn from(summary: proto::HistorySummary) -> Self {
        HistorySummary {
            versions: summary.versions,
            versions_deleted: summary.versions_deleted,
            components: summary.components,
            components_deleted: summary.components_deleted,
            bytes: summary.bytes,
            newest: summary.newest,
            last_modified: summary.last_modified,
        }
    }
}
