//! DE1, DE2, R26, R27, R62, R63: what a full run deletes at its end.

use super::{Fixture, Test};
use crate::{AppendOptions, Error, FullRun, ReadOptions};

pub(super) const TESTS: &[Test] = &[
    (
        "what the run did not produce is deleted and keeps its properties",
        unproduced_is_deleted,
    ),
    (
        "deletes are marked as inferred where that is asked for",
        marked_deletes,
    ),
    ("an empty run deletes everything", empty_run),
    (
        "what others wrote during the run is spared",
        written_meanwhile_is_spared,
    ),
    ("deleted ids are not deleted again", deleted_stay),
    ("deletes in small steps are complete", small_steps),
    ("an ended run deletes nothing and is gone", ended_run),
    ("a new run replaces the active one", replaced_run),
    (
        "a mass delete is refused before the first delete, unless allowed",
        mass_delete,
    ),
    (
        "a mass delete of what is not populated or small is none",
        small_or_unpopulated,
    ),
    ("marks of an earlier run do not count", earlier_marks),
];

fn produce(f: &Fixture, run: &FullRun, entities: &[&str]) {
    f.write_with(
        entities,
        &AppendOptions {
            force: false,
            run: Some(run.number),
        },
    );
}

fn finish(f: &Fixture, run: &FullRun, limit: usize) -> u64 {
    let approval = f.dataset.approve_deletions(run, false).expect("approve");
    let mut deleted = 0;
    loop {
        let progress = f
            .dataset
            .delete_unseen(&approval, f.tick(), limit)
            .expect("delete");
        deleted += progress.deleted;
        if progress.done {
            f.dataset.end_run(run).expect("end");
            return deleted;
        }
    }
}

fn live(f: &Fixture) -> Vec<String> {
    let mut ids: Vec<String> = f
        .offsets(ReadOptions::live())
        .into_iter()
        .map(|(_, id)| id)
        .collect();
    ids.sort();
    ids
}

