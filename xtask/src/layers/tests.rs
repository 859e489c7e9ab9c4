//! The rules of `layers` against small made-up workspaces.

use serde_json::{Value, json};

use super::purity::impure_lines;
use super::{judge, reachable};
use crate::workspace::Metadata;

/// A workspace of our packages `(name, normal dependencies, dependencies of tests)` over outside crates without any.
fn workspace(ours: &[(&str, &[&str], &[&str])], outside: &[&str]) -> Metadata {
    let package = |name: &str, normal: &[&str], dev: &[&str]| {
        let mut dependencies: Vec<Value> = normal
            .iter()
            .map(|to| json!({"name": to, "kind": null}))
            .collect();
        dependencies.extend(dev.iter().map(|to| json!({"name": to, "kind": "dev"})));
        json!({"id": name, "name": name, "version": "1.0.0", "manifest_path": "/x/Cargo.toml", "dependencies": dependencies})
    };
    let node = |name: &str, normal: &[&str], dev: &[&str]| {
        let mut deps: Vec<Value> = normal
            .iter()
            .map(|to| json!({"pkg": to, "dep_kinds": [{"kind": null}]}))
            .collect();
        deps.extend(
            dev.iter()
                .map(|to| json!({"pkg": to, "dep_kinds": [{"kind": "dev"}]})),
        );
        json!({"id": name, "deps": deps})
    };
    let mut packages: Vec<Value> = ours
        .iter()
        .map(|(name, normal, dev)| package(name, normal, dev))
        .collect();
    packages.extend(outside.iter().map(|name| package(name, &[], &[])));
    let mut nodes: Vec<Value> = ours
        .iter()
        .map(|(name, normal, dev)| node(name, normal, dev))
        .collect();
    nodes.extend(outside.iter().map(|name| node(name, &[], &[])));
    let members: Vec<&str> = ours.iter().map(|(name, _, _)| *name).collect();
    serde_json::from_value(
        json!({"packages": packages, "workspace_members": members, "resolve": {"nodes": nodes}}),
    )
    .unwrap()
}

fn check(ours: &[(&str, &[&str], &[&str])], outside: &[&str], expected: &[&str]) {
    let problems = judge(&workspace(ours, outside));
    assert_eq!(problems.len(), expected.len(), "{problems:?}");
    for (problem, start) in problems.iter().zip(expected) {
        assert!(
            problem.starts_with(start),
            "{problem} does not start with {start}"
        );
    }
}

#[test]
fn what_arrows_reach_over_others_is_allowed() {
    check(
        &[
            ("sluice-worker", &["sluice-entity", "sluice-store"], &[]),
            ("sluice-store", &[], &[]),
            ("sluice-entity", &[], &[]),
        ],
        &[],
        &[],
    );
}

#[test]
fn arrow_against_the_layers_is_named() {
    check(
        &[
            ("sluice-dtl", &["sluice-dataset"], &[]),
            ("sluice-dataset", &[], &[]),
        ],
        &[],
        &["sluice-dtl → sluice-dataset"],
    );
}

#[test]
fn role_that_depends_on_another_is_named_even_in_its_tests() {
    check(
        &[
            ("sluice-aggregator", &[], &["sluice-worker"]),
            ("sluice-worker", &[], &[]),
        ],
        &[],
        &["sluice-aggregator → sluice-worker"],
    );
}

#[test]
fn xtask_links_none_of_ours() {
    check(
        &[
            ("xtask", &["sluice-entity"], &[]),
            ("sluice-entity", &[], &[]),
        ],
        &[],
        &["xtask → sluice-entity"],
    );
}

#[test]
fn crate_without_a_row_is_named() {
    check(
        &[("sluice-extra", &[], &[])],
        &[],
        &["sluice-extra has no layer"],
    );
}

#[test]
fn only_the_store_names_rocksdb() {
    check(&[("sluice-store", &["rocksdb"], &[])], &["rocksdb"], &[]);
    check(
        &[("sluice-worker", &["rocksdb"], &[])],
        &["rocksdb"],
        &["sluice-worker → rocksdb"],
    );
    check(
        &[("sluice-worker", &[], &["rocksdb"])],
        &["rocksdb"],
        &["sluice-worker → rocksdb"],
    );
}

#[test]
fn http_servers_are_for_the_aggregator_and_for_tests() {
    check(
        &[
            ("sluice-aggregator", &["axum"], &[]),
            ("sluice-worker", &[], &["axum"]),
        ],
        &["axum"],
        &[],
    );
    check(
        &[("sluice-worker", &["axum"], &[])],
        &["axum"],
        &["sluice-worker → axum"],
    );
}

#[test]
fn only_the_protocol_names_protobuf() {
    check(&[("sluice-protocol", &["prost"], &[])], &["prost"], &[]);
    check(
        &[("sluice-aggregator", &[], &["prost"])],
        &["prost"],
        &["sluice-aggregator → prost"],
    );
}

#[test]
fn asynchronous_crates_are_kept_out_of_the_pure_ones_over_any_number_of_steps() {
    check(
        &[
            ("sluice-config", &["sluice-dtl"], &[]),
            ("sluice-dtl", &["tokio"], &[]),
        ],
        &["tokio"],
        &["sluice-config reaches tokio", "sluice-dtl reaches tokio"],
    );
    check(&[("sluice-dtl", &[], &["tokio"])], &["tokio"], &[]);
}

#[test]
fn every_arrow_leads_to_a_crate_with_a_row() {
    for (name, targets) in super::ARROWS {
        for target in *targets {
            assert!(reachable(target).is_some(), "{name} → {target}");
        }
        assert!(
            !reachable(name).unwrap().contains(name),
            "{name} reaches itself"
        );
    }
}

#[test]
fn impure_words_count_in_code_and_not_in_comments_or_tests() {
    let text = "//! std::fs is not for us\nuse std::fs;\nlet now = Instant::now(); // hm\n#[cfg(test)]\nuse std::net;\n";
    assert_eq!(impure_lines(text), [(2, "std::fs"), (3, "Instant::now")]);
}
