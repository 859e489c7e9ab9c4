//! What a pipe remembers between runs and across restarts: two small records in the store.
//!
//! [`Progress`] belongs to the runs and is written in the same transaction as their data. [`Control`] belongs to people and the
//! scheduler. They are apart so that disabling a pipe while it runs cannot overwrite an offset, nor the other way round.

use super::deletion::Measure;
use crate::clock::Micros;
use crate::source::SinceValue;
use serde::{Deserialize, Serialize};
use sluice_dataset::Generation;
use sluice_entity::{Json, Limits};
use sluice_store::{StateKey, Store};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Durations that the average is taken of.
const REMEMBERED_DURATIONS: usize = 10;

/// Owner of a pipe's records in the store.
pub(crate) fn owner(pipe: &str) -> String {
    format!("pipe:{pipe}")
}

/// Where a pipe stands with its source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Progress {
    /// Where the next incremental run goes on.
    pub since: Option<KeptSince>,
    /// A full run that has begun and not ended, a crash notwithstanding (DE2).
    pub full: Option<FullProgress>,
    /// Runs since the last full one, for `rescan_run_count`.
    pub runs_since_full: u64,
    /// Runs since the last partial or full one, for `partial_rescan_run_count`.
    pub runs_since_partial: u64,
    /// Start of the latest run.
    pub last_started: Option<Micros>,
    /// How the latest finished run ended.
    pub last_run: Option<Ended>,
    /// Durations of the latest runs, seconds.
    pub durations: VecDeque<f64>,
    /// When a completed run was last logged, for `notification_granularity`.
    pub last_logged: Option<Micros>,
    /// The datasets that the output comes from, as they were when it was last in step with them (AR1). An incremental run
    /// leaves those as they are that are out of step; `None`: a run has yet to look.
    pub inputs: Option<BTreeMap<String, InputSeen>>,
    /// The generations of the datasets that `since` holds offsets of (DS5).
    pub generations: BTreeMap<String, String>,
    /// The dataset behind the feed of another hub as the latest successful run was told of it (AR3).
    pub feed: Option<FeedSeen>,
    /// What has happened to that dataset since everything of it was read.
    pub feed_reasons: BTreeSet<String>,
    /// Where to go on for all that was lost when that dataset was restored (DU3).
    pub rewind: Option<KeptSince>,
    /// Content of the configuration that the latest full run worked with (AR1).
    pub configuration: Option<String>,
}

/// A since value as it is kept: JSON text, so that numbers stay exact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct KeptSince(String);

impl From<&SinceValue> for KeptSince {
    fn from(value: &SinceValue) -> Self {
        KeptSince(value.to_json().to_string())
    }
}

impl KeptSince {
    /// The value again.
    pub(crate) fn value(&self) -> SinceValue {
        SinceValue::from_text(&self.0)
    }

    /// As the API shows it: as it is, but for the place before everything, which is no place.
    pub(crate) fn shown(&self) -> Option<Json> {
        let is_somewhere = !self.value().is_nowhere();
        is_somewhere.then(|| {
            Json::parse(self.0.as_bytes(), &Limits::default())
                .unwrap_or_else(|_| Json::from(self.0.as_str()))
        })
    }
}

/// A full run under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FullProgress {
    /// Names the run to the sink's deletion tracking.
    pub token: String,
    /// How far it has come, for sources that can go on from there.
    pub since: Option<KeptSince>,
    /// A rescan leaves the offset of the incremental runs alone until it ends.
    pub is_rescan: bool,
    /// What its deletes are measured by (R27).
    #[serde(default)]
    pub measure: Measure,
}

/// An input dataset as a run found it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct InputSeen {
    /// Of the dataset; empty where there was none.
    pub generation: String,
    /// Its newest offset then.
    pub max_offset: Option<u64>,
    /// Hopped to, not read.
    #[serde(default)]
    pub hop: bool,
}

/// The dataset behind a feed, as its headers tell (JP2).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FeedSeen {
    /// Its generation, in the words of the other side.
    pub generation: Option<String>,
    /// Its greatest `_updated`, as JSON; `null` while it is empty.
    pub max_updated: Option<String>,
    /// Names the restore it was last made from; `None`: it never was (DS6).
    #[serde(default)]
    pub restore_uuid: Option<String>,
    /// Its greatest `_updated` at that restore, as JSON.
    #[serde(default)]
    pub restore_offset: Option<String>,
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ended {
    /// Start.
    pub started: Micros,
    /// End.
    pub finished: Micros,
    /// Whether it completed.
    pub success: bool,
    /// Why it stopped, or a summary.
    pub message: String,
    /// Stable name of the reason of a failure.
    #[serde(default)]
    pub reason: Option<String>,
}

