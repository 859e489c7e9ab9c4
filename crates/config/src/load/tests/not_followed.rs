//! Settings that this version does not follow are told where they stand, and only where a configuration asks for them.

use super::{configuration, shown};
use crate::tables::{METADATA, PIPE, Property, Rows, SINKS, SOURCES, SYSTEMS, Shape};
use std::collections::BTreeSet;

/// A component, the place of the setting, and what happens instead.
const CASES: &[(&str, &str, &str)] = &[
    (
        r#"{"_id": "a", "type": "system:microservice", "docker": {"image": "i", "port": 1, "pull_image_cron_expression": "0 0 * * *"}}"#,
        "docker/pull_image_cron_expression",
        "when it is reloaded",
    ),
    (
        r#"{"_id": "a", "type": "pipe", "source": {"type": "dataset", "dataset": "a", "subset": ["eq", "_S.x", 1]}}"#,
        "source/subset",
        "does not run",
    ),
    (
        r#"{"_id": "a", "type": "pipe", "source": {"type": "dataset", "dataset": "a", "completeness": true}}"#,
        "source/completeness",
        "does not run",
    ),
    (
        r#"{"_id": "a", "type": "pipe", "source": {"type": "dataset", "dataset": "a", "initial_completeness": ["b"]}}"#,
        "source/initial_completeness",
        "does not run",
    ),
    (
        r#"{"_id": "a", "type": "pipe", "source": {"type": "http_endpoint", "validation_expression": "x"}}"#,
        "source/validation_expression",
        "takes no pushes",
    ),
    (
        r#"{"_id": "a", "type": "pipe", "source": {"type": "http_endpoint", "trace": {}}}"#,
        "source/trace",
        "ignored",
    ),
    (
        r#"{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "sink": {"track_children": true}}"#,
        "sink/track_children",
        "does not run",
    ),
    (
        r#"{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "sink": {"enable_optimistic_locking": true}}"#,
        "sink/enable_optimistic_locking",
        "does not run",
    ),
    (
        r#"{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "sink": {"circuit_breaker_threshold_factor": 0.5}}"#,
        "sink/circuit_breaker_threshold_factor",
        "ignored",
    ),
    (
        r#"{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "sink": {"circuit_breaker_threshold_count": 5}}"#,
        "sink/circuit_breaker_threshold_count",
        "ignored",
    ),
    (
        r#"{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "permissions": [["allow_all", ["group:Everyone"], []]]}"#,
        "permissions",
        "ignored",
    ),
    (
        r#"{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "enable_background_rescan": true}"#,
        "enable_background_rescan",
        "ignored",
    ),
    (
        r#"{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "exclude_completeness": ["b"]}"#,
        "exclude_completeness",
        "ignored",
    ),
    (
        r#"{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "include_completeness": ["b"]}"#,
        "include_completeness",
        "ignored",
    ),
    (
        r#"{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "dependency_tracking": {"dependency_error_threshold": 5}}"#,
        "dependency_tracking",
        "ignored",
    ),
    (
        r#"{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "compaction": {"ttl_deletes_hours": 5}}"#,
        "compaction/ttl_deletes_hours",
        "ignored",
    ),
    (
        r#"{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "compaction": {"sink": true}}"#,
        "compaction/sink",
        "background pass",
    ),
    (
        r#"{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "compaction": {"compaction_interval": 60}}"#,
        "compaction/compaction_interval",
        "ignored",
    ),
    (
        r#"{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "compaction": {"growth_threshold": 1.5}}"#,
        "compaction/growth_threshold",
        "ignored",
    ),
    (
        r#"{"_id": "node", "type": "metadata", "global_defaults": {"compaction_interval": 60}}"#,
        "global_defaults/compaction_interval",
        "ignored",
    ),
    (
        r#"{"_id": "node", "type": "metadata", "global_defaults": {"compaction_growth_threshold": 1.5}}"#,
        "global_defaults/compaction_growth_threshold",
        "ignored",
    ),
    (
        r#"{"_id": "a", "type": "pipe", "source": {"type": "empty"}, "compaction": {"retract": true}}"#,
        "compaction/retract",
        "ignored",
    ),
    (
        r#"{"_id": "a", "type": "system:url", "url_pattern": "http://localhost/%s", "retry_strategy": {"429": {"write_retry_delay": 30}}}"#,
        "retry_strategy",
        "ignored",
    ),
    (
        r#"{"_id": "node", "type": "metadata", "dependency_tracking": {"dependency_error_threshold": 5}}"#,
        "dependency_tracking",
        "ignored",
    ),
    (
        r#"{"_id": "node", "type": "metadata", "global_defaults": {"enable_background_rescan": true}}"#,
        "global_defaults/enable_background_rescan",
        "ignored",
    ),
    (
        r#"{"_id": "node", "type": "metadata", "global_defaults": {"trace": true}}"#,
        "global_defaults/trace",
        "ignored",
    ),
];

