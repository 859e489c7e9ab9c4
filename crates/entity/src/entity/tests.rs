//! Entities: reserved names, deletion, hash, printing, namespaces.

use super::{Entity, Generated};
use crate::{
    Arena, ContentHash, HashKey, Limits, Numbers, Reader, Style, Value, add_namespaces,
    remove_namespaces,
};

const KEY: HashKey = HashKey([1, 2, 3, 4]);

fn entity(text: &str) -> Entity {
    Reader::default().read_entity(text.as_bytes()).unwrap()
}

fn print(entity: &Entity) -> String {
    let mut out = Vec::new();
    entity.write_json(&mut out, &Style::default());
    String::from_utf8(out).unwrap()
}

#[test]
fn only_the_literal_true_deletes() {
    for (text, deleted) in [
        ("true", true),
        ("false", false),
        ("\"true\"", false),
        ("1", false),
        ("null", false),
    ] {
        assert_eq!(
            entity(&format!("{{\"_id\":\"a\",\"_deleted\":{text}}}")).is_deleted(),
            deleted,
            "{text}"
        );
    }
    assert!(!entity("{\"_id\":\"a\"}").is_deleted());
    assert!(entity("{\"_filtered\":true}").is_filtered());
}

#[test]
fn the_hash_covers_content_and_nothing_else() {
    let hash = |text: &str| entity(text).content_hash(&KEY);
    let base = hash("{\"_id\":\"a\",\"x\":{\"p\":1,\"q\":[1,2]},\"y\":2}");
    for same in [
        "{\"y\":2,\"x\":{\"q\":[1,2],\"p\":1},\"_id\":\"a\"}",
        "{\"_id\":\"a\",\"x\":{\"p\":1,\"q\":[1,2]},\"y\":2,\"_deleted\":false}",
        "{\"_id\":\"a\",\"x\":{\"p\":1,\"q\":[1,2]},\"y\":2,\"_ts\":9,\"_updated\":3,\"_previous\":null,\"_hash\":\"h\",\"_filtered\":true,\"_foo\":1}",
        "{\"_id\":\"a\",\"x\":{\"p\":1.0,\"q\":[1,2]},\"y\":2e0}",
    ] {
        assert_eq!(hash(same), base, "{same}");
    }
    for other in [
        "{\"_id\":\"b\",\"x\":{\"p\":1,\"q\":[1,2]},\"y\":2}",
        "{\"_id\":\"a\",\"x\":{\"p\":1,\"q\":[2,1]},\"y\":2}",
        "{\"_id\":\"a\",\"x\":{\"p\":1,\"q\":[1,2]},\"y\":2,\"_deleted\":true}",
        "{\"_id\":\"a\",\"x\":{\"p\":1,\"q\":[1,2],\"_updated\":5},\"y\":2}",
        "{\"_id\":\"a\",\"x\":{\"p\":1,\"q\":[1,2]},\"y\":2,\"$z\":1}",
        "{\"_id\":\"a\",\"x\":{\"p\":1,\"q\":[1,2]},\"y\":\"2\"}",
        "{\"_id\":\"a\",\"x\":{\"p\":1,\"q\":[[1],2]},\"y\":2}",
    ] {
        assert_ne!(hash(other), base, "{other}");
    }
    assert_ne!(hash("{\"a\":\"~f1.10\"}"), hash("{\"a\":\"~f1.1\"}"));
    assert_ne!(
        entity("{\"a\":1}").content_hash(&HashKey([9; 4])),
        hash("{\"a\":1}")
    );
}

#[test]
fn one_and_one_point_nought_hash_alike_only_while_whole_floats_are_integers() {
    let floats = Numbers {
        float_as_decimal: false,
        float_as_int: false,
    };
    let hash = |numbers, text: &str| {
        Reader::new(Limits::default(), numbers)
            .read_entity(text.as_bytes())
            .unwrap()
            .content_hash(&KEY)
    };
    assert_eq!(
        hash(Numbers::default(), "{\"a\":1.0}"),
        hash(Numbers::default(), "{\"a\":1}")
    );
    assert_ne!(hash(floats, "{\"a\":1.0}"), hash(floats, "{\"a\":1}"));
    assert_eq!(
        hash(floats, "{\"a\":1}"),
        hash(Numbers::default(), "{\"a\":1}")
    );
}

#[test]
fn the_hash_of_stored_content_never_changes_between_versions() {
    // Stored hashes are compared with new ones: if this fails, all content looks changed after an upgrade.
    let text = "{\"_id\":\"a\",\"b\":[1,\"~f1.10\",\"~:x:y\",null,true,-300,\"\\n\"],\"a\":{\"z\":1,\"y\":\"~t2020-01-01\"}}";
    assert_eq!(
        entity(text).content_hash(&KEY).to_string(),
        "748b7002822a253c1cb64c550cb9764f"
    );
}

