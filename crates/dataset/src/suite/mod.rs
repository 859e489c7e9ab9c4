//! The behaviour of datasets as tests against any implementation: memory here, RocksDB in `sluice-store`, later over the network.
//!
//! Each test gets a fresh, empty dataset. They panic with a message, as tests do, and are called from the tests of the
//! implementations only.

mod change_tracking;
mod deletion_tracking;
mod indexes;
mod reading;
mod retention;

use crate::{
    AppendOptions, Change, DEFAULT_PAGE_BYTES, Offset, PreparedEntity, ReadOptions, WritableDataset,
};
use sluice_entity::{Entity, HashKey, Limits, Numbers, Reader, Style};
use std::cell::Cell;

/// Makes an empty dataset that hashes with the given key.
pub type Make<'a> = &'a dyn Fn(&HashKey) -> Box<dyn WritableDataset>;

type Test = (&'static str, fn(&Fixture));

/// Runs every test of the suite.
pub fn run_all(make: Make<'_>) {
    let topics: [(&str, &[Test]); 5] = [
        ("change tracking", change_tracking::TESTS),
        ("reading", reading::TESTS),
        ("deletion tracking", deletion_tracking::TESTS),
        ("retention", retention::TESTS),
        ("indexes", indexes::TESTS),
    ];
    for (topic, tests) in topics {
        for (name, test) in tests {
            let fixture = Fixture::new(make);
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(&fixture)));
            assert!(outcome.is_ok(), "{topic}: {name}");
        }
    }
}

/// A dataset with a clock that ticks by a second at every write.
struct Fixture {
    dataset: Box<dyn WritableDataset>,
    key: HashKey,
    now: Cell<u64>,
}

const SECOND: u64 = 1_000_000;

impl Fixture {
    fn new(make: Make<'_>) -> Self {
        let key = HashKey([1, 2, 3, 4]);
        Self {
            dataset: make(&key),
            key,
            now: Cell::new(1_000 * SECOND),
        }
    }

    fn tick(&self) -> u64 {
        self.now.set(self.now.get() + SECOND);
        self.now.get()
    }

    fn prepare(&self, json: &str) -> PreparedEntity {
        PreparedEntity::new(&entity(json), &self.key).expect("test entities have an _id")
    }

    /// Writes entities given as JSON.
    fn write(&self, entities: &[&str]) -> Vec<Change> {
        self.write_with(entities, &AppendOptions::default())
    }

    fn write_with(&self, entities: &[&str], options: &AppendOptions) -> Vec<Change> {
        let prepared: Vec<PreparedEntity> =
            entities.iter().map(|json| self.prepare(json)).collect();
        self.dataset
            .append(&prepared, self.tick(), options)
            .expect("append")
    }

    /// `count` live entities `0000`, `0001`, ...
    fn write_many(&self, count: usize) {
        let texts: Vec<String> = (0..count)
            .map(|n| format!(r#"{{"_id": "{n:04}", "n": {n}}}"#))
            .collect();
        self.write(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// (offset, id) of everything the options show, page by page.
    fn offsets(&self, options: ReadOptions) -> Vec<(Offset, String)> {
        self.offsets_in_pages(options, DEFAULT_PAGE_BYTES)
    }

    fn offsets_in_pages(
        &self,
        mut options: ReadOptions,
        page_bytes: usize,
    ) -> Vec<(Offset, String)> {
        let mut all = Vec::new();
        loop {
            let page = self.dataset.read(&options, page_bytes).expect("read");
            all.extend(
                page.iter()
                    .map(|version| (version.generated.updated, version.id().to_owned())),
            );
            if let Some(limit) = &mut options.limit {
                *limit -= page.len() as u64;
            }
            if page.at_end() || options.limit == Some(0) {
                return all;
            }
            assert!(
                page.resume() != options.since,
                "a page that is not the last makes progress"
            );
            options.since = page.resume();
        }
    }

    /// The body and deleted flag of the latest version.
    fn latest(&self, id: &str) -> Option<(String, bool)> {
        let version = self.dataset.get(id).expect("get")?;
        Some((version.body.value().to_json_string(), version.is_deleted()))
    }
}

fn entity(json: &str) -> Entity {
    Reader::new(Limits::default(), Numbers::default())
        .read_entity(json.as_bytes())
        .expect("test entities are valid")
}

fn printed(entity: &Entity) -> String {
    let mut out = Vec::new();
    entity.write_json(&mut out, &Style::default());
    String::from_utf8(out).expect("JSON is UTF-8")
}

fn pairs(expected: &[(Offset, &str)]) -> Vec<(Offset, String)> {
    expected
        .iter()
        .map(|(offset, id)| (*offset, (*id).to_owned()))
        .collect()
}
