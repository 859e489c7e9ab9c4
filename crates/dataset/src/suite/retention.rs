//! CO2, CO3, CO8, R7, R61: which versions a compaction removes.

use super::{Fixture, Test, pairs};
use crate::{Compacted, Offset, ReadOptions, Retention};

pub(super) const TESTS: &[Test] = &[
    (
        "so many versions per id are kept, the latest always",
        keeps_versions,
    ),
    ("young versions are kept", keeps_young),
    ("what a reader has yet to compare is kept", keeps_unconsumed),
    (
        "nothing happens before the dataset is populated",
        guards_unpopulated,
    ),
    ("a previous version may be gone", dangling_previous),
    ("counters follow", counters),
];

/// Offsets 0 to 4 are versions of a, 5 and 6 of b; the latest of b is deleted.
fn fill(f: &Fixture) {
    for version in 0..5 {
        f.write(&[&format!(r#"{{"_id": "a", "v": {version}}}"#)]);
    }
    f.write(&[r#"{"_id": "b"}"#]);
    f.write(&[r#"{"_id": "b", "_deleted": true}"#]);
}

fn compact(f: &Fixture, retention: Retention) -> Compacted {
    f.dataset
        .compact(&retention, None, u64::MAX)
        .expect("compact")
}

fn keeps_versions(f: &Fixture) {
    fill(f);
    f.dataset.mark_populated().expect("mark");
    assert_eq!(
        compact(
            f,
            Retention {
                keep_versions: 3,
                ..Retention::default()
            }
        )
        .removed,
        2
    );
    let kept = [(2, "a"), (3, "a"), (4, "a"), (5, "b"), (6, "b")];
    assert_eq!(f.offsets(ReadOptions::default()), pairs(&kept));
    assert_eq!(compact(f, Retention::default()).removed, 1);
    assert_eq!(compact(f, Retention::default()).removed, 0);
    for keep_versions in [1, 0] {
        compact(
            f,
            Retention {
                keep_versions,
                ..Retention::default()
            },
        );
        assert_eq!(
            f.offsets(ReadOptions::default()),
            pairs(&[(4, "a"), (6, "b")])
        );
    }
    assert_eq!(
        f.offsets(ReadOptions::latest()),
        pairs(&[(4, "a"), (6, "b")])
    );
    assert_eq!(
        f.write(&[r#"{"_id": "a", "v": 5}"#]),
        [crate::Change::Changed]
    );
    assert_eq!(
        f.offsets(ReadOptions::latest()),
        pairs(&[(6, "b"), (7, "a")])
    );
}

fn keeps_young(f: &Fixture) {
    fill(f);
    f.dataset.mark_populated().expect("mark");
    let second = f
        .dataset
        .get_at("a", 2)
        .expect("get")
        .expect("there")
        .generated
        .ts;
    compact(
        f,
        Retention {
            keep_versions: 1,
            keep_since: Some(second),
            consumed: None,
        },
    );
    assert_eq!(
        f.offsets(ReadOptions::default()),
        pairs(&[(2, "a"), (3, "a"), (4, "a"), (5, "b"), (6, "b")])
    );
}

fn keeps_unconsumed(f: &Fixture) {
    fill(f);
    f.dataset.mark_populated().expect("mark");
    let consumed: Offset = 3;
    compact(
        f,
        Retention {
            keep_versions: 1,
            keep_since: None,
            consumed: Some(consumed),
        },
    );
    // The reader's next look is at offset 4, whose previous version is 3.
    assert_eq!(
        f.offsets(ReadOptions::default()),
        pairs(&[(3, "a"), (4, "a"), (5, "b"), (6, "b")])
    );
}

fn guards_unpopulated(f: &Fixture) {
    fill(f);
    assert_eq!(
        compact(
            f,
            Retention {
                keep_versions: 1,
                ..Retention::default()
            }
        ),
        Compacted::default()
    );
    assert_eq!(f.offsets(ReadOptions::default()).len(), 7);
}

fn dangling_previous(f: &Fixture) {
    fill(f);
    f.dataset.mark_populated().expect("mark");
    compact(
        f,
        Retention {
            keep_versions: 1,
            ..Retention::default()
        },
    );
    let latest = f.dataset.get("a").expect("get").expect("there");
    assert_eq!(latest.generated.previous, Some(3));
    assert!(f.dataset.get_at("a", 3).expect("get").is_none());
    assert!(f.dataset.before("a", 4).expect("before").is_none());
}

fn counters(f: &Fixture) {
    fill(f);
    f.dataset.mark_populated().expect("mark");
    compact(
        f,
        Retention {
            keep_versions: 1,
            ..Retention::default()
        },
    );
    let status = f.dataset.status().expect("status");
    let counters = status.counters;
    assert_eq!((counters.log_exists, counters.log_deleted), (1, 1));
    assert_eq!((counters.index_exists, counters.index_deleted), (1, 1));
    assert_eq!(
        counters.bytes,
        f.dataset
            .read(&ReadOptions::default(), usize::MAX)
            .expect("read")
            .bytes() as u64
    );
    assert_eq!(status.max_offset, Some(6));
}
