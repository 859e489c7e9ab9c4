//! IX1, IX3: secondary indexes in both directions, kept by every write.

use super::{Fixture, Test};
use crate::{Error, IndexKeys};
use sluice_entity::{Entity, Value};
use std::sync::Arc;

pub(super) const TESTS: &[Test] = &[
    ("an index is built for what is there", built_for_existing),
    ("every write keeps it in both directions", kept_by_writes),
    ("keys that begin alike are told apart", prefixes),
    (
        "a lookup goes on after an id and stops at a limit",
        paged_lookup,
    ),
    ("several keys give distinct ids", several_keys),
    (
        "two changes in one batch leave one state",
        two_changes_in_one_batch,
    ),
    ("an unknown index is an error", unknown),
    ("a dropped index is gone and can be made again", dropped),
];

/// Indexes the strings and numbers of a property, lists flattened.
struct Property(&'static str);

impl IndexKeys for Property {
    fn name(&self) -> &str {
        self.0
    }

    fn keys(&self, entity: &Entity, out: &mut Vec<Vec<u8>>) {
        let add = |value: Value<'_>, out: &mut Vec<Vec<u8>>| {
            if !value.is_null() {
                let mut key = Vec::new();
                value.join_key(&mut key);
                out.push(key);
            }
        };
        let Some(value) = entity.body().get(self.0) else {
            return;
        };
        match value.as_list() {
            Some(list) => list.iter().for_each(|item| add(item, out)),
            None => add(value, out),
        }
    }
}

fn key(json: &str) -> Vec<u8> {
    let entity = super::entity(&format!(r#"{{"_id": "", "v": {json}}}"#));
    let mut key = Vec::new();
    entity.body().get("v").expect("there").join_key(&mut key);
    key
}

fn ids(f: &Fixture, json: &str) -> Vec<String> {
    f.dataset
        .lookup("v", &key(json), None, usize::MAX)
        .expect("lookup")
}

fn build(f: &Fixture) {
    f.dataset
        .ensure_index(Arc::new(Property("v")))
        .expect("build");
}

fn built_for_existing(f: &Fixture) {
    f.write(&[
        r#"{"_id": "a", "v": "x"}"#,
        r#"{"_id": "b", "v": ["x", "y", null, "x"]}"#,
        r#"{"_id": "c", "v": null}"#,
        r#"{"_id": "d", "v": "x", "_deleted": true}"#,
        r#"{"_id": "e", "v": 1}"#,
        r#"{"_id": "f"}"#,
    ]);
    build(f);
    assert_eq!(ids(f, r#""x""#), ["a", "b"]);
    assert_eq!(ids(f, r#""y""#), ["b"]);
    assert_eq!(ids(f, "1"), ["e"]);
    assert_eq!(ids(f, r#""z""#), Vec::<String>::new());
    let mut expected = vec![key(r#""x""#), key(r#""y""#)];
    expected.sort();
    assert_eq!(f.dataset.index_keys_of("v", "b").expect("keys"), expected);
    assert!(f.dataset.index_keys_of("v", "d").expect("keys").is_empty());
    let status = f.dataset.status().expect("status");
    assert!(
        status
            .indexes
            .iter()
            .any(|index| index.name == "v" && index.ready)
    );
}

fn kept_by_writes(f: &Fixture) {
    build(f);
    f.write(&[r#"{"_id": "a", "v": "x"}"#, r#"{"_id": "b", "v": "x"}"#]);
    assert_eq!(ids(f, r#""x""#), ["a", "b"]);
    f.write(&[r#"{"_id": "a", "v": ["y", "x"]}"#]);
    assert_eq!(
        (ids(f, r#""x""#), ids(f, r#""y""#)),
        (vec!["a".to_owned(), "b".to_owned()], vec!["a".to_owned()])
    );
    f.write(&[
        r#"{"_id": "a", "v": "y", "_deleted": true}"#,
        r#"{"_id": "b", "v": "y"}"#,
    ]);
    assert_eq!(
        (ids(f, r#""x""#), ids(f, r#""y""#)),
        (vec![], vec!["b".to_owned()])
    );
    f.write(&[r#"{"_id": "a", "v": "x"}"#]);
    assert_eq!(ids(f, r#""x""#), ["a"]);
    assert_eq!(
        f.dataset.index_keys_of("v", "a").expect("keys"),
        [key(r#""x""#)]
    );
}

fn prefixes(f: &Fixture) {
    build(f);
    f.write(&[
        r#"{"_id": "bc", "v": "a"}"#,
        r#"{"_id": "c", "v": "ab"}"#,
        r#"{"_id": "", "v": "abc"}"#,
    ]);
    assert_eq!(ids(f, r#""a""#), ["bc"]);
    assert_eq!(ids(f, r#""ab""#), ["c"]);
    assert_eq!(ids(f, r#""abc""#), [""]);
    assert_eq!(ids(f, r#""""#), Vec::<String>::new());
}

fn paged_lookup(f: &Fixture) {
    build(f);
    let texts: Vec<String> = (0..20)
        .map(|n| format!(r#"{{"_id": "{n:02}", "v": "x"}}"#))
        .collect();
    f.write(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let page = |after, limit| {
        f.dataset
            .lookup("v", &key(r#""x""#), after, limit)
            .expect("lookup")
    };
    assert_eq!(page(None, 3), ["00", "01", "02"]);
    assert_eq!(page(Some("02"), 2), ["03", "04"]);
    assert_eq!(page(Some("19"), 2), Vec::<String>::new());
    assert_eq!(page(None, 0), Vec::<String>::new());
}

fn several_keys(f: &Fixture) {
    build(f);
    f.write(&[
        r#"{"_id": "b", "v": ["x", "y"]}"#,
        r#"{"_id": "a", "v": "y"}"#,
        r#"{"_id": "c", "v": "z"}"#,
    ]);
    let keys = [key(r#""x""#), key(r#""y""#)];
    assert_eq!(f.dataset.matches("v", &keys).expect("matches"), ["a", "b"]);
}

fn two_changes_in_one_batch(f: &Fixture) {
    build(f);
    f.write(&[
        r#"{"_id": "a", "v": "x"}"#,
        r#"{"_id": "a", "v": ["y", "z"]}"#,
        r#"{"_id": "a", "v": "z"}"#,
    ]);
    assert_eq!(
        (ids(f, r#""x""#), ids(f, r#""y""#), ids(f, r#""z""#)),
        (vec![], vec![], vec!["a".to_owned()])
    );
}

fn unknown(f: &Fixture) {
    assert!(matches!(
        f.dataset.lookup("v", b"x", None, 1),
        Err(Error::UnknownIndex { .. })
    ));
    assert!(matches!(
        f.dataset.index_keys_of("v", "x"),
        Err(Error::UnknownIndex { .. })
    ));
    assert!(matches!(
        f.dataset.drop_index("v"),
        Err(Error::UnknownIndex { .. })
    ));
}

fn dropped(f: &Fixture) {
    f.write(&[r#"{"_id": "a", "v": "x"}"#]);
    build(f);
    f.dataset.drop_index("v").expect("drop");
    assert!(matches!(
        f.dataset.lookup("v", b"x", None, 1),
        Err(Error::UnknownIndex { .. })
    ));
    f.write(&[r#"{"_id": "a", "v": "y"}"#]);
    build(f);
    assert_eq!(
        (ids(f, r#""x""#), ids(f, r#""y""#)),
        (vec![], vec!["a".to_owned()])
    );
}
