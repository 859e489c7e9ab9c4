//! Why a pipe's output may not be what its inputs and its configuration would give now (AR1), and what is done about it (AR2).

mod feed;

pub(crate) use feed::{FeedRead, rewind};

use crate::pipe::state::{InputSeen, Progress};
use crate::shared::Shared;
use crate::source::SinceValue;
use sluice_config::Pipe;
use sluice_dataset::Dataset;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The pipe's input datasets as they are now; those that do not exist without a generation.
pub(crate) fn inputs_now(pipe: &Pipe, shared: &Shared) -> BTreeMap<String, InputSeen> {
    let read = pipe.inputs.iter().map(|name| (name, false));
    let hopped = pipe.hop_datasets.iter().map(|name| (name, true));
    // A dataset that is both read and hopped to counts as read.
    let all = hopped.chain(read).map(|(name, hop)| {
        let status = shared
            .readable(name)
            .and_then(|dataset| dataset.status().ok());
        let generation = status.as_ref().map(|status| status.generation.to_string());
        let max_offset = status.and_then(|status| status.max_offset);
        (
            name.clone(),
            InputSeen {
                generation: generation.unwrap_or_default(),
                max_offset,
                hop,
            },
        )
    });
    all.collect()
}

/// Each reason in a sentence; none for a pipe that has not run yet or starts over anyway.
pub(crate) fn reasons(pipe: &Pipe, progress: &Progress, shared: &Shared) -> Vec<String> {
    let mut reasons = Vec::new();
    let is_other = progress
        .configuration
        .as_ref()
        .is_some_and(|before| *before != pipe.content_hash);
    if pipe.rescan_when_config_changes && is_other {
        reasons.push("the configuration has changed".to_owned());
    }
    reasons.extend(progress.feed_reasons.iter().cloned());
    let Some(inputs) = &progress.inputs else {
        return reasons;
    };
    let now = inputs_now(pipe, shared);
    for (dataset, before) in inputs {
        let is_still_used = pipe.inputs.contains(dataset) || pipe.hop_datasets.contains(dataset);
        let kind = if before.hop {
            "hopped-to dataset"
        } else {
            "input dataset"
        };
        let now = now.get(dataset).filter(|_| is_still_used);
        if let Some(what) = now.and_then(|now| out_of_step(before, now)) {
            reasons.push(format!("{kind} {dataset} {what}"));
        }
    }
    for (dataset, now) in &now {
        if !inputs.contains_key(dataset) {
            let kind = if now.hop {
                "a join to dataset"
            } else {
                "input dataset"
            };
            reasons.push(format!("{kind} {dataset} is new"));
        }
    }
    reasons
}

/// What happened to a dataset that its newest entities alone do not tell.
fn out_of_step(before: &InputSeen, now: &InputSeen) -> Option<&'static str> {
    // What did not exist was not read: nothing is missing when it comes.
    if before.generation.is_empty() {
        None
    } else if now.generation.is_empty() {
        Some("was deleted")
    } else if now.generation != before.generation {
        Some("was deleted and made again")
    } else if now.max_offset < before.max_offset {
        Some("was truncated")
    } else {
        None
    }
}

/// What to remember of the inputs after an incremental run: a reason stays until everything is read again (AR2).
pub(crate) fn kept_reasons(
    before: Option<&BTreeMap<String, InputSeen>>,
    mut now: BTreeMap<String, InputSeen>,
) -> BTreeMap<String, InputSeen> {
    let Some(before) = before else { return now };
    now.retain(|dataset, _| before.contains_key(dataset));
    for (dataset, now) in &mut now {
        if let Some(before) = before
            .get(dataset)
            .filter(|before| out_of_step(before, now).is_some())
        {
            *now = before.clone();
        }
    }
    now
}

/// Forgets the offsets of datasets that were made again since: they would skip what is there now (DS5). The run that begins
/// reads those datasets from their beginning, and what did not change appends nothing (R2).
pub(crate) fn forget_other_generations(
    progress: &mut Progress,
    now: &BTreeMap<String, InputSeen>,
    token: impl FnOnce() -> String,
) {
    let mut others = BTreeSet::new();
    let read = now
        .iter()
        .filter(|(_, seen)| !seen.hop && !seen.generation.is_empty());
    for (dataset, seen) in read {
        let known = progress
            .generations
            .insert(dataset.clone(), seen.generation.clone());
        if known.is_some_and(|known| known != seen.generation) {
            others.insert(dataset.as_str());
        }
    }
    if others.is_empty() {
        return;
    }
    if let Some(since) = &progress.since {
        let rest = match since.value() {
            SinceValue::Offset(_) => SinceValue::nowhere(),
            SinceValue::Datasets(offsets) => {
                let rest = offsets
                    .iter()
                    .filter(|(dataset, _)| !others.contains(dataset.as_str()));
                SinceValue::Datasets(Arc::new(
                    rest.map(|(dataset, offset)| (dataset.clone(), *offset))
                        .collect(),
                ))
            }
            value @ SinceValue::Value(_) => value,
        };
        progress.since = Some((&rest).into());
    }
    if let Some(full) = &mut progress.full {
        // What it saw in the old generation does not count as seen.
        full.since = None;
        full.token = token();
    }
}
