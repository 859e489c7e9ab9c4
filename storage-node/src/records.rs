//! How everything kept lies in the store: names and values of records, reading all of them, and what differs.
//!
//! ```text
//! owner         name                           value
//! format        -                              that of the hub
//! counters      -                              {"revision","next-history","next-dataset"}
//! hub-format    -                              {"finalized","ready": null or {"format","since"}}
//! dataset-numbers -                            up to where they may be given
//! object-store  -                              what of the object store is here (durability)
//! component     kind/id                        {"group","original"}
//! history       offset, 8 bytes big-endian     {"kind","id","timestamp","user","original"}, null when removed
//! variable      name                           JSON
//! secret        g/name or s/length/system name  sealed value (secrets.rs)
//! offer         kind/id                        {"origin","waiting": as component, or null}
//! referenced    as secret                      {"kept-in","sealed": base64}
//! handed        variables                      {"origin","values"}
//! write         request id                     a write that the operator has begun (offer_records.rs)
//! ```
//!
//! Placement has records of its own (`placement_records`).

use crate::contents::{Contents, Counters, Kept, kind_name, kind_of};
use crate::difference::{Difference, Kind};
use crate::formats::{HubFormat, Ready};
use crate::history;
use crate::offer_records;
use sluice_entity::{Json, Limits};
use sluice_protocol::SecretScope;
use sluice_store::{Durability, Error, Snapshot, StateKey, Store, Transaction};
use std::sync::Arc;

/// Records read at a time: few, since one may have a mebibyte and more.
const PAGE: usize = 32;

pub(crate) const META: &str = "storage-node";
pub(crate) const COMPONENT: &str = "storage-node/component";
pub(crate) const HISTORY: &str = "storage-node/history";
pub(crate) const VARIABLE: &str = "storage-node/variable";
pub(crate) const SECRET: &str = "storage-node/secret";

/// Who changes something, and when.
#[derive(Clone)]
pub(crate) struct Author {
    pub(crate) user: String,
    /// Microseconds since 1970 UTC.
    pub(crate) timestamp: u64,
}

/// Why everything kept could not be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    Store(Error),
    Record { record: String, problem: String },
}

impl From<Error> for ReadError {
    fn from(error: Error) -> Self {
        ReadError::Store(error)
    }
}

/// Reads everything that is kept. An empty store gets its format record first.
pub(crate) fn read(store: &Store) -> Result<Contents, ReadError> {
    check_format(store)?;
    let mut contents = Contents {
        counters: counters(store)?,
        hub_format: hub_format(store)?,
        ..Contents::default()
    };
    each(store, COMPONENT, |name, value| {
        let place = format!("component {}", String::from_utf8_lossy(name));
        let (kind, id) = text(&place, name)?
            .split_once('/')
            .ok_or_else(|| unclear(&place, "no kind"))?;
        let kind = kind_of(kind).ok_or_else(|| unclear(&place, "an unknown kind"))?;
        let kept = parse(&place, value, kept_from)?;
        contents.components.insert((kind, id.to_owned()), kept);
        Ok(())
    })?;
    each(store, VARIABLE, |name, value| {
        let place = format!("variable {}", String::from_utf8_lossy(name));
        contents
            .variables
            .insert(text(&place, name)?.to_owned(), parse(&place, value, Some)?);
        Ok(())
    })?;
    each(store, SECRET, |name, value| {
        let (scope, name) =
            secret_from(name).ok_or_else(|| unclear("a secret", "an unknown scope"))?;
        contents
            .secrets
            .entry(scope)
            .or_default()
            .insert(name, Arc::from(value));
        Ok(())
    })?;
    offer_records::read(store, &mut contents)?;
    Ok(contents)
}

/// Whether nothing was ever kept in the store.
pub(crate) fn is_new(store: &Store) -> Result<bool, ReadError> {
    Ok(store.state(&key(META, b"format")?)?.is_none())
}

/// The record that says that everything is there.
pub(crate) fn put_format(transaction: &mut Transaction, format: u32) -> Result<(), Error> {
    transaction.put_state(&key(META, b"format")?, format.to_string().as_bytes());
    Ok(())
}

