//! A disk from the object store.

use super::Followed;
use super::object::{Kind, Writer};
use super::place::Place;
use super::view::View;
use crate::difference::{Difference, Kind as RecordKind};
use crate::error::OpenError;
use crate::formats::HubFormat;
use crate::placement_records;
use crate::records::{self, ReadError};
use sluice_objects::digest;
use sluice_protocol::Incarnation;
use sluice_store::{Durability, Store};
use std::time::Duration;

/// Puts everything there into the store. Until the last write the disk counts as empty.
pub(super) async fn fill(
    place: &Place,
    view: &View,
    store: &Store,
    writer: &Writer,
    failed: &(impl Fn(ReadError) -> OpenError + Sync),
) -> Result<(), OpenError> {
    let in_store = |error: sluice_store::Error| failed(error.into());
    let mut nothing = Difference::default();
    RecordKind::ALL
        .into_iter()
        .for_each(|kind| nothing.clear(kind));
    let mut transaction = store.transaction(&[]).map_err(in_store)?;
    records::remove_format(&mut transaction).map_err(in_store)?;
    nothing.apply(&mut transaction).map_err(in_store)?;
    transaction.commit(Durability::Synced).map_err(in_store)?;
    let mut contained = 0;
    if let Some((number, snapshot)) = &view.snapshot {
        contained = *number;
        for file in &snapshot.head.files {
            let content = place.bytes(&file.name).await?;
            if digest(&content) != file.hash {
                return Err(place.damaged(&file.name, "its content does not match its name"));
            }
            let records = place.parse(&file.name, content, &[Kind::Records])?;
            write(store, &records.steps).map_err(in_store)?;
        }
    }
    for (_, change) in view.counting(contained) {
        write(store, &change.steps).map_err(in_store)?;
    }
    let mut last = Difference::default();
    let mut counters = records::counters(store).map_err(failed)?;
    let reserved = records::reserved_numbers(store).map_err(failed)?;
    // Numbers up to there may have been given.
    counters.next_dataset = counters.next_dataset.max(reserved);
    last.put_single(RecordKind::Counters, records::counters_text(counters));
    // Nobody is heard of yet: the time after which the hub is finalized by itself begins anew.
    let hub = records::hub_format(store).map_err(failed)?;
    if hub.ready.is_some() {
        let hub = HubFormat { ready: None, ..hub };
        last.put_single(RecordKind::HubFormat, records::hub_format_text(hub));
    }
    let mut transaction = store.transaction(&[]).map_err(in_store)?;
    last.apply(&mut transaction).map_err(in_store)?;
    let incarnation = Incarnation::new(writer.incarnation).unwrap_or(Incarnation::FIRST);
    let lease = Duration::from_millis(writer.lease);
    let format = store.format().writes();
    placement_records::put_beginning(&mut transaction, incarnation, lease, format)
        .map_err(in_store)?;
    let followed = Followed::of(writer, view.newest);
    followed.put(&mut transaction).map_err(in_store)?;
    records::put_format(&mut transaction, format).map_err(in_store)?;
    transaction.commit(Durability::Synced).map_err(in_store)?;
    tracing::info!(
        change = view.newest,
        revision = counters.revision,
        %incarnation,
        "the disk was filled from the object store"
    );
    Ok(())
}

/// Takes the changes that came after what the disk has. Of a disk that was used without the place none: nobody was told that they were
/// kept, and what the disk has is later.
pub(super) fn catch_up(view: &View, store: &Store, followed: &Followed) -> Result<(), ReadError> {
    let mut transaction = store.transaction(&[])?;
    let later = view.counting(followed.applied);
    for (number, change) in later.filter(|_| !followed.is_detached) {
        tracing::info!(number, "a change is taken that only the object store had");
        change.steps.apply(&mut transaction)?;
    }
    let caught_up = Followed::new(view.newest, &followed.disk);
    // Its own changes are not there by this: only a snapshot ends that.
    let caught_up = caught_up.detached(followed.is_detached);
    caught_up.put(&mut transaction)?;
    transaction.commit(Durability::Synced)?;
    Ok(())
}

fn write(store: &Store, steps: &Difference) -> Result<(), sluice_store::Error> {
    let mut transaction = store.transaction(&[])?;
    steps.apply(&mut transaction)?;
    transaction.commit(Durability::Buffered).map(drop)
}
