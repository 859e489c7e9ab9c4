//! What becomes of one source entity: inheritance, ends, variables, namespaces, budgets.

use sluice_entity::{ContentHash, Entity, Generated, ValueBuf};

use super::world::*;
use crate::compile::NUMBERS;
use crate::{Budget, Evaluator, FailureKind, MemoryLookup, Options};

fn rules(default: &str) -> String {
    format!(r#"{{"type": "dtl", "rules": {{"default": {default}}}}}"#)
}

#[test]
fn the_target_of_the_default_rule_inherits_id_and_deletion() {
    let rule = rules(r#"[["add", "x", "_S.a"]]"#);
    assert_eq!(
        transformed(&rule, r#"{"_id": "1", "a": 2}"#),
        [r#"{"_id":"1","x":2}"#]
    );
    let deleted = transformed(&rule, r#"{"_id": "1", "_deleted": true, "a": 2}"#);
    assert_eq!(deleted, [r#"{"_id":"1","_deleted":true,"x":2}"#]);
    let odd = transformed(&rule, r#"{"_id": "1", "_deleted": "true"}"#);
    assert_eq!(
        odd,
        [r#"{"_id":"1","x":null}"#],
        "only the literal true means deleted (R4)"
    );
    let undone = rules(r#"[["add", "_deleted", false], ["add", "_id", "other"]]"#);
    let out = transformed(&undone, r#"{"_id": "1", "_deleted": true}"#);
    assert_eq!(out, [r#"{"_id":"other","_deleted":false}"#]);
}

#[test]
fn rules_run_by_apply_inherit_nothing() {
    let rule = r#"{"rules": {"default": [["add", "o", ["apply", "order", "_S.orders"]]], "order": [["add", "n", "_S.n"]]}}"#;
    let out = transformed(
        rule,
        r#"{"_id": "1", "_deleted": true, "orders": [{"_id": "a", "n": 1}]}"#,
    );
    assert_eq!(out, [r#"{"_id":"1","_deleted":true,"o":[{"n":1}]}"#]);
}

#[test]
fn filter_marks_the_id_of_the_moment_and_discard_says_nothing() {
    let filtered = rules(r#"[["add", "_id", "x"], ["filter", false], ["add", "_id", "y"]]"#);
    assert_eq!(
        transformed(&filtered, r#"{"_id": "1"}"#),
        [r#"{"_id":"x","_filtered":true}"#]
    );
    let discarded = rules(r#"[["create", {"_id": "c"}], ["discard"], ["create", {"_id": "d"}]]"#);
    assert_eq!(
        transformed(&discarded, r#"{"_id": "1"}"#),
        [r#"{"_id":"c"}"#],
        "R10: what was created stays"
    );
}

#[test]
fn an_end_inside_a_branch_ends_the_rule() {
    let rule =
        rules(r#"[["if", true, [["if", true, ["filter"]], ["add", "a", 1]]], ["add", "b", 1]]"#);
    assert_eq!(
        transformed(&rule, r#"{"_id": "1"}"#),
        [r#"{"_id":"1","_filtered":true}"#]
    );
}

#[test]
fn a_target_without_an_id_fails_unless_ids_are_not_required() {
    let required = program(&rules(r#"[["add", "_id", 5]]"#), &Options::default());
    let failure = run(&required, &MemoryLookup::new(), &entity(r#"{"_id": "1"}"#)).unwrap_err();
    assert_eq!(failure.kind, FailureKind::MissingId);
    let free = r#"{"rules": {"default": [["create", {"x": 1}], ["remove", "_id"]]}, "id_required": false}"#;
    assert!(transformed(free, r#"{"_id": "1"}"#).is_empty());
    let created = program(&rules(r#"[["create", {"x": 1}]]"#), &Options::default());
    let failure = run(&created, &MemoryLookup::new(), &entity(r#"{"_id": "1"}"#)).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "a created entity has no string \"_id\" at rules.default.0"
    );
}

#[test]
fn fail_and_trip_say_where_they_stand_and_nothing_is_emitted() {
    let rule = rules(r#"[["create", {"_id": "c"}], ["if", true, [["trip!", "too much"]]]]"#);
    let failure = run(
        &program(&rule, &Options::default()),
        &MemoryLookup::new(),
        &entity(r#"{"_id": "1"}"#),
    )
    .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Trip);
    assert_eq!(failure.to_string(), "too much at rules.default.1.2.0");
}

#[test]
fn contexts_lead_up_to_the_root() {
    let rule = r#"{"rules": {
        "default": [["add", "d", 1], ["add", "c", ["apply", "child", "_S.c"]], ["add", "p", "_P._S.x"]],
        "child": [["add", "e", 2], ["add", "g", ["apply", "grandchild", "_S.c"]]],
        "grandchild": [["add", "x", ["list", "_S.n", "_P._S.n", "_P._T.e", "_P._P._T.d", "_R._S.n", "_R._T.d", "_P._P._P._S.n"]],
                       ["add", "r", ["path", ["list", "_S", "n"], "_R."]],
                       ["add", "y", ["path", ["list", "_P", "_S", "n"], "_P."]]]}}"#;
    let out = transformed(
        rule,
        r#"{"_id": "1", "n": 10, "c": {"n": 20, "c": {"n": 30}}}"#,
    );
    assert_eq!(
        out,
        [r#"{"_id":"1","d":1,"c":{"e":2,"g":{"x":[30,20,2,1,10,1,null],"r":10,"y":10}},"p":null}"#]
    );
}

#[test]
fn parameters_are_b_and_the_current_value_is_bound_inside_functions_only() {
    let rule = rules(
        r#"[["add", "b", "_B.foo"], ["add", "m", ["map", ["list", "_.", "_S.a"], "_S.l"]], ["add", "n", "_.x"]]"#,
    );
    let program = program(&rule, &Options::default());
    let parameters: ValueBuf = json(r#"{"foo": "bar"}"#).to_value(&NUMBERS);
    let mut out = Vec::new();
    Evaluator::new(&program, &Still, &MemoryLookup::new())
        .transform(
            &entity(r#"{"_id": "1", "a": 1, "l": ["x", "y"]}"#),
            None,
            Some(&parameters),
            &mut |e| out.push(text(&e)),
        )
        .unwrap();
    assert_eq!(
        out,
        [r#"{"_id":"1","b":"bar","m":[["x",1],["y",1]],"n":null}"#]
    );
}

#[test]
fn paths_flatten_over_lists_and_stay_scalar_for_one_result() {
    let rule = rules(
        r#"[["add", "one", "_S.o.n"], ["add", "many", "_S.p.n"], ["add", "none", "_S.p.zz"], ["add", "asis", "_S.t"],
            ["add", "deep", "_S.q.r.s"], ["add", "target", "_T.many"], ["add", "quoted", "_S.'a.b'"], ["add", "into", "_S.s.x"]]"#,
    );
    let source = r#"{"_id": "1", "o": [{"n": 1}, {}], "p": [{"n": 1}, {"n": [2, 3]}], "t": ["x"],
        "q": [{"r": {"s": 1}}, {"r": [{"s": 2}, {"s": null}]}], "a.b": 5, "s": "text"}"#;
    assert_eq!(
        transformed(&rule, source),
        [
            r#"{"_id":"1","one":1,"many":[1,2,3],"none":null,"asis":["x"],"deep":[1,2,null],"target":[1,2,3],"quoted":5,"into":null}"#
        ]
    );
}

#[test]
fn what_a_dataset_generated_is_found_by_paths_but_not_copied() {
    let rule = rules(
        r#"[["copy", "*"], ["add", "u", "_S._updated"], ["add", "p", "_S._previous"], ["add", "t", "_S._ts"], ["add", "d", "_S._deleted"], ["add", "h", ["length", "_S._hash"]]]"#,
    );
    let generated = Generated {
        updated: 5,
        previous: None,
        ts: 77,
        hash: ContentHash([1; 16]),
        deleted: false,
    };
    let source = Entity::with_generated(
        json(r#"{"_id": "1", "a": 1}"#).to_value(&NUMBERS),
        generated,
    );
    let out = run(
        &program(&rule, &Options::default()),
        &MemoryLookup::new(),
        &source,
    )
    .unwrap();
    assert_eq!(
        out,
        [r#"{"_id":"1","a":1,"u":5,"p":null,"t":77,"d":false,"h":32}"#]
    );
}

#[test]
fn names_are_qualified_when_namespaces_are_on() {
    let rule = rules(
        r#"[["add", "a", "_S.name"], ["add", "::b", "_S.x:name"], ["add", "x:c", "_S.::name"], ["add", "_id", ["concat", "n-", "_S.n"]],
            ["add", "$ids", "_S.$ids"], ["add", "rdf:type", ["ni", "bar", "thing"]], ["copy", "x:*"]]"#,
    );
    let program = program(&rule, &namespaced());
    let source = entity(r#"{"_id": "foo:1", "x:name": "X", "y:name": "Y", "name": "N", "n": "7"}"#);
    let out = run(&program, &MemoryLookup::new(), &source).unwrap();
    assert_eq!(
        out,
        [
            r#"{"_id":"foo:n-7","bar:a":["X","Y","N"],"b":"X","x:c":"N","$ids":["~:foo:1"],"rdf:type":"~:bar:thing","x:name":"X"}"#
        ]
    );
}

#[test]
fn dynamic_ids_are_there_with_namespaces_only_and_give_way_to_real_ones() {
    let rule = rules(r#"[["add", "i", "_S.$ids"]]"#);
    assert_eq!(
        transformed(&rule, r#"{"_id": "1"}"#),
        [r#"{"_id":"1","i":null}"#]
    );
    let program = program(&rule, &namespaced());
    let lookup = MemoryLookup::new();
    assert_eq!(
        run(&program, &lookup, &entity(r#"{"_id": "1"}"#)).unwrap(),
        [r#"{"_id":"1","bar:i":["~:foo:1"]}"#]
    );
    let own = run(
        &program,
        &lookup,
        &entity(r#"{"_id": "1", "$ids": ["~:a:b"]}"#),
    )
    .unwrap();
    assert_eq!(own, [r#"{"_id":"1","bar:i":["~:a:b"]}"#]);
}

#[test]
fn entities_that_do_not_trigger_pass_unchanged() {
    let rule = r#"{"rules": {"default": [["add", "x", 1]]}, "trigger_on": {"key": "a.b", "value": "go*"}}"#;
    assert_eq!(
        transformed(rule, r#"{"_id": "1", "a": {"b": "gone"}}"#),
        [r#"{"_id":"1","x":1}"#]
    );
    assert_eq!(
        transformed(rule, r#"{"_id": "1", "a": {"b": "stay"}}"#),
        [r#"{"_id":"1","a":{"b":"stay"}}"#]
    );
    assert_eq!(transformed(rule, r#"{"_id": "1"}"#), [r#"{"_id":"1"}"#]);
}

#[test]
fn a_program_that_never_ends_exceeds_its_budget() {
    let endless = r#"{"rules": {"default": [["add", "x", ["apply", "again", "_S."]]], "again": [["add", "x", ["apply", "again", "_S."]]]}}"#;
    let failure = run(
        &program(endless, &Options::default()),
        &MemoryLookup::new(),
        &entity(r#"{"_id": "1"}"#),
    )
    .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Budget);
}

#[test]
fn values_that_multiply_exceed_the_budget_instead_of_the_machine() {
    let options = Options {
        budget: Budget {
            steps: 1_000_000,
            bytes: 8 << 20,
        },
        ..Options::default()
    };
    let many = format!("[{}]", vec!["1"; 100].join(","));
    for bomb in [
        r#"["tuples", "_S.l", "_S.l", "_S.l", "_S.l", "_S.l", "_S.l", "_S.l", "_S.l"]"#,
        r#"["map", ["map", ["map", ["map", ["list", "_S.l", "_."], "_S.l"], "_S.l"], "_S.l"], "_S.l"]"#,
        r#"["replace", "1", ["concat", ["map", ["string", "_S.l"], "_S.l"]], ["concat", ["string", "_S.l"]]]"#,
    ] {
        let source = entity(&format!(r#"{{"_id": "1", "l": {many}}}"#));
        let program = program(&rules(&format!(r#"[["add", "x", {bomb}]]"#)), &options);
        let result = run(&program, &MemoryLookup::new(), &source);
        if let Err(failure) = result {
            assert_eq!(failure.kind, FailureKind::Budget, "{bomb}");
        } else {
            assert!(bomb.contains("replace"), "{bomb} must not succeed");
        }
    }
}

#[test]
fn copies_of_copies_exceed_the_budget_before_they_are_made() {
    let options = Options {
        budget: Budget {
            steps: 1_000_000,
            bytes: 8 << 20,
        },
        ..Options::default()
    };
    let list = |of: &str| format!(r#"["list", {}]"#, vec![of; 50].join(", "));
    let dict = |of: &str| {
        let entries: Vec<String> = (0..50).map(|n| format!(r#""k{n}": {of}"#)).collect();
        format!("{{{}}}", entries.join(", "))
    };
    let mapped = |of: &str| format!(r#"["map", {of}, {}]"#, list("1"));
    let forms: [&dyn Fn(&str) -> String; 3] = [&list, &dict, &mapped];
    for form in forms {
        let step = |of| format!(r#"["add", "a", {}]"#, form(of));
        let mut steps = vec![step(r#""_S.""#)];
        steps.extend((0..6).map(|_| step(r#""_T.a""#)));
        let program = program(&rules(&format!("[{}]", steps.join(", "))), &options);
        let source = entity(r#"{"_id": "1"}"#);
        let lookup = MemoryLookup::new();
        let mut evaluator = Evaluator::new(&program, &Still, &lookup);
        let outcome = evaluator.transform(&source, None, None, &mut |_| {});
        assert_eq!(
            outcome.unwrap_err().kind,
            FailureKind::Budget,
            "{}",
            steps[0]
        );
        // Memory comes in chunks that double, so somewhat more than the budget is held.
        let held = evaluator.allocated();
        assert!(held <= 2 * options.budget.bytes, "{held}: {}", steps[0]);
    }
}

#[test]
fn repeated_products_end_before_their_digits_do() {
    let square = r#"["add", "n", ["multiply", "_T.n", "_T.n"]]"#;
    // Digits without end, and one digit with an exponent that no text may have.
    for (first, squares) in [("99", 40), ("\"~f1e-4000\"", 2)] {
        let squares = vec![square; squares].join(", ");
        let steps = format!(r#"[["add", "n", {first}], {squares}]"#);
        let program = program(&rules(&steps), &Options::default());
        let source = entity(r#"{"_id": "1"}"#);
        let failure = run(&program, &MemoryLookup::new(), &source).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Budget, "{first}");
    }
}

#[test]
fn an_evaluator_serves_many_entities_and_forgets_each() {
    let program = program(
        &rules(r#"[["add", "x", ["upper", "_S.a"]]]"#),
        &Options::default(),
    );
    let lookup = MemoryLookup::new();
    let mut evaluator = Evaluator::new(&program, &Still, &lookup);
    for number in 0..1000 {
        let source = entity(&format!(r#"{{"_id": "{number}", "a": "a{number}"}}"#));
        let mut out = Vec::new();
        evaluator
            .transform(&source, None, None, &mut |entity| out.push(text(&entity)))
            .unwrap();
        assert_eq!(out, [format!(r#"{{"_id":"{number}","x":"A{number}"}}"#)]);
    }
}
