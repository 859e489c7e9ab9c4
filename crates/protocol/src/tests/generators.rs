//! Any value of any type that travels.

use crate::*;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use sluice_dataset::{
    Counters, DatasetName, DatasetNumber, DatasetStatus, Generation, IndexState, ReadOptions,
};
use sluice_entity::{ContentHash, Entity, Generated, Json, Limits, Numbers, Reader};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(super) fn text() -> impl Strategy<Value = String> {
    ".{0,12}"
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    vec(text(), 0..4)
}

fn parameters() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(text(), text(), 0..4)
}

/// JSON of any shape; names unique in their object and in any order, numbers in any spelling.
pub(super) fn json() -> impl Strategy<Value = Json> {
    let number = "-?(0|[1-9][0-9]{0,35})(\\.[0-9]{1,8})?([eE][+-]?[0-9]{1,3})?";
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        number.prop_map(|number| Json::Number(number.into())),
        any::<String>().prop_map(Json::String),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Json::Array),
            vec((any::<String>(), inner), 0..5).prop_map(object),
        ]
    })
}

fn object(mut members: Vec<(String, Json)>) -> Json {
    let mut names = BTreeSet::new();
    members.retain(|(name, _)| names.insert(name.clone()));
    Json::Object(members)
}

fn shared_json() -> impl Strategy<Value = Arc<Json>> {
    json().prop_map(Arc::new)
}

pub(super) fn error() -> impl Strategy<Value = Error> {
    let code = proptest::sample::select(&Code::ALL[..]);
    let members = vec((text(), json()), 0..4);
    (code, "[a-z-]{1,20}", any::<String>(), members).prop_map(|(code, reason, message, members)| {
        let error = Error::new(code, reason, message);
        let with = |error: Error, (name, value): (String, Json)| error.with(name, value);
        members.into_iter().fold(error, with)
    })
}

pub(super) fn kind() -> impl Strategy<Value = ComponentKind> {
    prop_oneof![
        Just(ComponentKind::Pipe),
        Just(ComponentKind::System),
        Just(ComponentKind::Metadata)
    ]
}

pub(super) fn diagnostics() -> impl Strategy<Value = Vec<Diagnostic>> {
    let element = prop_oneof![
        text().prop_map(PathElement::Key),
        any::<u32>().prop_map(|index| PathElement::Index(index as usize)),
    ];
    let level = prop_oneof![Just(Level::Warning), Just(Level::Error)];
    let diagnostic =
        (level, text(), text(), vec(element, 0..4)).prop_map(|(level, code, message, elements)| {
            Diagnostic {
                level,
                code,
                message,
                elements,
            }
        });
    vec(diagnostic, 0..3)
}

fn component() -> impl Strategy<Value = Component> {
    (
        kind(),
        text(),
        text(),
        shared_json(),
        of(shared_json()),
        diagnostics(),
    )
        .prop_map(
            |(kind, id, group, original, effective, diagnostics)| Component {
                kind,
                id,
                group,
                effective: effective.unwrap_or_else(|| Arc::clone(&original)),
                original,
                diagnostics,
            },
        )
}

pub(super) fn variables() -> impl Strategy<Value = BTreeMap<String, Json>> {
    btree_map(text(), json(), 0..4)
}

pub(super) fn snapshot() -> impl Strategy<Value = ConfigurationSnapshot> {
    (
        any::<u64>(),
        vec(component(), 0..6),
        variables(),
        texts(),
        btree_map(text(), texts(), 0..3),
    )
        .prop_map(
            |(revision, components, variables, secret_names, system_secret_names)| {
                let components = components
                    .into_iter()
                    .map(|one| ((one.kind, one.id.clone()), one));
                ConfigurationSnapshot {
                    revision,
                    components: components.collect(),
                    variables,
                    secret_names,
                    system_secret_names,
                    ..ConfigurationSnapshot::default()
                }
            },
        )
}

pub(super) fn put_configuration() -> impl Strategy<Value = PutConfiguration> {
    let scope = prop_oneof![Just(Scope::All), text().prop_map(Scope::Group)];
    (scope, vec(json(), 0..4), any::<bool>(), text()).prop_map(
        |(scope, components, force, user)| PutConfiguration {
            scope,
            components,
            force,
            user,
        },
    )
}

pub(super) fn put_outcome() -> impl Strategy<Value = PutOutcome> {
    let rejected = (json(), diagnostics()).prop_map(|(posted, diagnostics)| RejectedComponent {
        posted,
        diagnostics,
    });
    (any::<bool>(), any::<u64>(), vec(rejected, 0..3)).prop_map(|(applied, revision, rejected)| {
        PutOutcome {
            applied,
            revision,
            rejected,
        }
    })
}

pub(super) fn history_entry() -> impl Strategy<Value = HistoryEntry> {
    let numbers = (any::<u64>(), of(any::<u64>()), any::<u64>());
    (numbers, kind(), text(), text(), of(shared_json())).prop_map(
        |((offset, previous, timestamp), kind, id, user, original)| HistoryEntry {
            offset,
            previous,
            kind,
            id,
            timestamp,
            user,
            original,
        },
    )
}

