//! Feeds of other hubs: what their headers tell of the dataset behind them, and what follows from it (AR1-AR3, DS5, DS6, DU3).

use super::Hub;
use super::hub::json;
use super::other_side::{OtherSide, Request};
use parking_lot::Mutex;
use sluice_entity::Json;
use sluice_protocol::OperationKind;
use std::sync::Arc;

const MADE_AGAIN: &str = "the dataset behind the feed was deleted and made again";
const RESTORED: &str = "the dataset behind the feed was restored from a backup";

/// A dataset of another hub: entity `n` was written at offset `n`.
#[derive(Clone, Default)]
struct Dataset {
    generation: String,
    offsets: Vec<u64>,
    restored: Option<(String, u64)>,
}

impl Dataset {
    fn new(generation: &str, offsets: impl IntoIterator<Item = u64>) -> Self {
        Dataset {
            generation: generation.to_owned(),
            offsets: offsets.into_iter().collect(),
            restored: None,
        }
    }

    /// As our own feeds answer: an integer is an offset, a token of another generation is gone.
    fn answer(&self, request: &Request) -> (u16, String, String) {
        let since = request.target.split("since=").nth(1);
        let since = since.map(|rest| rest.split('&').next().unwrap().to_owned());
        let newest = self.offsets.last();
        let mut headers = format!(
            "X-Dataset-Generation: {}\r\nX-Dataset-Max-Updated: {}\r\n",
            self.generation,
            newest.map_or("null".to_owned(), u64::to_string)
        );
        if let Some((uuid, offset)) = &self.restored {
            headers += &format!(
                "X-Dataset-Restore-Uuid: {uuid}\r\nX-Dataset-Restore-Offset: {offset}\r\n"
            );
        }
        let since = match since.as_deref().map(str::parse::<u64>) {
            None => None,
            Some(Ok(offset)) => Some(offset),
            Some(Err(_)) => return (410, headers, "{}".to_owned()),
        };
        let after = self
            .offsets
            .iter()
            .filter(|offset| since.is_none_or(|since| **offset > since));
        let entities: Vec<String> = after
            .map(|offset| {
                format!(
                    r#"{{"_id": "{}{offset}", "_updated": {offset}}}"#,
                    self.generation
                )
            })
            .collect();
        (200, headers, format!("[{}]", entities.join(",")))
    }
}

/// The other hub, and the dataset that a test changes in it.
async fn other_hub(dataset: Dataset) -> (OtherSide, Arc<Mutex<Dataset>>) {
    let shared = Arc::new(Mutex::new(dataset));
    let served = shared.clone();
    let side = OtherSide::with_headers(move |request| served.lock().answer(request)).await;
    (side, shared)
}

fn input(more: &str, is_chronological: bool) -> String {
    format!(
        r#"{{"_id": "in", "type": "pipe", "pump": {{"schedule_interval": 86400, "log_events_noop_runs": true}}, "sink": {{"deletion_tracking": false}}, {more}
        "source": {{"type": "json", "system": "away", "url": "x", "supports_since": true,
            "is_since_comparable": true, "is_chronological": {is_chronological}}}}}"#
    )
}

const AUTOMATIC: &str = r#""reprocessing_policy": "automatic","#;

async fn ids(hub: &Hub) -> Vec<String> {
    let live = hub.live("in").await;
    live.iter()
        .map(|entity| {
            json(entity)
                .get("_id")
                .and_then(Json::as_str)
                .unwrap()
                .to_owned()
        })
        .collect()
}

