//! Variables, conditional properties, conditional parts (EV1, EV3, R69, SR12).

use super::{at, configuration, effective, json, pipe, shown};

#[test]
fn a_variable_is_typed_where_it_is_the_whole_value_and_text_inside_a_text() {
    let effective = effective(
        r#""source": {"type": "embedded", "entities":
            [{"_id": "$ENV(environment)", "a": "$ENV(port)", "b": "x$ENV(port)y$ENV(flag)", "c": "$ENV(list)", "d": "$ENV(none)",
              "e": "l: $ENV(list)", "$ENV(port)": 1}]}"#,
    );
    let expected = json(
        r#"{"_id": "test", "a": 8080, "b": "x8080ytrue", "c": [1], "d": null, "e": "l: [1]", "$ENV(port)": 1}"#,
    );
    assert_eq!(at(&effective, "source/entities/0"), Some(&expected));
}

#[test]
fn what_a_variable_holds_is_not_looked_into() {
    let mut environment = super::environment();
    environment
        .variables
        .insert("nested".to_owned(), json(r#""$ENV(port)""#));
    let text = r#"[{"_id": "p", "type": "pipe", "description": "$ENV(nested)", "source": {"type": "empty"}}]"#;
    let loaded = crate::load(&super::components(text), &environment);
    assert_eq!(
        at(&loaded.pipes["p"].effective, "description"),
        Some(&json(r#""$ENV(port)""#))
    );
}

#[test]
fn typed_variables_take_the_place_of_settings() {
    let pipe = pipe(
        r#""source": {"type": "dataset", "dataset": "p", "include_previous_versions": "$ENV(flag)"}, "batch_size": "$ENV(port)""#,
    );
    assert_eq!(pipe.batch_size, 8080);
    assert!(
        matches!(pipe.source, crate::Source::Dataset(source) if source.include_previous_versions)
    );
}

#[test]
fn a_variable_may_hold_a_whole_part_but_no_condition() {
    let mut environment = super::environment();
    environment.variables.insert(
        "pump".to_owned(),
        json(r#"{"schedule_interval": 5, "mode": "never"}"#),
    );
    let choice =
        r#"{"type": "conditional", "condition": "a", "alternatives": {"a": {"type": "empty"}}}"#;
    environment
        .variables
        .insert("choice".to_owned(), json(choice));
    let text = r#"[{"_id": "p", "type": "pipe", "source": "$ENV(choice)", "pump": "$ENV(pump)"}]"#;
    let loaded = crate::load(&super::components(text), &environment);
    let pipe = &loaded.pipes["p"];
    assert_eq!(
        pipe.pump.schedule,
        crate::Schedule::Interval {
            seconds: 5.0,
            jitter: 0.0
        }
    );
    let shown: Vec<String> = pipe.diagnostics.iter().map(shown).collect();
    assert_eq!(
        shown,
        [
            "error conditional-not-allowed source",
            "error wrong-kind pump"
        ]
    );
}

#[test]
fn conditional_properties_replace_whole_properties_and_nest() {
    let text = r#"[{"_id": "s", "type": "system:url", "url_pattern": "http://prod/%s", "headers": {"a": "1", "b": "2"},
        "$conditional_properties": {"condition": "$ENV(environment)", "alternatives": {
            "prod": {"connect_timeout": "$ENV(not-there)"},
            "test": {"headers": {"c": "3"}, "connect_timeout": 5,
                "$conditional_properties": {"condition": "$ENV(flag)", "alternatives": {"true": {"read_timeout": 6, "url_pattern": "http://t"}}}}}}}]"#;
    let loaded = configuration(text);
    let system = &loaded.systems["s"];
    assert!(system.valid, "{:?}", system.diagnostics);
    let expected = [
        ("headers", r#"{"c": "3"}"#),
        ("connect_timeout", "5"),
        ("read_timeout", "6"),
        ("url_pattern", r#""http://t""#),
    ];
    for (name, value) in expected {
        assert_eq!(at(&system.effective, name), Some(&json(value)), "{name}");
    }
    assert!(system.effective.get("$conditional_properties").is_none());
}

#[test]
fn conditional_properties_do_not_count_in_transforms_and_embedded_entities() {
    let block = r#"{"condition": "a", "alternatives": {"a": {"x": 1}}}"#;
    let effective = effective(&format!(
        r#""source": {{"type": "embedded", "entities": [{{"_id": "1", "$conditional_properties": {block}}}]}}"#
    ));
    assert_eq!(
        at(&effective, "source/entities/0/$conditional_properties"),
        Some(&json(block))
    );
    assert!(at(&effective, "source/entities/0/x").is_none());
}

#[test]
fn a_conditional_source_shows_the_chosen_alternative_and_others_do_not_matter() {
    let pipe = pipe(
        r#""source": {"type": "conditional", "condition": "$ENV(environment)", "alternatives": {
            "prod": {"type": "no-such-type", "dataset": "$ENV(not-there)"},
            "test": {"type": "conditional", "condition": "1", "alternatives": {"1": {"type": "embedded", "entities": [{"_id": "e"}]}}}}}"#,
    );
    assert!(pipe.diagnostics.is_empty(), "{:?}", pipe.diagnostics);
    assert_eq!(pipe.source.kind(), "embedded");
    assert_eq!(
        at(&pipe.effective, "source/type").and_then(|kind| kind.as_str()),
        Some("embedded")
    );
    assert!(at(&pipe.effective, "source/alternatives").is_none());
}

#[test]
fn problems_of_an_alternative_are_located_in_the_original() {
    let pipe = pipe(
        r#""source": {"type": "empty"}, "sink": {"type": "conditional", "condition": "$ENV(port)", "alternatives": {
            "8080": {"type": "dataset", "deletion_tracking": "maybe"}}}"#,
    );
    let shown: Vec<String> = pipe.diagnostics.iter().map(shown).collect();
    assert_eq!(
        shown,
        ["error wrong-kind sink/alternatives/8080/deletion_tracking"]
    );
}

#[test]
fn a_conditional_transform_may_choose_a_list_and_chains_become_one() {
    let link = |name: &str| format!(r#"{{"type": "lower_keys", "comment": "{name}"}}"#);
    let pipe = pipe(&format!(
        r#""source": {{"type": "empty"}}, "transform": [{}, {{"type": "conditional", "condition": "x", "alternatives": {{"x": [{}, {}]}}}},
            {{"type": "chained", "transforms": [{}]}}]"#,
        link("a"),
        link("b"),
        link("c"),
        link("d"),
    ));
    let names: Vec<&str> = pipe
        .effective
        .get("transform")
        .and_then(|transform| transform.as_array())
        .expect("a list")
        .iter()
        .filter_map(|transform| transform.get("comment")?.as_str())
        .collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
    assert_eq!(pipe.transforms.len(), 4);
}
