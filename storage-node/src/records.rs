//! How everything kept lies in the store: names and values of records, reading all of them, writing a difference.
//!
//! ```text
//! owner         name                           value
//! format        -                              1
//! counters      -                              {"revision","next-history","next-dataset"}
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
use crate::history;
use crate::offer_records;
use sluice_entity::{Json, Limits};
use sluice_protocol::SecretScope;
use sluice_store::{Durability, Error, StateKey, Store, Transaction};
use std::sync::Arc;

const FORMAT: u64 = 1;
const PAGE: usize = 1_000;

const META: &str = "storage-node";
const COMPONENT: &str = "storage-node/component";
const HISTORY: &str = "storage-node/history";
const VARIABLE: &str = "storage-node/variable";
const SECRET: &str = "storage-node/secret";
/// What comes from custom resources is in `offer_records`.
const OFFERS: [&str; 2] = [offer_records::OFFER, offer_records::REFERENCED];

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
    let mut contents = Contents::default();
    if let Some(value) = store.state(&key(META, b"counters")?)? {
        contents.counters = parse("counters", &value, counters_from)?;
    }
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

fn check_format(store: &Store) -> Result<(), ReadError> {
    let key = key(META, b"format")?;
    match store.state(&key)? {
        None => {
            let mut transaction = store.transaction(&[])?;
            transaction.put_state(&key, FORMAT.to_string().as_bytes());
            transaction.commit(Durability::Synced)?;
            Ok(())
        }
        Some(value) if value == FORMAT.to_string().as_bytes() => Ok(()),
        Some(value) => {
            let found = String::from_utf8_lossy(&value).into_owned();
            Err(unclear(
                "format",
                &format!("it is {found}, this version knows {FORMAT}"),
            ))
        }
    }
}

/// Writes what makes `after` of `before`, with the history of the components, in one synced transaction. Answers what is new in
/// the history.
pub(crate) fn write(
    store: &Store,
    before: &Contents,
    after: &mut Contents,
    author: &Author,
) -> Result<Vec<history::Entry>, Error> {
    let mut transaction = store.transaction(&[])?;
    let entries = write_components(&mut transaction, before, after, author)?;
    for name in before
        .variables
        .keys()
        .filter(|name| !after.variables.contains_key(*name))
    {
        transaction.delete_state(&key(VARIABLE, name)?);
    }
    for (name, value) in after
        .variables
        .iter()
        .filter(|(name, value)| before.variables.get(*name) != Some(*value))
    {
        transaction.put_state(&key(VARIABLE, name)?, value.to_string().as_bytes());
    }
    write_secrets(&mut transaction, before, after)?;
    offer_records::write(&mut transaction, before, after)?;
    transaction.put_state(
        &key(META, b"counters")?,
        counters_json(after.counters).to_string().as_bytes(),
    );
    transaction.commit(Durability::Synced)?;
    Ok(entries)
}

/// Removes everything but the format, and keeps the counters of `after`.
pub(crate) fn write_reset(store: &Store, after: &Contents) -> Result<(), Error> {
    let mut transaction = store.transaction(&[])?;
    let owners = [COMPONENT, HISTORY, VARIABLE, SECRET];
    for owner in owners.into_iter().chain(OFFERS) {
        transaction.delete_state_range(&key(owner, b"")?);
    }
    transaction.put_state(
        &key(META, b"counters")?,
        counters_json(after.counters).to_string().as_bytes(),
    );
    transaction.commit(Durability::Synced).map(drop)
}

fn write_components(
    transaction: &mut Transaction,
    before: &Contents,
    after: &mut Contents,
    author: &Author,
) -> Result<Vec<history::Entry>, Error> {
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
        let record = key(COMPONENT, format!("{}/{id}", kind_name(*kind)))?;
        match kept {
            Some(kept) => transaction.put_state(&record, kept_json(kept).to_string().as_bytes()),
            None => transaction.delete_state(&record),
        }
        let entry = history::json(*kind, id, author, kept.map(|kept| &*kept.original));
        transaction.put_state(
            &key(HISTORY, counters.next_history.to_be_bytes())?,
            entry.to_string().as_bytes(),
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
    Ok(entries)
}

fn write_secrets(
    transaction: &mut Transaction,
    before: &Contents,
    after: &Contents,
) -> Result<(), Error> {
    let find = |contents: &Contents, scope: &SecretScope, name: &str| -> Option<Arc<[u8]>> {
        contents
            .secrets
            .get(scope)
            .and_then(|secrets| secrets.get(name))
            .cloned()
    };
    for (scope, name, _) in before.sealed_secrets() {
        if find(after, scope, name).is_none() {
            transaction.delete_state(&key(SECRET, secret_name(scope, name))?);
        }
    }
    for (scope, name, sealed) in after.sealed_secrets() {
        if find(before, scope, name).as_deref() != Some(sealed) {
            transaction.put_state(&key(SECRET, secret_name(scope, name))?, sealed);
        }
    }
    Ok(())
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
    mut with: impl FnMut(&[u8], &[u8]) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let all = key(owner, b"")?;
    let snapshot = store.snapshot();
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

fn counters_json(counters: Counters) -> Json {
    let number = |number: u64| Json::Number(number.to_string().into());
    Json::Object(vec![
        ("revision".into(), number(counters.revision)),
        ("next-history".into(), number(counters.next_history)),
        ("next-dataset".into(), number(counters.next_dataset)),
    ])
}

fn counters_from(json: Json) -> Option<Counters> {
    let number = |name: &str| {
        json.get(name)?
            .as_i64()
            .and_then(|number| u64::try_from(number).ok())
    };
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
