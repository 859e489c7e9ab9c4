//! Every version of every component (CF6): how an entry is written and read again.

mod index;

pub(crate) use index::{Entry, Index};

use crate::contents::{kind_name, kind_of};
use crate::records::{Author, ReadError, each_history, history_at};
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

/// What entries there are; reads all of them, once.
pub(crate) fn index(store: &Store) -> Result<Index, ReadError> {
    let mut index = Index::default();
    each_history(store, |offset, json| {
        let entry = entry(offset, json).ok_or_else(|| unclear(offset))?;
        index.add(known(&entry));
        Ok(())
    })?;
    Ok(index)
}

/// What the index keeps of an entry.
fn known(entry: &HistoryEntry) -> Entry {
    let original = entry.original.as_ref();
    Entry {
        offset: entry.offset,
        component: (entry.kind, entry.id.clone()),
        deleted: original.is_none(),
        bytes: original.map_or(0, |original| original.to_string().len() as u64),
        timestamp: entry.timestamp,
    }
}

/// The entries at these offsets with the offsets of those before them; one that is gone meanwhile is left out.
pub(crate) fn read(
    store: &Store,
    offsets: &[(u64, Option<u64>)],
) -> Result<Vec<HistoryEntry>, ReadError> {
    let mut entries = Vec::with_capacity(offsets.len());
    for (offset, previous) in offsets {
        if let Some(json) = history_at(store, *offset)? {
            let entry = entry(*offset, json).ok_or_else(|| unclear(*offset))?;
            entries.push(HistoryEntry {
                previous: *previous,
                ..entry
            });
        }
    }
    Ok(entries)
}

fn unclear(offset: u64) -> ReadError {
    ReadError::Record {
        record: format!("history {offset}"),
        problem: "members are missing".into(),
    }
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
        previous: None,
    })
}
