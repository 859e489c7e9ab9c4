//! Round trips, every damaged byte, and the golden file of the stored forms.

use super::*;
use proptest::prelude::*;

fn generated() -> Generated {
    Generated {
        updated: 0x1122,
        previous: Some(7),
        ts: 1_700_000_000_000_000,
        hash: ContentHash(*b"0123456789abcdef"),
        deleted: true,
    }
}

const KEY: &[u8] = b"some key";

#[test]
fn a_version_is_read_as_it_was_written() {
    for previous in [None, Some(0), Some(7)] {
        for deleted in [false, true] {
            let written = Generated {
                previous,
                deleted,
                ..generated()
            };
            let mut stored = Vec::new();
            write_version(KEY, &written, b"body", &mut stored).unwrap();
            let (read, body) = read_version(KEY, 0x1122, &stored).unwrap();
            assert_eq!(
                (read.previous, read.deleted, read.ts, read.updated),
                (previous, deleted, written.ts, 0x1122)
            );
            assert_eq!(read.hash.0, written.hash.0);
            assert_eq!(body, b"body");
        }
    }
}

#[test]
fn every_flipped_bit_in_header_and_small_values_is_found() {
    let mut version = Vec::new();
    write_version(KEY, &generated(), b"", &mut version).unwrap();
    let mut entry = Vec::new();
    IdEntry {
        offset: 5,
        hash: ContentHash([9; 16]),
        deleted: false,
        raw_hash: Some(3),
    }
    .write(KEY, &mut entry);
    let next = write_next(KEY, 77);
    let list = write_key_list(KEY, &[b"a".to_vec(), b"bc".to_vec()]);
    type Case<'a> = (&'a str, &'a [u8], fn(&[u8]) -> bool);
    let readers: [Case<'_>; 4] = [
        ("version", &version, |bytes| {
            read_version(KEY, 1, bytes).is_err()
        }),
        ("id entry", &entry, |bytes| {
            IdEntry::read(KEY, bytes).is_err()
        }),
        ("next", &next, |bytes| read_next(KEY, bytes).is_err()),
        ("key list", &list, |bytes| {
            read_key_list(KEY, bytes).is_err()
        }),
    ];
    for (name, bytes, is_refused) in readers {
        assert!(!is_refused(bytes), "{name} itself is fine");
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(is_refused(&damaged), "{name}, bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(is_refused(&bytes[..length]), "{name} cut to {length}");
        }
    }
}

#[test]
fn a_value_under_another_key_is_refused() {
    let next = write_next(KEY, 77);
    assert_eq!(read_next(KEY, &next), Ok(77));
    assert_eq!(read_next(b"other key", &next), Err("checksum mismatch"));
}

proptest! {
    #[test]
    fn id_entries_and_key_lists_survive(offset: u64, deleted: bool, raw: Option<u128>, hash: [u8; 16], keys: Vec<Vec<u8>>) {
        let entry = IdEntry { offset, hash: ContentHash(hash), deleted, raw_hash: raw };
        let mut out = Vec::new();
        entry.write(KEY, &mut out);
        prop_assert_eq!(IdEntry::read(KEY, &out), Ok(entry));
        prop_assert_eq!(read_key_list(KEY, &write_key_list(KEY, &keys)), Ok(keys));
    }

    #[test]
    fn garbage_is_refused_without_a_panic(bytes: Vec<u8>) {
        let _ = read_version(KEY, 1, &bytes);
        let _ = IdEntry::read(KEY, &bytes);
        let _ = read_key_list(KEY, &bytes);
    }
}

/// The stored forms of format version 1. A change here is a new format version with a migration.
#[test]
fn the_stored_forms_are_the_golden_ones() {
    let mut version = Vec::new();
    let body = ValueBuf::from_encoded(b"(body)".to_vec());
    write_version(KEY, &generated(), body.value().encoded(), &mut version).unwrap();
    let mut entry = Vec::new();
    IdEntry {
        offset: 5,
        hash: ContentHash([9; 16]),
        deleted: true,
        raw_hash: Some(3),
    }
    .write(KEY, &mut entry);
    let rows = [
        ("version", version),
        ("id entry", entry),
        ("next", write_next(KEY, 77)),
        (
            "key list",
            write_key_list(KEY, &[b"a".to_vec(), b"bc".to_vec()]),
        ),
    ];
    let mut text = String::new();
    for (name, bytes) in rows {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        text += &format!("{name}: {hex}\n");
    }
    assert_eq!(text, include_str!("../../tests/golden/values-v1.txt"));
}