pub(super) fn scope() -> impl Strategy<Value = SecretScope> {
    prop_oneof![
        Just(SecretScope::Global),
        text().prop_map(SecretScope::System)
    ]
}

pub(super) fn secret_values() -> impl Strategy<Value = SecretValues> {
    (parameters(), btree_map(text(), parameters(), 0..3))
        .prop_map(|(global, systems)| SecretValues { global, systems })
}

pub(super) fn generated() -> impl Strategy<Value = Generated> {
    (
        any::<u64>(),
        of(any::<u64>()),
        any::<u64>(),
        any::<[u8; 16]>(),
        any::<bool>(),
    )
        .prop_map(|(updated, previous, ts, hash, deleted)| Generated {
            updated,
            previous,
            ts,
            hash: ContentHash(hash),
            deleted,
        })
}

/// An entity that comes from outside of a dataset.
pub(super) fn entity() -> impl Strategy<Value = Entity> {
    (text(), vec((text(), json()), 0..4)).prop_map(|(id, members)| {
        let mut members = members;
        members.insert(0, ("_id".to_owned(), Json::String(id.replace('~', "-"))));
        let json = object(members).to_string().replace('~', "-");
        // Strings that begin with a tilde are tags, and not every tag is one.
        Reader::new(Limits::default(), Numbers::default())
            .read_entity(json.as_bytes())
            .unwrap()
    })
}

pub(super) fn any_entity() -> impl Strategy<Value = Entity> {
    (entity(), of(generated())).prop_map(|(entity, generated)| match generated {
        Some(generated) => Entity::with_generated(entity.body_buf().clone(), generated),
        None => entity,
    })
}

pub(super) fn headers() -> impl Strategy<Value = FeedHeaders> {
    let flags = (of(any::<bool>()), of(any::<bool>()));
    let numbers = (of(any::<u64>()), of(any::<u64>()), of(any::<u64>()));
    (flags, numbers, of(text()), of(text())).prop_map(
        |(
            (populated, filtered),
            (max_updated, completeness, restore_offset),
            generation,
            restore_uuid,
        )| FeedHeaders {
            populated,
            max_updated,
            generation,
            filtered,
            completeness,
            restore_uuid,
            restore_offset,
        },
    )
}

pub(super) fn stage() -> impl Strategy<Value = EntityStage> {
    prop_oneof![
        Just(EntityStage::Source),
        Just(EntityStage::BeforeTransform),
        Just(EntityStage::AfterTransform),
        Just(EntityStage::Sink)
    ]
}

pub(super) fn read_request() -> impl Strategy<Value = ReadRequest> {
    let numbers = (of(any::<u64>()), of(any::<u64>()));
    let flags = any::<[bool; 4]>();
    (numbers, flags, of(text()), of(text()), parameters()).prop_map(
        |(
            (since, limit),
            [reverse, history, deleted, populated],
            since_text,
            subset,
            parameters,
        )| {
            ReadRequest {
                options: ReadOptions {
                    since,
                    limit,
                    reverse,
                    history,
                    deleted,
                },
                since_text,
                subset,
                populated,
                parameters,
            }
        },
    )
}

pub(super) fn publish_request() -> impl Strategy<Value = PublishRequest> {
    (read_request(), text(), of(text())).prop_map(|(read, format, file)| PublishRequest {
        read,
        format,
        file,
    })
}

pub(super) fn push_request() -> impl Strategy<Value = PushRequest> {
    let names = (of(text()), of(text()), of(text()));
    let flags = any::<[bool; 4]>();
    let numbers = (of(any::<u64>()), of(any::<u64>()));
    (names, flags, numbers, parameters(), text()).prop_map(
        |(
            (sequence_id, request_id, previous_request_id),
            [is_full, is_first, is_last, allow_mass_delete],
            (content_length, completeness),
            parameters,
            user,
        )| PushRequest {
            sequence_id,
            is_full,
            request_id,
            previous_request_id,
            is_first,
            is_last,
            allow_mass_delete,
            content_length,
            completeness,
            parameters,
            user,
        },
    )
}

pub(super) fn push_reply() -> impl Strategy<Value = PushReply> {
    any::<(u64, u64)>().prop_map(|(received, changed)| PushReply { received, changed })
}

fn operation_kind() -> impl Strategy<Value = OperationKind> {
    proptest::sample::select(&OperationKind::ALL[..]).prop_map(|(kind, _)| kind)
}

pub(super) fn pump_request() -> impl Strategy<Value = PumpRequest> {
    (operation_kind(), parameters(), text()).prop_map(|(kind, parameters, user)| PumpRequest {
        operation: PumpOperation { kind, parameters },
        user,
    })
}

