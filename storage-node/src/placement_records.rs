//! How placement lies in the node's store, beside the configuration (`records`): it has owners of its own, so that
//! a reset of the configuration leaves it alone.
//!
//! ```text
//! owner                     name     value
//! storage-node/placement    format   that of the hub
//! storage-node/placement    counters {"incarnation","next-epoch","operator-epoch","longest-lease","is-filling"}, milliseconds
//! storage-node/pipe         pipe     {"epoch","worker","disk","start","is-committed","state-on","checkpoint",
//!                                     "may-start-over","isolation"}, null where there is none
//! storage-node/worker       worker   {"disk","standing"}
//! ```

mod start;
mod words;

use crate::assignments::{Counters, Kept, Owner, PipeRecord, Unwritten};
use crate::records::{ReadError, each, key, parse, readable, text};
use crate::topology::WorkerRecord;
use sluice_entity::Json;
use sluice_protocol::{Checkpoint, DiskId, Epoch, Incarnation, WorkerId};
use sluice_store::{Durability, Error, Store, Transaction};
use std::collections::BTreeMap;
use std::time::Duration;

const PLACEMENT: &str = "storage-node/placement";
const PIPE: &str = "storage-node/pipe";
const WORKER: &str = "storage-node/worker";

/// Reads what is kept. `given` is the incarnation that the operator wants: the larger of it and the kept one counts. A store
/// without placement begins with it, or with the first; if it is a later one, the hub was there before.
pub(crate) fn read(store: &Store, given: Option<Incarnation>) -> Result<Kept, ReadError> {
    let counters = counters(store, given)?;
    let mut pipes = BTreeMap::new();
    each(store, PIPE, |name, value| {
        let place = format!("placement of pipe {}", String::from_utf8_lossy(name));
        let record = parse(&place, value, pipe_from)?;
        pipes.insert(text(&place, name)?.to_owned(), record);
        Ok(())
    })?;
    let mut workers = BTreeMap::new();
    each(store, WORKER, |name, value| {
        let place = format!("worker {}", String::from_utf8_lossy(name));
        let record = parse(&place, value, worker_from)?;
        workers.insert(WorkerId(text(&place, name)?.to_owned()), record);
        Ok(())
    })?;
    Ok(Kept {
        counters,
        pipes,
        workers,
    })
}

fn counters(store: &Store, given: Option<Incarnation>) -> Result<Counters, ReadError> {
    let mut counters = match kept_counters(store)? {
        Some(kept) => kept,
        None => beginning(given.unwrap_or(Incarnation::FIRST), Duration::ZERO),
    };
    if let Some(given) = given.filter(|given| *given > counters.incarnation) {
        (counters.incarnation, counters.next_epoch) = (given, 1);
    }
    Ok(counters)
}

fn kept_counters(store: &Store) -> Result<Option<Counters>, ReadError> {
    check_format(store)?;
    let value = store.state(&key(PLACEMENT, b"counters")?)?;
    value
        .map(|value| parse("placement counters", &value, counters_from))
        .transpose()
}

fn beginning(incarnation: Incarnation, longest_lease: Duration) -> Counters {
    Counters {
        incarnation,
        next_epoch: 1,
        operator_epoch: 0,
        longest_lease,
        is_filling: incarnation > Incarnation::FIRST,
    }
}

/// The incarnation of the disk, if it had one.
pub(crate) fn incarnation(store: &Store) -> Result<Option<Incarnation>, ReadError> {
    let kept = kept_counters(store)?;
    Ok(kept.map(|counters| counters.incarnation))
}

/// Keeps the incarnation that counts from now on; answers it and the longest lease.
pub(crate) fn raise(
    store: &Store,
    given: Option<Incarnation>,
) -> Result<(Incarnation, Duration), ReadError> {
    let counters = counters(store, given)?;
    let unwritten = Unwritten {
        counters: Some(counters),
        ..Unwritten::default()
    };
    write(store, &unwritten)?;
    Ok((counters.incarnation, counters.longest_lease))
}

/// Placement of a disk that goes on for one that was lost: nothing is known, and everything may have happened.
pub(crate) fn put_beginning(
    transaction: &mut Transaction,
    incarnation: Incarnation,
    longest_lease: Duration,
    format: u32,
) -> Result<(), Error> {
    put_format(transaction, format)?;
    for owner in [PIPE, WORKER] {
        transaction.delete_state_range(&key(owner, b"")?);
    }
    let counters = counters_json(&beginning(incarnation, longest_lease)).to_string();
    transaction.put_state(&key(PLACEMENT, b"counters")?, counters.as_bytes());
    Ok(())
}

fn check_format(store: &Store) -> Result<(), ReadError> {
    let Some(value) = store.state(&key(PLACEMENT, b"format")?)? else {
        return Ok(());
    };
    readable(store, "placement format", &value)
}

/// The format in which placement is written.
pub(crate) fn put_format(transaction: &mut Transaction, format: u32) -> Result<(), Error> {
    transaction.put_state(&key(PLACEMENT, b"format")?, format.to_string().as_bytes());
    Ok(())
}

