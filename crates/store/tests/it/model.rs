//! Random operations on the store and on the in-memory model, crashes included, compared entirely after each step.

use crate::harness::{Property, crashed_copy, entity, name, text_key};
use proptest::prelude::*;
use sluice_dataset::{
    AppendOptions, Dataset as _, DatasetNumber, Memory, Offset, PreparedEntity, ReadOptions,
    Retention, WritableDataset,
};
use sluice_store::{Dataset, Durability, Settings, StateKey, Store, check};
use std::sync::Arc;
use tempfile::TempDir;

const IDS: [&str; 8] = ["", "a", "b", "b/1", "c", "æøå", "z", "zz"];
const VALUES: [&str; 4] = [r#""x""#, r#""y""#, r#"["x", "y", null]"#, "null"];

#[derive(Clone, Debug)]
enum Step {
    /// Several appends in one transaction; (id, value, form), and whether the full run produces them.
    Append {
        batches: Vec<Vec<(usize, usize, Form)>>,
        in_run: bool,
        force: bool,
    },
    Repost(Vec<usize>),
    Populate,
    BeginRun,
    /// Deletes in steps of `limit`; stops after `stop_after` steps as if interrupted.
    Delete {
        allow: bool,
        limit: usize,
        stop_after: usize,
    },
    EndRun,
    Compact {
        keep: u32,
        age: Option<u64>,
        unconsumed: Option<u64>,
    },
    EnsureIndex,
    DropIndex,
    /// The process dies; the rest happens on what it left.
    Crash,
    Reopen,
    Flush,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Live,
    Deleted,
    Filtered,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let form =
        prop_oneof![6 => Just(Form::Live), 2 => Just(Form::Deleted), 1 => Just(Form::Filtered)];
    let batch = proptest::collection::vec((0..IDS.len(), 0..VALUES.len(), form), 0..6);
    let append = (
        proptest::collection::vec(batch, 1..3),
        any::<bool>(),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(batches, in_run, force)| Step::Append {
            batches,
            in_run,
            force,
        });
    let compact = (
        0..4_u32,
        proptest::option::of(0..20_u64),
        proptest::option::of(0..10_u64),
    )
        .prop_map(|(keep, age, unconsumed)| Step::Compact {
            keep,
            age,
            unconsumed,
        });
    let delete = (any::<bool>(), 1..4_usize, 1..6_usize).prop_map(|(allow, limit, stop_after)| {
        Step::Delete {
            allow,
            limit,
            stop_after,
        }
    });
    let step = prop_oneof![
        12 => append,
        1 => proptest::collection::vec(0..IDS.len(), 0..3).prop_map(Step::Repost),
        1 => Just(Step::Populate),
        2 => Just(Step::BeginRun),
        2 => delete,
        1 => Just(Step::EndRun),
        2 => compact,
        2 => Just(Step::EnsureIndex),
        1 => Just(Step::DropIndex),
        2 => Just(Step::Crash),
        1 => Just(Step::Reopen),
        1 => Just(Step::Flush),
    ];
    proptest::collection::vec(step, 1..25)
}

struct Pair {
    folder: TempDir,
    store: Option<(Store, Dataset)>,
    model: Memory,
    is_indexed: bool,
    steps: u64,
}

impl Pair {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &Settings::small()).unwrap();
        let number = DatasetNumber(3);
        let dataset = store.create_dataset(&name("model"), number).unwrap();
        let generation = dataset.status().unwrap().generation;
        let model = Memory::new(name("model"), number, generation, *store.hash_key());
        Self {
            folder,
            store: Some((store, dataset)),
            model,
            is_indexed: false,
            steps: 0,
        }
    }

    fn open(&self) -> &(Store, Dataset) {
        self.store.as_ref().unwrap()
    }

    fn reopen(&mut self) {
        self.store = None;
        let store = Store::open(self.folder.path(), &Settings::small()).unwrap();
        let dataset = store.dataset(&name("model")).unwrap();
        if self.is_indexed {
            dataset.ensure_index(Arc::new(Property("v"))).unwrap();
        }
        self.store = Some((store, dataset));
    }

    fn take(&mut self, step: &Step) {
        self.steps += 1;
        let now = self.steps * 10;
        match step {
            Step::Append {
                batches,
                in_run,
                force,
            } => self.append(batches, *in_run, *force, now),
            Step::Repost(ids) => {
                let mut ids: Vec<&str> = ids.iter().map(|id| IDS[*id]).collect();
                ids.sort_unstable();
                ids.dedup();
                assert_eq!(
                    self.open().1.repost(&ids, now).unwrap(),
                    self.model.repost(&ids, now).unwrap()
                );
            }
            Step::Populate => {
                self.open().1.mark_populated().unwrap();
                self.model.mark_populated().unwrap();
            }
            Step::BeginRun => {
                let token = format!("run {now}");
                assert_eq!(
                    self.open().1.begin_run(&token).unwrap(),
                    self.model.begin_run(&token).unwrap()
                );
            }
            Step::Delete {
                allow,
                limit,
                stop_after,
            } => self.delete(*allow, *limit, *stop_after, now),
            Step::EndRun => {
                if let Some(run) = self.model.active_run().unwrap() {
                    self.open().1.end_run(&run).unwrap();
                    self.model.end_run(&run).unwrap();
                }
            }
            Step::Compact {
                keep,
                age,
                unconsumed,
            } => {
                let newest = self.model.status().unwrap().max_offset;
                let retention = Retention {
                    keep_versions: *keep,
                    keep_since: age.map(|age| now.saturating_sub(age * 10)),
                    consumed: unconsumed.map(|back| newest.unwrap_or(0).saturating_sub(back)),
                };
                let (stored, modelled) = [&self.open().1 as &dyn WritableDataset, &self.model]
                    .map(|d| d.compact(&retention, None, u64::MAX))
                    .into();
                assert_eq!(stored.unwrap(), modelled.unwrap());
            }
            Step::EnsureIndex => {
                self.is_indexed = true;
                self.open().1.ensure_index(Arc::new(Property("v"))).unwrap();
                self.model.ensure_index(Arc::new(Property("v"))).unwrap();
            }
            Step::DropIndex => {
                self.is_indexed = false;
                assert_eq!(
                    self.open().1.drop_index("v").is_ok(),
                    self.model.drop_index("v").is_ok()
                );
            }
            Step::Crash => {
                let copy = crashed_copy(self.folder.path());
                self.store = None;
                self.folder = copy;
                self.reopen();
            }
            Step::Reopen => self.reopen(),
            Step::Flush => self.open().0.flush().unwrap(),
        }
    }

    fn append(&self, batches: &[Vec<(usize, usize, Form)>], in_run: bool, force: bool, now: u64) {
        let (store, dataset) = self.open();
        let run = self
            .model
            .active_run()
            .unwrap()
            .filter(|_| in_run)
            .map(|run| run.number);
        let options = AppendOptions { force, run };
        let mut transaction = store.transaction(&[dataset]).unwrap();
        for batch in batches {
            let prepared: Vec<PreparedEntity> = batch
                .iter()
                .map(|(id, value, form)| {
                    let form = match form {
                        Form::Live => "",
                        Form::Deleted => r#", "_deleted": true"#,
                        Form::Filtered => r#", "_filtered": true"#,
                    };
                    let text = format!(
                        r#"{{"_id": "{}", "v": {}{form}}}"#,
                        IDS[*id], VALUES[*value]
                    );
                    PreparedEntity::new(&entity(&text), store.hash_key()).unwrap()
                })
                .collect();
            let stored = transaction
                .append(dataset, &prepared, now, &options)
                .unwrap();
            assert_eq!(stored, self.model.append(&prepared, now, &options).unwrap());
        }
        transaction.put_state(
            &StateKey::new("pipe", "steps").unwrap(),
            &self.steps.to_le_bytes(),
        );
        transaction.commit(Durability::Buffered).unwrap();
    }

    fn delete(&self, allow: bool, limit: usize, stop_after: usize, now: u64) {
        let Some(run) = self.model.active_run().unwrap() else {
            return;
        };
        let targets = [&self.open().1 as &dyn WritableDataset, &self.model];
        let outcomes = targets.map(|dataset| {
            let approval = dataset.approve_deletions(&run, allow).unwrap();
            let mut deleted = 0;
            // The store may need one more step to find that nothing is left.
            for _ in 0..stop_after {
                let progress = dataset.delete_unseen(&approval, now, limit).unwrap();
                deleted += progress.deleted;
                if progress.done {
                    break;
                }
            }
            deleted
        });
        assert_eq!(outcomes[0], outcomes[1]);
    }

    fn compare(&self) {
        let (store, dataset) = self.open();
        let snapshot = store.snapshot();
        let view = snapshot.dataset(&name("model")).unwrap().unwrap();
        compare_reads(dataset, &self.model);
        compare_reads(&view, &self.model);
        let run = self.model.active_run().unwrap();
        assert_eq!(dataset.active_run().unwrap(), run);
        if let Some(run) = run {
            assert_eq!(
                dataset.unseen(&run).unwrap(),
                self.model.unseen(&run).unwrap()
            );
        }
    }
}