/// Until it is there again, the store counts as new.
pub(crate) fn remove_format(transaction: &mut Transaction) -> Result<(), Error> {
    transaction.delete_state(&key(META, b"format")?);
    Ok(())
}

/// The numbers that only grow.
pub(crate) fn counters(store: &Store) -> Result<Counters, ReadError> {
    let value = store.state(&key(META, b"counters")?)?;
    let counters = value.map(|value| parse("counters", &value, counters_from));
    counters.transpose().map(Option::unwrap_or_default)
}

fn check_format(store: &Store) -> Result<(), ReadError> {
    match store.state(&key(META, b"format")?)? {
        None => {
            let mut transaction = store.transaction(&[])?;
            put_format(&mut transaction, store.format().writes())?;
            transaction.commit(Durability::Synced)?;
            Ok(())
        }
        Some(value) => {
            readable(store, "format", &value)?;
            // A disk that was filled, or has followed, may be behind what the hub's format is by now.
            let (found, writes) = (text("format", &value)?.parse(), store.format().writes());
            if found.is_ok_and(|found: u32| found < writes) {
                let mut transaction = store.transaction(&[])?;
                put_format(&mut transaction, writes)?;
                transaction.commit(Durability::Synced)?;
            }
            Ok(())
        }
    }
}

/// An error unless a record that says a format says one that is read here.
pub(crate) fn readable(store: &Store, record: &str, value: &[u8]) -> Result<(), ReadError> {
    let found = text(record, value)?.parse();
    let found = found.map_err(|_| unclear(record, "it is no format"))?;
    let checked = store.format().check(found);
    checked.map_err(|unreadable| unclear(record, &unreadable.to_string()))
}

/// What the hub is written in, as far as this disk was told.
pub(crate) fn hub_format(store: &Store) -> Result<HubFormat, ReadError> {
    const RECORD: &str = "hub-format";
    let single = Kind::HubFormat.single().unwrap_or_default();
    let Some(value) = store.state(&key(META, single)?)? else {
        return Ok(HubFormat::default());
    };
    let found = parse(RECORD, &value, hub_format_from)?;
    let checked = store.format().check(found.finalized);
    checked.map_err(|unreadable| unclear(RECORD, &unreadable.to_string()))?;
    Ok(found)
}

pub(crate) fn hub_format_text(hub: HubFormat) -> String {
    let number = |number: u64| Json::Number(number.to_string().into());
    let ready = hub.ready.map_or(Json::Null, |ready| {
        Json::Object(vec![
            ("format".into(), number(ready.format.into())),
            ("since".into(), number(ready.since)),
        ])
    });
    let members = vec![
        ("finalized".into(), number(hub.finalized.into())),
        ("ready".into(), ready),
    ];
    Json::Object(members).to_string()
}

fn hub_format_from(json: Json) -> Option<HubFormat> {
    let small = |json: &Json| u32::try_from(number_from(json)?).ok();
    let ready = match json.get("ready")? {
        Json::Null => None,
        ready => Some(Ready {
            format: small(ready.get("format")?)?,
            since: number_from(ready.get("since")?)?,
        }),
    };
    Some(HubFormat {
        finalized: small(json.get("finalized")?)?,
        ready,
    })
}

/// What makes `after` of `before`, with the history of the components, and what is new in the history.
pub(crate) fn difference(
    before: &Contents,
    after: &mut Contents,
    author: &Author,
) -> (Difference, Vec<history::Entry>) {
    let mut difference = Difference::default();
    let entries = component_difference(&mut difference, before, after, author);
    for name in before
        .variables
        .keys()
        .filter(|name| !after.variables.contains_key(*name))
    {
        difference.remove(Kind::Variable, name);
    }
    for (name, value) in after
        .variables
        .iter()
        .filter(|(name, value)| before.variables.get(*name) != Some(*value))
    {
        difference.put(Kind::Variable, name, value.to_string());
    }
    secret_difference(&mut difference, before, after);
    offer_records::difference(&mut difference, before, after);
    difference.put_single(Kind::Counters, counters_text(after.counters));
    (difference, entries)
}

