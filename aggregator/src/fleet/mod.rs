//! Many workers behind the one trait that the API knows: each call goes to the worker that has the pipe or dataset, lists are
//! put together from all.
//!
//! * `directory`: who has a pipe or a dataset, from topology and configuration. Pure.
//! * `merge`: one list of many. Pure.
//! * `calls`: the calls of the trait.
//! * `running`: the runner's calls.
//! * `patience`: how reads wait while a pipe changes hands.
//!
//! A pipe that is nowhere, or whose worker does not answer, is `Unavailable`: nobody else is asked, since somebody else's copy may
//! be old.

mod calls;
mod directory;
mod merge;
mod patience;
mod running;

#[cfg(test)]
mod tests;

use directory::{Directory, Place};
use futures::future::join_all;
use parking_lot::Mutex;
use sluice_protocol::{
    Code, ConfigurationSnapshot, Error, Liveness, Reach, Result, Standing, Topology, Worker,
    WorkerFacts, WorkerId,
};
use std::future::Future;
use std::sync::Arc;
use tokio::sync::watch;

/// The reason where nobody has a dataset.
const UNKNOWN_DATASET: &str = "unknown-dataset";

/// The reason where nobody has a pipe.
const UNKNOWN_PIPE: &str = "unknown-pipe";
/// The reason where another worker has it, or this one not yet.
const NOT_HERE: &str = "not-here";

/// The workers of a hub.
pub struct Fleet {
    topology: watch::Receiver<Arc<Topology>>,
    configuration: watch::Receiver<Arc<ConfigurationSnapshot>>,
    reach: Arc<dyn Reach>,
    /// Of the latest revision that was asked about.
    directory: Mutex<Arc<Directory>>,
}

/// What a worker answered.
struct Answered<T> {
    worker: WorkerId,
    answer: Result<T>,
}

impl Fleet {
    /// The workers that the topology names, reached this way.
    pub fn new(
        topology: watch::Receiver<Arc<Topology>>,
        configuration: watch::Receiver<Arc<ConfigurationSnapshot>>,
        reach: Arc<dyn Reach>,
    ) -> Self {
        Fleet {
            topology,
            configuration,
            reach,
            directory: Mutex::default(),
        }
    }

    fn topology(&self) -> Arc<Topology> {
        self.topology.borrow().clone()
    }

    fn configuration(&self) -> Arc<ConfigurationSnapshot> {
        self.configuration.borrow().clone()
    }

    fn directory(&self) -> Arc<Directory> {
        let configuration = self.configuration();
        let mut directory = self.directory.lock();
        if directory.revision() != Some(configuration.revision) {
            *directory = Arc::new(Directory::new(&configuration));
        }
        directory.clone()
    }

    fn reach(&self, place: &Place) -> Result<Arc<dyn Worker>> {
        self.reach.worker(&place.worker, &place.address)
    }

    /// The worker that has a pipe.
    fn of_pipe(&self, id: &str) -> Result<Arc<dyn Worker>> {
        let place = self.directory().place(&self.topology(), id)?;
        self.reach(&place)
    }

    /// What a worker said of a pipe that is configured: one that does not know it has not heard of it yet.
    fn known(&self, pipe: &str, error: Error) -> Error {
        if error.reason == UNKNOWN_PIPE && self.directory().has(pipe) {
            let message = format!("pipe \"{pipe}\" is being taken up; try again");
            return Error::new(Code::Unavailable, NOT_HERE, message);
        }
        error
    }

    /// The worker that has a dataset: its pipe's; one that no pipe writes is looked for.
    async fn of_dataset(&self, name: &str) -> Result<Arc<dyn Worker>> {
        match self.directory().writer(name) {
            Some(pipe) => self.of_pipe(pipe),
            None => self.holder(name).await,
        }
    }

    /// The worker to write a dataset at: one that nobody has is made at the first worker.
    async fn to_write(&self, name: &str) -> Result<Arc<dyn Worker>> {
        match self.of_dataset(name).await {
            Err(error) if error.reason == UNKNOWN_DATASET => {
                let first = self.everybody()?.into_iter().next();
                self.reach(&first.ok_or_else(no_worker)?)
            }
            found => found,
        }
    }