fn compare_reads(stored: &dyn sluice_dataset::Dataset, model: &Memory) {
    assert_eq!(stored.status().unwrap(), model.status().unwrap());
    let newest = model.status().unwrap().max_offset.unwrap_or(0);
    for history in [true, false] {
        for deleted in [true, false] {
            for reverse in [true, false] {
                for since in [None, Some(newest / 2)] {
                    let options = ReadOptions {
                        since,
                        limit: None,
                        reverse,
                        history,
                        deleted,
                    };
                    assert_eq!(all(stored, &options), all(model, &options), "{options:?}");
                }
            }
        }
    }
    for id in IDS {
        let show = |version: Option<sluice_dataset::Version>| {
            version.map(|version| format!("{version:?}"))
        };
        assert_eq!(
            show(stored.get(id).unwrap()),
            show(model.get(id).unwrap()),
            "{id:?}"
        );
        for offset in [0, newest / 2, newest, newest + 1] {
            assert_eq!(
                show(stored.get_at(id, offset).unwrap()),
                show(model.get_at(id, offset).unwrap())
            );
            assert_eq!(
                show(stored.before(id, offset).unwrap()),
                show(before(model, id, offset)),
                "{id:?} {offset}"
            );
        }
        assert_eq!(
            stored.index_keys_of("v", id).ok(),
            model.index_keys_of("v", id).ok()
        );
    }
    for text in ["x", "y", "z"] {
        let key = text_key(text);
        assert_eq!(
            stored.lookup("v", &key, None, 100).ok(),
            model.lookup("v", &key, None, 100).ok()
        );
        assert_eq!(
            stored.lookup("v", &key, Some("b"), 2).ok(),
            model.lookup("v", &key, Some("b"), 2).ok()
        );
    }
}

/// The store walks the chain of previous versions, which a compaction with a hold can break; the model then has an older one
/// that nothing leads to.
fn before(model: &Memory, id: &str, offset: Offset) -> Option<sluice_dataset::Version> {
    let mut version = model.get(id).unwrap()?;
    while version.offset() >= offset {
        version = model.get_at(id, version.generated.previous?).unwrap()?;
    }
    Some(version)
}

fn all(dataset: &dyn sluice_dataset::Dataset, options: &ReadOptions) -> Vec<String> {
    let (mut options, mut found) = (options.clone(), Vec::new());
    loop {
        let page = dataset.read(&options, 200).unwrap();
        found.extend(
            page.iter()
                .map(|version| format!("{:?}", version.to_version())),
        );
        if page.at_end() {
            return found;
        }
        options.since = page.resume();
    }
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_store_equals_its_model(steps in steps()) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.take(step);
            pair.compare();
        }
        pair.store = None;
        let report = check(pair.folder.path()).unwrap();
        prop_assert!(report.is_clean(), "{:?}", report.problems);
    }
}
