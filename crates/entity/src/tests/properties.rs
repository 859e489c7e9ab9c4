//! What must hold for all values.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::fixtures::{Model, model, model_with_floats, typical_entity};
use crate::*;

const KEY: HashKey = HashKey([1, 2, 3, 4]);

fn style() -> Style {
    Style {
        escape_tilde: true,
        ..Style::default()
    }
}

fn print(value: Value<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    value.write_json(&mut out, &style());
    out
}

fn hash(value: &ValueBuf) -> ContentHash {
    let mut builder = Builder::new();
    builder.begin_dict();
    builder.name("value");
    builder.value(value.value());
    builder.end();
    Entity::new(builder.finish()).unwrap().content_hash(&KEY)
}

fn join_key(value: Value<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    value.join_key(&mut out);
    out
}

/// What the hash is meant to tell apart: the printed form with sorted names.
fn canonical(value: &ValueBuf) -> Vec<u8> {
    let mut out = Vec::new();
    value.value().write_json(
        &mut out,
        &Style {
            sorted: true,
            ..style()
        },
    );
    out
}

fn dict(fields: Vec<(String, Model)>) -> Vec<u8> {
    print(Model::Dict(fields).build().value())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_built_passes_the_check(model in model_with_floats()) {
        let built = model.build();
        prop_assert_eq!(built.value().check(&Limits::default()), Ok(()));
    }

    #[test]
    fn reading_what_was_printed_gives_the_same_bytes(model in model()) {
        let built = model.build();
        let text = print(built.value());
        let mut reader = Reader::default();
        for _ in 0..2 {
            let again = reader.read_value(&text).unwrap();
            prop_assert_eq!(again.encoded(), built.encoded());
        }
    }

    #[test]
    fn the_arena_makes_the_same_bytes_as_the_builder(model in model_with_floats()) {
        let built = model.build();
        let arena = Arena::new();
        let value = built.value();
        let copy = match value.kind() {
            Kind::List => arena.list(value.as_list().unwrap().iter().map(|item| arena.copy(item))),
            Kind::Dict => arena.dict(value.as_dict().unwrap().iter()),
            Kind::String => arena.str(value.as_str().unwrap()),
            Kind::Int | Kind::Decimal | Kind::Float => arena.number(&value.as_number().unwrap()),
            Kind::Datetime => arena.datetime(value.as_datetime().unwrap()),
            _ => arena.from_buf(&built),
        };
        prop_assert_eq!(copy.encoded(), built.encoded());
    }

    #[test]
    fn order_is_total_and_agrees_with_join_keys(a in model_with_floats(), b in model_with_floats(), c in model_with_floats()) {
        let (a, b, c) = (a.build(), b.build(), c.build());
        let (a, b, c) = (a.value(), b.value(), c.value());
        prop_assert_eq!(a.order(b), b.order(a).reverse());
        prop_assert_eq!(a.order(a), Ordering::Equal);
        let mut sorted = [a, b, c];
        sorted.sort_by(|x, y| x.order(*y));
        prop_assert!(sorted[0].order(sorted[2]) != Ordering::Greater);
        for (x, y) in [(a, b), (a, c), (b, c)] {
            prop_assert_eq!(x.equals(y), join_key(x) == join_key(y));
            prop_assert!(x.equals(y) || !join_key(x).starts_with(&join_key(y)));
        }
    }

    #[test]
    fn the_order_of_dicts_changes_bytes_but_neither_equality_nor_key_nor_hash(model in model_with_floats()) {
        let (built, reversed) = (model.build(), model.reversed().build());
        prop_assert!(built.value().equals(reversed.value()));
        prop_assert_eq!(join_key(built.value()), join_key(reversed.value()));
        prop_assert_eq!(hash(&built), hash(&reversed));
    }

    #[test]
    fn hashes_are_equal_exactly_when_canonical_forms_are(a in model_with_floats(), b in model_with_floats()) {
        let (a, b) = (a.build(), b.build());
        prop_assert_eq!(hash(&a) == hash(&b), canonical(&a) == canonical(&b));
    }

    #[test]
    fn fields_are_found_with_and_without_hint(fields in proptest::collection::vec(("[a-z]{0,2}", model()), 0..40), wanted in "[a-z]{0,2}") {
        let expected = fields.iter().rev().find(|(name, _)| *name == wanted).map(|(_, value)| value.build());
        let built = Model::Dict(fields.clone()).build();
        let dict = built.value().as_dict().unwrap();
        let found = dict.get(&wanted).map(|value| value.encoded().to_vec());
        prop_assert_eq!(&found, &expected.map(|value| value.encoded().to_vec()));
        for mut hint in [0, 1, 7, u32::MAX] {
            let hinted = dict.get_hinted(&wanted, &mut hint).map(|value| value.encoded().to_vec());
            prop_assert_eq!(&hinted, &found);
            let again = dict.get_hinted(&wanted, &mut hint).map(|value| value.encoded().to_vec());
            prop_assert_eq!(&again, &found);
        }
        let names: Vec<&str> = dict.iter_sorted().map(|(name, _)| name).collect();
        prop_assert!(names.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert_eq!(dict.iter().rev().count(), names.len());
    }

    #[test]
    fn an_array_in_pieces_reads_like_the_whole(
        models in proptest::collection::vec(proptest::collection::vec(("\\PC{0,3}", model()), 0..5), 0..6),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        damage in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let entities: Vec<Vec<u8>> = models.into_iter().map(dict).collect();
        let mut text = b"[".to_vec();
        text.extend(entities.join(&b", "[..]));
        text.push(b']');
        if let Some((place, byte)) = damage {
            let place = place.index(text.len());
            text[place] = byte;
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts {
            pieces.push(&text[from..cut]);
            from = cut;
        }
        pieces.push(&text[from..]);
        let whole = read_array(&[&text]);
        if damage.is_none() {
            prop_assert_eq!(&whole, &(entities, None));
        }
        prop_assert_eq!(read_array(&pieces), whole);
    }

    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(prop_oneof![
        any::<u8>(), proptest::sample::select(b"{}[]\",:\\ut0123456789.eE-+~fn \n".to_vec())], 0..80)) {
        let mut reader = Reader::default();
        let read = reader.read_value(&bytes);
        if let Ok(value) = &read {
            prop_assert_eq!(value.value().check(&Limits::default()), Ok(()));
        }
        let json = Json::parse(&bytes, &Limits::default());
        prop_assert!(json.is_ok() == read.is_ok() || bytes.starts_with(b"\xef\xbb\xbf"), "{:?} {:?}", json, read);
        let _ = read_array(&[&bytes]);
    }

    #[test]
    fn no_sequence_of_builder_calls_makes_a_damaged_value(calls in proptest::collection::vec(0u8..8, 0..40)) {
        let mut builder = Builder::new();
        for call in calls {
            match call {
                0 => builder.begin_dict(),
                1 => builder.begin_list(),
                2 => builder.end(),
                3 => builder.name("b"),
                4 => builder.name("a"),
                5 => builder.str("~x"),
                6 => builder.value(Value::TRUE),
                _ => builder.int(300),
            }
        }
        prop_assert_eq!(builder.finish().value().check(&Limits::default()), Ok(()));
    }

    #[test]
    fn the_configuration_tree_of_a_value_gives_the_value_again(model in model()) {
        let built = model.build();
        let again = Json::from_value(built.value()).to_value(&Numbers::default());
        prop_assert_eq!(again.encoded(), built.encoded());
    }
}

fn read_array(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Option<ReadError>) {
    let mut reader = ArrayReader::new(Reader::default());
    let mut found = Vec::new();
    for piece in pieces {
        reader.push(piece);
        loop {
            match reader.next() {
                Ok(Some(entity)) => found.push(print(entity.body())),
                Ok(None) => break,
                Err(error) => return (found, Some(error)),
            }
        }
    }
    let end = reader.finish();
    (found, end.err())
}

#[test]
fn a_typical_entity_keeps_its_text_but_for_decimals() {
    let mut reader = Reader::default();
    for number in 0..200 {
        let text = typical_entity(number);
        let entity = reader.read_entity(text.as_bytes()).unwrap();
        let mut out = Vec::new();
        entity.write_json(
            &mut out,
            &Style {
                decimals: Decimals::Plain,
                ..Style::default()
            },
        );
        assert_eq!(String::from_utf8(out).unwrap(), text);
        entity.body().check(&Limits::default()).unwrap();
    }
}
