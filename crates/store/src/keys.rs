//! Every key of the store, byte by byte. Nobody else puts keys together or takes them apart.

use sluice_dataset::{DatasetNumber, Offset};

/// Stands for the store itself where a dataset's number stands.
pub(crate) const STORE: u64 = u64::MAX;

const NUMBER_BYTES: usize = 8;
const OFFSET_BYTES: usize = 8;
/// `dataset ++ offset`, in the families log and superseded.
pub(crate) const OFFSET_KEY_BYTES: usize = NUMBER_BYTES + OFFSET_BYTES;
/// Longest `_id`, in bytes, that can be a key.
pub(crate) const MAX_ID_BYTES: usize = 65_535;
/// Longer index keys are replaced by a keyed digest.
pub(crate) const MAX_INDEX_KEY_BYTES: usize = 1_024;
/// Offsets per chunk of seen marks.
pub(crate) const MARKS_PER_CHUNK: u64 = 4_096;

const KIND_DATASET: u8 = b'd';
const KIND_INDEX: u8 = b'x';
const KIND_RUN: u8 = b'r';
const KIND_MARKS: u8 = b'm';
const KIND_COPY: u8 = b'c';
const KIND_FORMAT: u8 = b'f';
const KIND_STATE: u8 = b's';
const KEY_TO_ID: u8 = 0;
const ID_TO_KEYS: u8 = 1;

/// A half-open range of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyRange {
    pub(crate) from: Vec<u8>,
    pub(crate) to: Vec<u8>,
}

/// Everything of one dataset in any family.
pub(crate) fn dataset(number: DatasetNumber) -> KeyRange {
    prefixed(number.0.to_be_bytes().to_vec())
}

/// Number at the head of any key.
pub(crate) fn dataset_of(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(
        key.get(..NUMBER_BYTES)?.try_into().ok()?,
    ))
}

/// A version in the log; the same key marks it in the family superseded.
pub(crate) fn version(number: DatasetNumber, offset: Offset) -> [u8; OFFSET_KEY_BYTES] {
    let mut key = [0; OFFSET_KEY_BYTES];
    key[..NUMBER_BYTES].copy_from_slice(&number.0.to_be_bytes());
    key[NUMBER_BYTES..].copy_from_slice(&offset.to_be_bytes());
    key
}

/// The offset in a [`version`] key.
pub(crate) fn offset_of(key: &[u8]) -> Option<Offset> {
    if key.len() != OFFSET_KEY_BYTES {
        return None;
    }
    Some(u64::from_be_bytes(key[NUMBER_BYTES..].try_into().ok()?))
}

/// An id in the primary index.
pub(crate) fn id(number: DatasetNumber, id: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(NUMBER_BYTES + id.len());
    key.extend_from_slice(&number.0.to_be_bytes());
    key.extend_from_slice(id.as_bytes());
    key
}

/// The id in an [`id`] key.
pub(crate) fn id_of(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.get(NUMBER_BYTES..)?).ok()
}

/// One secondary index, both directions.
pub(crate) fn index(number: DatasetNumber, index: u32) -> KeyRange {
    prefixed(index_prefix(number, index, None))
}

/// Prefix of all ids under a key of an index; the id follows.
pub(crate) fn index_key(number: DatasetNumber, index: u32, key: &[u8]) -> Vec<u8> {
    let mut out = index_prefix(number, index, Some(KEY_TO_ID));
    let length = u16::try_from(key.len()).expect("index keys are shortened before they get here");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(key);
    out
}

/// An id under a key of an index.
pub(crate) fn index_entry(number: DatasetNumber, index: u32, key: &[u8], id: &str) -> Vec<u8> {
    let mut out = index_key(number, index, key);
    out.extend_from_slice(id.as_bytes());
    out
}

/// Index number, key and id of an [`index_entry`].
pub(crate) fn index_entry_of(entry: &[u8]) -> Option<(u32, &[u8], &str)> {
    let rest = entry.get(NUMBER_BYTES..)?;
    let (index, rest) = rest.split_at_checked(4)?;
    let (&direction, rest) = rest.split_first()?;
    let (length, rest) = rest.split_at_checked(2)?;
    let length = usize::from(u16::from_be_bytes(length.try_into().ok()?));
    let (key, id) = rest.split_at_checked(length)?;
    if direction != KEY_TO_ID {
        return None;
    }
    Some((
        u32::from_be_bytes(index.try_into().ok()?),
        key,
        std::str::from_utf8(id).ok()?,
    ))
}

/// The list of keys of an id.
pub(crate) fn index_keys_of_id(number: DatasetNumber, index: u32, id: &str) -> Vec<u8> {
    let mut out = index_prefix(number, index, Some(ID_TO_KEYS));
    out.extend_from_slice(id.as_bytes());
    out
}

/// The id of an [`index_keys_of_id`] key.
pub(crate) fn index_reverse_id_of(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.get(NUMBER_BYTES + 5..)?).ok()
}

/// Index number in any key of the family index.
pub(crate) fn index_number_of(key: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(
        key.get(NUMBER_BYTES..NUMBER_BYTES + 4)?.try_into().ok()?,
    ))
}

fn index_prefix(number: DatasetNumber, index: u32, direction: Option<u8>) -> Vec<u8> {
    let mut key = Vec::with_capacity(NUMBER_BYTES + 64);
    key.extend_from_slice(&number.0.to_be_bytes());
    key.extend_from_slice(&index.to_be_bytes());
    key.extend(direction);
    key
}

