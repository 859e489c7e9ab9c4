//! What exists only in the storage node, in an object store: a change is acknowledged when it is there, and a disk that is lost is
//! filled from there.
//!
//! ```text
//! storage-node/hub                 whose place it is, and the key of content hashes; written once
//! storage-node/changes/NUMBER      what a group of changes did to the records, or that a storage node started; numbers are dense
//! storage-node/snapshots/NUMBER    a list of files: every record as it was after the change NUMBER
//! storage-node/files/NUMBER-HASH   records; NUMBER is the snapshot that they were written for
//! ```
//!
//! * `object`: an object byte by byte. `place`: names, lists, the mark of the hub. `view`: what is there.
//! * `log`: the next change. `snapshot`: shortens the log. `tidying`: removes what nobody needs.
//! * `opening`: what is on the disk and what is in the place, and which of them counts. `filling`: a disk from the place.
//! * `followed`: what the disk remembers of the place. `checkpoints`: which pipes have one.
//!
//! Nothing is ever written over, and a change is created only if its number is free. Whoever starts says so under the next number
//! first, and that record is never removed: a storage node that was replaced without hearing of it finds its next number taken,
//! and acknowledges nothing any more.
//!
//! A change that is in the log and was refused all the same (the answer got lost, the disk was full) is declared void by the
//! next one, and if nobody makes one, by an empty one as soon as the object store takes it. Only if the storage node ends before that,
//! it counts: whoever asked for it was told that its outcome is unknown.

mod checkpoints;
mod filling;
mod followed;
mod log;
mod object;
mod opening;
mod place;
mod snapshot;
mod tidying;
mod view;

pub(crate) use checkpoints::Checkpoints;
pub(crate) use followed::Followed;
pub(crate) use log::Log;
pub(crate) use opening::Opening;

use sluice_objects::Objects;
use sluice_protocol::Incarnation;
use std::time::Duration;

/// Where a storage node keeps what nobody else has.
#[derive(Clone, Debug)]
pub struct ObjectSettings {
    /// The place; one belongs to one hub.
    pub objects: Objects,
    /// The hub.
    pub hub: String,
    /// What the incarnation was raised to by others.
    pub incarnation: Option<Incarnation>,
    /// Of workers: a storage node that comes after this one has to wait as long.
    pub lease: Duration,
}

#[cfg(test)]
mod tests;
