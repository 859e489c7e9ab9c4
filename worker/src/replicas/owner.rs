//! Who has a dataset, by topology and configuration.

use super::Replicas;
use crate::execution_log;
use sluice_config::Configuration;
use sluice_protocol::{Placement, Topology, Worker, WorkerId};
use std::collections::HashMap;
use std::sync::Arc;

/// The pipe that writes each dataset.
pub(super) type Writers = HashMap<String, String>;

/// A worker and where it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub worker: WorkerId,
    pub address: String,
}

pub(super) fn writers(configuration: &Configuration) -> Writers {
    let pipes = configuration.pipes.values();
    pipes
        .filter_map(|pipe| Some((pipe.sink_dataset.clone()?, pipe.id.clone())))
        .collect()
}

/// The worker that owns the pipe behind a dataset, unless it is this one.
pub(super) fn place(
    topology: &Topology,
    writers: &Writers,
    me: &WorkerId,
    dataset: &str,
) -> Option<Place> {
    let writer = writers.get(dataset).map(String::as_str);
    let pipe = writer.or_else(|| execution_log::pipe_of(dataset))?;
    match topology.pipes.get(pipe)? {
        Placement::Owned {
            worker, address, ..
        } if worker != me && !address.is_empty() => Some(Place {
            worker: worker.clone(),
            address: address.clone(),
        }),
        _ => None,
    }
}

impl Replicas {
    /// Where a dataset is now, if it is another worker's.
    pub(crate) fn owner(&self, dataset: &str) -> Option<Place> {
        place(
            &self.topology.borrow(),
            &self.writers.load(),
            &self.me,
            dataset,
        )
    }

    /// Where another worker is now.
    pub(crate) fn find(&self, worker: &WorkerId) -> Option<Place> {
        let topology = self.topology.borrow();
        let facts = topology.workers.get(worker)?;
        Some(Place {
            worker: worker.clone(),
            address: facts.address.clone(),
        })
    }

    /// The way to a worker.
    pub(crate) fn worker(&self, place: &Place) -> sluice_protocol::Result<Arc<dyn Worker>> {
        self.reach.worker(&place.worker, &place.address)
    }

    /// Resolves when a dataset is somewhere else than it was, or again somewhere.
    pub(super) async fn moved(&self, dataset: &str, from: Option<&Place>) {
        let mut topology = self.topology.clone();
        let moved = topology.wait_for(|topology| {
            place(topology, &self.writers.load(), &self.me, dataset).as_ref() != from
        });
        if moved.await.is_err() {
            // Nobody says any more where things are; what is known goes on to hold.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_protocol::{Epoch, Unplaced};

    #[test]
    fn a_dataset_is_where_its_pipe_is_and_a_log_too() {
        let owned = |worker: &str, address: &str| Placement::Owned {
            worker: WorkerId(worker.to_owned()),
            epoch: Epoch::NONE,
            address: address.to_owned(),
            moves_to: None,
            restoring: None,
        };
        let pipes = [
            ("there", owned("w1", "w1:1")),
            ("mine", owned("w0", "w0:1")),
            ("mute", owned("w2", "")),
            ("nowhere", Placement::Unplaced(Unplaced::NoWorker)),
        ];
        let topology = Topology {
            pipes: pipes
                .map(|(id, placement)| (id.to_owned(), placement))
                .into(),
            ..Topology::default()
        };
        let writers = [
            ("made", "there"),
            ("own", "mine"),
            ("m", "mute"),
            ("n", "nowhere"),
        ];
        let writers = writers.map(|(dataset, pipe)| (dataset.to_owned(), pipe.to_owned()));
        let (writers, me) = (writers.into(), WorkerId("w0".to_owned()));
        let found = |dataset| place(&topology, &writers, &me, dataset).map(|place| place.address);
        assert_eq!(found("made").as_deref(), Some("w1:1"));
        assert_eq!(
            found("system:pump_execution:there").as_deref(),
            Some("w1:1")
        );
        for nobodys in ["own", "m", "n", "unknown", "system:pump_execution:mine"] {
            assert_eq!(found(nobodys), None, "{nobodys}");
        }
    }
}