/// Removes everything but the format, and keeps the counters of `after`.
pub(crate) fn reset_difference(after: &Contents) -> Difference {
    let mut difference = Difference::default();
    let emptied = [
        Kind::Component,
        Kind::History,
        Kind::Variable,
        Kind::Secret,
        Kind::Offer,
        Kind::Referenced,
    ];
    emptied.into_iter().for_each(|kind| difference.clear(kind));
    difference.put_single(Kind::Counters, counters_text(after.counters));
    difference
}

fn component_difference(
    difference: &mut Difference,
    before: &Contents,
    after: &mut Contents,
    author: &Author,
) -> Vec<history::Entry> {
    let Contents {
        components,
        counters,
        ..
    } = after;
    let removed = before
        .components
        .keys()
        .filter(|key| !components.contains_key(*key))
        .map(|key| (key, None));
    let put = components.iter().filter_map(|(component, kept)| {
        let is_same = before
            .components
            .get(component)
            .is_some_and(|old| Arc::ptr_eq(&old.original, &kept.original) || old == kept);
        (!is_same).then_some((component, Some(kept)))
    });
    let mut entries = Vec::new();
    for (component, kept) in removed.chain(put) {
        let (kind, id) = component;
        let record = format!("{}/{id}", kind_name(*kind));
        match kept {
            Some(kept) => difference.put(Kind::Component, record, kept_json(kept).to_string()),
            None => difference.remove(Kind::Component, record),
        }
        let entry = history::json(*kind, id, author, kept.map(|kept| &*kept.original));
        difference.put(
            Kind::History,
            counters.next_history.to_be_bytes(),
            entry.to_string(),
        );
        entries.push(history::Entry {
            offset: counters.next_history,
            component: component.clone(),
            deleted: kept.is_none(),
            bytes: kept.map_or(0, |kept| kept.original.to_string().len() as u64),
            timestamp: author.timestamp,
        });
        counters.next_history += 1;
    }
    entries
}

fn secret_difference(difference: &mut Difference, before: &Contents, after: &Contents) {
    let find = |contents: &Contents, scope: &SecretScope, name: &str| -> Option<Arc<[u8]>> {
        contents
            .secrets
            .get(scope)
            .and_then(|secrets| secrets.get(name))
            .cloned()
    };
    for (scope, name, _) in before.sealed_secrets() {
        if find(after, scope, name).is_none() {
            difference.remove(Kind::Secret, secret_name(scope, name));
        }
    }
    for (scope, name, sealed) in after.sealed_secrets() {
        if find(before, scope, name).as_deref() != Some(sealed) {
            difference.put(Kind::Secret, secret_name(scope, name), sealed);
        }
    }
}

/// Up to where numbers of datasets may be given without another word to the object store.
pub(crate) fn reserved_numbers(store: &Store) -> Result<u64, ReadError> {
    let single = Kind::DatasetNumbers.single().unwrap_or_default();
    let value = store.state(&key(META, single)?)?;
    let number = |json: Json| number_from(&json);
    let found = value.map(|value| parse("dataset-numbers", &value, number));
    found.transpose().map(Option::unwrap_or_default)
}

/// Calls `with` with each entry of the history: offset and record.
pub(crate) fn each_history(
    store: &Store,
    mut with: impl FnMut(u64, Json) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    each(store, HISTORY, |name, value| {
        let offset =
            <[u8; 8]>::try_from(name).map_err(|_| unclear("history", "an offset that is none"))?;
        let offset = u64::from_be_bytes(offset);
        with(offset, parse(&format!("history {offset}"), value, Some)?)
    })
}

/// One entry of the history.
pub(crate) fn history_at(store: &Store, offset: u64) -> Result<Option<Json>, ReadError> {
    let value = store.state(&key(HISTORY, offset.to_be_bytes())?)?;
    value
        .map(|value| parse(&format!("history {offset}"), &value, Some))
        .transpose()
}

