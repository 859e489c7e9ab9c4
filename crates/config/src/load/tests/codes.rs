//! Each code is given for a reason, at a place, and as error or warning: one row at least for each.

use super::{environment, json, shown};
use crate::{Code, Component, load};
use std::collections::BTreeSet;

/// Components, and the problems expected of all of them, in order: `level code place`.
const CASES: &[(&str, &[&str])] = &[
    (r#"[7]"#, &["error not-an-object "]),
    (r#"[{"type": "pipe"}]"#, &["error invalid-id "]),
    (
        r#"[{"_id": "", "type": "pipe"}]"#,
        &["error invalid-id _id"],
    ),
    (
        r#"[{"_id": "other", "type": "metadata"}]"#,
        &["error invalid-id _id"],
    ),
    (
        r#"[{"_id": "a/b", "type": "pipe", "source": {"type": "empty"}}]"#,
        &["error invalid-id _id"],
    ),
    (
        r#"[{"_id": "a/b", "type": "system:smtp"}]"#,
        &["error invalid-id _id", "warning not-in-this-version type"],
    ),
    (
        r#"[{"_id": "a_b", "type": "pipe", "source": {"type": "empty"}}]"#,
        &["warning unusual-id _id"],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "empty"}}, {"_id": "a", "type": "pipe", "source": {"type": "empty"}}]"#,
        &["error duplicate-component _id"],
    ),
    (
        r#"[{"_id": "a", "type": "system:microservice", "docker": {"image": "a b", "port": 70000, "username": "u",
            "environment": {"1A": "", "A=B": "", "C.d-e_F": ""}, "hosts": {"h": "no address"}}}]"#,
        &[
            "error missing-property docker/username",
            "error wrong-kind docker/environment/1A",
            "error wrong-kind docker/environment/A=B",
            "error wrong-kind docker/hosts/h",
            "error wrong-kind docker/image",
            "error wrong-kind docker/port",
        ],
    ),
    (
        r#"[{"_id": "a", "type": "system:microservice", "docker": {"image": "a", "port": 1, "pull_image_cron_expression": "0 0 * * *"},
            "authentication": "digest", "username": "u", "password": "p"}]"#,
        &[
            "warning not-in-this-version authentication",
            "warning not-in-this-version docker/pull_image_cron_expression",
        ],
    ),
    (r#"[{"_id": "a"}]"#, &["error missing-type "]),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {}}]"#,
        &["error missing-type source"],
    ),
    (
        r#"[{"_id": "a", "type": "pipes"}]"#,
        &["error unknown-type type"],
    ),
    (
        r#"[{"_id": "a", "type": "system:fax"}]"#,
        &["error unknown-type type"],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "no"}, "sink": {"type": "no"}, "transform": [{"type": "no"}]}]"#,
        &[
            "error unknown-type sink/type",
            "error unknown-type source/type",
            "error unknown-type transform/0/type",
        ],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "transform": {"type": "emit_children"}}]"#,
        &["warning not-in-this-version transform/type"],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "batchsize": 1, "pump": {"sched": 1}}]"#,
        &[
            "warning unknown-property batchsize",
            "warning unknown-property pump/sched",
        ],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "sink": {"set-initial-offset": "onload"}}]"#,
        &["warning old-spelling sink/set-initial-offset"],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "empty"},
             "sink": {"set-initial-offset": "onload", "set_initial_offset": "never"}}]"#,
        &["warning duplicate-property sink/set-initial-offset"],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "embedded", "entities": [7]}, "batch_size": 0}]"#,
        &[
            "error wrong-kind batch_size",
            "error wrong-kind source/entities",
        ],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": 7, "transform": "dtl"}]"#,
        &["error wrong-kind source", "error wrong-kind transform"],
    ),
    (
        r#"[{"_id": "a", "type": "pipe"}]"#,
        &["error missing-property "],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "dataset"}}]"#,
        &["error missing-property source"],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "http_endpoint", "supports_since": true}}]"#,
        &["warning fixed-property source/supports_since"],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "http_endpoint"}, "pump": {"schedule_interval": 1}}]"#,
        &["warning ignored-property pump"],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "pump": {"schedule_interval": 1, "cron_expression": "0 0 * * *"}}]"#,
        &["warning ignored-property pump/schedule_interval"],
    ),
    (
        r#"[{"_id": "s", "type": "system:url", "url_pattern": "http://h/%s"}, {"_id": "a", "type": "pipe",
            "source": {"type": "json", "system": "s", "url": "u", "page_size": 5, "supports_since": true, "is_chronological": false}}]"#,
        &["warning ignored-property source/page_size"],
    ),
    (
        r#"[{"_id": "s", "type": "system:url", "url_pattern": "http://h/%s"}, {"_id": "a", "type": "pipe",
            "source": {"type": "json", "system": "s", "url": "u", "page_size": 5, "supports_since": true, "is_chronological": true}}]"#,
        &[],
    ),
    (
        r#"[{"_id": "a", "type": "system:url", "base_url": "http://h/"}]"#,
        &["warning deprecated base_url"],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "pump": {"partial_rescan_run_count": 2},
             "compaction": {"keep_versions": 0}}]"#,
        &["error contradiction compaction", "error contradiction pump"],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "embedded", "entities": [{"_id": "x-$ENV(nowhere)"}]}}]"#,
        &["error unknown-variable source/entities/0/_id"],
    ),
    (
        r#"[{"_id": "s", "type": "system:url", "url_pattern": "http://$SECRET(own):$SECRET(password)@$SECRET(no)"}]"#,
        &["warning unknown-secret url_pattern"],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "description": "$SECRET(password)",
             "source": {"type": "http_endpoint", "validation_expression": "$SECRET(password)"}}]"#,
        &[
            "error secret-not-allowed description",
            "warning not-in-this-version source/validation_expression",
        ],
    ),
    (
        r#"[{"_id": "a", "type": "pipe",
             "source": {"type": "conditional", "condition": "$ENV(environment)", "alternatives": {"prod": {"type": "empty"}}}}]"#,
        &["error missing-alternative source/alternatives"],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "empty"},
             "$conditional_properties": {"condition": "x", "alternatives": {"x": {"_id": "b"}}}}]"#,
        &["error conditional-not-allowed $conditional_properties/alternatives/x/_id"],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "pump": {"cron_expression": "now and then"}}]"#,
        &["error invalid-cron pump/cron_expression"],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "dataset", "dataset": "b", "subset": ["neq", "_S.a", 1]}},
            {"_id": "b", "type": "pipe", "source": {"type": "empty"}}]"#,
        &["error invalid-subset source/subset"],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "json", "system": "no", "url": "x"}}]"#,
        &["error unknown-system source/system"],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "embedded", "system": "no", "entities": []}}]"#,
        &["warning unknown-system source/system"],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "json", "system": "m", "url": "x"}}, {"_id": "m", "type": "system:smtp"}]"#,
        &[
            "error wrong-system source/system",
            "warning not-in-this-version type",
        ],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "union_datasets", "datasets": ["a", "no"]}}]"#,
        &["warning unknown-dataset source/datasets/1"],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "empty"}},
            {"_id": "b", "type": "pipe", "source": {"type": "empty"}, "sink": {"dataset": "a"}}]"#,
        &[
            "error shared-sink-dataset ",
            "error shared-sink-dataset sink/dataset",
        ],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "pump": {"dead_letter_dataset": "d"}},
            {"_id": "b", "type": "pipe", "source": {"type": "empty"}, "pump": {"dead_letter_dataset": "d"}},
            {"_id": "c", "type": "pipe", "source": {"type": "empty"}, "pump": {"dead_letter_dataset": "c"}},
            {"_id": "e", "type": "pipe", "source": {"type": "empty"}, "pump": {"dead_letter_dataset": "system:dead-letter:e"}},
            {"_id": "f", "type": "pipe", "source": {"type": "empty"}, "pump": {"dead_letter_dataset": "system:dead-letter:e"}},
            {"_id": "g", "type": "pipe", "source": {"type": "empty"}, "pump": {"dead_letter_dataset": "system:config"}}]"#,
        &[
            "error shared-dead-letter-dataset pump/dead_letter_dataset",
            "error shared-dead-letter-dataset pump/dead_letter_dataset",
            "error shared-dead-letter-dataset pump/dead_letter_dataset",
            "error shared-dead-letter-dataset pump/dead_letter_dataset",
            "error shared-dead-letter-dataset pump/dead_letter_dataset",
            "error shared-dead-letter-dataset pump/dead_letter_dataset",
        ],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "sink": {"type": "csv_endpoint",
             "columns": [], "delimiter": "ab", "quotechar": "", "escapechar": "æ"}}]"#,
        &[
            "error wrong-kind sink/columns",
            "error wrong-kind sink/delimiter",
            "error wrong-kind sink/escapechar",
            "error wrong-kind sink/quotechar",
        ],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "sink": {"type": "csv_endpoint",
             "columns": ["a"], "delimiter": "\n", "quotechar": "\r", "escapechar": "\n"}}]"#,
        &[
            "error wrong-kind sink/delimiter",
            "error wrong-kind sink/escapechar",
            "error wrong-kind sink/quotechar",
        ],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "dataset", "dataset": "x/y"}}]"#,
        &[
            "error invalid-dataset source/dataset",
            "warning unknown-dataset source/dataset",
        ],
    ),
    (
        r#"[{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "sink": {"dataset": "system:config"}}]"#,
        &["error invalid-dataset sink/dataset"],
    ),
];

