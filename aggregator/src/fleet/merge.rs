//! One list made of the lists of many workers.

use super::directory::{Directory, sink_dataset};
use sluice_entity::Json;
use sluice_protocol::{
    Component, DatasetReport, PipeReport, PipeState, Placement, Queues, SystemReport, Topology,
    WorkerId,
};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// A pipe that no worker can say anything of: what is known from its configuration, and why there is no more.
pub(super) fn unreported(component: &Component, why: String) -> PipeReport {
    let effective = &component.effective;
    let text = |path: [&str; 2]| {
        let value = effective.get(path[0]).and_then(|inner| inner.get(path[1]));
        value.and_then(Json::as_str)
    };
    PipeReport {
        id: component.id.clone(),
        origin: text(["metadata", "origin"]).unwrap_or("user").to_owned(),
        original: component.original.clone(),
        effective: effective.clone(),
        diagnostics: component.diagnostics.clone(),
        valid: component.is_valid(),
        state: PipeState::Deploying,
        waiting_for: Some(why),
        has_pump: effective.get("pump").is_some(),
        supported_operations: Vec::new(),
        mode: text(["pump", "mode"]).unwrap_or("off").to_owned().into(),
        disabled: false,
        running: false,
        last_started: None,
        last_run: None,
        next_run: None,
        average_process_time: None,
        last_seen: None,
        queues: Queues::default(),
        reprocessing_reasons: Vec::new(),
        dead_letter_dataset: text(["pump", "dead_letter_dataset"]).map(str::to_owned),
        dependencies: Vec::new(),
        sink_dataset: sink_dataset(component).map(str::to_owned),
        storage: 0,
        checkpoint: None,
    }
}

/// Each dataset once: as the worker of its pipe has it, and one without a pipe as it was written last. What waits to be read
/// is counted everywhere.
pub(super) fn datasets(
    topology: &Topology,
    directory: &Directory,
    lists: Vec<(WorkerId, Vec<DatasetReport>)>,
) -> Vec<DatasetReport> {
    let mut kept: BTreeMap<String, DatasetReport> = BTreeMap::new();
    for (worker, list) in lists {
        for report in list {
            let name = report.status.name.as_str().to_owned();
            if !may_show(topology, directory, &worker, &name) {
                continue;
            }
            match kept.entry(name) {
                Entry::Vacant(free) => {
                    free.insert(report);
                }
                Entry::Occupied(mut other) => {
                    let last = |one: &DatasetReport| (one.status.epoch, one.status.max_offset);
                    if last(&report) > last(other.get()) {
                        other.insert(report);
                    }
                }
            }
        }
    }
    kept.into_values().collect()
}

/// Whether what a worker has of a dataset counts.
fn may_show(topology: &Topology, directory: &Directory, worker: &WorkerId, name: &str) -> bool {
    let writer = directory.writer(name).map(|pipe| topology.pipes.get(pipe));
    match writer {
        Some(Some(Placement::Owned { worker: owner, .. })) => owner == worker,
        // Its newest state is somewhere else, or nowhere.
        Some(_) => false,
        None => true,
    }
}

/// Each system once: a problem that one worker has with it counts.
pub(super) fn systems(lists: Vec<Vec<SystemReport>>) -> Vec<SystemReport> {
    let mut kept: BTreeMap<String, SystemReport> = BTreeMap::new();
    for report in lists.into_iter().flatten() {
        match kept.entry(report.id.clone()) {
            Entry::Vacant(free) => {
                free.insert(report);
            }
            Entry::Occupied(mut other) => {
                let is_worse = match (report.reachable, other.get().reachable) {
                    (Some(false), before) => before != Some(false),
                    (Some(true), None) => true,
                    _ => false,
                };
                if is_worse {
                    other.insert(report);
                }
            }
        }
    }
    kept.into_values().collect()
}