/// Writes what changed, in one synced transaction.
pub(crate) fn write(store: &Store, unwritten: &Unwritten) -> Result<(), Error> {
    let mut transaction = store.transaction(&[])?;
    put_format(&mut transaction, store.format().writes())?;
    for (pipe, record) in &unwritten.pipes {
        let key = key(PIPE, pipe)?;
        match record {
            Some(record) => transaction.put_state(&key, pipe_json(record).to_string().as_bytes()),
            None => transaction.delete_state(&key),
        }
    }
    for (worker, record) in &unwritten.workers {
        let key = key(WORKER, &worker.0)?;
        match record {
            Some(record) => transaction.put_state(&key, worker_json(record).to_string().as_bytes()),
            None => transaction.delete_state(&key),
        }
    }
    if let Some(counters) = &unwritten.counters {
        let json = counters_json(counters).to_string();
        transaction.put_state(&key(PLACEMENT, b"counters")?, json.as_bytes());
    }
    transaction.commit(Durability::Synced).map(drop)
}

fn counters_json(counters: &Counters) -> Json {
    let lease = u64::try_from(counters.longest_lease.as_millis()).unwrap_or(u64::MAX);
    object([
        ("incarnation", number(counters.incarnation.number().into())),
        ("next-epoch", number(counters.next_epoch)),
        ("operator-epoch", number(counters.operator_epoch)),
        ("longest-lease", number(lease)),
        ("is-filling", Json::Bool(counters.is_filling)),
    ])
}

fn counters_from(json: Json) -> Option<Counters> {
    Some(Counters {
        incarnation: Incarnation::new(u32::try_from(number_in(&json, "incarnation")?).ok()?)?,
        next_epoch: number_in(&json, "next-epoch")?,
        operator_epoch: number_in(&json, "operator-epoch")?,
        longest_lease: Duration::from_millis(number_in(&json, "longest-lease")?),
        is_filling: json.get("is-filling")?.as_bool()?,
    })
}

fn worker_json(record: &WorkerRecord) -> Json {
    object([
        ("disk", Json::from(record.disk.0.as_str())),
        ("standing", Json::from(words::of_standing(record.standing))),
    ])
}

fn worker_from(json: Json) -> Option<WorkerRecord> {
    Some(WorkerRecord {
        disk: DiskId(json.get("disk")?.as_str()?.to_owned()),
        standing: words::standing(json.get("standing")?.as_str()?)?,
    })
}

fn pipe_json(record: &PipeRecord) -> Json {
    let owner = record.owner.as_ref();
    let or_null = |text: Option<&str>| text.map_or(Json::Null, Json::from);
    object([
        ("epoch", number(record.epoch.number())),
        (
            "worker",
            or_null(owner.map(|owner| owner.worker.0.as_str())),
        ),
        ("disk", or_null(owner.map(|owner| owner.disk.0.as_str()))),
        (
            "start",
            owner.map_or(Json::Null, |owner| start::json(&owner.start)),
        ),
        ("is-committed", Json::Bool(record.is_committed)),
        (
            "state-on",
            or_null(record.state_on.as_ref().map(|disk| disk.0.as_str())),
        ),
        (
            "checkpoint",
            record.checkpoint.map_or(Json::Null, checkpoint_json),
        ),
        ("may-start-over", Json::Bool(record.may_start_over)),
        (
            "isolation",
            Json::from(words::of_isolation(record.isolation)),
        ),
    ])
}

fn pipe_from(json: Json) -> Option<PipeRecord> {
    let owner = match json.get("worker")? {
        Json::Null => None,
        worker => Some(Owner {
            worker: WorkerId(worker.as_str()?.to_owned()),
            disk: DiskId(json.get("disk")?.as_str()?.to_owned()),
            start: start::read(json.get("start")?)?,
        }),
    };
    let state_on = match json.get("state-on")? {
        Json::Null => None,
        disk => Some(DiskId(disk.as_str()?.to_owned())),
    };
    let checkpoint = match json.get("checkpoint")? {
        Json::Null => None,
        checkpoint => Some(checkpoint_from(checkpoint)?),
    };
    Some(PipeRecord {
        epoch: Epoch::from_number(number_in(&json, "epoch")?),
        owner,
        is_committed: json.get("is-committed")?.as_bool()?,
        state_on,
        checkpoint,
        may_start_over: json.get("may-start-over")?.as_bool()?,
        isolation: words::isolation(json.get("isolation")?.as_str()?)?,
    })
}

fn checkpoint_json(checkpoint: Checkpoint) -> Json {
    object([
        ("number", number(checkpoint.number)),
        ("format", number(checkpoint.format.into())),
    ])
}

fn checkpoint_from(json: &Json) -> Option<Checkpoint> {
    Some(Checkpoint {
        number: number_in(json, "number")?,
        format: u32::try_from(number_in(json, "format")?).ok()?,
    })
}

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(members.map(|(name, value)| (name.into(), value)).into())
}

fn number(number: u64) -> Json {
    Json::Number(number.to_string().into())
}

/// Epochs use all 64 bits, so the text counts and not a signed number.
fn number_in(json: &Json, name: &str) -> Option<u64> {
    match json.get(name)? {
        Json::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