pub(super) fn pipe_report() -> impl Strategy<Value = PipeReport> {
    let state = prop_oneof![
        Just(PipeState::Deploying),
        Just(PipeState::Deployed),
        Just(PipeState::Removing)
    ];
    let last_run = (any::<[u64; 2]>(), any::<bool>(), text()).prop_map(
        |([started, finished], success, message)| LastRun {
            started,
            finished,
            success,
            message,
        },
    );
    let queues = (btree_map(text(), any::<u64>(), 0..3), any::<[u64; 2]>()).prop_map(
        |(source, [dependencies, retries])| Queues {
            source,
            dependencies,
            retries,
        },
    );
    let configuration = (shared_json(), of(shared_json()), diagnostics());
    let flags = any::<[bool; 4]>();
    let times = (
        of(any::<u64>()),
        of(last_run),
        of(any::<u64>()),
        any::<u64>(),
    );
    let words = (text(), text(), text(), of(text()), of(text()), of(text()));
    let checkpoint = (
        of(any::<u64>()),
        of(any::<u64>()),
        of(any::<u64>()),
        of(text()),
    );
    let checkpoint = checkpoint.prop_map(|(number, made, whole, problem)| CheckpointReport {
        number,
        made,
        whole,
        problem,
    });
    let lists = (vec(operation_kind(), 0..4), texts(), texts());
    let rest = (
        state,
        queues,
        of(-1e300f64..1e300),
        of(json()),
        of(checkpoint),
    );
    (configuration, flags, times, words, lists, rest).prop_map(
        |(
            (original, effective, diagnostics),
            [valid, has_pump, disabled, running],
            (last_started, last_run, next_run, storage),
            (id, origin, mode, waiting_for, dead_letter_dataset, sink_dataset),
            (supported_operations, reprocessing_reasons, dependencies),
            (state, queues, average_process_time, last_seen, checkpoint),
        )| PipeReport {
            id,
            origin,
            effective: effective.unwrap_or_else(|| Arc::clone(&original)),
            original,
            diagnostics,
            valid,
            state,
            waiting_for,
            has_pump,
            supported_operations,
            mode: mode.into(),
            disabled,
            running,
            last_started,
            last_run,
            next_run,
            average_process_time,
            last_seen,
            queues,
            reprocessing_reasons,
            dead_letter_dataset,
            dependencies,
            sink_dataset,
            storage,
            checkpoint,
        },
    )
}

pub(super) fn system_report() -> impl Strategy<Value = SystemReport> {
    (text(), of(any::<bool>()), of(text())).prop_map(|(id, reachable, message)| SystemReport {
        id,
        reachable,
        message,
    })
}

pub(super) fn dataset_report() -> impl Strategy<Value = DatasetReport> {
    let index = (text(), any::<bool>()).prop_map(|(name, ready)| IndexState { name, ready });
    let status = (
        "(system:)?[a-zæø]{1,12}",
        any::<[u64; 3]>(),
        any::<[u8; 16]>(),
        any::<bool>(),
        of(any::<u64>()),
        any::<[u64; 5]>(),
        vec(index, 0..3),
    );
    let status = status.prop_map(
        |(
            name,
            [number, epoch, last_modified],
            generation,
            populated,
            max_offset,
            counts,
            indexes,
        )| {
            let [log_exists, log_deleted, index_exists, index_deleted, bytes] = counts;
            DatasetStatus {
                name: DatasetName::existing(&name).unwrap(),
                number: DatasetNumber(number),
                generation: Generation(generation),
                populated,
                max_offset,
                epoch,
                counters: Counters {
                    log_exists,
                    log_deleted,
                    index_exists,
                    index_deleted,
                    bytes,
                },
                last_modified,
                indexes,
            }
        },
    );
    (status, of(text()), text(), any::<u64>(), texts()).prop_map(
        |(status, pipe, origin, size, indexes)| DatasetReport {
            status,
            pipe,
            origin: origin.into(),
            queues: QueueReport { size },
            indexes,
        },
    )
}

pub(super) fn run_all() -> impl Strategy<Value = RunAll> {
    let numbers = any::<(u32, u32, u64)>();
    let together = of((text(), texts())).prop_map(|together| {
        let (run, workers) = together?;
        let workers = workers.into_iter().map(WorkerId).collect();
        Some(RunTogether { run, workers })
    });
    (numbers, any::<[bool; 4]>(), texts(), together).prop_map(
        |((extra_zero_runs, max_runs, max_run_time), flags, pipes, together)| RunAll {
            extra_zero_runs,
            max_runs,
            max_run_time,
            delete_input_datasets: flags[0],
            reset_pipes_and_delete_sink_datasets: flags[1],
            check_input_pipes: flags[2],
            output_run_statistics: flags[3],
            pipes,
            together,
        },
    )
}

pub(super) fn runner_status() -> impl Strategy<Value = RunnerStatus> {
    prop_oneof![
        Just(RunnerStatus::NotRunning),
        Just(RunnerStatus::Running),
        Just(RunnerStatus::Ended(RunnerOutcome::Success)),
        text().prop_map(|reason| RunnerStatus::Ended(RunnerOutcome::Failed(reason))),
    ]
}

pub(super) fn log_line() -> impl Strategy<Value = RunnerLogLine> {
    (any::<u64>(), text(), text()).prop_map(|(timestamp, level, text)| RunnerLogLine {
        timestamp,
        level: level.into(),
        text,
    })
}