/// The record of a dataset.
pub(crate) fn dataset_record(number: DatasetNumber) -> Vec<u8> {
    small(number.0, KIND_DATASET, &[])
}

/// True for a [`dataset_record`] key.
pub(crate) fn is_dataset_record(key: &[u8]) -> bool {
    key.len() == NUMBER_BYTES + 1 && key[NUMBER_BYTES] == KIND_DATASET
}

/// The definition of a secondary index.
pub(crate) fn index_record(number: DatasetNumber, name: &str) -> Vec<u8> {
    small(number.0, KIND_INDEX, name.as_bytes())
}

/// All definitions of a dataset.
pub(crate) fn index_records(number: DatasetNumber) -> KeyRange {
    prefixed(small(number.0, KIND_INDEX, &[]))
}

/// The name in an [`index_record`] key.
pub(crate) fn index_name_of(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.get(NUMBER_BYTES + 1..)?).ok()
}

/// The full run under way.
pub(crate) fn run_record(number: DatasetNumber) -> Vec<u8> {
    small(number.0, KIND_RUN, &[])
}

/// A chunk of seen marks.
pub(crate) fn marks_chunk(number: DatasetNumber, chunk: u64) -> Vec<u8> {
    small(number.0, KIND_MARKS, &chunk.to_be_bytes())
}

/// All seen marks of a dataset.
pub(crate) fn marks(number: DatasetNumber) -> KeyRange {
    prefixed(small(number.0, KIND_MARKS, &[]))
}

/// The chunk of a [`marks_chunk`] key.
pub(crate) fn marks_chunk_of(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(
        key.get(NUMBER_BYTES + 1..)?.try_into().ok()?,
    ))
}

/// Set in the numbers of replicas, so that a replica never meets what this store has of the dataset itself.
const REPLICA: u64 = 1 << 63;

/// The number under which a replica of a dataset is kept.
pub(crate) fn replica_of(number: DatasetNumber) -> DatasetNumber {
    DatasetNumber(number.0 | REPLICA)
}

/// True for the number of a replica.
pub(crate) fn is_replica(number: DatasetNumber) -> bool {
    number.0 & REPLICA != 0 && number.0 != STORE
}

/// The number of the dataset itself, of whatever it is a replica.
pub(crate) fn number_of(number: DatasetNumber) -> DatasetNumber {
    DatasetNumber(number.0 & !REPLICA)
}

/// What is known of a replica beside what is known of every dataset.
pub(crate) fn copy_record(number: DatasetNumber) -> Vec<u8> {
    small(number.0, KIND_COPY, &[])
}

/// The record of the store.
pub(crate) fn store_record() -> Vec<u8> {
    small(STORE, KIND_FORMAT, &[])
}

/// A record of an owner's state.
pub(crate) fn state(owner: &str, name: &[u8]) -> Vec<u8> {
    let mut key = state_owner(owner);
    key.extend_from_slice(name);
    key
}

/// All state of an owner with names that begin so.
pub(crate) fn state_range(owner: &str, name_prefix: &[u8]) -> KeyRange {
    prefixed(state(owner, name_prefix))
}

/// All state of everybody.
pub(crate) fn all_state() -> KeyRange {
    prefixed(small(STORE, KIND_STATE, &[]))
}

/// Owner and name in a [`state`] key.
pub(crate) fn state_of(key: &[u8]) -> Option<(&str, &[u8])> {
    let rest = key.get(NUMBER_BYTES + 1..)?;
    let (length, rest) = rest.split_at_checked(2)?;
    let (owner, name) =
        rest.split_at_checked(usize::from(u16::from_be_bytes(length.try_into().ok()?)))?;
    Some((std::str::from_utf8(owner).ok()?, name))
}

fn state_owner(owner: &str) -> Vec<u8> {
    let length = u16::try_from(owner.len()).expect("StateKey checks the owner's length");
    let mut key = small(STORE, KIND_STATE, &length.to_be_bytes());
    key.extend_from_slice(owner.as_bytes());
    key
}

/// What kind of record a key of the default family holds, in words, for reports.
pub(crate) fn kind_of(key: &[u8]) -> &'static str {
    match (dataset_of(key), key.get(NUMBER_BYTES)) {
        (Some(STORE), Some(&KIND_FORMAT)) => "store record",
        (Some(STORE), Some(&KIND_STATE)) => "state",
        (Some(_), Some(&KIND_DATASET)) => "dataset record",
        (Some(_), Some(&KIND_INDEX)) => "index definition",
        (Some(_), Some(&KIND_RUN)) => "full run",
        (Some(_), Some(&KIND_MARKS)) => "seen marks",
        (Some(_), Some(&KIND_COPY)) => "copy record",
        _ => "unknown key",
    }
}

fn small(number: u64, kind: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(NUMBER_BYTES + 1 + rest.len());
    key.extend_from_slice(&number.to_be_bytes());
    key.push(kind);
    key.extend_from_slice(rest);
    key
}

/// All keys that begin so.
pub(crate) fn with_prefix(prefix: Vec<u8>) -> KeyRange {
    prefixed(prefix)
}

fn prefixed(from: Vec<u8>) -> KeyRange {
    let to = after_prefix(&from);
    KeyRange { from, to }
}

/// The first key behind all keys with this prefix. A prefix of only 0xff bytes has none; longer than any key will do.
fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut to = prefix.to_vec();
    while let Some(last) = to.pop() {
        if last < u8::MAX {
            to.push(last + 1);
            return to;
        }
    }
    vec![u8::MAX; MAX_ID_BYTES + NUMBER_BYTES + 1]
}

#[cfg(test)]
mod tests;
