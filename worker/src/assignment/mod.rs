//! Which pipes are this worker's, at which epoch, and for how long.
//!
//! ```text
//! holder      when to open, renew, give up: pure
//! keeper      the one task that does it; shows what the worker holds to whoever watches
//! changes     what holding something else means for each pipe: pure; `take_up` does it
//! lease       asked before every commit, outward batch, acknowledgement and answer: one load and one look at the clock
//! held        what the disk remembers: its identity, the incarnation it has seen, the epoch of each pipe
//! ```
//!
//! Past its deadline the worker stops by itself: the lease says no, and the keeper shows that nothing is held until every pipe is
//! closed and a new session is open.

pub(crate) mod changes;
mod fenced;
pub(crate) mod held;
pub(crate) mod holder;
mod keeper;
mod lease;

pub(crate) use fenced::{FencedSink, fenced_feed, fenced_published};
pub(crate) use keeper::{Held, Keeper};
pub(crate) use lease::{Lease, Lost};

use crate::deployed::Deployed;
use arc_swap::ArcSwap;
use sluice_dataset::Result;
use sluice_protocol::{Assignments, Code, Epoch, Error, Report, SessionId};
use sluice_store::{Continuity, Dataset, Transaction};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::sync::watch;

/// What everybody who works for a pipe needs of it.
pub(crate) struct Assignment {
    /// May anything be written or answered now?
    pub lease: Arc<Lease>,
    client: Arc<dyn Assignments>,
    session: watch::Receiver<Option<SessionId>>,
    owned: ArcSwap<OwnedDatasets>,
}

/// Which datasets are this worker's.
#[derive(Clone, Default)]
pub(crate) struct OwnedDatasets {
    /// The epoch under which each dataset of an open pipe is written.
    pub epochs: HashMap<String, Epoch>,
    /// What configured pipes write that are not open here: a copy of it on this disk may be old.
    pub elsewhere: HashSet<String>,
    /// The pipes whose state was restored, by what they write: until they have taken again what was pushed, it lacks what was
    /// acknowledged.
    pub restored: HashMap<String, Arc<Deployed>>,
}

impl Assignment {
    pub(crate) fn new(
        lease: Arc<Lease>,
        client: Arc<dyn Assignments>,
        session: watch::Receiver<Option<SessionId>>,
    ) -> Self {
        Assignment {
            lease,
            client,
            session,
            owned: ArcSwap::default(),
        }
    }

    /// Notes which datasets are this worker's.
    pub(crate) fn set_owned(&self, owned: OwnedDatasets) {
        self.owned.store(Arc::new(owned));
    }

    /// These datasets are this worker's from now on, under these epochs: before anybody sees the pipes that write them so.
    pub(crate) fn own(&self, datasets: impl Iterator<Item = (String, Epoch)>) {
        let mut owned = OwnedDatasets::clone(&self.owned.load());
        for (dataset, epoch) in datasets {
            owned.elsewhere.remove(&dataset);
            let known = owned.epochs.entry(dataset).or_default();
            *known = epoch.max(*known);
        }
        self.set_owned(owned);
    }

    /// What a pipe writes lacks something as long as the pipe says so: to be noted before it is this worker's.
    pub(crate) fn note_restored(
        &self,
        datasets: impl Iterator<Item = String>,
        pipe: &Arc<Deployed>,
    ) {
        let mut owned = OwnedDatasets::clone(&self.owned.load());
        let restored = datasets.map(|dataset| (dataset, pipe.clone()));
        owned.restored.extend(restored);
        self.set_owned(owned);
    }

    /// Why a dataset that is here lacks what was acknowledged; `None`: it does not.
    pub(crate) fn lacks(&self, dataset: &str) -> Option<String> {
        self.owned.load().restored.get(dataset)?.replaying()
    }

    /// These are somebody else's from now on: before anybody is told so.
    pub(crate) fn disown(&self, datasets: impl Iterator<Item = String>) {
        let mut owned = OwnedDatasets::clone(&self.owned.load());
        for dataset in datasets {
            owned.epochs.remove(&dataset);
            owned.elsewhere.insert(dataset);
        }
        self.set_owned(owned);
    }

    /// Whether another worker has, or may have, the newest state of a dataset.
    pub(crate) fn is_elsewhere(&self, dataset: &str) -> bool {
        self.owned.load().elsewhere.contains(dataset)
    }

    /// An error if this worker must not answer for a dataset.
    pub(crate) fn check_here(&self, dataset: &str) -> sluice_protocol::Result<()> {
        self.lease.check().map_err(Lost::answer)?;
        if self.is_elsewhere(dataset) {
            let message = format!("dataset \"{dataset}\" is not on this worker now; try again");
            return Err(Error::new(Code::Unavailable, "not-here", message));
        }
        if let Some(reason) = self.lacks(dataset) {
            let message = format!("the pipe that writes dataset \"{dataset}\" {reason}; try again");
            return Err(Error::new(Code::Unavailable, "not-whole", message));
        }
        Ok(())
    }

    /// Stamps the epoch of its owner into what a transaction writes to a dataset. Pipes only ever go on seamlessly here: they
    /// begin empty or with all that was written.
    pub(crate) fn stamp(&self, transaction: &mut Transaction, dataset: &Dataset) -> Result<()> {
        match self.owned.load().epochs.get(dataset.name().as_str()) {
            Some(epoch) => transaction.begin_epoch(dataset, epoch.number(), Continuity::Seamless),
            None => Ok(()),
        }
    }

    /// The session that goes on.
    pub(crate) fn session(&self) -> Option<SessionId> {
        *self.session.borrow()
    }

    /// Says something about a pipe to the storage node.
    pub(crate) async fn report(&self, report: Report) -> sluice_protocol::Result<()> {
        let session = *self.session.borrow();
        match session {
            Some(session) => self.client.report(session, report).await,
            None => Err(Lost.answer()),
        }
    }

    /// Says that this worker is about to stop; answers how many pipes others have yet to take.
    pub(crate) async fn leave(&self) -> sluice_protocol::Result<u64> {
        match self.session() {
            Some(session) => Ok(self.client.leave(session).await?.pipes),
            None => Err(Lost.answer()),
        }
    }

    /// Before anything of a pipe is written for the first time under its epoch the storage node has to know: from then on the
    /// pipe's newest state is here.
    pub(crate) async fn begin_writing(&self, pipe: &Deployed) -> sluice_protocol::Result<()> {
        self.lease.check().map_err(Lost::answer)?;
        let Some(epoch) = pipe.unannounced() else {
            return Ok(());
        };
        let report = Report::Committed {
            pipe: pipe.id.clone(),
            epoch,
        };
        match self.report(report).await {
            Ok(()) => {
                pipe.set_announced(epoch);
                Ok(())
            }
            // Its next epoch, or its end, is on its way here.
            Err(error) if error.reason == "stale-epoch" => {
                let message = format!("pipe \"{}\" is changing hands; try again", pipe.id);
                Err(Error::new(Code::Unavailable, "not-here", message))
            }
            Err(error) => Err(error),
        }
    }
}
