//! Order, bounds and the golden file of the key layout.

use super::*;
use proptest::prelude::*;

const ONE: DatasetNumber = DatasetNumber(1);

fn inside(range: &KeyRange, key: &[u8]) -> bool {
    range.from.as_slice() <= key && key < range.to.as_slice()
}

proptest! {
    #[test]
    fn versions_sort_by_dataset_then_offset(a: (u64, u64), b: (u64, u64)) {
        let key = |(number, offset): (u64, u64)| version(DatasetNumber(number), offset);
        prop_assert_eq!(key(a).cmp(&key(b)), a.cmp(&b));
        prop_assert_eq!(offset_of(&key(a)), Some(a.1));
        prop_assert_eq!(dataset_of(&key(a)), Some(a.0));
    }

    #[test]
    fn ids_sort_by_dataset_then_bytes(a: (u64, String), b: (u64, String)) {
        let key = |of: &(u64, String)| id(DatasetNumber(of.0), &of.1);
        prop_assert_eq!(key(&a).cmp(&key(&b)), (a.0, a.1.as_bytes()).cmp(&(b.0, b.1.as_bytes())));
        let first = key(&a);
        prop_assert_eq!(id_of(&first), Some(a.1.as_str()));
    }

    #[test]
    fn every_key_of_a_dataset_lies_in_its_range_and_in_no_other(
        number in prop_oneof![Just(0u64), Just(1), Just(255), Just(u64::MAX - 1), any::<u64>()],
        other: u64,
        offset: u64,
        index_number: u32,
        text in ".{0,40}",
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let n = DatasetNumber(number);
        let keys = [
            version(n, offset).to_vec(),
            id(n, &text),
            index_entry(n, index_number, &bytes, &text),
            index_keys_of_id(n, index_number, &text),
            dataset_record(n),
            index_record(n, &text),
            run_record(n),
            marks_chunk(n, offset),
        ];
        for key in &keys {
            prop_assert!(inside(&dataset(n), key));
            prop_assert_eq!(inside(&dataset(DatasetNumber(other)), key), other == number);
        }
    }

    #[test]
    fn an_index_entry_is_found_under_its_key_only(
        key in proptest::collection::vec(any::<u8>(), 0..20),
        other in proptest::collection::vec(any::<u8>(), 0..20),
        text in ".{0,20}",
    ) {
        let entry = index_entry(ONE, 7, &key, &text);
        prop_assert_eq!(index_entry_of(&entry), Some((7, key.as_slice(), text.as_str())));
        prop_assert_eq!(entry.starts_with(&index_key(ONE, 7, &other)), other == key);
    }

    #[test]
    fn state_of_one_owner_is_not_state_of_another(a in "[a-c]{0,3}", b in "[a-c]{0,3}", name in proptest::collection::vec(any::<u8>(), 0..9)) {
        let key = state(&a, &name);
        prop_assert_eq!(state_of(&key), Some((a.as_str(), name.as_slice())));
        prop_assert_eq!(inside(&state_range(&b, &[]), &key), a == b);
    }
}

#[test]
fn ranges_end_where_the_prefix_ends_also_at_the_edges() {
    for (prefix, after) in [
        (vec![0], vec![1]),
        (vec![1, 0xff], vec![2]),
        (vec![1, 0xff, 0xff], vec![2]),
        (vec![0xfe], vec![0xff]),
    ] {
        assert_eq!(after_prefix(&prefix), after);
    }
    let last = dataset(DatasetNumber(STORE));
    assert!(inside(&last, &state("owner", &[0xff; 100])));
}

#[test]
fn damaged_keys_are_refused_not_guessed() {
    assert_eq!(dataset_of(&[1, 2, 3]), None);
    assert_eq!(offset_of(&[0; 15]), None);
    assert_eq!(offset_of(&[0; 17]), None);
    assert_eq!(id_of(&id(ONE, "x")[..8]), Some(""));
    assert_eq!(id_of(&[0, 0, 0, 0, 0, 0, 0, 1, 0xff]), None);
    assert_eq!(index_entry_of(&index_key(ONE, 1, b"abc")[..14]), None);
    assert_eq!(index_entry_of(&index_keys_of_id(ONE, 1, "abc")), None);
    assert_eq!(state_of(&all_state().from), None);
}

/// The layout of format version 1. A change here is a new format version with a migration.
#[test]
fn the_key_layout_is_the_golden_one() {
    let n = DatasetNumber(0x0102_0304_0506_0708);
    let rows = [
        ("version", version(n, 0x1122).to_vec()),
        ("id", id(n, "æ/1")),
        ("index entry", index_entry(n, 9, b"key", "id")),
        ("index reverse", index_keys_of_id(n, 9, "id")),
        ("dataset record", dataset_record(n)),
        ("index record", index_record(n, "[\"path\",\"a\"]")),
        ("run record", run_record(n)),
        ("marks", marks_chunk(n, 3)),
        ("store record", store_record()),
        ("state", state("pipe:a", b"offset")),
    ];
    let mut text = String::new();
    for (name, key) in rows {
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        text += &format!("{name}: {hex}\n");
    }
    assert_eq!(text, include_str!("../../tests/golden/keys-v1.txt"));
}
