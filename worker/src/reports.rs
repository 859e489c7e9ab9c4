//! What the API shows of pipes and datasets: put together from configuration, state and store.

use crate::answer;
use crate::deployed::Deployed;
use crate::deployment::Deployment;
use crate::execution_log;
use crate::operations;
use crate::pipe::retry_queue::RetryQueue;
use crate::pipe::state::{KeptSince, Progress};
use crate::reprocessing;
use crate::shared::Shared;
use sluice_config::Pipe;
use sluice_dataset::Dataset as _;
use sluice_entity::Json;
use sluice_protocol::{
    DatasetReport, Diagnostic, LastRun, Level, PathElement, PipeReport, QueueReport, Queues, Result,
};
use sluice_store::Dataset;
use std::collections::{BTreeMap, HashMap};

/// A pipe. For blocking threads: it reads the retry queue.
pub(crate) fn pipe(shared: &Shared, pipe: &Deployed) -> Result<PipeReport> {
    let settings = pipe.settings();
    let progress = pipe.progress.lock().clone();
    let running = pipe.running();
    let retries = RetryQueue::load(&shared.store, &pipe.id)
        .map_err(answer::dataset)?
        .waiting();
    let source = settings
        .inputs
        .iter()
        .map(|dataset| (dataset.clone(), unread(shared, dataset, &progress)));
    let storage = settings
        .sink_dataset
        .as_ref()
        .and_then(|name| shared.existing(name));
    let waiting_for = if running.is_some() {
        None
    } else {
        pipe.waiting_for(shared)
    };
    Ok(PipeReport {
        id: pipe.id.clone(),
        origin: origin(&settings),
        original: settings.original.clone(),
        effective: settings.effective.clone(),
        diagnostics: settings.diagnostics.iter().map(diagnostic).collect(),
        valid: settings.valid,
        state: pipe.state(),
        waiting_for,
        has_pump: settings.pump.exists(),
        supported_operations: operations::supported(&settings),
        mode: settings.pump.mode.as_str().into(),
        disabled: pipe.control.lock().disabled,
        running: running.is_some(),
        last_started: running
            .map(|running| running.started)
            .or(progress.last_started),
        next_run: pipe.next_run(),
        average_process_time: progress.average_duration(),
        last_seen: progress.since.as_ref().and_then(KeptSince::shown),
        queues: Queues {
            source: source.collect(),
            dependencies: 0,
            retries,
        },
        reprocessing_reasons: reprocessing::reasons(&settings, &progress, shared),
        dead_letter_dataset: settings.pump.dead_letter_dataset.clone(),
        dependencies: dependencies(&settings),
        sink_dataset: settings.sink_dataset.clone(),
        storage: storage
            .and_then(|dataset| dataset.status().ok())
            .map_or(0, |status| status.counters.bytes),
        last_run: progress.last_run.map(|ended| LastRun {
            started: ended.started,
            finished: ended.finished,
            success: ended.success,
            message: ended.message,
        }),
        checkpoint: shared
            .durability
            .as_ref()
            .map(|durability| durability.report(&pipe.id)),
    })
}

fn origin(settings: &Pipe) -> String {
    let origin = settings
        .original
        .get("metadata")
        .and_then(|metadata| metadata.get("origin"))
        .and_then(Json::as_str);
    origin.unwrap_or("user").to_owned()
}

fn dependencies(settings: &Pipe) -> Vec<String> {
    let mut dependencies = settings.inputs.clone();
    for dataset in &settings.hop_datasets {
        if !dependencies.contains(dataset) {
            dependencies.push(dataset.clone());
        }
    }
    dependencies
}

fn diagnostic(diagnostic: &sluice_config::Diagnostic) -> Diagnostic {
    let element = |element: &sluice_config::PathElement| match element {
        sluice_config::PathElement::Key(key) => PathElement::Key(key.clone()),
        sluice_config::PathElement::Index(index) => PathElement::Index(*index),
    };
    Diagnostic {
        level: match diagnostic.level {
            sluice_config::Level::Warning => Level::Warning,
            sluice_config::Level::Error => Level::Error,
        },
        code: diagnostic.code.to_owned(),
        message: diagnostic.message.clone(),
        elements: diagnostic.elements.iter().map(element).collect(),
    }
}

/// Entries of a dataset that a reader has yet to read, at most: offsets may have gaps, so the ids there are bound it as well.
pub(crate) fn unread(shared: &Shared, dataset: &str, progress: &Progress) -> u64 {
    let Some(status) = shared
        .readable(dataset)
        .and_then(|dataset| dataset.status().ok())
    else {
        return 0;
    };
    let Some(newest) = status.max_offset else {
        return 0;
    };
    let ids = status.counters.index_exists + status.counters.index_deleted;
    match progress.read_to(dataset, status.generation) {
        Some(read) => newest.saturating_sub(read).min(ids),
        None => ids,
    }
}

/// All datasets.
pub(crate) fn datasets(shared: &Shared, deployment: &Deployment) -> Result<Vec<DatasetReport>> {
    let facts = PipeFacts::collect(shared, deployment);
    shared
        .store
        .datasets()
        .iter()
        .map(|dataset| dataset_report(dataset, &facts))
        .collect()
}

/// One dataset.
pub(crate) fn dataset(
    shared: &Shared,
    deployment: &Deployment,
    name: &str,
) -> Result<DatasetReport> {
    let dataset = crate::feed::existing(shared, name)?;
    dataset_report(&dataset, &PipeFacts::collect(shared, deployment))
}

/// Who writes what, and what waits to be read.
struct PipeFacts {
    writers: HashMap<String, String>,
    unread: BTreeMap<String, u64>,
}

impl PipeFacts {
    fn collect(shared: &Shared, deployment: &Deployment) -> Self {
        let mut facts = PipeFacts {
            writers: HashMap::new(),
            unread: BTreeMap::new(),
        };
        for pipe in deployment.pipes() {
            let settings = pipe.settings();
            if let Some(dataset) = &settings.sink_dataset {
                facts.writers.insert(dataset.clone(), pipe.id.clone());
            }
            let progress = pipe.progress.lock().clone();
            if settings.pump.exists() {
                for dataset in &settings.inputs {
                    *facts.unread.entry(dataset.clone()).or_default() +=
                        unread(shared, dataset, &progress);
                }
            }
        }
        facts
    }
}

fn dataset_report(dataset: &Dataset, facts: &PipeFacts) -> Result<DatasetReport> {
    let status = dataset.status().map_err(answer::dataset)?;
    let name = status.name.as_str();
    let pipe = facts
        .writers
        .get(name)
        .cloned()
        .or_else(|| execution_log::pipe_of(name).map(str::to_owned));
    Ok(DatasetReport {
        pipe,
        origin: if status.name.is_internal() {
            "system".into()
        } else {
            "user".into()
        },
        queues: QueueReport {
            size: facts.unread.get(name).copied().unwrap_or_default(),
        },
        indexes: status
            .indexes
            .iter()
            .map(|index| index.name.clone())
            .collect(),
        status,
    })
}