    /// The worker that holds a dataset that no pipe writes: of several copies the one that was written last.
    async fn holder(&self, name: &str) -> Result<Arc<dyn Worker>> {
        let answers = self
            .each(self.everybody()?, |worker| {
                let name = name.to_owned();
                async move {
                    let report = worker.dataset(&name).await?;
                    Ok((report.status.epoch, report.status.max_offset, worker))
                }
            })
            .await;
        let (found, failed) = parted(answers);
        let newest = found
            .into_iter()
            .max_by_key(|(_, (epoch, offset, _))| (*epoch, *offset));
        match newest {
            Some((_, (_, _, worker))) if failed.is_empty() => Ok(worker),
            // Somebody who does not answer may have it, or a newer copy.
            _ => Err(failed
                .into_iter()
                .next()
                .unwrap_or_else(|| Error::not_found(UNKNOWN_DATASET, "dataset", name))),
        }
    }

    /// Everybody who may have anything, for calls that mean all of it.
    ///
    /// # Errors
    /// `Unavailable` while one of them is away: what it has would be left out, and it would come back with it.
    fn everybody(&self) -> Result<Vec<Place>> {
        let topology = self.topology();
        let is_away = |facts: &WorkerFacts| {
            facts.standing != Standing::Retired
                && (facts.liveness == Liveness::Lost || facts.address.is_empty())
        };
        let mut away = topology.workers.iter().filter(|(_, facts)| is_away(facts));
        if let Some((worker, _)) = away.next() {
            let message =
                format!("worker {worker} is away with what it has; try again when it is back");
            return Err(Error::new(Code::Unavailable, "worker-away", message));
        }
        match self.present() {
            present if present.is_empty() => Err(no_worker()),
            present => Ok(present),
        }
    }

    /// Everybody who is heard of or may still be.
    fn present(&self) -> Vec<Place> {
        let topology = self.topology();
        let present = topology
            .workers
            .iter()
            .filter(|(_, facts)| facts.liveness != Liveness::Lost && !facts.address.is_empty());
        let places = present.map(|(id, facts)| Place {
            worker: id.clone(),
            address: facts.address.clone(),
        });
        places.collect()
    }

    /// Asks several at once. The answers come in the order of the places.
    async fn each<T, F>(
        &self,
        places: Vec<Place>,
        call: impl Fn(Arc<dyn Worker>) -> F,
    ) -> Vec<Answered<T>>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let places = places.into_iter().map(|place| (place, ()));
        self.each_with(places, |worker, ()| call(worker)).await
    }

    /// Asks several at once, each with what belongs to it. The answers come in the order of the places.
    async fn each_with<P, T, F>(
        &self,
        places: impl IntoIterator<Item = (Place, P)>,
        call: impl Fn(Arc<dyn Worker>, P) -> F,
    ) -> Vec<Answered<T>>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let asked = places.into_iter().map(|(place, argument)| {
            let asking = self.reach(&place).map(|worker| call(worker, argument));
            async move {
                let answer = match asking {
                    Ok(asking) => asking.await,
                    Err(error) => Err(error),
                };
                Answered {
                    worker: place.worker,
                    answer,
                }
            }
        });
        join_all(asked).await
    }

    /// Asks everybody; the first failure is the answer.
    async fn all<T, F>(&self, call: impl Fn(Arc<dyn Worker>) -> F) -> Result<Vec<T>>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let answers = self.each(self.everybody()?, call).await;
        answers.into_iter().map(|one| one.answer).collect()
    }
}

/// The answers, and the failures that say more than that something is not there.
fn parted<T>(answers: Vec<Answered<T>>) -> (Vec<(WorkerId, T)>, Vec<Error>) {
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for Answered { worker, answer } in answers {
        match answer {
            Ok(answer) => found.push((worker, answer)),
            Err(error) if error.code == Code::NotFound => {}
            Err(error) => failed.push(error),
        }
    }
    (found, failed)
}

fn no_worker() -> Error {
    let message = "no worker is there; try again when one has come";
    Error::new(Code::Unavailable, "no-worker", message)
}
