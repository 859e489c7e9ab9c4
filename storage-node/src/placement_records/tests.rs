//! Records come back as they were written, and their form stays as it is.

use super::*;
use sluice_protocol::{Isolation, Standing, Start};
use sluice_store::Settings;

fn record(start: Start) -> PipeRecord {
    PipeRecord {
        epoch: Epoch::new(Incarnation::new(9_000_000).unwrap(), 7).unwrap(),
        owner: Some(Owner {
            worker: WorkerId("w".into()),
            disk: DiskId("d".into()),
            start,
        }),
        is_committed: true,
        state_on: Some(DiskId("e".into())),
        checkpoint: Some(Checkpoint {
            number: 3,
            format: 1,
        }),
        may_start_over: true,
        isolation: Isolation::Dedicated,
    }
}

#[test]
fn everything_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), &Settings::small()).unwrap();
    let fresh = read(&store, None).unwrap();
    assert_eq!(fresh.counters.incarnation, Incarnation::FIRST);
    assert!(!fresh.counters.is_filling && fresh.pipes.is_empty());
    let starts = [
        Start::Fresh,
        Start::Local,
        Start::StartOver,
        Start::Restore {
            checkpoint: Checkpoint {
                number: u64::MAX,
                format: 2,
            },
        },
        Start::HandOver {
            from: WorkerId("w2".into()),
            address: "https://w2:1".into(),
            offset: Some(1 << 63),
        },
        Start::HandOver {
            from: WorkerId("w2".into()),
            address: String::new(),
            offset: None,
        },
    ];
    let mut unwritten = Unwritten::default();
    for (number, start) in starts.into_iter().enumerate() {
        let pipe = format!("pipe/{number}");
        unwritten.pipes.insert(pipe, Some(record(start)));
    }
    unwritten
        .pipes
        .insert("new".into(), Some(PipeRecord::default()));
    let worker = WorkerRecord {
        disk: DiskId("d".into()),
        standing: Standing::Draining,
    };
    unwritten.workers.insert(WorkerId("w".into()), Some(worker));
    unwritten.counters = Some(Counters {
        next_epoch: 99,
        operator_epoch: 4,
        longest_lease: Duration::from_secs(15),
        is_filling: true,
        ..fresh.counters
    });
    write(&store, &unwritten).unwrap();
    let again = read(&store, None).unwrap();
    let pipes = unwritten.pipes.into_iter();
    let pipes: BTreeMap<_, _> = pipes.map(|(id, record)| (id, record.unwrap())).collect();
    assert_eq!(again.pipes, pipes);
    assert_eq!(again.counters, unwritten.counters.unwrap());
    assert_eq!(again.workers.len(), 1);
}

#[test]
fn the_larger_incarnation_counts_and_a_later_one_on_an_empty_disk_has_to_be_filled() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), &Settings::small()).unwrap();
    let five = Incarnation::new(5).unwrap();
    let kept = read(&store, Some(five)).unwrap();
    assert!(kept.counters.is_filling);
    let written = Unwritten {
        counters: Some(Counters {
            next_epoch: 50,
            is_filling: false,
            ..kept.counters
        }),
        ..Unwritten::default()
    };
    write(&store, &written).unwrap();
    let lower = read(&store, Incarnation::new(4)).unwrap().counters;
    assert_eq!((lower.incarnation, lower.next_epoch), (five, 50));
    let higher = read(&store, Incarnation::new(6)).unwrap().counters;
    assert_eq!((higher.incarnation.number(), higher.next_epoch), (6, 1));
    assert!(!higher.is_filling, "its disk is not empty");
}

#[test]
fn the_form_of_a_record_stays() {
    let text = pipe_json(&record(Start::Local)).to_string();
    let expected = "{\"epoch\":9895604649984000007,\"worker\":\"w\",\"disk\":\"d\",\"start\":\"local\",\"is-committed\":true,\
                    \"state-on\":\"e\",\"checkpoint\":{\"number\":3,\"format\":1},\"may-start-over\":true,\"isolation\":\"dedicated\"}";
    assert_eq!(text, expected);
}

#[test]
fn a_later_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), &Settings::small()).unwrap();
    let mut transaction = store.transaction(&[]).unwrap();
    transaction.put_state(&key(PLACEMENT, b"format").unwrap(), b"2");
    transaction.commit(Durability::Synced).unwrap();
    assert!(matches!(
        read(&store, None),
        Err(ReadError::Record { record, .. }) if record == "placement format"
    ));
}