/// Ways to authenticate that `system:url` knows and this version does not speak.
const AUTHENTICATIONS: &[(&str, &str)] = &[
    (
        r#""authentication": "digest", "username": "u", "password": "p""#,
        "authentication",
    ),
    (
        r#""authentication": "ntlm", "username": "u", "password": "p""#,
        "authentication",
    ),
    (
        r#""authentication": "tripletex", "tripletex": {"consumer_token": "c", "employee_token": "e", "token_url": "http://localhost/"}"#,
        "authentication",
    ),
    (
        r#""oauth2": {"client_id": "i", "client_secret": "s", "token_url": "http://localhost/"}"#,
        "oauth2",
    ),
];

#[test]
fn a_setting_that_is_not_followed_is_told_at_its_place_with_what_happens_instead() {
    for (component, place, instead) in CASES {
        let told = told(component);
        let expected = format!("warning not-in-this-version {place}");
        let name = place.rsplit('/').next().unwrap();
        assert_eq!(told.len(), 1, "{component}: {told:?}");
        assert_eq!(told[0].0, expected, "{component}");
        assert!(told[0].1.contains(&format!("\"{name}\"")), "{}", told[0].1);
        assert!(told[0].1.contains(instead), "{}", told[0].1);
    }
}

#[test]
fn an_authentication_that_is_not_spoken_is_told_once() {
    for (members, place) in AUTHENTICATIONS {
        let system = format!(
            r#"{{"_id": "a", "type": "system:url", "url_pattern": "http://localhost/%s", {members}}}"#
        );
        let places: Vec<String> = told(&system).into_iter().map(|(shown, _)| shown).collect();
        assert_eq!(
            places,
            [format!("warning not-in-this-version {place}")],
            "{members}"
        );
    }
}

#[test]
fn what_is_switched_off_or_comes_from_a_default_is_not_told() {
    for component in [
        r#"{"_id": "a", "type": "pipe", "source": {"type": "http_endpoint"}}"#,
        r#"{"_id": "a", "type": "pipe", "source": {"type": "dataset", "dataset": "a", "completeness": false, "subset": null},
            "sink": {"track_children": false, "enable_optimistic_locking": false},
            "permissions": [], "exclude_completeness": [], "enable_background_rescan": false, "compaction": {"retract": false, "sink": false, "automatic": false}}"#,
        r#"{"_id": "node", "type": "metadata", "global_defaults": {"trace": false, "enable_background_rescan": false}}"#,
    ] {
        assert_eq!(told(component), [], "{component}");
    }
    let loaded = configuration(
        r#"[{"_id": "node", "type": "metadata", "global_defaults": {"trace": true, "enable_background_rescan": true}},
            {"_id": "a", "type": "pipe", "source": {"type": "http_endpoint"}}]"#,
    );
    assert!(loaded.pipes["a"].enable_background_rescan);
    assert_eq!(loaded.pipes["a"].diagnostics, []);
}

#[test]
fn every_row_that_is_not_followed_has_a_case() {
    let mut rows = BTreeSet::new();
    for family in [SOURCES, SINKS, SYSTEMS] {
        // Types that do not run are told as a whole.
        for known in family.iter().filter(|known| known.runs) {
            known.rows().for_each(|row| collect(row, &mut rows));
        }
    }
    let own: [Rows; 2] = [PIPE, METADATA];
    own.iter()
        .flat_map(|rows| rows.iter())
        .for_each(|row| collect(row, &mut rows));
    let met: BTreeSet<&str> = CASES
        .iter()
        .filter_map(|(_, place, _)| place.rsplit('/').next())
        .collect();
    assert_eq!(rows, met);
}

fn collect(row: &'static Property, names: &mut BTreeSet<&'static str>) {
    if row.not_followed.is_some() {
        names.insert(row.name);
    }
    if let Shape::Fields(inner) = row.shape {
        inner.iter().for_each(|row| collect(row, names));
    }
}

/// The problems of this code, each with its message.
fn told(component: &str) -> Vec<(String, String)> {
    let loaded = configuration(&format!("[{component}]"));
    let pipes = loaded.pipes.values().flat_map(|pipe| &pipe.diagnostics);
    let systems = loaded
        .systems
        .values()
        .flat_map(|system| &system.diagnostics);
    pipes
        .chain(systems)
        .chain(&loaded.metadata.diagnostics)
        .filter(|problem| problem.code == "not-in-this-version")
        .map(|problem| (shown(problem), problem.message.clone()))
        .collect()
}
