//! Defaults that depend on other properties, and what a client reads from effective configurations.

use super::{at, configuration, effective, json, pipe};
use crate::{Mode, Schedule};
use sluice_entity::Json;

#[test]
fn a_pipe_without_sink_writes_a_dataset_of_its_name() {
    let effective = effective(r#""source": {"type": "empty"}"#);
    assert_eq!(at(&effective, "sink/type"), Some(&json("\"dataset\"")));
    assert_eq!(at(&effective, "sink/dataset"), Some(&json("\"p\"")));
    assert_eq!(
        pipe(r#""source": {"type": "empty"}, "sink": {"deletion_tracking": false}"#)
            .sink_dataset
            .as_deref(),
        Some("p")
    );
}

#[test]
fn null_is_as_good_as_absent() {
    let pipe = pipe(
        r#""source": {"type": "empty"}, "sink": null, "pump": null, "transform": null, "batch_size": null"#,
    );
    assert!(pipe.diagnostics.is_empty(), "{:?}", pipe.diagnostics);
    assert_eq!(
        (pipe.batch_size, pipe.sink_dataset.as_deref()),
        (100, Some("p"))
    );
    assert!(pipe.pump.exists() && pipe.effective.get("transform").is_none());
}

#[test]
fn the_default_schedule_depends_on_source_and_sink() {
    let interval = |members: &str| pipe(members).pump.schedule;
    let dataset = Schedule::Interval {
        seconds: 30.0,
        jitter: 1.5,
    };
    assert_eq!(
        interval(r#""source": {"type": "dataset", "dataset": "p"}"#),
        dataset
    );
    let other = Schedule::Interval {
        seconds: 900.0,
        jitter: 45.0,
    };
    assert_eq!(interval(r#""source": {"type": "empty"}"#), other);
    assert_eq!(
        interval(r#""source": {"type": "dataset", "dataset": "p"}, "sink": {"type": "null"}"#),
        other
    );
    let given = Schedule::Interval {
        seconds: 7.5,
        jitter: 0.0,
    };
    assert_eq!(
        interval(r#""source": {"type": "empty"}, "pump": {"schedule_interval": 7.5}"#),
        given
    );
    let cron = Schedule::Cron {
        expression: "0/5 * * * ?".to_owned(),
    };
    assert_eq!(
        interval(
            r#""source": {"type": "empty"}, "pump": {"cron_expression": "0/5 * * * ?", "schedule_interval": 1}"#
        ),
        cron
    );
}

#[test]
fn receivers_and_publishers_have_no_pump() {
    for members in [
        r#""source": {"type": "http_endpoint"}"#,
        r#""source": {"type": "dataset", "dataset": "p"}, "sink": {"type": "http_endpoint"}, "pump": {"mode": "manual"}"#,
        r#""source": {"type": "dataset", "dataset": "p"}, "sink": {"type": "csv_endpoint", "columns": ["_id"]}"#,
        r#""source": {"type": "dataset", "dataset": "p"}, "sink": {"type": "xml_endpoint"}"#,
    ] {
        let pipe = pipe(members);
        assert_eq!(pipe.pump.schedule, Schedule::None, "{members}");
        assert!(pipe.effective.get("pump").is_none(), "{members}");
    }
    assert_eq!(
        pipe(r#""source": {"type": "empty"}, "pump": {"mode": "off"}"#)
            .pump
            .mode,
        Mode::Off
    );
}

#[test]
fn batches_and_checkpoints() {
    let sizes = |members: &str| {
        let pipe = pipe(&format!(r#""source": {{"type": "empty"}}, {members}"#));
        (pipe.batch_size, pipe.checkpoint_interval)
    };
    assert_eq!(sizes(r#""comment": """#), (100, 100));
    assert_eq!(sizes(r#""batch_size": 1"#), (1, 1));
    assert_eq!(sizes(r#""batch_size": 1000"#), (1000, 10));
    assert_eq!(sizes(r#""batch_size": 50000"#), (50_000, 1));
    assert_eq!(
        sizes(r#""batch_size": 10, "checkpoint_interval": 3"#),
        (10, 3)
    );
    assert_eq!(sizes(r#""sink": {"type": "rest", "system": "s"}"#), (1, 1));
}

#[test]
fn namespaces_follow_the_node_the_source_and_the_sink() {
    let namespaces = |node: &str, members: &str| {
        let text = format!(
            r#"[{{"_id": "node", "type": "metadata", "namespaced_identifiers": {node}}}, {{"_id": "p", "type": "pipe", {members}}}]"#
        );
        let namespaces = configuration(&text).pipes["p"].namespaces.clone();
        (namespaces.add, namespaces.remove, namespaces.identity)
    };
    let embedded = r#""source": {"type": "embedded", "entities": []}"#;
    let publisher =
        r#""source": {"type": "dataset", "dataset": "p"}, "sink": {"type": "http_endpoint"}"#;
    let p = || "p".to_owned();
    assert_eq!(namespaces("true", embedded), (true, false, p()));
    assert_eq!(namespaces("false", embedded), (false, false, p()));
    assert_eq!(namespaces("true", publisher), (false, true, p()));
    assert_eq!(
        namespaces(
            "true",
            &format!(r#"{embedded}, "namespaced_identifiers": false"#)
        ),
        (false, false, p())
    );
    assert_eq!(
        namespaces("false", &format!(r#"{embedded}, "add_namespaces": true"#)),
        (true, false, p())
    );
    let named = format!(r#"{embedded}, "namespaces": {{"identity": "i"}}"#);
    assert_eq!(namespaces("true", &named), (true, false, "i".to_owned()));
    assert_eq!(
        namespaces(
            "true",
            r#""source": {"type": "rest", "system": "s", "operation": "o"}"#
        ),
        (false, false, p())
    );
}

#[test]
fn signalling_is_on_between_internal_pipes_without_a_short_schedule_of_their_own() {
    let signalling = |members: &str| {
        let effective = effective(&format!(
            r#""source": {{"type": "dataset", "dataset": "p"}}, {members}"#
        ));
        at(&effective, "source/supports_signalling").and_then(Json::as_bool)
    };
    assert_eq!(signalling(r#""comment": """#), Some(true));
    assert_eq!(
        signalling(r#""pump": {"cron_expression": "0 0 * * *"}"#),
        Some(false)
    );
    assert_eq!(
        signalling(r#""pump": {"schedule_interval": 60}"#),
        Some(false)
    );
    assert_eq!(
        signalling(r#""pump": {"schedule_interval": 7200}"#),
        Some(true)
    );
    assert_eq!(signalling(r#""sink": {"type": "null"}"#), Some(false));
    let explicit = effective(
        r#""source": {"type": "dataset", "dataset": "p", "supports_signalling": true}, "pump": {"cron_expression": "0 0 * * *"}"#,
    );
    assert_eq!(
        at(&explicit, "source/supports_signalling"),
        Some(&Json::Bool(true))
    );
}

#[test]
fn node_wide_defaults_reach_every_component_and_yield_to_its_own() {
    let loaded = configuration(
        r#"[{"_id": "node", "type": "metadata", "global_defaults": {"if_source_empty": "fail", "require_populated_input": true,
                "always_index_ids": true, "use_signalling_internally": false, "reprocessing_policy": "automatic", "verify_ssl": false,
                "max_entity_bytes_size": 5, "compaction_keep_versions": 7, "default_compaction_type": "background",
                "rescan_when_config_changes": true, "trace": {"log_request_headers": false}},
             "dependency_tracking": {"dependency_warning_threshold": 3},
             "task_manager": {"disable_user_pipes": true}},
            {"_id": "a", "type": "pipe", "source": {"type": "dataset", "dataset": "a"}, "sink": {"indexes": ["_S.x"]}},
            {"_id": "b", "type": "pipe", "source": {"type": "dataset", "dataset": "b", "if_source_empty": "accept"},
                "reprocessing_policy": "continue", "compaction": {"keep_versions": 2, "sink": true}},
            {"_id": "c", "type": "pipe", "source": {"type": "http_endpoint"}},
            {"_id": "s", "type": "system:url", "url_pattern": "http://h/%s"}]"#,
    );
    for (pipe, path, expected) in [
        ("a", "source/if_source_empty", "\"fail\""),
        ("a", "source/require_populated_input", "true"),
        ("a", "source/supports_signalling", "false"),
        ("a", "sink/indexes", r#"["$ids", "_S.x"]"#),
        ("a", "sink/max_entity_bytes_size", "5"),
        ("a", "reprocessing_policy", "\"automatic\""),
        ("a", "rescan_when_config_changes", "true"),
        ("a", "compaction/keep_versions", "7"),
        ("a", "compaction/sink", "false"),
        ("a", "dependency_tracking/dependency_warning_threshold", "3"),
        ("b", "source/if_source_empty", "\"accept\""),
        ("b", "reprocessing_policy", "\"continue\""),
        ("b", "compaction/keep_versions", "2"),
        ("b", "compaction/sink", "true"),
        ("c", "source/trace/log_request_headers", "false"),
        ("c", "source/trace/log_response_headers", "true"),
    ] {
        assert_eq!(
            at(&loaded.pipes[pipe].effective, path),
            Some(&json(expected)),
            "{pipe} {path}"
        );
    }
    assert_eq!(
        at(&loaded.systems["s"].effective, "verify_ssl"),
        Some(&Json::Bool(false))
    );
    assert!(loaded.metadata.disable_user_pipes && !loaded.metadata.disable_pump_scheduler);
}

#[test]
fn the_content_hash_is_of_what_decides_about_the_output() {
    let hash = |members: &str| pipe(members).content_hash;
    let plain = hash(r#""source": {"type": "empty"}"#);
    assert_eq!(
        plain,
        hash(
            r#""source": {"type": "empty"}, "description": "x", "pump": {"schedule_interval": 1}"#
        )
    );
    assert_eq!(
        plain,
        hash(r#""batch_size": 100, "source": {"type": "empty"}"#),
        "a default that is written down"
    );
    assert_ne!(
        plain,
        hash(r#""source": {"type": "empty"}, "sink": {"deletion_tracking": false}"#)
    );
    assert_ne!(
        plain,
        hash(r#""source": {"type": "empty"}, "add_namespaces": true"#)
    );
}

#[test]
fn a_merge_of_version_1_is_understood_as_version_2() {
    let pipe = pipe(r#""source": {"type": "merge", "version": 1, "datasets": ["p a"]}"#);
    assert_eq!(at(&pipe.effective, "source/version"), Some(&json("2")));
    assert_eq!(pipe.inputs, ["p"]);
    assert!(
        pipe.diagnostics
            .iter()
            .any(|problem| problem.code == "deprecated")
    );
}

#[test]
fn the_old_switch_of_dead_letters_names_the_dataset() {
    let pipe = pipe(r#""source": {"type": "empty"}, "pump": {"use_dead_letter_dataset": true}"#);
    assert_eq!(
        pipe.pump.dead_letter_dataset.as_deref(),
        Some("system:dead-letter:p")
    );
}