#[test]
fn the_stored_body_drops_reserved_names_at_the_root_only() {
    let given =
        entity("{\"_updated\":1,\"_id\":\"a\",\"c\":{\"_updated\":5},\"_foo\":2,\"$x\":3,\"b\":4}");
    assert_eq!(
        given.stored_body().value().to_json_string(),
        "{\"_id\":\"a\",\"c\":{\"_updated\":5},\"$x\":3,\"b\":4}"
    );
    given
        .stored_body()
        .value()
        .check(&Limits::default())
        .unwrap();
    let clean = entity("{\"_id\":\"a\",\"c\":1}");
    assert!(std::sync::Arc::ptr_eq(
        &clean.stored_body().shared(),
        &clean.body_buf().shared()
    ));
    let stored = Entity::new(given.stored_body()).unwrap();
    assert_eq!(stored.content_hash(&KEY), given.content_hash(&KEY));
}

#[test]
fn generated_fields_are_printed_first_and_can_be_read() {
    let body = entity("{\"b\":1,\"_id\":\"x\",\"a\":2}").stored_body();
    let generated = Generated {
        updated: 7,
        previous: None,
        ts: 1_700_000_000_000_000,
        hash: ContentHash([0xab; 16]),
        deleted: false,
    };
    let stored = Entity::with_generated(body.clone(), generated);
    let hash = "ab".repeat(16);
    assert_eq!(
        print(&stored),
        format!(
            "{{\"_id\":\"x\",\"_deleted\":false,\"_updated\":7,\"_previous\":null,\"_ts\":1700000000000000,\"_hash\":\"{hash}\",\"b\":1,\"a\":2}}"
        )
    );
    let arena = Arena::new();
    assert_eq!(
        stored.get("_updated", &arena).and_then(Value::as_i64),
        Some(7)
    );
    assert_eq!(
        stored.get("_hash", &arena).and_then(Value::as_str),
        Some(hash.as_str())
    );
    assert_eq!(
        stored.get("_deleted", &arena).and_then(Value::as_bool),
        Some(false)
    );
    assert!(stored.get("_previous", &arena).is_some_and(Value::is_null));
    assert!(stored.get("_nothing", &arena).is_none());
    let deleted = Entity::with_generated(
        body,
        Generated {
            deleted: true,
            previous: Some(3),
            ..generated
        },
    );
    assert!(deleted.is_deleted());
    assert!(print(&deleted).contains("\"_deleted\":true,\"_updated\":7,\"_previous\":3,"));
    let arrived = entity("{\"a\":1,\"_updated\":\"x\",\"_id\":\"i\",\"_zzz\":1}");
    assert_eq!(
        print(&arrived),
        "{\"_id\":\"i\",\"_updated\":\"x\",\"a\":1,\"_zzz\":1}"
    );
}

#[test]
fn namespaces_are_added_and_removed_all_the_way_down() {
    let given = entity(
        "{\"_id\":\"1\",\"name\":\"x\",\"o:has\":1,\"$ids\":[{\"a\":1}],\"_updated\":{\"k\":1},\"list\":[{\"p\":\"~:q:r\",\"_c\":{\"d\":1}}]}",
    );
    let added = add_namespaces(&given, "person", "crm");
    let text = "{\"_id\":\"person:1\",\"crm:name\":\"x\",\"o:has\":1,\"$ids\":[{\"a\":1}],\"_updated\":{\"crm:k\":1},\"crm:list\":[{\"crm:p\":\"~:q:r\",\"_c\":{\"crm:d\":1}}]}";
    assert_eq!(added.body().to_json_string(), text);
    let removed = remove_namespaces(&added);
    assert_eq!(
        removed.body().to_json_string(),
        "{\"_id\":\"1\",\"name\":\"x\",\"has\":1,\"$ids\":[{\"a\":1}],\"_updated\":{\"k\":1},\"list\":[{\"p\":\"~:r\",\"_c\":{\"d\":1}}]}"
    );
    // Two names become one: the first position, the last value.
    assert_eq!(
        remove_namespaces(&entity("{\"a:x\":1,\"y\":2,\"b:x\":3}"))
            .body()
            .to_json_string(),
        "{\"x\":3,\"y\":2}"
    );
}

#[test]
fn marks_are_what_the_single_questions_answer() {
    for text in [
        r#"{"_id": "1"}"#,
        r#"{"a": 1, "_deleted": true}"#,
        r#"{"_filtered": true, "_deleted": "true"}"#,
        r#"{"_deleted": true, "_filtered": true, "_deletedx": false}"#,
        r#"{"_deleted": false, "_filtered": 1}"#,
        "{}",
    ] {
        let outside = entity(text);
        let stored = |deleted| {
            let generated = Generated {
                updated: 1,
                previous: None,
                ts: 2,
                hash: outside.content_hash(&KEY),
                deleted,
            };
            Entity::with_generated(outside.body_buf().clone(), generated)
        };
        for entity in [outside.clone(), stored(true), stored(false)] {
            let expected = (entity.is_deleted(), entity.is_filtered());
            assert_eq!(entity.marks(), expected, "{text}");
        }
    }
}
