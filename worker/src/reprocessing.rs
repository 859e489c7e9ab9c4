//! Why a pipe's output may not be what its inputs and its configuration would give now (AR1), and what is done about it (AR2).

use crate::pipe::state::{InputSeen, Progress};
use crate::shared::Shared;
use sluice_config::Pipe;
use sluice_dataset::Dataset;
use std::collections::BTreeMap;

/// The pipe's input datasets as they are now; those that do not exist without a generation.
pub(crate) fn inputs_now(pipe: &Pipe, shared: &Shared) -> BTreeMap<String, InputSeen> {
    let read = pipe.inputs.iter().map(|name| (name, false));
    let hopped = pipe.hop_datasets.iter().map(|name| (name, true));
    // A dataset that is both read and hopped to counts as read.
    let all = hopped.chain(read).map(|(name, hop)| {
        let status = shared
            .existing(name)
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
    if progress.inputs.is_empty() && progress.configuration.is_none() {
        return Vec::new();
    }
    let mut reasons = Vec::new();
    let is_other = progress
        .configuration
        .as_ref()
        .is_some_and(|before| *before != pipe.content_hash);
    if pipe.rescan_when_config_changes && is_other {
        reasons.push("the configuration has changed".to_owned());
    }
    let now = inputs_now(pipe, shared);
    for (dataset, before) in &progress.inputs {
        let is_still_used = pipe.inputs.contains(dataset) || pipe.hop_datasets.contains(dataset);
        let kind = if before.hop {
            "hopped-to dataset"
        } else {
            "input dataset"
        };
        match now.get(dataset) {
            // What did not exist was not read: nothing is missing when it comes.
            _ if !is_still_used || before.generation.is_empty() => {}
            None => {}
            Some(now) if now.generation.is_empty() => {
                reasons.push(format!("{kind} {dataset} was deleted"))
            }
            Some(now) if now.generation != before.generation => {
                reasons.push(format!("{kind} {dataset} was deleted and made again"));
            }
            Some(now) if now.max_offset < before.max_offset => {
                reasons.push(format!("{kind} {dataset} was truncated"));
            }
            Some(_) => {}
        }
    }
    for (dataset, now) in &now {
        if !progress.inputs.contains_key(dataset) {
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
