//! R1 to R5, R8, U10: when a version is appended, and what is generated for it.

use super::{Fixture, SECOND, Test, entity, pairs, printed};
use crate::{AppendOptions, Change, PreparedEntity, ReadOptions};

pub(super) const TESTS: &[Test] = &[
    ("an empty dataset has nothing and says so", empty),
    (
        "property order and generated fields make no change",
        order_and_generated_fields_make_no_change,
    ),
    (
        "comparison is with the latest version only",
        only_the_latest_counts,
    ),
    (
        "deleted state alone is a change, both ways",
        deleting_and_undeleting,
    ),
    (
        "a deleted version keeps its properties and its deletion is literal",
        deleted_is_literal,
    ),
    (
        "a filtered entity deletes what is live and nothing else",
        filtered,
    ),
    (
        "an explicit delete of an unknown id is a new id",
        unknown_delete_is_new,
    ),
    (
        "duplicates in one batch are taken in order",
        duplicates_in_one_batch,
    ),
    (
        "reserved names are dropped at the root and kept below",
        reserved_names,
    ),
    (
        "offsets, previous and timestamps are generated",
        generated_fields,
    ),
    (
        "timestamps grow even when the clock goes back",
        clock_goes_back,
    ),
    ("counters follow every change", counters),
    ("a repost appends the latest version again", repost),
    ("a populated flag stays", populated),
    ("unusual ids are stored exactly", unusual_ids),
];

fn empty(f: &Fixture) {
    let status = f.dataset.status().expect("status");
    assert_eq!(
        (status.max_offset, status.populated, status.last_modified),
        (None, false, 0)
    );
    assert_eq!(status.counters, crate::Counters::default());
    assert_eq!(f.offsets(ReadOptions::default()), []);
    assert_eq!(f.latest("a"), None);
    assert_eq!(f.write(&[]), []);
    assert_eq!(f.dataset.status().expect("status").max_offset, None);
}

