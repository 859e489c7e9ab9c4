//! Which datasets of other workers the pipes here read, and how.

use sluice_config::Pipe;
use std::collections::BTreeSet;

/// The datasets to keep replicas of.
pub(crate) type Need = BTreeSet<String>;

/// What these pipes read or hop to and another worker has. Pipes that cannot run need nothing.
pub(crate) fn sight<'a>(
    pipes: impl Iterator<Item = &'a Pipe>,
    is_elsewhere: impl Fn(&str) -> bool,
) -> Need {
    pipes
        .filter(|pipe| pipe.runnable.is_ok())
        .flat_map(|pipe| pipe.inputs.iter().chain(&pipe.hop_datasets))
        .filter(|dataset| is_elsewhere(dataset))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_config::{Component, Configuration, Environment};
    use sluice_entity::{Json, Limits};

    fn load(pipes: &[&str]) -> Configuration {
        let components = pipes.iter().map(|text| {
            let json = Json::parse(text.as_bytes(), &Limits::default()).unwrap();
            Component::from_json(json).unwrap()
        });
        sluice_config::load(&components.collect::<Vec<_>>(), &Environment::default())
    }

    #[test]
    fn sources_hops_and_lookups_of_other_workers_are_needed_once() {
        let configuration = load(&[
            r#"{"_id": "a", "type": "pipe", "source": {"type": "dataset", "dataset": "here"},
                "transform": {"type": "dtl", "rules": {"default": [["copy", "*"],
                    ["add", "t", ["hops", {"datasets": ["far t"], "where": [["eq", "_S.t", "t._id"]]}]],
                    ["add", "l", ["lookup-entity", "looked", "x"]]]}}}"#,
            r#"{"_id": "b", "type": "pipe", "source": {"type": "merge_datasets", "datasets": ["far", "other"]}}"#,
            r#"{"_id": "c", "type": "pipe", "source": {"type": "union_datasets", "datasets": ["here", "third"]}}"#,
            r#"{"_id": "broken", "type": "pipe", "source": {"type": "no-such-thing", "dataset": "never"}}"#,
        ]);
        let pipes = configuration.pipes.values().map(|pipe| &**pipe);
        let need = sight(pipes, |dataset| dataset != "here");
        let expected = ["far", "looked", "other", "third"].map(str::to_owned);
        assert_eq!(need, BTreeSet::from(expected));
    }
}