impl Progress {
    /// Forgets where the source was read to, and any full run (R29: the data stays).
    pub(crate) fn reset(&mut self) {
        self.since = None;
        self.full = None;
        self.inputs = None;
        self.generations.clear();
        self.feed = None;
        self.feed_reasons.clear();
        self.rewind = None;
    }

    /// The offset up to which this generation of a dataset was read; an offset of another one says nothing (DS5).
    pub(crate) fn read_to(&self, dataset: &str, generation: Generation) -> Option<u64> {
        let is_other = |known: &String| *known != generation.to_string();
        if self.generations.get(dataset).is_some_and(is_other) {
            return None;
        }
        let since = self.since.as_ref()?.value();
        since.offset().or_else(|| since.offset_in(dataset))
    }

    /// Remembers how a run ended.
    pub(crate) fn ended(&mut self, ended: Ended) {
        if ended.success {
            self.durations
                .push_back(ended.finished.saturating_sub(ended.started) as f64 / 1e6);
            while self.durations.len() > REMEMBERED_DURATIONS {
                self.durations.pop_front();
            }
        }
        self.last_run = Some(ended);
    }

    /// Mean duration of the latest successful runs, seconds.
    pub(crate) fn average_duration(&self) -> Option<f64> {
        (!self.durations.is_empty())
            .then(|| self.durations.iter().sum::<f64>() / self.durations.len() as f64)
    }
}

/// What people and the scheduler decided.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Control {
    /// No automatic starts (R36).
    pub disabled: bool,
    /// The planned start of a schedule that survives downtime (PU3).
    pub due: Option<Micros>,
    /// The planned rescan of `rescan_cron_expression`.
    pub rescan_due: Option<Micros>,
    /// The schedule `due` was computed for; another one starts afresh.
    pub schedule: Option<String>,
}

/// A record kept under a name of its own.
pub(crate) trait Record: Serialize + for<'de> Deserialize<'de> + Default {
    /// Its name below the pipe.
    const NAME: &'static str;

    /// Its key in the store.
    fn key(pipe: &str) -> sluice_dataset::Result<StateKey> {
        StateKey::new(&owner(pipe), Self::NAME)
    }

    /// What was kept, or the default. A record that cannot be read is damage, not absence.
    fn load(store: &Store, pipe: &str) -> sluice_dataset::Result<Self> {
        let Some(bytes) = store.state(&Self::key(pipe)?)? else {
            return Ok(Self::default());
        };
        serde_json::from_slice(&bytes).map_err(|source| sluice_dataset::Error::Damaged {
            place: format!("state \"{}\" of pipe {pipe}", Self::NAME),
            what: source.to_string(),
        })
    }

    /// The bytes to keep.
    fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("records hold only what JSON can hold")
    }
}

impl Record for Progress {
    const NAME: &'static str = "progress";
}

impl Record for Control {
    const NAME: &'static str = "control";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_values_are_kept_exactly() {
        for text in [
            "18446744073709551615",
            "{\"a\":1}",
            "\"x\"",
            "\"~f1.10\"",
            "123456789012345678901234567890",
        ] {
            let kept = KeptSince::from(&SinceValue::from_text(text));
            let again: KeptSince =
                serde_json::from_slice(&serde_json::to_vec(&kept).unwrap()).unwrap();
            assert_eq!(again.value().to_json().to_string(), text);
        }
    }

    #[test]
    fn the_average_forgets_old_runs_and_failed_ones() {
        let mut progress = Progress::default();
        let run = |seconds: u64, success| Ended {
            started: 0,
            finished: seconds * 1_000_000,
            success,
            message: String::new(),
            reason: None,
        };
        progress.ended(run(1_000, true));
        for _ in 0..REMEMBERED_DURATIONS {
            progress.ended(run(2, true));
        }
        progress.ended(run(500, false));
        assert_eq!(progress.average_duration(), Some(2.0));
    }
}
