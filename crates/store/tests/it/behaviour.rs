//! The behaviour suite of datasets, on RocksDB.

use crate::harness::{create, folder};
use sluice_dataset::{DatasetName, suite};
use sluice_store::{Settings, Store, check};
use std::cell::RefCell;

#[test]
fn the_store_behaves_as_datasets_do() {
    let folder = folder();
    let open: RefCell<Option<(Store, u64)>> = RefCell::default();
    suite::run_all(&|hash_key| {
        let settings = Settings {
            hash_key: Some(*hash_key),
            ..Settings::small()
        };
        let mut open = open.borrow_mut();
        let (store, number) =
            open.get_or_insert_with(|| (Store::open(folder.path(), &settings).unwrap(), 0));
        *number += 1;
        // All tests share a store, so that datasets must not see each other.
        let name = DatasetName::new(&format!("suite-{number}")).unwrap();
        Box::new(
            store
                .create_dataset(&name, sluice_dataset::DatasetNumber(*number))
                .unwrap(),
        )
    });
    let (store, number) = open.take().unwrap();
    assert_eq!(store.datasets().len() as u64, number);
    create(&store, "one-more", number + 1);
    drop(store);
    let report = check(folder.path()).unwrap();
    assert!(report.is_clean(), "{:#?}", report.problems);
    assert_eq!(report.counts.datasets, number + 1);
}
