//! Every version of every component (CF6): how an entry is written and read again.

use crate::contents::{kind_name, kind_of};
use crate::records::{Author, ReadError, each_history};
use sluice_entity::Json;
use sluice_protocol::{ComponentKind, HistoryEntry};
use sluice_store::Store;
use std::sync::Arc;

/// An entry as it is stored; `original` is `None` when the component was removed.
pub(crate) fn json(
    kind: ComponentKind,
    id: &str,
    author: &Author,
    original: Option<&Json>,
) -> Json {
    Json::Object(vec![
        ("kind".into(), Json::from(kind_name(kind))),
        ("id".into(), Json::from(id)),
        (
            "timestamp".into(),
            Json::Number(author.timestamp.to_string().into()),
        ),
        ("user".into(), Json::from(author.user.as_str())),
        ("original".into(), original.cloned().unwrap_or(Json::Null)),
    ])
}

/// Entries of a kind and an id, oldest first; all where `None`.
pub(crate) fn read(
    store: &Store,
    kind: Option<ComponentKind>,
    id: Option<&str>,
) -> Result<Vec<HistoryEntry>, ReadError> {
    let mut entries = Vec::new();
    each_history(store, |offset, json| {
        let entry = entry(offset, json).ok_or_else(|| ReadError::Record {
            record: format!("history {offset}"),
            problem: "members are missing".into(),
        })?;
        if kind.is_none_or(|kind| kind == entry.kind) && id.is_none_or(|id| id == entry.id) {
            entries.push(entry);
        }
        Ok(())
    })?;
    Ok(entries)
}

fn entry(offset: u64, json: Json) -> Option<HistoryEntry> {
    let kind = kind_of(json.get("kind")?.as_str()?)?;
    let id = json.get("id")?.as_str()?.to_owned();
    let timestamp = u64::try_from(json.get("timestamp")?.as_i64()?).ok()?;
    let user = json.get("user")?.as_str()?.to_owned();
    let Json::Object(members) = json else {
        return None;
    };
    let original = members.into_iter().find(|(name, _)| name == "original")?.1;
    let original = (original != Json::Null).then(|| Arc::new(original));
    Some(HistoryEntry {
        offset,
        kind,
        id,
        timestamp,
        user,
        original,
    })
}
