//! What the tests share: stores in temporary folders, entities from JSON, a crash by copying the folder.

use sluice_dataset::{DatasetName, DatasetNumber, IndexKeys, PreparedEntity};
use sluice_entity::{Entity, Limits, Numbers, Reader, Value};
use sluice_store::{Dataset, Settings, Store};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use tempfile::TempDir;

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn open(path: &Path) -> Store {
    Store::open(path, &Settings::small()).unwrap()
}

pub(crate) fn name(name: &str) -> DatasetName {
    DatasetName::new(name).unwrap()
}

pub(crate) fn create(store: &Store, text: &str, number: u64) -> Dataset {
    store
        .create_dataset(&name(text), DatasetNumber(number))
        .unwrap()
}

pub(crate) fn entity(json: &str) -> Entity {
    Reader::new(Limits::default(), Numbers::default())
        .read_entity(json.as_bytes())
        .unwrap()
}

pub(crate) fn prepare(store: &Store, entities: &[&str]) -> Vec<PreparedEntity> {
    entities
        .iter()
        .map(|json| PreparedEntity::new(&entity(json), store.hash_key()).unwrap())
        .collect()
}

/// `count` entities with ids from `first` on and the given value.
pub(crate) fn many(store: &Store, first: usize, count: usize, value: &str) -> Vec<PreparedEntity> {
    let texts: Vec<String> = (first..first + count)
        .map(|n| format!(r#"{{"_id": "{n:06}", "n": {n}, "v": "{value}"}}"#))
        .collect();
    prepare(store, &texts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// What a crash of the process leaves: the files as they are, copied while the store is open. RocksDB tidies up in the background,
/// so a copy counts only if no file came, went or grew meanwhile.
pub(crate) fn crashed_copy(of: &Path) -> TempDir {
    loop {
        let copy = folder();
        let before = files(of);
        let is_whole = before
            .keys()
            .all(|file| std::fs::copy(of.join(file), copy.path().join(file)).is_ok());
        if is_whole && files(of) == before {
            return copy;
        }
    }
}

/// Names and sizes.
fn files(of: &Path) -> BTreeMap<OsString, u64> {
    let files = std::fs::read_dir(of).unwrap().map(Result::unwrap);
    files
        .filter_map(|file| Some((file.file_name(), file.metadata().ok()?.len())))
        .collect()
}

/// Indexes the values of a property, lists flattened.
pub(crate) struct Property(pub(crate) &'static str);

impl IndexKeys for Property {
    fn name(&self) -> &str {
        self.0
    }

    fn keys(&self, entity: &Entity, out: &mut Vec<Vec<u8>>) {
        let Some(value) = entity.body().get(self.0) else {
            return;
        };
        match value.as_list() {
            Some(list) => list.iter().for_each(|item| out.extend(key(item))),
            None => out.extend(key(value)),
        }
    }
}

fn key(value: Value<'_>) -> Option<Vec<u8>> {
    let mut key = Vec::new();
    value.join_key(&mut key);
    (!value.is_null()).then_some(key)
}

/// The join key of a string.
pub(crate) fn text_key(text: &str) -> Vec<u8> {
    let holder = entity(&format!(r#"{{"_id": "", "v": "{text}"}}"#));
    key(holder.body().get("v").unwrap()).unwrap()
}