fn marked_deletes(f: &Fixture) {
    f.write(&[
        r#"{"_id": "a", "v": 1}"#,
        r#"{"_id": "b", "$deletion_tracked": 5}"#,
    ]);
    let run = f.dataset.begin_run("first").expect("begin");
    let approval = f.dataset.approve_deletions(&run, false).expect("approve");
    let approval = approval.marking_deletes(true);
    let progress = f.dataset.delete_unseen(&approval, f.tick(), 10);
    assert_eq!(progress.expect("delete").deleted, 2);
    f.dataset.end_run(&run).expect("end");
    for (id, body) in [
        ("a", r#"{"_id":"a","v":1,"$deletion_tracked":true}"#),
        ("b", r#"{"_id":"b","$deletion_tracked":true}"#),
    ] {
        let version = f.dataset.get(id).expect("get").expect("a deleted version");
        assert!(version.is_deleted());
        assert_eq!(version.body.value().to_json_string(), body);
    }
    f.write(&[r#"{"_id": "a", "v": 1}"#]);
    let again = f.dataset.get("a").expect("get").expect("written again");
    assert_eq!(again.body.value().to_json_string(), r#"{"_id":"a","v":1}"#);
}

fn unproduced_is_deleted(f: &Fixture) {
    f.write(&[
        r#"{"_id": "a", "v": 1}"#,
        r#"{"_id": "b", "v": 1}"#,
        r#"{"_id": "c", "v": 1}"#,
    ]);
    let run = f.dataset.begin_run("first").expect("begin");
    assert_eq!(f.dataset.active_run().expect("active"), Some(run.clone()));
    produce(
        f,
        &run,
        &[
            r#"{"_id": "a", "v": 1}"#,
            r#"{"_id": "b", "v": 2}"#,
            r#"{"_id": "d"}"#,
        ],
    );
    let unseen = f.dataset.unseen(&run).expect("unseen");
    assert_eq!((unseen.live, unseen.unseen), (4, 1));
    assert_eq!(finish(f, &run, 10), 1);
    assert_eq!(live(f), ["a", "b", "d"]);
    assert_eq!(
        f.latest("c"),
        Some((r#"{"_id":"c","v":1}"#.to_owned(), true))
    );
    assert_eq!(
        f.write(&[r#"{"_id": "c", "v": 1, "_deleted": true}"#]),
        [crate::Change::Unchanged],
        "the same hash"
    );
    assert_eq!(f.dataset.active_run().expect("active"), None);
}

fn empty_run(f: &Fixture) {
    f.write_many(20);
    let run = f.dataset.begin_run("empty").expect("begin");
    assert_eq!(finish(f, &run, 1_000), 20);
    assert!(live(f).is_empty());
    let counters = f.dataset.status().expect("status").counters;
    assert_eq!((counters.index_exists, counters.index_deleted), (0, 20));
}

fn written_meanwhile_is_spared(f: &Fixture) {
    f.write(&[r#"{"_id": "a", "v": 1}"#, r#"{"_id": "b", "v": 1}"#]);
    let run = f.dataset.begin_run("full").expect("begin");
    f.write(&[r#"{"_id": "b", "v": 2}"#, r#"{"_id": "c"}"#]);
    assert_eq!(finish(f, &run, 10), 1);
    assert_eq!(live(f), ["b", "c"]);
}

fn deleted_stay(f: &Fixture) {
    f.write(&[r#"{"_id": "a", "_deleted": true}"#, r#"{"_id": "b"}"#]);
    let run = f.dataset.begin_run("full").expect("begin");
    f.write(&[r#"{"_id": "b", "_deleted": true}"#]);
    assert_eq!(finish(f, &run, 10), 0);
    assert_eq!(f.dataset.status().expect("status").max_offset, Some(2));
}

fn small_steps(f: &Fixture) {
    f.write_many(30);
    let run = f.dataset.begin_run("full").expect("begin");
    produce(
        f,
        &run,
        &[r#"{"_id": "0004", "n": 4}"#, r#"{"_id": "0029", "n": 29}"#],
    );
    assert_eq!(finish(f, &run, 3), 28);
    assert_eq!(live(f), ["0004", "0029"]);
}

fn ended_run(f: &Fixture) {
    f.write(&[r#"{"_id": "a"}"#]);
    let run = f.dataset.begin_run("full").expect("begin");
    let approval = f.dataset.approve_deletions(&run, false).expect("approve");
    f.dataset.end_run(&run).expect("end");
    assert_eq!(f.dataset.active_run().expect("active"), None);
    assert!(is_replaced(f.dataset.delete_unseen(
        &approval,
        f.tick(),
        10
    )));
    assert!(is_replaced(f.dataset.end_run(&run)));
    assert_eq!(live(f), ["a"]);
}

fn replaced_run(f: &Fixture) {
    f.write(&[r#"{"_id": "a"}"#, r#"{"_id": "b"}"#]);
    let first = f.dataset.begin_run("first").expect("begin");
    produce(f, &first, &[r#"{"_id": "a"}"#]);
    let second = f.dataset.begin_run("second").expect("begin");
    assert_ne!(first.number, second.number);
    let late = f.dataset.append(
        &[f.prepare(r#"{"_id": "z"}"#)],
        f.tick(),
        &AppendOptions {
            force: false,
            run: Some(first.number),
        },
    );
    assert!(is_replaced(late));
    assert!(is_replaced(f.dataset.approve_deletions(&first, true)));
    produce(f, &second, &[r#"{"_id": "b"}"#]);
    assert_eq!(finish(f, &second, 10), 1);
    assert_eq!(live(f), ["b"], "what only the first run saw is deleted");
}

fn mass_delete(f: &Fixture) {
    f.write_many(120);
    f.dataset.mark_populated().expect("mark");
    let run = f.dataset.begin_run("empty response").expect("begin");
    let before = f.dataset.status().expect("status");
    match f.dataset.approve_deletions(&run, false) {
        Err(Error::MassDelete {
            live: 120,
            deletes: 120,
            ..
        }) => {}
        other => panic!("expected a refusal, got {other:?}"),
    }
    assert_eq!(
        f.dataset
            .approve_deletions(&run, false)
            .expect_err("refused")
            .code(),
        "mass-delete"
    );
    assert_eq!(
        f.dataset.status().expect("status"),
        before,
        "nothing changed"
    );
    let approval = f.dataset.approve_deletions(&run, true).expect("allowed");
    f.dataset
        .delete_unseen(&approval, f.tick(), 1)
        .expect("delete");
    // It has begun with leave: going on after an interruption needs none.
    let run = f.dataset.active_run().expect("active").expect("under way");
    assert!(run.deleting);
    assert_eq!(finish(f, &run, 50), 119);
}

fn small_or_unpopulated(f: &Fixture) {
    f.write_many(120);
    let run = f.dataset.begin_run("not populated yet").expect("begin");
    assert!(f.dataset.approve_deletions(&run, false).is_ok());
    f.dataset.mark_populated().expect("mark");
    assert!(f.dataset.approve_deletions(&run, false).is_err());
    let half: Vec<String> = (0..60)
        .map(|n| format!(r#"{{"_id": "{n:04}", "n": {n}}}"#))
        .collect();
    produce(
        f,
        &run,
        &half.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    assert!(
        f.dataset.approve_deletions(&run, false).is_ok(),
        "half is not more than half"
    );
}

fn earlier_marks(f: &Fixture) {
    f.write(&[r#"{"_id": "a"}"#, r#"{"_id": "b"}"#]);
    let first = f.dataset.begin_run("first").expect("begin");
    produce(f, &first, &[r#"{"_id": "a"}"#, r#"{"_id": "b"}"#]);
    assert_eq!(finish(f, &first, 10), 0);
    let second = f.dataset.begin_run("second").expect("begin");
    produce(f, &second, &[r#"{"_id": "b"}"#]);
    assert_eq!(finish(f, &second, 10), 1);
    assert_eq!(live(f), ["b"]);
}

fn is_replaced<T>(outcome: crate::Result<T>) -> bool {
    matches!(outcome, Err(Error::RunReplaced { .. }))
}