/// The `since` of each request, empty without one.
fn asked(other: &OtherSide) -> Vec<String> {
    let requests = other.requests();
    let since = requests
        .iter()
        .map(|request| request.target.split("since=").nth(1));
    since
        .map(|since| since.unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_of_another_generation_is_read_from_its_beginning_and_that_stays_a_reason() {
    for is_chronological in [true, false] {
        let (other, dataset) = other_hub(Dataset::new("a", 0..5)).await;
        let hub = Hub::with(&[&other.system(), &input("", is_chronological)]).await;
        hub.run_all_of(&["in"]).await;
        assert_eq!(hub.last_seen("in").await, "4");

        // Nothing in it yet: the offset of the old one is forgotten, and no run becomes a full one.
        *dataset.lock() = Dataset::new("b", 0..0);
        hub.run_all_of(&["in"]).await;
        assert_eq!(hub.report("in").await.reprocessing_reasons, [MADE_AGAIN]);
        assert_eq!(hub.last_seen("in").await, "null");
        *dataset.lock() = Dataset::new("b", 0..3);
        hub.run_all_of(&["in", "in"]).await;
        assert_eq!(asked(&other), ["", "4", "", "", "2"]);
        assert_eq!(hub.last_seen("in").await, "2");
        assert_eq!(ids(&hub).await.len(), 8);
        assert_eq!(hub.report("in").await.reprocessing_reasons, [MADE_AGAIN]);
        let event = hub.event("in", "pump-completed").await;
        let sync_type = event.get("sync_type").and_then(Json::as_str);
        assert_eq!(sync_type, Some("incremental"));
        hub.run_as("in", OperationKind::StartRescan, &[]).await;
        assert!(hub.report("in").await.reprocessing_reasons.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_generation_is_gone_and_the_feed_is_read_from_its_beginning() {
    let (other, _) = other_hub(Dataset::new("b", 0..2)).await;
    let hub = Hub::with(&[&other.system(), &input("", true)]).await;
    let token = [("last-seen", "1-0123456789abcdef0123456789abcdef-0-7")];
    hub.operate("in", OperationKind::UpdateLastSeen, &token)
        .await
        .unwrap();
    hub.run_all_of(&["in"]).await;
    assert_eq!(
        asked(&other),
        ["1-0123456789abcdef0123456789abcdef-0-7", ""]
    );
    assert_eq!(ids(&hub).await, ["b0", "b1"]);
    assert_eq!(hub.last_seen("in").await, "1");
    assert_eq!(hub.report("in").await.reprocessing_reasons, [MADE_AGAIN]);
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_for_good_is_a_failed_read() {
    let other = OtherSide::new(|_| (410, "{}".into())).await;
    let hub = Hub::with(&[&other.system(), &input("", true)]).await;
    let (success, message) = hub.run("in").await;
    assert!(!success && message.contains("410"), "{message}");
    assert_eq!(asked(&other), [""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_the_run_goes_on_and_says_so() {
    let (other, dataset) = other_hub(Dataset::new("a", 0..10)).await;
    let hub = Hub::with(&[&other.system(), &input("", true)]).await;
    hub.run_all_of(&["in"]).await;
    *dataset.lock() = Dataset {
        restored: Some(("r1".into(), 5)),
        ..Dataset::new("a", 0..8)
    };
    hub.run_all_of(&["in", "in"]).await;
    assert_eq!(asked(&other), ["", "9", "9"]);
    assert_eq!(hub.last_seen("in").await, "9");
    assert_eq!(hub.report("in").await.reprocessing_reasons, [RESTORED]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_an_automatic_pipe_goes_back_to_the_mark_and_no_further() {
    let (other, dataset) = other_hub(Dataset::new("a", 0..10)).await;
    let hub = Hub::with(&[&other.system(), &input(AUTOMATIC, true)]).await;
    hub.run_all_of(&["in"]).await;
    *dataset.lock() = Dataset {
        restored: Some(("r1".into(), 5)),
        ..Dataset::new("a", 0..8)
    };
    hub.run_all_of(&["in", "in", "in"]).await;
    assert_eq!(asked(&other), ["", "9", "5", "7"]);
    assert!(hub.report("in").await.reprocessing_reasons.is_empty());
    let event = hub.event("in", "pump-offset-set").await;
    let text = |name: &str| event.get(name).map(ToString::to_string);
    assert_eq!(text("original_pipe_offset").as_deref(), Some("\"9\""));
    assert_eq!(text("pipe_offset").as_deref(), Some("\"5\""));
    assert_eq!(text("is_reset").as_deref(), Some("false"));
    assert_eq!(text("reason"), Some(format!("\"{RESTORED}\"")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_automatic_pipe_starts_over_when_the_feed_was_cut_short_or_made_again() {
    for after in [Dataset::new("a", 0..2), Dataset::new("b", 0..2)] {
        let (other, dataset) = other_hub(Dataset::new("a", 0..5)).await;
        let hub = Hub::with(&[&other.system(), &input(AUTOMATIC, true)]).await;
        hub.run_all_of(&["in"]).await;
        *dataset.lock() = after;
        hub.run_all_of(&["in"]).await;
        assert_eq!(hub.report("in").await.reprocessing_reasons.len(), 1);
        hub.run_all_of(&["in"]).await;
        assert_eq!(asked(&other).last().map(String::as_str), Some(""));
        let completed = hub.event("in", "pump-completed").await;
        assert_eq!(
            completed.get("sync_type").and_then(Json::as_str),
            Some("full")
        );
        assert!(hub.report("in").await.reprocessing_reasons.is_empty());
        assert_eq!(hub.last_seen("in").await, "1");
        let location = completed
            .get("pump_started_location")
            .and_then(Json::as_i64);
        let log = hub.events("in").await;
        let location = usize::try_from(location.unwrap()).unwrap();
        assert_eq!(
            log[location - 1..=location],
            ["pump-offset-set", "pump-started"]
        );
    }
}
