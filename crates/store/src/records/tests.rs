//! Round trips of the records.

use super::*;

const KEY: &[u8] = b"key";

#[test]
fn records_are_read_as_they_were_written() {
    let mut dataset = DatasetRecord::new("blåbær");
    dataset.max_offset = Some(0);
    dataset.next_offset = 1 << 33;
    dataset.counters.index_deleted = 3;
    dataset.epochs.push((1, 1 << 32));
    assert_eq!(
        DatasetRecord::read(KEY, &dataset.write(KEY)),
        Ok(dataset.clone())
    );
    assert_eq!(dataset.epoch(), 1);
    for stage in [
        IndexStage::Building(None),
        IndexStage::Building(Some("id".into())),
        IndexStage::Ready,
        IndexStage::Stale,
    ] {
        let index = IndexRecord { number: 4, stage };
        assert_eq!(IndexRecord::read(KEY, &index.write(KEY)), Ok(index));
    }
    for cursor in [None, Some(String::new()), Some("id".to_owned())] {
        let run = FullRun {
            number: 2,
            token: "sequence/1".into(),
            start: 9,
            deleting: true,
        };
        let run = RunRecord { run, cursor };
        assert_eq!(RunRecord::read(KEY, &run.write(KEY)), Ok(run));
    }
    let store = StoreRecord {
        format: 1,
        hash_key: HashKey([1, 2, 3, u64::MAX]),
    };
    let bytes = store.write(KEY);
    assert_eq!(StoreRecord::format_of(&bytes), Some(1));
    assert_eq!(
        StoreRecord::read(KEY, &bytes).unwrap().hash_key.0,
        store.hash_key.0
    );
}

#[test]
fn marks_remember_offsets_of_their_chunk() {
    let mut marks = Marks::default();
    assert!(marks.set(4_096 + 17));
    assert!(!marks.set(4_096 + 17));
    assert!(marks.contains(4_096 + 17));
    assert!(!marks.contains(4_096 + 16));
    assert_eq!(Marks::chunk_of(4_095), 0);
    assert_eq!(Marks::chunk_of(4_096), 1);
    assert_eq!(Marks::read(KEY, &marks.write(KEY)), Ok(marks));
}
