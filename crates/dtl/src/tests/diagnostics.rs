//! What the compiler says about rules that are wrong, and where.

use super::world::*;
use crate::{Code, Level, Options};

fn rule(step: &str) -> String {
    format!(r#"{{"rules": {{"default": [{step}]}}}}"#)
}

#[test]
fn problems_are_located_with_a_stable_code() {
    for (step, expected) in [
        (r#"["ad", "x", 1]"#, "unknown-function at rules.default.0"),
        (
            r#"["add", "x", ["uper", "_S.a"]]"#,
            "unknown-function at rules.default.0.2",
        ),
        (
            r#"["add", "x", ["phonenumber-parse", "_S.a"]]"#,
            "function-not-in-this-version at rules.default.0.2",
        ),
        (
            r#"["sleep!", 1]"#,
            "function-not-in-this-version at rules.default.0",
        ),
        (r#"["upper", "_S.a"]"#, "wrong-world at rules.default.0"),
        (
            r#"["add", "x", ["copy", "*"]]"#,
            "wrong-world at rules.default.0.2",
        ),
        (r#"["add", "x"]"#, "wrong-argument-count at rules.default.0"),
        (
            r#"["add", "x", ["if", true]]"#,
            "wrong-argument-count at rules.default.0.2",
        ),
        (
            r#"["add", 1, 2]"#,
            "wrong-argument-kind at rules.default.0.1",
        ),
        (
            r#"["add", "x", ["nth", "a", "_S.l"]]"#,
            "wrong-argument-kind at rules.default.0.2.1",
        ),
        (
            r#"["add", "x", ["lookup-entity", "_S.d", "a"], 1]"#,
            "wrong-argument-count at rules.default.0",
        ),
        (
            r#"["if", true, "add"]"#,
            "wrong-argument-kind at rules.default.0.2",
        ),
        (
            r#"["if", true, [["add", "x", 1], 5]]"#,
            "wrong-argument-kind at rules.default.0.2.1",
        ),
        (
            r#"["add", "x", "_S.'a"]"#,
            "invalid-path at rules.default.0.2",
        ),
        (
            r#"["add", "x", "_.a"]"#,
            "unbound-current-value at rules.default.0.2",
        ),
        (
            r#"["add", "x", ["apply", "nope", "_S.a"]]"#,
            "unknown-rule at rules.default.0.2.1",
        ),
        (
            r#"["add", "x", {"a": [{"b": ["nope"]}]}]"#,
            "unknown-function at rules.default.0.2.a.0.b",
        ),
        (r#"{"add": 1}"#, "invalid-rule at rules.default.0"),
    ] {
        assert_eq!(remarks(&rule(step)), [expected], "{step}");
    }
}

#[test]
fn every_problem_is_reported_not_only_the_first() {
    let steps = r#"["ad", "x", 1], ["add", "x", ["uper", ["lowr", "a"]]], ["add", "y", ["eq", 1]], ["if", 1, ["nope"], [["nope"]]]"#;
    assert_eq!(codes(&rule(steps)).len(), 5, "{:?}", remarks(&rule(steps)));
}

#[test]
fn transforms_without_rules_are_refused() {
    assert_eq!(codes(r#"{"type": "dtl"}"#), [Code::MissingRules]);
    assert_eq!(codes(r#"{"rules": []}"#), [Code::MissingRules]);
    assert_eq!(codes(r#"{"rules": {}}"#), [Code::MissingDefaultRule]);
    assert_eq!(
        codes(r#"{"rules": {"other": []}}"#),
        [Code::MissingDefaultRule, Code::UnusedRule]
    );
    assert_eq!(codes(r#"{"rules": {"default": {}}}"#), [Code::InvalidRule]);
    assert_eq!(
        codes(r#"{"rules": {"default": []}, "id_required": "yes"}"#),
        [Code::InvalidProperty]
    );
    assert_eq!(
        codes(r#"{"rules": {"default": []}, "trigger_on": {}}"#),
        [Code::InvalidProperty]
    );
}

#[test]
fn rules_with_hops_are_applied_with_apply_hops_only() {
    let hops = r#"["hops", {"datasets": ["d d"], "where": ["eq", "_S.a", "d.a"]}]"#;
    let with = |call: &str| {
        format!(
            r#"{{"rules": {{"default": [["add", "x", {call}]], "r": [["add", "y", {hops}]]}}}}"#
        )
    };
    assert_eq!(
        remarks(&with(r#"["apply", "r", "_S.l"]"#))[0],
        "apply-needs-apply-hops at rules.default.0.2.1"
    );
    let spec = r#"{"datasets": ["d d"], "where": ["eq", "_S.a", "d.a"]}"#;
    assert!(codes(&with(&format!(r#"["apply-hops", "r", {spec}]"#))).is_empty());
}

#[test]
fn warnings_do_not_keep_a_program_from_being_made() {
    let text = r#"{"rules": {"default": [["add", "x", "_.a"]], "unused": []}}"#;
    let found = compiled(text, &Options::default());
    assert!(found.program.is_some());
    assert!(
        found
            .diagnostics
            .iter()
            .all(|diagnostic| diagnostic.level == Level::Warning)
    );
    assert_eq!(codes(text), [Code::UnboundCurrentValue, Code::UnusedRule]);
}

#[test]
fn comments_may_hold_anything() {
    assert!(codes(&rule(r#"["comment", ["nope", {"x": [1]}], 5]"#)).is_empty());
}

#[test]
fn a_program_says_whether_it_depends_on_time_or_chance() {
    let deterministic = |step: &str| program(&rule(step), &Options::default()).deterministic();
    assert!(deterministic(r#"["add", "x", ["upper", "_S.a"]]"#));
    assert!(!deterministic(
        r#"["if", "_S.a", ["add", "x", ["list", ["now"]]]]"#
    ));
}

#[test]
fn exact_numbers_are_numbers_as_constants_too() {
    let exact = r#"["add", "x", ["multiply", "~f0.25", "_S.price"]]"#;
    assert_eq!(remarks(&rule(exact)), Vec::<String>::new());
    let wrong = r#"["add", "x", ["multiply", "~fx", 1]]"#;
    assert_eq!(
        remarks(&rule(wrong)),
        ["wrong-argument-kind at rules.default.0.2.1"]
    );
}
