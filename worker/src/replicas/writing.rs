//! What a follower hears, written into the store. For each kind of news one transaction, or bounded ones in a row.

use super::Replicas;
use crate::answer;
use crate::blocking;
use crate::deployed::Deployed;
use crate::deployment::Deployment;
use crate::pipe::revisit;
use crate::shared::Shared;
use sluice_dataset::{Dataset as _, DatasetName, Error, Offset, Result, VersionBatch};
use sluice_protocol::{Followed, OwnerFacts};
use sluice_store::{Dataset, Durability, Store};
use std::sync::Arc;

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written {
    /// Versions that are new here.
    pub copied: u64,
    /// Whoever reads the dataset should look.
    pub is_news: bool,
}

const NEWS: Written = Written {
    copied: 0,
    is_news: true,
};

/// Writes what was heard under an epoch of the owner. The epoch is noted with the first versions, or the first word that there are
/// none: by then all that was seen under the one before has been compared with what the owner has.
pub(super) async fn write(
    shared: &Arc<Shared>,
    deployment: &Arc<Deployment>,
    dataset: &str,
    next: Followed,
    epoch: u64,
) -> sluice_protocol::Result<Written> {
    let (shared, deployment) = (shared.clone(), deployment.clone());
    let dataset = dataset.to_owned();
    let written = blocking::run(move || {
        let name = DatasetName::existing(&dataset).map_err(|source| Error::Name {
            name: dataset.clone(),
            source,
        })?;
        match next {
            Followed::Absent => shared
                .store
                .drop_replica(&name)
                .map(|is_news| Written { copied: 0, is_news }),
            Followed::Facts(facts) => begin(&shared, &name, &facts),
            Followed::Rewind(kept) => {
                let readers = Replicas::readers(&deployment, &dataset);
                rewind(&shared, &there(&shared.store, &name)?, kept, &readers)
            }
            Followed::Versions(versions) => copy(&shared.store, &name, &versions, epoch),
            Followed::Level(newest) => level(&shared.store, &name, newest, epoch),
        }
    });
    written.await.map_err(answer::dataset)
}

/// Commits what is in a replica. Not synced: what a power loss takes away is copied again.
fn commit(transaction: sluice_store::Transaction) -> Result<()> {
    transaction.commit(Durability::Buffered).map(drop)
}

/// The replica that the owner's first word began.
fn there(store: &Store, name: &DatasetName) -> Result<Dataset> {
    store.replica(name).ok_or_else(|| Error::Deleted {
        dataset: name.clone(),
    })
}

fn begin(shared: &Shared, name: &DatasetName, facts: &OwnerFacts) -> Result<Written> {
    let store = &shared.store;
    let replica = store.begin_replica(name, facts.number, facts.generation)?;
    // Before anything is copied: each write then keeps the indexes.
    shared.indexes.ensure(&replica)?;
    let status = replica.status()?;
    if status.populated != facts.populated {
        let mut transaction = store.transaction(&[&replica])?;
        let noted = sluice_store::OwnerFacts {
            epoch: status.epoch,
            populated: facts.populated,
            level_at: None,
        };
        transaction.note_owner(&replica, &noted)?;
        commit(transaction)?;
    }
    Ok(NEWS)
}

fn copy(store: &Store, name: &DatasetName, versions: &VersionBatch, epoch: u64) -> Result<Written> {
    let replica = there(store, name)?;
    let status = replica.status()?;
    let mut transaction = store.transaction(&[&replica])?;
    let copied = transaction.copy(&replica, versions)?;
    if status.epoch != epoch {
        let noted = sluice_store::OwnerFacts {
            epoch,
            populated: status.populated,
            level_at: None,
        };
        transaction.note_owner(&replica, &noted)?;
    }
    commit(transaction)?;
    Ok(Written {
        copied,
        is_news: copied > 0,
    })
}

fn level(store: &Store, name: &DatasetName, newest: Option<Offset>, epoch: u64) -> Result<Written> {
    let replica = there(store, name)?;
    let status = replica.status()?;
    if replica.is_level() && newest <= status.max_offset && epoch == status.epoch {
        return Ok(Written::default());
    }
    let mut transaction = store.transaction(&[&replica])?;
    let facts = sluice_store::OwnerFacts {
        epoch,
        populated: status.populated,
        level_at: Some(newest),
    };
    transaction.note_owner(&replica, &facts)?;
    commit(transaction)?;
    Ok(NEWS)
}

/// Gives up what the owner has lost; the ids of it go, in the same transactions, into the queues of the pipes that have read it.
pub(super) fn rewind(
    shared: &Shared,
    replica: &Dataset,
    kept: Option<Offset>,
    readers: &[Arc<Deployed>],
) -> Result<Written> {
    let store = &shared.store;
    tracing::warn!(dataset = %replica.name(), kept, "the owner of a replica has lost what was copied from it; giving that up");
    shared.metrics.replica_rewound();
    let mark = revisit::mark();
    let mut copied_anew = false;
    loop {
        let mut transaction = store.transaction(&[replica])?;
        let rewound = transaction.rewind(replica, kept)?;
        let name = replica.name().as_str();
        for reader in readers {
            revisit::put_back_to(&mut transaction, &reader.id, name, mark, kept)?;
            for id in &rewound.ids {
                let key = revisit::key(&reader.id, name, mark, id)?;
                transaction.put_state(&key, &[]);
            }
        }
        commit(transaction)?;
        copied_anew |= !rewound.is_whole;
        if rewound.is_done {
            break;
        }
    }
    for reader in readers {
        reader.set_revisits(true);
    }
    if copied_anew {
        // Older versions that the owner has were removed here.
        let replica = store.empty_replica(replica)?;
        shared.indexes.ensure(&replica)?;
        return Err(Error::NotLevel {
            dataset: replica.name().as_str().to_owned(),
        });
    }
    Ok(NEWS)
}
