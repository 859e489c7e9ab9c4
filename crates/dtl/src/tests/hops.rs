//! Joins: what they find, which indexes they need, what the compiler says of them.

use sluice_entity::Arena;

use super::world::*;
use crate::{Evaluator, HopsStatistics, IndexExpression, Lookup, MemoryLookup, Options};

fn hops(specs: &str) -> String {
    format!(r#"{{"rules": {{"default": [["add", "r", ["hops", {specs}]]]}}}}"#)
}

/// The property `r` that the hops give.
fn found(specs: &str, data: &str, source: &str) -> String {
    let program = program(&hops(specs), &Options::default());
    let out = run(&program, &datasets(data), &entity(source)).unwrap();
    json(&out[0]).get("r").unwrap().to_string()
}

const FAMILY: &str = r#"{"p": [
    {"_id": "a", "c": ["b", "c"], "s": "f"}, {"_id": "b", "c": ["d"], "s": "f"}, {"_id": "c", "c": [], "s": "m"},
    {"_id": "d", "c": ["a"], "s": "f"}], "h": [{"_id": "h1", "of": ["a", "d"]}, {"_id": "h2", "of": "b"}]}"#;

#[test]
fn rows_of_several_aliases_are_projected() {
    let data = r#"{"o": [{"_id": "o1", "c": "1", "l": ["x", "y"]}, {"_id": "o2", "c": "1", "l": "y"}, {"_id": "o3", "c": "2"}],
        "p": [{"_id": "x", "n": 1}, {"_id": "y", "n": 2}]}"#;
    let with = |returns: &str| {
        format!(
            r#"{{"datasets": ["o o", "p p"], "where": [["eq", "_S._id", "o.c"], ["eq", "o.l", "p._id"]], "return": {returns}}}"#
        )
    };
    let source = r#"{"_id": "1"}"#;
    assert_eq!(found(&with(r#""p.n""#), data, source), "[1,2,2]");
    assert_eq!(
        found(&with(r#"["list", "o._id", "p._id"]"#), data, source),
        r#"[["o1","x"],["o1","y"],["o2","y"]]"#
    );
    assert_eq!(
        found(&with(r#"{"o": "o._id", "s": "_S._id"}"#), data, source),
        r#"[{"o":"o1","s":"1"},{"o":"o1","s":"1"},{"o":"o2","s":"1"}]"#
    );
    assert_eq!(
        found(&with(r#""p""#), data, source),
        r#"[{"_id":"x","n":1},{"_id":"y","n":2},{"_id":"y","n":2}]"#
    );
}

#[test]
fn recursion_goes_on_until_nothing_is_new() {
    let spec = |more: &str| {
        format!(
            r#"{{"datasets": ["p p"], "where": ["eq", "_S.c", "p._id"], "recurse": true{more}}}, {{"datasets": ["p q"], "where": ["eq", "_S._id", "q._id"], "return": "q._id"}}"#
        )
    };
    let source = r#"{"_id": "a", "c": ["b", "c"], "s": "f"}"#;
    assert_eq!(found(&spec(""), FAMILY, source), r#"["a","b","c","d"]"#);
    assert_eq!(
        found(&spec(r#", "exclude_root": true"#), FAMILY, source),
        r#"["b","c","d"]"#
    );
    assert_eq!(
        found(&spec(r#", "max_depth": 1"#), FAMILY, source),
        r#"["a","b","c"]"#
    );
    assert_eq!(
        found(
            &spec(r#", "max_depth": null, "exclude_root": true"#),
            FAMILY,
            source
        ),
        r#"["b","c","d"]"#
    );
}

#[test]
fn recursion_stops_at_ten_levels_unless_told_otherwise() {
    let chain: Vec<String> = (0..30)
        .map(|n| format!(r#"{{"_id": "{n}", "next": "{}"}}"#, n + 1))
        .collect();
    let data = format!(r#"{{"d": [{}]}}"#, chain.join(","));
    let count = |more: &str| {
        let rule = format!(
            r#"{{"rules": {{"default": [["add", "r", ["count", ["hops", {{"datasets": ["d d"], "where": ["eq", "_S.next", "d._id"], "recurse": true, "exclude_root": true{more}}}]]]]}}}}"#
        );
        let out = run(
            &program(&rule, &Options::default()),
            &datasets(&data),
            &entity(r#"{"_id": "0", "next": "1"}"#),
        );
        json(&out.unwrap()[0]).get("r").unwrap().to_string()
    };
    assert_eq!(count(""), "10");
    assert_eq!(count(r#", "max_depth": 3"#), "3");
    assert_eq!(count(r#", "max_depth": null"#), "29");
}

#[test]
fn specifications_are_chained() {
    let specs = r#"{"datasets": ["p p"], "where": [["eq", "_S.c", "p._id"], ["eq", "p.s", "f"]], "recurse": true},
        {"datasets": ["h h"], "where": ["eq", "_S._id", "h.of"], "return": "h._id"}"#;
    let source = r#"{"_id": "a", "c": ["b", "c"], "s": "f"}"#;
    assert_eq!(found(specs, FAMILY, source), r#"["h1","h2","h1"]"#);
}

#[test]
fn only_the_first_eq_of_a_pair_is_a_join() {
    let data =
        r#"{"d": [{"_id": "1", "a": [1, 2], "b": [1, 2]}, {"_id": "2", "a": [1], "b": [1]}]}"#;
    let specs = r#"{"datasets": ["d d"], "where": [["eq", "_S.a", "d.a"], ["eq", "_S.b", "d.b"]], "return": "d._id"}"#;
    assert_eq!(
        found(specs, data, r#"{"_id": "x", "a": 1, "b": 1}"#),
        r#"["2"]"#
    );
    assert_eq!(
        remarks(&hops(specs)),
        ["several-joins at rules.default.0.2.1.where.1"]
    );
    let tuples = r#"{"datasets": ["d d"], "where": ["eq", ["tuples", "_S.a", "_S.b"], ["tuples", "d.a", "d.b"]], "return": "d._id"}"#;
    assert_eq!(
        found(tuples, data, r#"{"_id": "x", "a": 1, "b": 2}"#),
        r#"["1"]"#
    );
}

#[test]
fn joins_between_reached_aliases_overlap_and_filters_compare() {
    let data = r#"{"a": [{"_id": "a1", "k": [1, 2]}, {"_id": "a2", "k": [5]}], "b": [{"_id": "b1", "k": [2, 3]}]}"#;
    let specs = r#"{"datasets": ["a a", "b b"], "where": [["eq", "_S.x", "b._id"], ["eq", "_S.y", "a._id"], ["eq", "a.k", "b.k"], ["neq", "a._id", "_S.z"]], "return": "a._id"}"#;
    assert_eq!(
        found(specs, data, r#"{"_id": "x", "x": "b1", "y": ["a1", "a2"]}"#),
        r#"["a1"]"#
    );
    assert_eq!(
        found(
            specs,
            data,
            r#"{"_id": "x", "x": "b1", "y": ["a1", "a2"], "z": "a1"}"#
        ),
        "[]"
    );
}

#[test]
fn subsets_narrow_what_is_joined() {
    let data = r#"{"o": [{"_id": "1", "c": "x", "shop": ["a", "b"]}, {"_id": "2", "c": "x", "shop": "c"}]}"#;
    let specs = r#"{"datasets": ["o o"], "where": ["eq", "_S._id", "o.c"], "subsets": {"o": ["eq", "_S.shop", "a"]}, "return": "o._id"}"#;
    assert_eq!(
        found(specs, data, r#"{"_id": "x", "shop": "zz"}"#),
        r#"["1"]"#
    );
}

#[test]
fn applied_hops_see_their_parents_and_may_hop_on() {
    let rule = r#"{"rules": {
        "default": [["add", "kids", ["apply-hops", "kid", {"datasets": ["p p"], "where": ["eq", "_S.c", "p._id"]}]]],
        "kid": [["add", "id", "_S._id"], ["add", "of", "_P._S._id"], ["filter", ["eq", "_S.s", "f"]],
                ["add", "hobbies", ["hops", {"datasets": ["h h"], "where": ["eq", "_S._id", "h.of"], "return": "h._id"}]]]}}"#;
    let program = program(rule, &Options::default());
    let out = run(
        &program,
        &datasets(FAMILY),
        &entity(r#"{"_id": "a", "c": ["b", "c"]}"#),
    )
    .unwrap();
    assert_eq!(
        out,
        [r#"{"_id":"a","kids":[{"id":"b","of":"a","hobbies":["h2"]}]}"#]
    );
    assert_eq!(program.hop_datasets(), ["h", "p"]);
    let indexes: Vec<String> = program
        .indexes()
        .iter()
        .map(|i| format!("{} {}", i.dataset, i.index.name()))
        .collect();
    assert_eq!(indexes, ["p _id", "h _S.of"]);
}

#[test]
fn requirements_are_listed_once_and_tracking_can_be_switched_off() {
    let rule = r#"{"rules": {"default": [
        ["add", "a", ["hops", {"datasets": ["d x"], "where": ["eq", "_S.a", "x.k"], "track-dependencies": false}]],
        ["add", "b", ["hops", {"datasets": ["d y", "e e"], "where": [["eq", "y.k", "_S.b"], ["eq", ["lower", "e.n"], "y.n"]]}]],
        ["add", "c", ["lookup-entity", "codes", "_S.c"]]]}}"#;
    let program = program(rule, &Options::default());
    assert_eq!(program.datasets(), ["codes", "d", "e"]);
    assert_eq!(program.hop_datasets(), ["d", "e"]);
    assert!(program.untracked_datasets().is_empty());
    assert!(program.deterministic());
    let indexes: Vec<String> = program
        .indexes()
        .iter()
        .map(|i| format!("{} {}", i.dataset, i.index.name()))
        .collect();
    assert_eq!(indexes, ["d _S.k", r#"e ["lower","_S.n"]"#]);
}

#[test]
fn an_index_has_one_key_for_each_value_and_none_for_null_and_the_deleted() {
    let keys = |expression: &str, text: &str| {
        let index = IndexExpression::compile(&json(expression), &Options::default()).unwrap();
        let mut out = Vec::new();
        index.keys(&entity(text), &Arena::new(), &mut out);
        out.len()
    };
    assert_eq!(
        keys(
            r#""_S.k""#,
            r#"{"_id": "1", "k": [1, 1.0, null, "1", [2]]}"#
        ),
        3
    );
    assert_eq!(keys(r#""_S.k""#, r#"{"_id": "1"}"#), 0);
    assert_eq!(
        keys(r#""$ids""#, r#"{"_id": "1", "$ids": ["~:a:b", "~:a:c"]}"#),
        2
    );
    assert_eq!(
        keys(
            r#"["tuples", "_S.k", "_S.l"]"#,
            r#"{"_id": "1", "k": [1, 2], "l": ["x", null]}"#
        ),
        2
    );
    assert_eq!(
        keys(r#""_S.k""#, r#"{"_id": "1", "k": 1, "_deleted": true}"#),
        0
    );
    let name = |expression: &str, options: &Options| {
        IndexExpression::compile(&json(expression), options)
            .unwrap()
            .name()
            .to_owned()
    };
    let plain = Options::default();
    assert_eq!(name(r#""$ids""#, &plain), "$ids");
    assert_eq!(name(r#""_S._id""#, &plain), "_id");
    assert_eq!(name(r#""plain""#, &plain), "_S.plain");
    assert_eq!(name(r#""_S.a""#, &namespaced()), "_S.*:a");
    assert_eq!(name(r#""_S.:a""#, &namespaced()), "_S.bar:a");
    assert!(IndexExpression::compile(&json(r#"["list", ["now"], "_S.a"]"#), &plain).is_err());
}

#[test]
fn join_keys_agree_between_both_sides_whatever_the_kind_of_number() {
    let data = r#"{"d": [{"_id": "1", "k": 1}, {"_id": "2", "k": 1.0}, {"_id": "3", "k": "~f1.00"}, {"_id": "4", "k": "1"}]}"#;
    let specs = r#"{"datasets": ["d d"], "where": ["eq", "_S.k", "d.k"], "return": "d._id"}"#;
    assert_eq!(
        found(specs, data, r#"{"_id": "x", "k": 1}"#),
        r#"["1","2","3"]"#
    );
}

#[test]
fn what_is_wrong_with_hops_is_located() {
    for (specs, expected) in [
        (r#"{"where": []}"#, "invalid-hops at rules.default.0.2.1"),
        (
            r#"{"datasets": ["a"]}"#,
            "invalid-hops at rules.default.0.2.1",
        ),
        (
            r#"{"datasets": ["a a"], "where": ["eq", "a.x", 1]}"#,
            "unreachable-alias at rules.default.0.2.1",
        ),
        (
            r#"{"datasets": ["a a", "b b"], "where": [["eq", "_S.x", "a.x"], ["eq", ["list", "a.y", "_S.z"], "b.y"]]}"#,
            "unreachable-alias at rules.default.0.2.1",
        ),
        (
            r#"{"datasets": ["a a"], "where": ["eq", ["list", ["now"], "_S.x"], "a.x"]}"#,
            "join-not-deterministic at rules.default.0.2.1.where.1",
        ),
        (
            r#"{"datasets": ["a a"], "where": ["eq", "_S.x", "a.x"], "max_depht": 3}"#,
            "unknown-hops-property at rules.default.0.2.1.max_depht",
        ),
        (
            r#"{"datasets": ["a a"], "where": ["eq", "_S.x", "a.x"], "return": "b"}"#,
            "invalid-hops at rules.default.0.2.1.return",
        ),
        (
            r#"{"datasets": ["a a"], "where": ["eq", "_S.x", ["uper", "a.x"]]}"#,
            "unknown-function at rules.default.0.2.1.where.2",
        ),
    ] {
        assert_eq!(remarks(&hops(specs)), [expected], "{specs}");
    }
}

#[test]
fn traced_hops_count_what_they_find() {
    let specs = r#"{"datasets": ["p p"], "where": ["eq", "_S.c", "p._id"], "trace": "kids"}"#;
    let program = program(&hops(specs), &Options::default());
    let lookup = datasets(FAMILY);
    let mut evaluator = Evaluator::new(&program, &Still, &lookup);
    for source in [
        r#"{"_id": "1", "c": ["a", "b"]}"#,
        r#"{"_id": "2", "c": "a"}"#,
    ] {
        evaluator
            .transform(&entity(source), None, None, &mut |_| {})
            .unwrap();
    }
    assert_eq!(
        evaluator.statistics().get("kids"),
        Some(&HopsStatistics {
            max_cardinality: 2,
            rows: 3
        })
    );
}

#[test]
fn a_dataset_that_is_not_there_fails_the_entity() {
    let specs = r#"{"datasets": ["p p"], "where": ["eq", "_S._id", "p.x"]}"#;
    let program = program(&hops(specs), &Options::default());
    let failure = run(&program, &MemoryLookup::new(), &entity(r#"{"_id": "1"}"#)).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "dataset \"p\" is not there at rules.default.0.2"
    );
    assert!(MemoryLookup::new().entity("p", "1").is_err());
}
