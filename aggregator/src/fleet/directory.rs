//! Who has a pipe or a dataset.

use super::UNKNOWN_PIPE;
use sluice_entity::Json;
use sluice_protocol::{
    Code, Component, ComponentKind, ConfigurationSnapshot, Error, Placement, Result, Topology,
    Unplaced, WorkerId,
};
use std::collections::{HashMap, HashSet};

/// What the names of execution logs begin with (EX1): the first is stored, the second is what people ask for.
const LOGS: [&str; 2] = ["system:pump_execution:", "system:pump:"];

/// A worker and where it is reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) worker: WorkerId,
    pub(super) address: String,
}

/// What one revision of the configuration says about pipes and their datasets.
#[derive(Default)]
pub(super) struct Directory {
    revision: Option<u64>,
    pipes: HashSet<String>,
    /// The pipe that writes a dataset.
    writers: HashMap<String, String>,
}

impl Directory {
    pub(super) fn new(configuration: &ConfigurationSnapshot) -> Self {
        let mut directory = Directory {
            revision: Some(configuration.revision),
            ..Directory::default()
        };
        for ((kind, id), component) in &configuration.components {
            if *kind != ComponentKind::Pipe {
                continue;
            }
            if let Some(dataset) = sink_dataset(component) {
                // Of two that write the same dataset the validation refuses the second.
                let writer = directory.writers.entry(dataset.to_owned());
                writer.or_insert_with(|| id.clone());
            }
            directory.pipes.insert(id.clone());
        }
        directory
    }

    pub(super) fn revision(&self) -> Option<u64> {
        self.revision
    }

    /// Whether a pipe is configured.
    pub(super) fn has(&self, pipe: &str) -> bool {
        self.pipes.contains(pipe)
    }

    /// The pipe that writes a dataset, or whose log it is.
    pub(super) fn writer<'a>(&'a self, dataset: &'a str) -> Option<&'a str> {
        let log = LOGS.iter().find_map(|prefix| dataset.strip_prefix(prefix));
        log.filter(|pipe| self.pipes.contains(*pipe))
            .or_else(|| self.writers.get(dataset).map(String::as_str))
    }

    /// Where a pipe is.
    pub(super) fn place(&self, topology: &Topology, pipe: &str) -> Result<Place> {
        match topology.pipes.get(pipe) {
            Some(Placement::Owned {
                worker, address, ..
            }) => Ok(Place {
                worker: worker.clone(),
                address: address.clone(),
            }),
            Some(Placement::Unplaced(why)) => Err(not_placed(pipe, reason(*why))),
            None if self.pipes.contains(pipe) => {
                Err(not_placed(pipe, "it has just been configured"))
            }
            None => Err(Error::not_found(UNKNOWN_PIPE, "pipe", pipe)),
        }
    }
}

/// The dataset that a pipe writes.
pub(super) fn sink_dataset(component: &Component) -> Option<&str> {
    let sink = component.effective.get("sink")?;
    let is_dataset = sink.get("type").and_then(Json::as_str) == Some("dataset");
    is_dataset
        .then(|| sink.get("dataset").and_then(Json::as_str))
        .flatten()
}

/// Why a pipe is nowhere, in words.
pub(super) fn reason(why: Unplaced) -> &'static str {
    match why {
        Unplaced::NoWorker => "no worker can take it now",
        Unplaced::OwnerMayWrite => "its last worker is not heard of and may still write",
        Unplaced::DiskAway => {
            "its state is on the disk of a worker that is away, and what was pushed to it is nowhere else"
        }
        Unplaced::StateLost => {
            "its state is lost, and what was pushed to it with it; somebody has to let it start over"
        }
    }
}

fn not_placed(pipe: &str, why: &str) -> Error {
    let message = format!("pipe \"{pipe}\" is on no worker: {why}");
    Error::new(Code::Unavailable, "not-placed", message).with("id", Json::from(pipe))
}
