//! What a hub has done, as it can be seen from outside: on the disks of its workers, in its object store, at a target of its
//! pipes. Nothing here is what the hub says of itself but who was given a pipe under which epoch.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

/// Microseconds since 1970.
pub(super) type Micros = u64;

pub(super) fn now() -> Micros {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap().as_micros()).unwrap()
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Effects {
    /// What each worker's disk has of each dataset.
    pub(super) logs: BTreeMap<(Dataset, Worker), Log>,
    /// The push log of each pipe, in the order of numbers.
    pub(super) pushes: BTreeMap<Pipe, Vec<PushObject>>,
    /// What came to the target, in the order in which it began.
    pub(super) requests: Vec<Request>,
    /// What was answered 2xx: where it was pushed to, and its id.
    pub(super) acknowledged: BTreeSet<(Dataset, String)>,
    /// Who was given a pipe under an epoch.
    pub(super) owners: BTreeMap<(Pipe, u64), Worker>,
    /// What was done to the hub.
    pub(super) disturbance: Disturbance,
}

pub(super) type Dataset = String;
pub(super) type Pipe = String;
pub(super) type Worker = String;

/// A dataset's log on one disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    /// A dataset that is made again has another one, and other offsets.
    pub(super) generation: String,
    /// In the order of offsets.
    pub(super) entries: Vec<Entry>,
}

/// An entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) offset: u64,
    pub(super) id: String,
    pub(super) hash: String,
    pub(super) epoch: u64,
    pub(super) time: Micros,
}

/// An object of a push log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PushObject {
    pub(super) number: u64,
    pub(super) epoch: u64,
    pub(super) is_take_over: bool,
}

/// A request at the target.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) pipe: Pipe,
    /// Whose process sent it; `None`: it could not be found out.
    pub(super) caller: Option<Worker>,
    /// Its head was there.
    pub(super) began: Micros,
    /// `None`: never.
    pub(super) answered: Option<Micros>,
    pub(super) ids: Vec<String>,
}

/// A worker that stopped being the owner of its pipes without hearing of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Disturbance {
    pub(super) worker: Worker,
    /// When it began.
    pub(super) at: Micros,
    /// It held no lease any more from then on.
    pub(super) lease_ended: Micros,
    /// It was frozen: what it was about to send goes out when it is thawed.
    pub(super) froze: bool,
}