#[test]
fn problems_are_found_where_they_are() {
    for (text, expected) in CASES {
        assert_eq!(problems(text), *expected, "{text}");
    }
}

#[test]
fn too_much_is_refused_and_the_rest_is_loaded() {
    let mut environment = environment();
    environment.limits.depth = 5;
    environment.limits.component_bytes = 200;
    environment.limits.components = 3;
    environment
        .variables
        .insert("long".to_owned(), json(&format!("\"{}\"", "x".repeat(201))));
    let text = format!(
        r#"[{{"_id": "deep", "type": "pipe", "source": {{"type": "embedded", "entities": [{{"_id": [[[1]]]}}]}}}},
            {{"_id": "long", "type": "pipe", "description": "{}", "source": {{"type": "empty"}}}},
            {{"_id": "grown", "type": "pipe", "description": "$ENV(long)", "source": {{"type": "empty"}}}},
            {{"_id": "fourth", "type": "pipe", "source": {{"type": "empty"}}}}]"#,
        "y".repeat(201)
    );
    let loaded = load(&super::components(&text), &environment);
    for id in ["deep", "long", "grown"] {
        let pipe = &loaded.pipes[id];
        assert!(!pipe.valid && pipe.runnable.is_err(), "{id}");
        assert_eq!(pipe.diagnostics[0].code, "limit-exceeded", "{id}");
    }
    assert_eq!(loaded.refused[&3][0].code, "limit-exceeded");
}