pub(crate) fn each(
    store: &Store,
    owner: &str,
    with: impl FnMut(&[u8], &[u8]) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    each_in(&store.snapshot(), owner, with)
}

/// The same of a snapshot.
pub(crate) fn each_in(
    snapshot: &Snapshot,
    owner: &str,
    mut with: impl FnMut(&[u8], &[u8]) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let all = key(owner, b"")?;
    let mut after: Option<StateKey> = None;
    loop {
        let page = snapshot.state_scan(&all, after.as_ref(), PAGE)?;
        for (key, value) in &page {
            with(key.name(), value)?;
        }
        match page.into_iter().last() {
            Some((last, _)) => after = Some(last),
            None => return Ok(()),
        }
    }
}

pub(crate) fn key(owner: &str, name: impl AsRef<[u8]>) -> Result<StateKey, Error> {
    StateKey::new(owner, name)
}

pub(crate) fn secret_name(scope: &SecretScope, name: &str) -> String {
    match scope {
        SecretScope::Global => format!("g/{name}"),
        // The length says where the system's id ends, whatever characters are in it.
        SecretScope::System(system) => format!("s/{}/{system}{name}", system.len()),
    }
}

pub(crate) fn secret_from(record: &[u8]) -> Option<(SecretScope, String)> {
    let record = std::str::from_utf8(record).ok()?;
    if let Some(name) = record.strip_prefix("g/") {
        return Some((SecretScope::Global, name.to_owned()));
    }
    let (length, rest) = record.strip_prefix("s/")?.split_once('/')?;
    let (system, name) = rest.split_at_checked(length.parse().ok()?)?;
    Some((SecretScope::System(system.to_owned()), name.to_owned()))
}

pub(crate) fn kept_json(kept: &Kept) -> Json {
    Json::Object(vec![
        ("group".into(), Json::from(kept.group.as_str())),
        ("original".into(), (*kept.original).clone()),
    ])
}

pub(crate) fn kept_from(json: Json) -> Option<Kept> {
    let group = json.get("group")?.as_str()?.to_owned();
    let Json::Object(members) = json else {
        return None;
    };
    let original = members.into_iter().find(|(name, _)| name == "original")?.1;
    Some(Kept {
        group,
        original: Arc::new(original),
    })
}

pub(crate) fn counters_text(counters: Counters) -> String {
    counters_json(counters).to_string()
}

fn counters_json(counters: Counters) -> Json {
    let number = |number: u64| Json::Number(number.to_string().into());
    Json::Object(vec![
        ("revision".into(), number(counters.revision)),
        ("next-history".into(), number(counters.next_history)),
        ("next-dataset".into(), number(counters.next_dataset)),
    ])
}

/// A number that is a whole record.
fn number_from(json: &Json) -> Option<u64> {
    json.as_i64().and_then(|number| u64::try_from(number).ok())
}

fn counters_from(json: Json) -> Option<Counters> {
    let number = |name: &str| number_from(json.get(name)?);
    Some(Counters {
        revision: number("revision")?,
        next_history: number("next-history")?,
        next_dataset: number("next-dataset")?,
    })
}

/// Reads a record of ours. It may be deeper than what is accepted from outside, because it wraps that.
pub(crate) fn parse<T>(
    place: &str,
    value: &[u8],
    read: impl FnOnce(Json) -> Option<T>,
) -> Result<T, ReadError> {
    let limits = Limits {
        depth: 1_000,
        entity_bytes: usize::MAX,
        ..Limits::default()
    };
    let json = Json::parse(value, &limits).map_err(|error| unclear(place, &error.to_string()))?;
    read(json).ok_or_else(|| unclear(place, "members are missing"))
}

pub(crate) fn text<'a>(place: &str, bytes: &'a [u8]) -> Result<&'a str, ReadError> {
    std::str::from_utf8(bytes).map_err(|error| unclear(place, &error.to_string()))
}

pub(crate) fn unclear(record: &str, problem: &str) -> ReadError {
    ReadError::Record {
        record: record.to_owned(),
        problem: problem.to_owned(),
    }
}
