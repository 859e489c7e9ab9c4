//! Damaged bytes: whatever a byte is changed to, nothing panics.

use super::fixtures::typical_entity;
use crate::*;

/// Everything that can be asked of a value.
fn use_all(value: Value<'_>, depth: usize) {
    let _ = (
        value.kind(),
        value.as_bool(),
        value.as_str(),
        value.as_ni(),
        value.as_uri(),
        value.as_i64(),
    );
    let _ = (
        value.as_datetime(),
        value.as_uuid(),
        value.as_bytes(),
        value.as_number().map(|n| n.to_string()),
    );
    if depth > 5 {
        return;
    }
    if let Some(list) = value.as_list() {
        list.iter()
            .take(50)
            .for_each(|item| use_all(item, depth + 1));
        let _ = list.get(usize::MAX);
    }
    if let Some(dict) = value.as_dict() {
        for (name, field) in dict.iter().take(50).chain(dict.iter_sorted().take(50)) {
            let _ = (dict.get(name), dict.get_hinted(name, &mut 3));
            use_all(field, depth + 1);
        }
    }
}

fn use_whole(bytes: &[u8], other: Value<'_>) {
    let value = Value::from_encoded(bytes);
    use_all(value, 0);
    let _ = (
        value.order(other),
        other.order(value),
        value.check(&Limits::default()),
    );
    value.join_key(&mut Vec::new());
    value.write_json(
        &mut Vec::new(),
        &Style {
            sorted: true,
            transit: false,
            ..Style::default()
        },
    );
    let _ = (
        value.to_json_string(),
        Json::from_value(value),
        Arena::new().copy(value),
    );
    if let Some(entity) = Entity::new(ValueBuf::from_encoded(bytes)) {
        let _ = (
            entity.id(),
            entity.is_deleted(),
            entity.content_hash(&HashKey([1; 4])),
            entity.stored_body(),
        );
        entity.write_json(&mut Vec::new(), &Style::default());
        let _ = (
            add_namespaces(&entity, "a", "b"),
            remove_namespaces(&entity),
        );
    }
}

fn sample() -> ValueBuf {
    let text = format!(
        "{{\"z\":\"\\n\",\"t\":[\"~:a:b\",\"~rx\",\"~t2020-01-01T00:00:00.5Z\",\"~bYWJj\",\
         \"~u9f598f65-46e7-4d09-9a2b-0f3b3b3b3b3b\",\"~f1.10\",123456789012345678901234567890,\
         1.123456789012345678901234567890,true,null,-7,[],{{}}],\"_deleted\":true,\"e\\\"\":1,\"e\":{}}}",
        typical_entity(7)
    );
    Reader::default().read_value(text.as_bytes()).unwrap()
}

#[test]
fn every_damaged_byte_is_survived() {
    let sound = sample();
    let bytes = sound.encoded();
    let mut survived = 0;
    for place in 0..bytes.len() {
        let mut damaged = bytes.to_vec();
        for byte in [
            0x00,
            0x01,
            0x05,
            0x10,
            0x14,
            0x18,
            0x7f,
            0xff,
            bytes[place] ^ 1,
            bytes[place] ^ 0x80,
        ] {
            damaged[place] = byte;
            use_whole(&damaged, sound.value());
            survived += 1;
        }
        use_whole(&bytes[..place], sound.value());
    }
    assert!(survived > 5000);
    // Nothing of that touched the original.
    sound.value().check(&Limits::default()).unwrap();
}

#[test]
fn the_check_finds_most_damages_and_accepts_only_what_can_be_read_again() {
    let sound = sample();
    let bytes = sound.encoded();
    let (mut found, mut accepted) = (0, 0);
    for place in 0..bytes.len() {
        for change in [0x01, 0x04, 0x40, 0x80] {
            let mut damaged = bytes.to_vec();
            damaged[place] ^= change;
            let value = Value::from_encoded(&damaged);
            if value.check(&Limits::default()).is_err() {
                found += 1;
                continue;
            }
            accepted += 1;
            let mut text = Vec::new();
            value.write_json(
                &mut text,
                &Style {
                    escape_tilde: true,
                    ..Style::default()
                },
            );
            let again = Reader::default().read_value(&text).unwrap();
            assert_eq!(again.encoded(), damaged, "byte {place}");
        }
    }
    // Most of the bytes are text, where one letter more or less is as good as another.
    assert!(
        found > 1500 && accepted > 500,
        "{found} found, {accepted} accepted"
    );
}

#[test]
fn deep_nesting_is_walked_no_further_than_the_bound() {
    let mut builder = Builder::new();
    for _ in 0..200_000 {
        builder.begin_list();
    }
    let deep = builder.finish();
    assert!(deep.value().check(&Limits::default()).is_err());
    assert!(deep.value().to_json_string().len() < 10_000);
    assert!(deep.value().equals(deep.value()));
    deep.value().join_key(&mut Vec::new());
    assert!(Json::from_value(deep.value()).to_string().len() < 10_000);
}
