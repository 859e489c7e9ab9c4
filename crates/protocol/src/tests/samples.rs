//! One of everything, for fakes to answer.

use crate::*;
use sluice_dataset::{
    Counters, DatasetName, DatasetNumber, DatasetStatus, Generation, IndexState, VersionBatch,
};
use sluice_entity::{ContentHash, Entity, Generated, Json, Limits, Numbers, Reader};
use std::sync::Arc;

pub(super) fn json(text: &str) -> Json {
    Json::parse(text.as_bytes(), &Limits::default()).unwrap()
}

pub(super) fn entity(text: &str) -> Entity {
    Reader::new(Limits::default(), Numbers::default())
        .read_entity(text.as_bytes())
        .unwrap()
}

pub(super) fn generated(offset: u64) -> Generated {
    Generated {
        updated: offset,
        previous: offset.checked_sub(1),
        ts: 1_700_000_000_000_000 + offset,
        hash: ContentHash([offset as u8; 16]),
        deleted: offset % 3 == 2,
    }
}

/// A page of these offsets; entities of about `bytes`.
pub(super) fn versions(offsets: std::ops::Range<u64>, bytes: usize) -> Page {
    let mut batch = VersionBatch::new();
    let (end, text) = (offsets.end, "x".repeat(bytes));
    for offset in offsets {
        let entity = entity(&format!(
            r#"{{"_id": "id{offset}", "name": "Ærø", "price": 1.10, "text": "{text}"}}"#
        ));
        batch.push(entity.body_buf().encoded(), generated(offset));
    }
    batch.finish(end.checked_sub(1), false);
    Page::Versions(batch)
}

pub(super) fn diagnostics() -> Vec<Diagnostic> {
    vec![Diagnostic {
        level: Level::Warning,
        code: "unknown-property".into(),
        message: "there is no property \"sourc\"".into(),
        elements: vec![PathElement::Key("sourc".into()), PathElement::Index(3)],
    }]
}

pub(super) fn pipe_report(id: &str) -> PipeReport {
    PipeReport {
        id: id.to_owned(),
        origin: "user".into(),
        original: Arc::new(json(r#"{"type": "pipe", "_id": "in", "n": 1.0}"#)),
        effective: Arc::new(json(
            r#"{"type": "pipe", "_id": "in", "n": 1.0, "pump": {}}"#,
        )),
        diagnostics: diagnostics(),
        valid: true,
        state: PipeState::Deployed,
        waiting_for: Some("waits".into()),
        has_pump: true,
        supported_operations: OperationKind::ALL.map(|(kind, _)| kind).to_vec(),
        mode: "scheduled".into(),
        disabled: false,
        running: true,
        last_started: Some(1_700_000_000_000_000),
        last_run: Some(LastRun {
            started: 1,
            finished: 2,
            success: false,
            message: "it failed".into(),
        }),
        next_run: None,
        average_process_time: Some(0.25),
        last_seen: Some(json("17")),
        queues: Queues {
            source: [("a".to_owned(), 3)].into(),
            dependencies: 4,
            retries: 5,
        },
        reprocessing_reasons: vec!["new".into()],
        dead_letter_dataset: None,
        dependencies: vec!["a".into(), "b".into()],
        sink_dataset: Some(id.to_owned()),
        storage: 12,
        checkpoint: None,
    }
}

pub(super) fn dataset_report(name: &str) -> DatasetReport {
    DatasetReport {
        status: DatasetStatus {
            name: DatasetName::existing(name).unwrap(),
            number: DatasetNumber(3),
            generation: Generation([1; 16]),
            populated: true,
            max_offset: Some(2),
            epoch: 7,
            counters: Counters {
                log_exists: 3,
                log_deleted: 1,
                index_exists: 2,
                index_deleted: 1,
                bytes: 99,
            },
            last_modified: 1_700_000_000_000_002,
            indexes: vec![IndexState {
                name: "x".into(),
                ready: true,
            }],
        },
        pipe: Some(name.to_owned()),
        origin: "user".into(),
        queues: QueueReport { size: 4 },
        indexes: vec!["x".into()],
    }
}

pub(super) fn headers() -> FeedHeaders {
    FeedHeaders {
        populated: Some(true),
        max_updated: Some(2),
        generation: Some(Generation([1; 16]).to_string()),
        ..FeedHeaders::default()
    }
}

pub(super) fn component(id: &str) -> Component {
    let json = Arc::new(json(&format!(
        r#"{{"type": "pipe", "_id": "{id}", "n": 1.0}}"#
    )));
    Component {
        kind: ComponentKind::Pipe,
        id: id.to_owned(),
        group: "default".into(),
        original: Arc::clone(&json),
        effective: json,
        diagnostics: diagnostics(),
    }
}

pub(super) fn snapshot(revision: u64, ids: &[&str]) -> ConfigurationSnapshot {
    let components = ids.iter().map(|id| component(id));
    ConfigurationSnapshot {
        revision,
        components: components
            .map(|one| ((one.kind, one.id.clone()), one))
            .collect(),
        variables: [("limit".to_owned(), json("1.0"))].into(),
        secret_names: vec!["password".into()],
        system_secret_names: [("crm".to_owned(), vec!["key".to_owned()])].into(),
        ..ConfigurationSnapshot::default()
    }
}

pub(super) fn run_all() -> RunAll {
    RunAll {
        extra_zero_runs: 1,
        max_runs: 100,
        max_run_time: 60,
        delete_input_datasets: false,
        reset_pipes_and_delete_sink_datasets: true,
        check_input_pipes: true,
        output_run_statistics: false,
        pipes: vec!["in".into()],
        together: None,
    }
}

/// A worker that is there, one that is away, one that nobody has heard of.
pub(crate) fn format_report(finalizes: Option<u64>) -> FormatReport {
    let reads = FormatRange {
        oldest: 1,
        newest: 2,
    };
    let worker = |id: &str, reads, is_present| {
        let formats = WorkerFormats { reads, is_present };
        (WorkerId(id.into()), formats)
    };
    let workers = [
        worker("w-1", Some(reads), true),
        worker("w-2", Some(FormatRange::FIRST), false),
        worker("w-3", None, false),
    ];
    FormatReport {
        format: 1,
        reads,
        workers: workers.into(),
        finalizes,
    }
}