#[test]
fn every_code_has_a_case() {
    let mut met: BTreeSet<String> = CASES
        .iter()
        .flat_map(|(_, expected)| expected.iter().filter_map(|shown| shown.split(' ').nth(1)))
        .map(str::to_owned)
        .collect();
    met.insert(Code::LimitExceeded.as_str().to_owned());
    let all: BTreeSet<String> = Code::ALL
        .iter()
        .map(|code| code.as_str().to_owned())
        .collect();
    assert_eq!(met, all);
}

/// Of everything in a list: those that cannot be read, then those of each component, sorted.
fn problems(text: &str) -> Vec<String> {
    let mut shown_problems = Vec::new();
    let mut components = Vec::new();
    for component in json(text).as_array().expect("a list") {
        match Component::from_json(component.clone()) {
            Ok(component) => components.push(component),
            Err(problem) => shown_problems.push(shown(&problem)),
        }
    }
    let loaded = load(&components, &environment());
    let pipes = loaded.pipes.values().flat_map(|pipe| &pipe.diagnostics);
    let systems = loaded
        .systems
        .values()
        .flat_map(|system| &system.diagnostics);
    let rest = loaded
        .metadata
        .diagnostics
        .iter()
        .chain(loaded.refused.values().flatten());
    shown_problems.extend(pipes.chain(systems).chain(rest).map(shown));
    shown_problems.sort();
    shown_problems
}
