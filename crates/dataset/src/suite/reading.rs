//! R74, DS3, R7: what a reader sees, page by page.

use super::{Fixture, Test, pairs};
use crate::{Offset, ReadOptions};

pub(super) const TESTS: &[Test] = &[
    (
        "the log comes in offset order, since is exclusive",
        since_and_order,
    ),
    (
        "without history each id comes once at its latest offset",
        latest_only,
    ),
    (
        "deleted entities can be left out, but only without history",
        without_deleted,
    ),
    ("reverse begins with the newest, since means below", reverse),
    ("limit counts what is shown", limit),
    ("pages of any size add up to the same", pages_add_up),
    (
        "an exact version is found at its offset only",
        exact_version,
    ),
    ("the version before an offset is found", before),
    ("many ids are answered in their order", many),
];

/// Offsets: 0 a, 1 b, 2 c, 3 a, 4 b deleted, 5 d
fn fill(f: &Fixture) {
    f.write(&[
        r#"{"_id": "a", "v": 1}"#,
        r#"{"_id": "b", "v": 1}"#,
        r#"{"_id": "c", "v": 1}"#,
    ]);
    f.write(&[
        r#"{"_id": "a", "v": 2}"#,
        r#"{"_id": "b", "v": 1, "_deleted": true}"#,
        r#"{"_id": "d", "v": 1}"#,
    ]);
}

fn since(offset: Offset) -> ReadOptions {
    ReadOptions::default().after(Some(offset))
}

fn since_and_order(f: &Fixture) {
    fill(f);
    let all = [(0, "a"), (1, "b"), (2, "c"), (3, "a"), (4, "b"), (5, "d")];
    assert_eq!(f.offsets(ReadOptions::default()), pairs(&all));
    assert_eq!(f.offsets(since(0)), pairs(&all[1..]));
    assert_eq!(f.offsets(since(4)), pairs(&all[5..]));
    for above in [5, 6, u64::MAX] {
        assert_eq!(f.offsets(since(above)), []);
    }
}

fn latest_only(f: &Fixture) {
    fill(f);
    assert_eq!(
        f.offsets(ReadOptions::latest()),
        pairs(&[(2, "c"), (3, "a"), (4, "b"), (5, "d")])
    );
    assert_eq!(
        f.offsets(ReadOptions::latest().after(Some(3))),
        pairs(&[(4, "b"), (5, "d")])
    );
}

fn without_deleted(f: &Fixture) {
    fill(f);
    assert_eq!(
        f.offsets(ReadOptions::live()),
        pairs(&[(2, "c"), (3, "a"), (5, "d")])
    );
    let with_history = ReadOptions {
        deleted: false,
        ..ReadOptions::default()
    };
    assert_eq!(f.offsets(with_history).len(), 6);
}

fn reverse(f: &Fixture) {
    fill(f);
    let reverse = |options: ReadOptions| ReadOptions {
        reverse: true,
        ..options
    };
    let all = [(5, "d"), (4, "b"), (3, "a"), (2, "c"), (1, "b"), (0, "a")];
    assert_eq!(f.offsets(reverse(ReadOptions::default())), pairs(&all));
    assert_eq!(f.offsets(reverse(since(3))), pairs(&all[3..]));
    assert_eq!(f.offsets(reverse(since(0))), []);
    assert_eq!(f.offsets(reverse(since(u64::MAX))), pairs(&all));
    assert_eq!(f.offsets(reverse(ReadOptions::latest())), pairs(&all[..4]));
    assert_eq!(
        f.offsets(reverse(ReadOptions::live())),
        pairs(&[(5, "d"), (3, "a"), (2, "c")])
    );
}

fn limit(f: &Fixture) {
    fill(f);
    let limited = |options: ReadOptions, limit| ReadOptions {
        limit: Some(limit),
        ..options
    };
    assert_eq!(f.offsets(limited(ReadOptions::default(), 0)), []);
    assert_eq!(
        f.offsets(limited(ReadOptions::default(), 2)),
        pairs(&[(0, "a"), (1, "b")])
    );
    assert_eq!(
        f.offsets(limited(ReadOptions::live(), 2)),
        pairs(&[(2, "c"), (3, "a")])
    );
    assert_eq!(f.offsets(limited(ReadOptions::default(), 100)).len(), 6);
}

fn pages_add_up(f: &Fixture) {
    f.write_many(50);
    f.write(&[
        r#"{"_id": "0007", "n": "changed"}"#,
        r#"{"_id": "0049", "_deleted": true}"#,
        r#"{"_id": "0003", "n": 0}"#,
    ]);
    for reverse in [false, true] {
        for options in [
            ReadOptions::default(),
            ReadOptions::latest(),
            ReadOptions::live(),
        ] {
            let options = ReadOptions { reverse, ..options };
            let whole = f.offsets_in_pages(options.clone(), usize::MAX);
            for page_bytes in [1, 64, 1_000] {
                assert_eq!(
                    f.offsets_in_pages(options.clone(), page_bytes),
                    whole,
                    "{options:?} {page_bytes}"
                );
            }
        }
    }
}

fn exact_version(f: &Fixture) {
    fill(f);
    let version = f.dataset.get_at("a", 0).expect("get").expect("there");
    assert_eq!(
        version.body.value().to_json_string(),
        r#"{"_id":"a","v":1}"#
    );
    assert!(
        f.dataset.get_at("a", 1).expect("get").is_none(),
        "that is b"
    );
    assert!(f.dataset.get_at("a", 6).expect("get").is_none());
    assert!(f.dataset.get_at("unknown", 0).expect("get").is_none());
}

fn before(f: &Fixture) {
    fill(f);
    let before = |id, offset| {
        f.dataset
            .before(id, offset)
            .expect("before")
            .map(|version| version.offset())
    };
    assert_eq!(before("a", 100), Some(3));
    assert_eq!(before("a", 3), Some(0));
    assert_eq!(before("a", 1), Some(0));
    assert_eq!(before("a", 0), None);
    assert_eq!(before("b", 5), Some(4));
    assert_eq!(before("unknown", 5), None);
}

fn many(f: &Fixture) {
    fill(f);
    let ids = ["d", "unknown", "a", "b", "d"];
    let found = f.dataset.get_many(&ids).expect("get");
    let offsets: Vec<Option<Offset>> = found
        .iter()
        .map(|v| v.as_ref().map(crate::Version::offset))
        .collect();
    assert_eq!(offsets, [Some(5), None, Some(3), Some(4), Some(5)]);
    assert!(f.dataset.get_many(&[]).expect("get").is_empty());
}
