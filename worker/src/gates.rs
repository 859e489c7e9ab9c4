//! What has to hold before a pipe may run: its inputs exist and are populated (DS4, HO6, HO7, SR21, R56).

use crate::pipe::state::Progress;
use crate::reprocessing;
use crate::shared::Shared;
use sluice_config::{Completeness, Pipe, ReprocessingPolicy, SetInitialOffset, Sink, Source};
use sluice_dataset::Dataset;

/// Stable name of the failure that waits for a person.
pub(crate) const MASS_DELETE: &str = "mass-delete";

/// Why the pipe waits, in words; `None` when it may run.
pub(crate) fn waiting_for(pipe: &Pipe, shared: &Shared) -> Option<String> {
    let needed = pipe.inputs.iter().chain(&pipe.hop_datasets);
    for dataset in needed.clone() {
        if let Some(reason) = shared.assignment.lacks(dataset) {
            return Some(format!(
                "waits for dataset {dataset}: the pipe that writes it {reason}"
            ));
        }
    }
    let mut elsewhere = needed.filter(|dataset| shared.assignment.is_elsewhere(dataset));
    let replicas = &shared.replicas;
    if let Some(reason) = elsewhere.find_map(|dataset| replicas.waiting_for(shared, dataset)) {
        return Some(reason);
    }
    required(pipe, shared)
        .find(|dataset| !is_populated(shared, dataset))
        .map(|dataset| format!("waits for dataset {dataset} to be populated"))
}

/// A setting that would change the data and that this version does not follow: better no data than other data.
pub(crate) fn unsupported(pipe: &Pipe) -> Option<&'static str> {
    unsupported_source(pipe).or_else(|| unsupported_sink(pipe))
}

/// The part of it that decides what is read.
pub(crate) fn unsupported_source(pipe: &Pipe) -> Option<&'static str> {
    if let Source::Dataset(source) = &pipe.source {
        if source.subset.is_some() {
            return Some("this version cannot read a subset of a dataset");
        }
        if source.completeness != Completeness::Off || !source.initial_completeness.is_empty() {
            return Some("this version has no completeness");
        }
    }
    None
}

fn unsupported_sink(pipe: &Pipe) -> Option<&'static str> {
    match &pipe.sink {
        Sink::Dataset(sink) if sink.enable_optimistic_locking => {
            Some("this version has no optimistic locking")
        }
        Sink::Dataset(sink) if sink.track_children == Some(true) => {
            Some("this version does not track children")
        }
        _ => None,
    }
}

/// Every dataset that must be populated first.
fn required<'a>(pipe: &'a Pipe, shared: &'a Shared) -> impl Iterator<Item = &'a String> {
    let waits_for_inputs = pipe.source.require_populated_input();
    let inputs = counting_inputs(&pipe.source, shared).filter(move |_| waits_for_inputs);
    inputs.chain(&pipe.hop_datasets)
}

/// The inputs that count for being populated, without those that may be missing and are.
fn counting_inputs<'a>(source: &'a Source, shared: &'a Shared) -> impl Iterator<Item = &'a String> {
    let may_be_missing = match source {
        Source::UnionDatasets(source) => source.ignore_non_existent_datasets,
        Source::MergeDatasets(source) => source.ignore_non_existent_datasets,
        _ => false,
    };
    initial_datasets(source)
        .iter()
        .filter(move |dataset| !may_be_missing || shared.readable(dataset).is_some())
}

/// True if the dataset exists and its owner has read all of its source once.
pub(crate) fn is_populated(shared: &Shared, dataset: &str) -> bool {
    shared
        .readable(dataset)
        .and_then(|dataset| dataset.status().ok())
        .is_some_and(|status| status.populated)
}

/// The inputs that count for being populated: `initial_datasets`, or all.
fn initial_datasets(source: &Source) -> &[String] {
    match source {
        Source::Dataset(source) => std::slice::from_ref(&source.dataset),
        Source::UnionDatasets(source) => source
            .initial_datasets
            .as_deref()
            .unwrap_or(&source.datasets),
        Source::MergeDatasets(source) => source
            .initial_datasets
            .as_deref()
            .unwrap_or(&source.datasets),
        _ => &[],
    }
}

/// Whether a run would have something to do: the pipe stands behind an input, a full run was interrupted, it is out of sync and
/// would reset itself, or its inputs are populated and its dataset could be.
pub(crate) fn has_work(pipe: &Pipe, progress: &Progress, shared: &Shared) -> bool {
    let behind = |dataset: &String| {
        let status = shared
            .readable(dataset)
            .and_then(|dataset| dataset.status().ok());
        status.is_some_and(|status| {
            let read = progress.read_to(dataset, status.generation);
            read < status.max_offset
        })
    };
    // A mass delete waits for a person (R27), not for another try.
    let waits_for_a_person = progress
        .last_run
        .as_ref()
        .is_some_and(|run| run.reason.as_deref() == Some(MASS_DELETE));
    let is_interrupted = progress.full.is_some() && !waits_for_a_person;
    let resets_itself = || {
        pipe.reprocessing_policy == ReprocessingPolicy::Automatic
            && !reprocessing::reasons(pipe, progress, shared).is_empty()
    };
    is_interrupted
        || pipe.inputs.iter().any(behind)
        || resets_itself()
        || could_be_populated(pipe, shared)
}

fn could_be_populated(pipe: &Pipe, shared: &Shared) -> bool {
    let Sink::Dataset(sink) = &pipe.sink else {
        return false;
    };
    let mut inputs = counting_inputs(&pipe.source, shared).peekable();
    sink.set_initial_offset == SetInitialOffset::IfSourcePopulated
        && inputs.peek().is_some()
        && inputs.all(|dataset| is_populated(shared, dataset))
        && !is_populated(shared, &sink.dataset)
}
