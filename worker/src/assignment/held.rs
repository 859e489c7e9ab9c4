//! What the disk remembers of its assignments. It lies in the store, so that it cannot be parted from the state it speaks of.
//!
//! ```text
//! owner   name         value
//! worker  identity     {"worker","disk"}: made with the store, never changed
//! worker  incarnation  the largest that was seen
//! worker  pipe/ID      {"epoch","released","dataset"}: under which epoch it was owned last, up to which it was given back, what it writes
//! ```

use super::Lease;
use serde::{Deserialize, Serialize};
use sluice_dataset::{DatasetName, DatasetStatus, Error, Result};
use sluice_protocol::{BootId, DiskId, Epoch, Incarnation, WorkerId};
use sluice_store::{Durability, StateKey, Store};
use std::collections::BTreeMap;

const OWNER: &str = "worker";
const IDENTITY: &str = "identity";
const INCARNATION: &str = "incarnation";
const PIPE: &str = "pipe/";
/// Records read at a time.
const PAGE: usize = 1_000;

/// Who this worker is.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub worker: WorkerId,
    pub disk: DiskId,
    pub boot: BootId,
}

#[derive(Serialize, Deserialize)]
struct IdentityRecord {
    worker: String,
    disk: String,
}

/// What is known of one pipe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeldRecord {
    /// Owned under this epoch, latest.
    pub epoch: Epoch,
    /// Nothing is ever begun again under this epoch or an earlier one.
    pub released: Epoch,
    /// The dataset it writes.
    pub dataset: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredPipe {
    epoch: u64,
    released: u64,
    dataset: Option<String>,
}

impl HeldRecord {
    /// Its newest state, as far as this disk knows, is here.
    pub(crate) fn is_held(&self) -> bool {
        self.epoch > self.released
    }
}

/// The store's identity; a new store gets one, as `wanted` where that is said. For blocking threads.
pub(crate) fn identity(store: &Store, wanted: Option<WorkerId>) -> Result<Identity> {
    let key = StateKey::new(OWNER, IDENTITY)?;
    let record = match store.state(&key)? {
        Some(bytes) => read(IDENTITY, &bytes)?,
        None => {
            let record = IdentityRecord {
                worker: wanted.map_or_else(|| uuid::Uuid::new_v4().to_string(), |id| id.0),
                disk: uuid::Uuid::new_v4().to_string(),
            };
            // Before the first session there is no lease to ask.
            let mut transaction = store.transaction(&[])?;
            transaction.put_state(&key, &bytes(&record));
            transaction.commit(Durability::Synced)?;
            record
        }
    };
    Ok(Identity {
        worker: WorkerId(record.worker),
        disk: DiskId(record.disk),
        boot: BootId(uuid::Uuid::new_v4().to_string()),
    })
}

/// The largest incarnation that was seen. For blocking threads.
pub(super) fn seen(store: &Store) -> Result<Incarnation> {
    let key = StateKey::new(OWNER, INCARNATION)?;
    let Some(bytes) = store.state(&key)? else {
        return Ok(Incarnation::NONE);
    };
    Incarnation::new(read(INCARNATION, &bytes)?)
        .ok_or_else(|| damaged(INCARNATION, "it is too large"))
}

/// Remembers an incarnation before anything that its storage node says is followed. For blocking threads.
pub(super) fn remember_seen(store: &Store, seen: Incarnation) -> Result<()> {
    let mut transaction = store.transaction(&[])?;
    transaction.put_state(&StateKey::new(OWNER, INCARNATION)?, &bytes(&seen.number()));
    // The lease begins only after this.
    transaction.commit(Durability::Synced).map(drop)
}

/// All pipes the disk remembers. For blocking threads.
pub(crate) fn pipes(store: &Store) -> Result<BTreeMap<String, HeldRecord>> {
    let all = StateKey::new(OWNER, PIPE)?;
    let mut pipes = BTreeMap::new();
    let mut after = None;
    loop {
        let page = store.state_scan(&all, after.as_ref(), PAGE)?;
        for (key, value) in &page {
            let name = String::from_utf8_lossy(key.name());
            let stored: StoredPipe = read(&name, value)?;
            let record = HeldRecord {
                epoch: Epoch::from_number(stored.epoch),
                released: Epoch::from_number(stored.released),
                dataset: stored.dataset,
            };
            let pipe = name.strip_prefix(PIPE).unwrap_or(&name);
            pipes.insert(pipe.to_owned(), record);
        }
        match page.into_iter().last() {
            Some((last, _)) => after = Some(last),
            None => return Ok(pipes),
        }
    }
}

/// What is remembered of a pipe, to be written together with its state.
pub(crate) fn entry(pipe: &str, record: &HeldRecord) -> Result<(StateKey, Vec<u8>)> {
    let stored = StoredPipe {
        epoch: record.epoch.number(),
        released: record.released.number(),
        dataset: record.dataset.clone(),
    };
    Ok((
        StateKey::new(OWNER, format!("{PIPE}{pipe}"))?,
        bytes(&stored),
    ))
}

/// Remembers pipes, or with `None` forgets them. For blocking threads.
pub(crate) fn remember(
    store: &Store,
    lease: &Lease,
    pipes: &BTreeMap<String, Option<HeldRecord>>,
    durability: Durability,
) -> Result<()> {
    let mut transaction = store.transaction(&[])?;
    for (pipe, record) in pipes {
        match record {
            Some(record) => {
                let (key, stored) = entry(pipe, record)?;
                transaction.put_state(&key, &stored);
            }
            None => transaction.delete_state(&StateKey::new(OWNER, format!("{PIPE}{pipe}"))?),
        }
    }
    lease.commit(transaction, durability).map(drop)
}

impl HeldRecord {
    /// The dataset it writes, as it is now.
    pub(super) fn status(&self, store: &Store) -> Option<DatasetStatus> {
        use sluice_dataset::Dataset as _;
        let name = DatasetName::existing(self.dataset.as_deref()?).ok()?;
        store.dataset(&name)?.status().ok()
    }
}

fn bytes(record: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(record).expect("records hold only what JSON can hold")
}

fn read<T: for<'de> Deserialize<'de>>(name: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|source| damaged(name, &source.to_string()))
}

fn damaged(name: &str, what: &str) -> Error {
    Error::Damaged {
        place: format!("record \"{name}\" of the worker"),
        what: what.to_owned(),
    }
}
