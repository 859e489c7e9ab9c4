//! Which kind of run is due: full, partial or incremental (R20-R26, PU6, PU7). Pure.

use super::state::{FullProgress, Progress};
use crate::source::{SinceValue, Strategy};
use sluice_entity::{Datetime, Value};

/// `sync_type` of the execution log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SyncType {
    /// Everything the source has.
    Full,
    /// From somewhat before where the last run stopped.
    Partial,
    /// From where the last run stopped.
    Incremental,
}

impl SyncType {
    /// Name in the log.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            SyncType::Full => "full",
            SyncType::Partial => "partial",
            SyncType::Incremental => "incremental",
        }
    }
}

/// What the decision looks at.
pub(super) struct Facts<'a> {
    /// Somebody or the rescan schedule asks for everything.
    pub rescan: bool,
    /// How the source's since value is kept.
    pub strategy: Strategy,
    /// What the pipe remembers.
    pub progress: &'a Progress,
    /// `initial_since_value` (R24).
    pub initial_since: Option<SinceValue>,
    /// `rescan_run_count`
    pub rescan_run_count: Option<u64>,
    /// `partial_rescan_run_count` and `partial_rescan_delta`.
    pub partial: Option<(u64, u64)>,
    /// Name for a full run that begins now.
    pub token: String,
}

/// The kind of a run and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decision {
    /// Full, partial, incremental.
    pub sync_type: SyncType,
    /// Where the source is opened.
    pub since: Option<SinceValue>,
    /// For a full run: a new one, or the one that was interrupted.
    pub full: Option<FullProgress>,
}

/// Decides.
pub(super) fn decide(facts: Facts<'_>) -> Decision {
    let progress = facts.progress;
    if let (Some(interrupted), Strategy::Chronological) = (&progress.full, facts.strategy) {
        let since = interrupted.since.as_ref().map(|since| since.value());
        return Decision {
            sync_type: SyncType::Full,
            since,
            full: Some(interrupted.clone()),
        };
    }
    let full = |is_rescan| Decision {
        sync_type: SyncType::Full,
        since: None,
        full: Some(FullProgress {
            token: facts.token.clone(),
            since: None,
            is_rescan,
            measure: progress
                .full
                .as_ref()
                .map(|attempt| attempt.measure.clone())
                .unwrap_or_default(),
        }),
    };
    if facts.strategy == Strategy::None {
        return full(false);
    }
    let due = |count: Option<u64>, runs: u64| count.is_some_and(|count| runs + 1 >= count);
    let has_since = progress.since.is_some();
    if facts.rescan || (has_since && due(facts.rescan_run_count, progress.runs_since_full)) {
        return full(has_since);
    }
    let Some(since) = progress.since.as_ref().map(|since| since.value()) else {
        return match facts.initial_since {
            // Since is used, so nothing may be concluded from what is missing (R26).
            Some(initial) => Decision {
                sync_type: SyncType::Incremental,
                since: Some(initial),
                full: None,
            },
            None => full(false),
        };
    };
    if let Some((_, delta)) = facts
        .partial
        .filter(|(count, _)| due(Some(*count), progress.runs_since_partial))
    {
        return Decision {
            sync_type: SyncType::Partial,
            since: moved_back(&since, delta),
            full: None,
        };
    }
    Decision {
        sync_type: SyncType::Incremental,
        since: Some(since),
        full: None,
    }
}

/// Integers are decreased, moments moved back by so many seconds; what is neither stays (PU7).
fn moved_back(since: &SinceValue, delta: u64) -> Option<SinceValue> {
    match since {
        SinceValue::Offset(offset) => offset.checked_sub(delta).map(SinceValue::Offset),
        SinceValue::Datasets(offsets) => Some(SinceValue::Datasets(std::sync::Arc::new(
            offsets
                .iter()
                .filter_map(|(name, offset)| Some((name.clone(), offset.checked_sub(delta)?)))
                .collect(),
        ))),
        SinceValue::Value(value) => {
            Some(moment_moved_back(value.value(), delta).unwrap_or_else(|| since.clone()))
        }
    }
}

fn moment_moved_back(value: Value<'_>, delta: u64) -> Option<SinceValue> {
    let (moment, as_text) = match value.as_datetime() {
        Some(moment) => (moment, false),
        None => (Datetime::parse(value.as_str()?)?, true),
    };
    let seconds = moment.seconds().checked_sub(i64::try_from(delta).ok()?)?;
    let moment = Datetime::from_unix(seconds, moment.nanos())?;
    let text = if as_text {
        moment.to_string()
    } else {
        format!("~t{moment}")
    };
    Some(SinceValue::from_json(&sluice_entity::Json::from(
        text.as_str(),
    )))
}

