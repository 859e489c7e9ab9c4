//! Secondary indexes across crashes, and what happens when nobody brings an expression.

use crate::harness::{Property, crashed_copy, create, folder, many, name, open, prepare, text_key};
use sluice_dataset::{AppendOptions, Dataset as _, Error, WritableDataset};
use sluice_store::check;
use std::sync::Arc;

#[test]
fn an_index_is_taken_up_after_reopening_without_building_it_again() {
    let folder = folder();
    {
        let store = open(folder.path());
        let people = create(&store, "people", 1);
        people
            .append(&many(&store, 0, 2_500, "x"), 1, &AppendOptions::default())
            .unwrap();
        people.ensure_index(Arc::new(Property("v"))).unwrap();
        assert_eq!(
            people
                .lookup("v", &text_key("x"), None, usize::MAX)
                .unwrap()
                .len(),
            2_500
        );
    }
    let store = open(folder.path());
    let people = store.dataset(&name("people")).unwrap();
    assert_eq!(
        people.lookup("v", &text_key("x"), None, 3).unwrap(),
        ["000000", "000001", "000002"]
    );
    people.ensure_index(Arc::new(Property("v"))).unwrap();
    people
        .append(&many(&store, 0, 2_499, "y"), 1, &AppendOptions::default())
        .unwrap();
    assert_eq!(
        people.lookup("v", &text_key("x"), None, 3).unwrap(),
        ["002499"]
    );
    drop((people, store));
    let report = check(folder.path()).unwrap();
    assert!(report.is_clean(), "{:?}", report.problems);
    assert_eq!(report.counts.index_entries, 5_000);
}

#[test]
fn an_index_nobody_keeps_goes_stale_and_is_built_anew() {
    let folder = folder();
    {
        let store = open(folder.path());
        let people = create(&store, "people", 1);
        people
            .append(&many(&store, 0, 10, "x"), 1, &AppendOptions::default())
            .unwrap();
        people.ensure_index(Arc::new(Property("v"))).unwrap();
    }
    {
        let store = open(folder.path());
        let people = store.dataset(&name("people")).unwrap();
        people
            .append(&many(&store, 0, 10, "x"), 1, &AppendOptions::default())
            .unwrap();
        assert!(
            people.lookup("v", &text_key("x"), None, 1).is_ok(),
            "an unchanged entity changes no index"
        );
        people
            .append(&many(&store, 0, 5, "y"), 1, &AppendOptions::default())
            .unwrap();
        assert!(matches!(
            people.lookup("v", &text_key("x"), None, 1),
            Err(Error::IndexNotReady { .. })
        ));
        assert!(!people.status().unwrap().indexes[0].ready);
    }
    assert!(
        check(folder.path()).unwrap().is_clean(),
        "stale is not damaged"
    );
    let store = open(folder.path());
    let people = store.dataset(&name("people")).unwrap();
    assert!(matches!(
        people.lookup("v", &text_key("x"), None, 1),
        Err(Error::IndexNotReady { .. })
    ));
    people.ensure_index(Arc::new(Property("v"))).unwrap();
    assert_eq!(
        people.lookup("v", &text_key("x"), None, 10).unwrap().len(),
        5
    );
    assert_eq!(
        people.lookup("v", &text_key("y"), None, 10).unwrap().len(),
        5
    );
    drop((people, store));
    assert!(check(folder.path()).unwrap().is_clean());
}

#[test]
fn writes_while_an_index_is_built_are_in_it() {
    let folder = folder();
    let store = open(folder.path());
    let people = create(&store, "people", 1);
    people
        .append(&many(&store, 0, 5_000, "x"), 1, &AppendOptions::default())
        .unwrap();
    std::thread::scope(|scope| {
        let building = scope.spawn(|| people.ensure_index(Arc::new(Property("v"))).unwrap());
        let mut first = 0;
        while !building.is_finished() && first < 5_000 {
            people
                .append(
                    &many(&store, 4_999 - first, 1, "y"),
                    1,
                    &AppendOptions::default(),
                )
                .unwrap();
            people
                .append(&many(&store, first, 1, "y"), 1, &AppendOptions::default())
                .unwrap();
            first += 7;
        }
        building.join().unwrap();
    });
    let (x, y) = (text_key("x"), text_key("y"));
    let count = |key: &[u8]| people.lookup("v", key, None, usize::MAX).unwrap().len();
    assert_eq!(count(&x) + count(&y), 5_000);
    let copy = crashed_copy(folder.path());
    drop(open(copy.path()));
    let report = check(copy.path()).unwrap();
    assert!(report.is_clean(), "{:?}", report.problems);
}

#[test]
fn long_keys_are_told_apart() {
    let folder = folder();
    let store = open(folder.path());
    let people = create(&store, "people", 1);
    people.ensure_index(Arc::new(Property("v"))).unwrap();
    let long = "long".repeat(10_000);
    let texts = [
        format!(r#"{{"_id": "a", "v": "{long}a"}}"#),
        format!(r#"{{"_id": "b", "v": "{long}b"}}"#),
    ];
    people
        .append(
            &prepare(&store, &[&texts[0], &texts[1]]),
            1,
            &AppendOptions::default(),
        )
        .unwrap();
    assert_eq!(
        people
            .lookup("v", &text_key(&format!("{long}a")), None, 9)
            .unwrap(),
        ["a"]
    );
    assert_eq!(
        people
            .lookup("v", &text_key(&format!("{long}b")), None, 9)
            .unwrap(),
        ["b"]
    );
    assert!(
        people
            .lookup("v", &text_key(&long), None, 9)
            .unwrap()
            .is_empty()
    );
}
