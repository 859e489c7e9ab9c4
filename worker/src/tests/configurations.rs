//! Pipes that many tests use. Intervals of a day: nothing runs unless a test or a signal starts it.

/// Entities in the configuration, into a dataset of the pipe's name.
pub(super) fn embedded(id: &str, entities: &str) -> String {
    format!(
        r#"{{"_id": "{id}", "type": "pipe", "source": {{"type": "embedded", "entities": {entities}}},
            "pump": {{"schedule_interval": 86400}}}}"#
    )
}

/// `people` with so many entities: ids "0", "1", ... and the same number in `n`.
pub(super) fn people(count: u32) -> String {
    let entities: Vec<String> = (0..count)
        .map(|n| format!(r#"{{"_id": "{n}", "n": {n}}}"#))
        .collect();
    embedded("people", &format!("[{}]", entities.join(",")))
}

/// From a dataset through rules into a dataset; started by hand.
pub(super) fn dataset(id: &str, from: &str, rules: &str) -> String {
    format!(
        r#"{{"_id": "{id}", "type": "pipe", "source": {{"type": "dataset", "dataset": "{from}", "supports_signalling": false}},
            "transform": {{"type": "dtl", "rules": {{"default": {rules}}}}}, "pump": {{"schedule_interval": 86400}}}}"#
    )
}

/// The same, started by signals.
pub(super) fn signalled(id: &str, from: &str, rules: &str) -> String {
    dataset(id, from, rules).replace(r#", "supports_signalling": false"#, "")
}

/// A receiver into a dataset of its name.
pub(super) fn receiver(id: &str) -> String {
    format!(r#"{{"_id": "{id}", "type": "pipe", "source": {{"type": "http_endpoint"}}}}"#)
}

/// A publisher of a dataset.
pub(super) fn publisher(id: &str, from: &str, rules: &str) -> String {
    format!(
        r#"{{"_id": "{id}", "type": "pipe", "source": {{"type": "dataset", "dataset": "{from}"}},
            "transform": {{"type": "dtl", "rules": {{"default": {rules}}}}}, "sink": {{"type": "http_endpoint"}}}}"#
    )
}
