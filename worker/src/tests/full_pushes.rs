//! Full pushes to another side: its end deletes what was not in it, so only one that held everything may end (JP5, R27, R62).

use super::Hub;
use super::configurations::{embedded, people};
use super::hub::json;
use super::other_side::{OtherSide, Request};
use parking_lot::Mutex;
use sluice_entity::Json;
use sluice_protocol::OperationKind;
use std::collections::BTreeSet;
use std::sync::Arc;

const SINK: &str = r#""sink": {"type": "json", "system": "away", "url": "push"},"#;
const PUMP: &str = r#""batch_retries": 0, "write_retry_delay": 0, "max_write_errors_in_retry_dataset": 10,
    "max_consecutive_write_errors": 50, "max_retries_per_entity": 2, "dead_letter_dataset": "dead","#;

/// The other side, and the ids it refuses.
async fn receiver() -> (OtherSide, Arc<Mutex<BTreeSet<&'static str>>>) {
    let refused: Arc<Mutex<BTreeSet<&'static str>>> = Arc::default();
    let refuses = refused.clone();
    let side = OtherSide::new(move |request| {
        let ids = ids(request);
        let refuses = refuses.lock();
        match ids.iter().any(|id| refuses.contains(id.as_str())) {
            true => (500, "{}".into()),
            false => (200, "{}".into()),
        }
    })
    .await;
    (side, refused)
}

fn ids(request: &Request) -> Vec<String> {
    let entities = json(&request.body);
    let id = |entity: &Json| entity.get("_id").and_then(Json::as_str).unwrap().to_owned();
    entities.as_array().unwrap().iter().map(id).collect()
}

fn parameter<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let (_, query) = request.target.split_once('?')?;
    let mut parameters = query.split('&').filter_map(|pair| pair.split_once('='));
    parameters
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// What the latest full push that was ended held, of the requests behind the first `before`.
fn ended(other: &OtherSide, before: usize) -> Option<BTreeSet<String>> {
    let requests = other.requests().split_off(before);
    let last = requests
        .iter()
        .rfind(|request| parameter(request, "is_last") == Some("true"))?;
    let sequence = parameter(last, "sequence_id");
    let of_it = requests
        .iter()
        .filter(|request| parameter(request, "sequence_id") == sequence)
        .map(ids);
    Some(of_it.flatten().collect())
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn pushing(entities: &str) -> String {
    embedded("out", entities).replace(r#""pump": {"#, &format!(r#"{SINK} "pump": {{{PUMP}"#))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_push_without_what_could_not_be_written_does_not_end_and_says_so() {
    let (other, refused) = receiver().await;
    let three = pushing(r#"[{"_id": "a"}, {"_id": "b"}, {"_id": "c"}]"#);
    let mut hub = Hub::with(&[&other.system(), &three]).await;
    refused.lock().insert("b");
    // New, tried again, given up, and given up before: it lives at the source and never arrived.
    for _ in 0..5 {
        let before = other.requests().len();
        let (success, message) = hub.run("out").await;
        assert!(success, "{message}");
        assert!(
            message.contains("deletes at the target were withheld: 1 of the entities"),
            "{message}"
        );
        assert_eq!(ended(&other, before), None);
        let completed = hub.event("out", "pump-completed").await;
        let withheld = completed.get("deletes_withheld").and_then(Json::as_str);
        assert!(withheld.unwrap_or_default().contains("1 of the"));
        hub = hub.restart().await;
    }
    assert_eq!(hub.live("dead").await.len(), 1);
    // Another version of it arrives.
    let changed = r#"[{"_id": "a"}, {"_id": "b", "n": 1}, {"_id": "c"}]"#;
    hub.configure(&[&other.system(), &pushing(changed)]).await;
    refused.lock().clear();
    let before = other.requests().len();
    let (success, message) = hub.run("out").await;
    assert!(success && !message.contains("withheld"), "{message}");
    let everything = Some(set(&["a", "b", "c"]));
    assert_eq!(ended(&other, before), everything);
    let completed = hub.event("out", "pump-completed").await;
    assert!(completed.get("deletes_withheld").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_push_ends_when_what_could_not_be_written_is_gone_from_the_source() {
    let (other, refused) = receiver().await;
    let both = pushing(r#"[{"_id": "a"}, {"_id": "b"}]"#);
    let mut hub = Hub::with(&[&other.system(), &both]).await;
    refused.lock().insert("b");
    hub.run_all_of(&["out", "out", "out"]).await;
    hub.configure(&[&other.system(), &pushing(r#"[{"_id": "a"}]"#)])
        .await;
    let before = other.requests().len();
    let (success, message) = hub.run("out").await;
    assert!(success && !message.contains("withheld"), "{message}");
    assert_eq!(ended(&other, before), Some(set(&["a"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_push_that_was_interrupted_begins_again_with_all_of_it() {
    let (other, refused) = receiver().await;
    let out = format!(
        r#"{{"_id": "out", "type": "pipe", "batch_size": 2,
            "source": {{"type": "dataset", "dataset": "people", "supports_signalling": false}},
            {SINK} "pump": {{"batch_retries": 0, "schedule_interval": 86400}}}}"#
    );
    let mut hub = Hub::with(&[&other.system(), &people(5), &out]).await;
    hub.run_all_of(&["people"]).await;
    for kind in [OperationKind::Start, OperationKind::StartRescan] {
        refused.lock().insert("3");
        let before = other.requests().len();
        assert!(!hub.run_as("out", kind, &[]).await.0);
        assert_eq!(ended(&other, before), None);
        hub = hub.restart().await;
        refused.lock().clear();
        let before = other.requests().len();
        hub.run_all_of(&["out"]).await;
        let everything = Some(set(&["0", "1", "2", "3", "4"]));
        assert_eq!(ended(&other, before), everything, "{kind:?}");
        assert_eq!(hub.last_seen("out").await, "4");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incremental_push_ends_whatever_could_not_be_written() {
    let (other, refused) = receiver().await;
    let out = format!(
        r#"{{"_id": "out", "type": "pipe",
            "source": {{"type": "dataset", "dataset": "people", "supports_signalling": false}},
            {SINK} "pump": {{{PUMP} "schedule_interval": 86400}}}}"#
    );
    let mut hub = Hub::with(&[&other.system(), &people(2), &out]).await;
    hub.run_all_of(&["people", "out"]).await;
    hub.configure(&[&other.system(), &people(4), &out]).await;
    refused.lock().insert("3");
    hub.run_all_of(&["people"]).await;
    let before = other.requests().len();
    let (success, message) = hub.run("out").await;
    assert!(success && !message.contains("withheld"), "{message}");
    let requests = other.requests().split_off(before);
    assert!(requests.last().unwrap().body == "[]");
    assert!(
        requests
            .iter()
            .all(|request| parameter(request, "is_last").is_none())
    );
}