#[cfg(test)]
mod tests {
    use super::super::deletion::Measure;
    use super::super::state::KeptSince;
    use super::*;

    fn facts(progress: &Progress, strategy: Strategy) -> Facts<'_> {
        let token = "new".to_owned();
        Facts {
            rescan: false,
            strategy,
            progress,
            initial_since: None,
            rescan_run_count: None,
            partial: None,
            token,
        }
    }

    fn at(since: &str) -> Progress {
        Progress {
            since: Some(KeptSince::from(&SinceValue::from_text(since))),
            ..Progress::default()
        }
    }

    #[test]
    fn without_an_offset_a_run_is_full_and_with_one_incremental() {
        assert_eq!(
            decide(facts(&Progress::default(), Strategy::Chronological)).sync_type,
            SyncType::Full
        );
        let decision = decide(facts(&at("7"), Strategy::Max));
        assert_eq!(
            (decision.sync_type, decision.since),
            (SyncType::Incremental, Some(SinceValue::Offset(7)))
        );
        assert_eq!(
            decide(facts(&at("7"), Strategy::None)).sync_type,
            SyncType::Full
        );
    }

    #[test]
    fn an_initial_since_value_makes_the_first_run_incremental() {
        let progress = Progress::default();
        let decision = decide(Facts {
            initial_since: Some(SinceValue::Offset(5)),
            ..facts(&progress, Strategy::Max)
        });
        assert_eq!(
            (decision.sync_type, decision.since),
            (SyncType::Incremental, Some(SinceValue::Offset(5)))
        );
    }

    #[test]
    fn every_nth_run_is_full_and_a_full_run_wins_over_a_partial_one() {
        let mut progress = at("100");
        let mut kinds = Vec::new();
        for _ in 0..6 {
            let both = Facts {
                rescan_run_count: Some(3),
                partial: Some((2, 10)),
                ..facts(&progress, Strategy::Max)
            };
            let kind = decide(both).sync_type;
            progress.runs_since_full = if kind == SyncType::Full {
                0
            } else {
                progress.runs_since_full + 1
            };
            progress.runs_since_partial = if kind == SyncType::Incremental {
                progress.runs_since_partial + 1
            } else {
                0
            };
            kinds.push(kind.as_str());
        }
        assert_eq!(
            kinds,
            [
                "incremental",
                "partial",
                "full",
                "incremental",
                "partial",
                "full"
            ]
        );
    }

    #[test]
    fn a_partial_rescan_moves_offsets_and_moments_back() {
        let from = |since: &str, delta| {
            let progress = at(since);
            let decision = decide(Facts {
                partial: Some((1, delta)),
                ..facts(&progress, Strategy::Max)
            });
            (
                decision.sync_type.as_str(),
                decision.since.map(|since| since.to_json().to_string()),
            )
        };
        assert_eq!(from("12637", 100), ("partial", Some("12537".into())));
        assert_eq!(from("10", 100), ("partial", None));
        assert_eq!(
            from("\"~t2018-04-27T15:46:40Z\"", 3600),
            ("partial", Some("\"~t2018-04-27T14:46:40Z\"".into()))
        );
        assert_eq!(
            from("\"2018-04-27T15:46:40Z\"", 3600),
            ("partial", Some("\"2018-04-27T14:46:40Z\"".into()))
        );
        assert_eq!(
            from("\"cursor\"", 3600),
            ("partial", Some("\"cursor\"".into()))
        );
    }

    #[test]
    fn an_interrupted_full_run_goes_on_where_it_stopped() {
        let mut progress = at("50");
        let kept = KeptSince::from(&SinceValue::Offset(20));
        progress.full = Some(FullProgress {
            token: "old".into(),
            since: Some(kept),
            is_rescan: true,
            measure: Measure::default(),
        });
        let decision = decide(facts(&progress, Strategy::Chronological));
        assert_eq!(
            (decision.sync_type, decision.since),
            (SyncType::Full, Some(SinceValue::Offset(20)))
        );
        assert_eq!(decision.full.unwrap().token, "old");
        let decision = decide(facts(&progress, Strategy::None));
        assert_eq!(
            (decision.since, decision.full.unwrap().token),
            (None, "new".to_owned()),
            "cannot go on, starts over"
        );
    }
}
