//! All records at one number of the log, so that what came before can go.
//!
//! Entries of the history are never changed, so their files are cut where they were cut before: equal content has an equal hash,
//! and what the snapshot before has is not written again.

use super::Followed;
use super::object::{File, Kind, Object, Writer};
use super::place::{self, FILES, Place};
use super::view::View;
use crate::difference::{Difference, Kind as RecordKind, Step};
use crate::error::OpenError;
use crate::records::{self, META, ReadError, key};
use sluice_objects::{Created, digest};
use sluice_store::{Snapshot, Store};
use tokio::sync::mpsc;

/// A file takes no more records once it has this many bytes.
const FILE_BYTES: usize = 4 << 20;
/// And no more entries of the history than this.
const HISTORY_ENTRIES: u64 = 256;

/// The newest snapshot.
#[derive(Default)]
pub(super) struct Previous {
    number: Option<u64>,
    files: Vec<File>,
    /// Numbers of the records of starts, to now.
    pub(super) starts: Vec<u64>,
    /// Changes that came after it, at the start.
    pub(super) changes_after: u64,
}

impl Previous {
    pub(super) fn new(view: &View, starts: Vec<u64>) -> Self {
        let snapshot = view.snapshot.as_ref();
        let files = snapshot.map(|(_, object)| object.head.files.clone());
        Previous {
            number: snapshot.map(|(number, _)| *number),
            files: files.unwrap_or_default(),
            starts,
            changes_after: view.changes.len() as u64,
        }
    }

    /// What all its files have.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// Makes the next one, of what the store has now.
pub(super) async fn make(
    place: &Place,
    writer: &Writer,
    store: &Store,
    previous: &mut Previous,
) -> Result<(), OpenError> {
    let snapshot = store.snapshot();
    let unreadable = |error| crate::error::open_error(std::path::Path::new(META), error);
    let Some(followed) = Followed::read_in(&snapshot).map_err(unreadable)? else {
        return Ok(());
    };
    let number = followed.applied;
    if previous.number == Some(number) {
        return Ok(());
    }
    let (sender, mut parts) = mpsc::channel(1);
    let reading = tokio::task::spawn_blocking(move || parts_of(&snapshot, &sender));
    let mut files = Vec::new();
    while let Some(part) = parts.recv().await {
        files.push(put(place, number, part, &previous.files).await?);
    }
    let read = reading.await.map_err(|error| place.damaged(META, error))?;
    read.map_err(unreadable)?;
    let mut object = Object::new(Kind::Snapshot, writer);
    let so_far = previous.starts.iter().filter(|start| **start <= number);
    object.head.starts = so_far.copied().collect();
    object.head.files = files;
    let name = place::snapshot(number);
    let created = place
        .objects
        .create(&name, object.write(place.format.writes()))
        .await;
    // Whoever made it: what is there after a change is there after it.
    let there = match created.map_err(|source| place.failed(source))? {
        Created::Ours => object,
        Created::Taken(other) => place.parse(&name, other, &[Kind::Snapshot])?,
    };
    tracing::info!(
        number,
        files = there.head.files.len(),
        "a snapshot of the storage node is in the object store"
    );
    previous.number = Some(number);
    previous.files = there.head.files;
    Ok(())
}

async fn put(
    place: &Place,
    number: u64,
    part: Difference,
    known: &[File],
) -> Result<File, OpenError> {
    let content = Object::records(part).write(place.format.writes());
    let hash = digest(&content);
    if let Some(file) = known.iter().find(|file| file.hash == hash) {
        return Ok(file.clone());
    }
    let name = format!("{FILES}/{number:020}-{hash}");
    let bytes = content.len() as u64;
    let created = place.objects.create(&name, content).await;
    match created.map_err(|source| place.failed(source))? {
        Created::Ours => {}
        Created::Taken(_) => {
            return Err(place.damaged(&name, "its content does not match its name"));
        }
    }
    Ok(File { name, hash, bytes })
}

/// Cuts all records into files. Ends when nobody wants them.
fn parts_of(snapshot: &Snapshot, parts: &mpsc::Sender<Difference>) -> Result<(), ReadError> {
    let mut part = Part::new(parts);
    records::each_in(snapshot, RecordKind::History.owner(), |name, value| {
        part.put(RecordKind::History, name, value);
        let offset = <[u8; 8]>::try_from(name).map(u64::from_be_bytes);
        if offset.is_ok_and(|offset| (offset + 1) % HISTORY_ENTRIES == 0) {
            part.end();
        }
        Ok(())
    })?;
    part.end();
    for kind in RecordKind::ALL {
        match kind.single() {
            Some(name) => {
                if let Some(value) = snapshot.state(&key(kind.owner(), name)?)? {
                    part.put(kind, name.as_bytes(), &value);
                }
            }
            None if kind == RecordKind::History => {}
            None => records::each_in(snapshot, kind.owner(), |name, value| {
                part.put(kind, name, value);
                Ok(())
            })?,
        }
    }
    part.end();
    Ok(())
}

struct Part<'a> {
    parts: &'a mpsc::Sender<Difference>,
    steps: Difference,
    bytes: usize,
}

impl<'a> Part<'a> {
    fn new(parts: &'a mpsc::Sender<Difference>) -> Self {
        Part {
            parts,
            steps: Difference::default(),
            bytes: 0,
        }
    }

    fn put(&mut self, kind: RecordKind, name: &[u8], value: &[u8]) {
        let step = Step::Put(kind, name.to_vec(), value.to_vec());
        self.bytes += step.bytes();
        self.steps.steps.push(step);
        if self.bytes >= FILE_BYTES {
            self.end();
        }
    }

    fn end(&mut self) {
        self.bytes = 0;
        let steps = std::mem::take(&mut self.steps);
        if !steps.is_empty() {
            // Whoever wanted it has failed, and says so.
            let _ = self.parts.blocking_send(steps);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_format::Format;
    use sluice_objects::Objects;

    #[tokio::test]
    async fn a_damaged_file_under_the_same_name_is_an_error() {
        let place = Place::new(Objects::in_memory(), "home".to_owned(), Format::default());
        let mut records = Difference::default();
        records.put(RecordKind::Variable, "v", "1");
        let file = put(&place, 1, records.clone(), &[]).await.unwrap();
        put(&place, 1, records.clone(), &[]).await.unwrap();
        let damaged = place.objects.put(&file.name, b"x".as_slice().into()).await;
        damaged.unwrap();
        let refused = put(&place, 1, records, &[]).await.unwrap_err();
        assert!(refused.to_string().contains(&file.name), "{refused}");
    }
}
