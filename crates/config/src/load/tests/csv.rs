//! What a CSV document needs so that its rows can be told apart and its bytes read.

use super::{configuration, shown};

/// Source and sink of a pipe `p`, and what is told of it.
fn told(members: &str) -> Vec<String> {
    let components = format!(
        r#"[{{"_id": "p", "type": "pipe", {members}}}, {{"_id": "s", "type": "system:url", "url_pattern": "http://localhost/%s"}}]"#
    );
    let loaded = configuration(&components);
    loaded.pipes["p"].diagnostics.iter().map(shown).collect()
}

#[test]
fn columns_have_names_from_a_header_or_from_the_configuration() {
    let source = |more: &str| {
        told(&format!(
            r#""source": {{"type": "csv", "system": "s", "url": "x", "primary_key": "id", {more}}}"#
        ))
    };
    assert_eq!(
        source(r#""has_header": false"#),
        ["error missing-property source"]
    );
    assert_eq!(
        source(r#""has_header": false, "field_names": []"#),
        ["error missing-property source"]
    );
    assert_eq!(
        source(r#""has_header": false, "field_names": ["a", "b"]"#),
        ["error contradiction source/primary_key"]
    );
    assert!(source(r#""has_header": false, "field_names": ["id", "b"]"#).is_empty());
    assert!(source(r#""has_header": true"#).is_empty());
}

#[test]
fn character_sets_have_known_names() {
    for (name, problems) in [("nonsense", 1), ("latin-1", 0), ("utf-16", 0)] {
        let source = format!(
            r#""source": {{"type": "csv", "system": "s", "url": "x", "primary_key": "id", "encoding": "{name}"}}"#
        );
        let sink = format!(
            r#""source": {{"type": "empty"}}, "sink": {{"type": "csv_endpoint", "columns": ["a"], "encoding": "{name}"}}"#
        );
        for (part, members) in [("source", source), ("sink", sink)] {
            let expected = vec![format!("error wrong-kind {part}/encoding"); problems];
            assert_eq!(told(&members), expected, "{name}");
        }
    }
}