fn order_and_generated_fields_make_no_change(f: &Fixture) {
    assert_eq!(
        f.write(&[r#"{"_id": "1", "a": 1, "b": [1, 2]}"#]),
        [Change::New]
    );
    for same in [
        r#"{"b": [1, 2], "a": 1, "_id": "1"}"#,
        r#"{"_id": "1", "a": 1, "b": [1, 2], "_ts": 7, "_updated": 99, "_previous": 3, "_hash": "x", "_deleted": false}"#,
    ] {
        assert_eq!(f.write(&[same]), [Change::Unchanged], "{same}");
    }
    assert_eq!(
        f.write(&[r#"{"_id": "1", "a": 1, "b": [2, 1]}"#]),
        [Change::Changed],
        "list order counts"
    );
    assert_eq!(
        f.offsets(ReadOptions::default()),
        pairs(&[(0, "1"), (1, "1")])
    );
}

fn only_the_latest_counts(f: &Fixture) {
    let (a, b) = (r#"{"_id": "1", "v": "a"}"#, r#"{"_id": "1", "v": "b"}"#);
    assert_eq!(f.write(&[a]), [Change::New]);
    assert_eq!(f.write(&[b]), [Change::Changed]);
    assert_eq!(f.write(&[a]), [Change::Changed]);
    let first = f.dataset.get_at("1", 0).expect("get").expect("there");
    let third = f.dataset.get_at("1", 2).expect("get").expect("there");
    assert_eq!(first.generated.hash, third.generated.hash);
    assert_eq!(third.generated.previous, Some(1));
}

fn deleting_and_undeleting(f: &Fixture) {
    let (live, deleted) = (
        r#"{"_id": "1", "v": 1}"#,
        r#"{"_id": "1", "v": 1, "_deleted": true}"#,
    );
    assert_eq!(f.write(&[live]), [Change::New]);
    assert_eq!(f.write(&[deleted]), [Change::Deleted]);
    assert_eq!(f.write(&[deleted]), [Change::Unchanged]);
    assert_eq!(
        f.write(&[r#"{"_id": "1", "v": 2, "_deleted": true}"#]),
        [Change::Changed]
    );
    assert_eq!(f.write(&[live]), [Change::Undeleted]);
}

fn deleted_is_literal(f: &Fixture) {
    f.write(&[
        r#"{"_id": "1", "v": 1, "_deleted": true}"#,
        r#"{"_id": "2", "_deleted": "true"}"#,
        r#"{"_id": "3", "_deleted": 1}"#,
    ]);
    assert_eq!(
        f.latest("1"),
        Some((r#"{"_id":"1","v":1}"#.to_owned(), true))
    );
    assert_eq!(f.latest("2"), Some((r#"{"_id":"2"}"#.to_owned(), false)));
    assert_eq!(f.latest("3"), Some((r#"{"_id":"3"}"#.to_owned(), false)));
    assert!(
        printed(&f.dataset.get("1").expect("get").expect("there").to_entity())
            .contains(r#""_deleted":true"#)
    );
}

fn filtered(f: &Fixture) {
    let filtered = r#"{"_id": "1", "v": 1, "_filtered": true}"#;
    assert_eq!(f.write(&[filtered]), [Change::Unchanged], "unknown");
    assert_eq!(f.write(&[r#"{"_id": "1", "v": 1}"#]), [Change::New]);
    assert_eq!(f.write(&[filtered]), [Change::Deleted]);
    assert_eq!(f.write(&[filtered]), [Change::Unchanged], "already deleted");
    assert_eq!(
        f.write(&[r#"{"_id": "1", "v": 2, "_filtered": true}"#]),
        [Change::Unchanged],
        "already deleted"
    );
    assert_eq!(
        f.latest("1"),
        Some((r#"{"_id":"1","v":1}"#.to_owned(), true))
    );
}

fn unknown_delete_is_new(f: &Fixture) {
    assert_eq!(
        f.write(&[r#"{"_id": "1", "_deleted": true}"#]),
        [Change::New]
    );
    let counters = f.dataset.status().expect("status").counters;
    assert_eq!(
        (
            counters.index_exists,
            counters.index_deleted,
            counters.log_deleted
        ),
        (0, 1, 1)
    );
}

fn duplicates_in_one_batch(f: &Fixture) {
    let (a, b) = (r#"{"_id": "1", "v": "a"}"#, r#"{"_id": "1", "v": "b"}"#);
    let changes = f.write(&[a, a, b, r#"{"_id": "0"}"#, a, a]);
    assert_eq!(
        changes,
        [
            Change::New,
            Change::Unchanged,
            Change::Changed,
            Change::New,
            Change::Changed,
            Change::Unchanged
        ]
    );
    assert_eq!(
        f.offsets(ReadOptions::default()),
        pairs(&[(0, "1"), (1, "1"), (2, "0"), (3, "1")])
    );
    assert_eq!(
        f.offsets(ReadOptions::latest()),
        pairs(&[(2, "0"), (3, "1")])
    );
    assert_eq!(f.write(&[a]), [Change::Unchanged]);
}

fn reserved_names(f: &Fixture) {
    f.write(&[r#"{"_id": "1", "_foo": 1, "_updated": 7, "child": {"_updated": 5, "_foo": 2}, "$ids": ["x"]}"#]);
    assert_eq!(
        f.latest("1"),
        Some((
            r#"{"_id":"1","child":{"_updated":5,"_foo":2},"$ids":["x"]}"#.to_owned(),
            false
        ))
    );
    assert_eq!(
        f.write(&[r#"{"_id": "1", "child": {"_updated": 6, "_foo": 2}, "$ids": ["x"]}"#]),
        [Change::Changed]
    );
}

fn generated_fields(f: &Fixture) {
    f.write(&[r#"{"_id": "1", "v": 1}"#, r#"{"_id": "2"}"#]);
    f.write(&[r#"{"_id": "1", "v": 2}"#]);
    let second = f.dataset.get("1").expect("get").expect("there");
    assert_eq!(
        (second.generated.updated, second.generated.previous),
        (2, Some(0))
    );
    assert_eq!(second.generated.ts, f.now.get());
    let expected = f.prepare(r#"{"v": 2, "_id": "1"}"#);
    assert_eq!(second.generated.hash, expected.hash());
    assert_eq!(
        f.dataset
            .get_at("1", 0)
            .expect("get")
            .expect("there")
            .generated
            .previous,
        None
    );
    let status = f.dataset.status().expect("status");
    assert_eq!(
        (status.max_offset, status.last_modified),
        (Some(2), f.now.get())
    );
}

fn clock_goes_back(f: &Fixture) {
    f.write(&[r#"{"_id": "1"}"#]);
    let first = f.now.get();
    f.now.set(first - 100 * SECOND);
    f.write(&[r#"{"_id": "2"}"#, r#"{"_id": "3"}"#]);
    let ts = |id| f.dataset.get(id).expect("get").expect("there").generated.ts;
    assert!(
        ts("1") < ts("2") && ts("2") < ts("3"),
        "{} {} {}",
        ts("1"),
        ts("2"),
        ts("3")
    );
}

fn counters(f: &Fixture) {
    f.write(&[
        r#"{"_id": "1", "v": 1}"#,
        r#"{"_id": "2"}"#,
        r#"{"_id": "3"}"#,
    ]);
    f.write(&[
        r#"{"_id": "1", "v": 2}"#,
        r#"{"_id": "2", "_deleted": true}"#,
        r#"{"_id": "3"}"#,
    ]);
    let counters = f.dataset.status().expect("status").counters;
    assert_eq!((counters.log_exists, counters.log_deleted), (4, 1));
    assert_eq!((counters.index_exists, counters.index_deleted), (2, 1));
    let bytes = f
        .dataset
        .read(&ReadOptions::default(), usize::MAX)
        .expect("read")
        .bytes();
    assert_eq!(counters.bytes, bytes as u64);
}

fn repost(f: &Fixture) {
    f.write(&[
        r#"{"_id": "1", "v": 1}"#,
        r#"{"_id": "2", "_deleted": true}"#,
    ]);
    let hash = f
        .dataset
        .get("1")
        .expect("get")
        .expect("there")
        .generated
        .hash;
    let now = f.tick();
    assert_eq!(
        f.dataset
            .repost(&["2", "unknown", "1"], now)
            .expect("repost"),
        2
    );
    assert_eq!(
        f.offsets(ReadOptions::default()),
        pairs(&[(0, "1"), (1, "2"), (2, "2"), (3, "1")])
    );
    let again = f.dataset.get("1").expect("get").expect("there");
    assert_eq!(
        (again.generated.hash, again.generated.previous),
        (hash, Some(0))
    );
    assert_eq!(f.latest("2"), Some((r#"{"_id":"2"}"#.to_owned(), true)));
    let forced = AppendOptions {
        force: true,
        run: None,
    };
    assert_eq!(
        f.write_with(&[r#"{"_id": "1", "v": 1}"#], &forced),
        [Change::Changed]
    );
}

fn populated(f: &Fixture) {
    assert!(!f.dataset.status().expect("status").populated);
    f.dataset.mark_populated().expect("mark");
    f.dataset.mark_populated().expect("mark");
    f.write(&[r#"{"_id": "1"}"#]);
    assert!(f.dataset.status().expect("status").populated);
}

fn unusual_ids(f: &Fixture) {
    let ids = [
        "",
        "/",
        "..",
        "%2f",
        "a:b",
        "blåbær/ÆØÅ",
        " ",
        "\u{0}",
        "\u{10ffff}",
        &"long".repeat(1_000),
    ];
    for id in ids {
        let mut json = Vec::new();
        sluice_entity::Json::from(id)
            .to_value(&sluice_entity::Numbers::default())
            .value()
            .write_json(&mut json, &sluice_entity::Style::default());
        let json = format!(
            r#"{{"_id": {}}}"#,
            String::from_utf8(json).expect("JSON is UTF-8")
        );
        let prepared = PreparedEntity::new(&entity(&json), &f.key).expect("it has an _id");
        assert_eq!(prepared.id(), id);
        f.dataset
            .append(&[prepared], f.tick(), &AppendOptions::default())
            .expect("append");
    }
    for id in ids {
        let found = f.dataset.get(id).expect("get").expect("there");
        assert_eq!(found.to_entity().id(), Some(id));
    }
    assert_eq!(f.offsets(ReadOptions::default()).len(), ids.len());
}
