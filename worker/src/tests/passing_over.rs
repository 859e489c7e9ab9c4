//! Passing over what was received again changes nothing but the work: two hubs get the same, one reads everything.

use super::Hub;
use super::hub::{json, stream};
use super::other_side::OtherSide;
use crate::Bounds;
use parking_lot::Mutex;
use proptest::prelude::*;
use sluice_entity::Json;
use sluice_protocol::{Error, OperationKind, PushReply, PushRequest, Worker};
use std::sync::Arc;

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    Push(String),
    Full {
        parts: Vec<String>,
        finished: bool,
    },
    Configure(usize),
    /// Straight into the dataset, by nobody's recipe.
    Write(String),
    Delete,
    Restart,
}

/// What decides what becomes of bytes, in several forms.
const CONFIGURATIONS: [&str; 6] = [
    r#"{"_id": "in", "type": "pipe", "source": {"type": "http_endpoint"}}"#,
    r#"{"_id": "in", "type": "pipe", "source": {"type": "http_endpoint", "do_float_as_int": false}}"#,
    r#"{"_id": "in", "type": "pipe", "source": {"type": "http_endpoint", "do_float_as_decimal": false}}"#,
    r#"{"_id": "in", "type": "pipe", "source": {"type": "http_endpoint"}, "namespaced_identifiers": true}"#,
    r#"{"_id": "in", "type": "pipe", "source": {"type": "http_endpoint"}, "namespaced_identifiers": true,
        "namespaces": {"property": "other"}}"#,
    r#"{"_id": "in", "type": "pipe", "source": {"type": "http_endpoint"},
        "sink": {"type": "dataset", "dataset": "in", "max_entity_bytes_size": 60}}"#,
];

fn text() -> impl Strategy<Value = String> {
    let rest = prop_oneof![
        4 => Just(r#","n":1.0"#),
        2 => Just(r#","n":1.50}"#),
        1 => Just(r#","_deleted":true"#),
        1 => Just(r#","_filtered":true"#),
        1 => Just(r#","a:b":"~:x:y","_ts":5"#),
        1 => Just(r#","long":"................................................................""#),
    ];
    (0..6_u8, 0..8_u8, rest).prop_map(|(id, form, rest)| {
        let rest = rest.trim_end_matches('}');
        match form {
            0 => format!(r#"{{"n":7,"_id":"{id}"}}"#),
            1 => format!(r#"{{ "_id": "{id}" {rest}}}"#),
            _ => format!(r#"{{"_id":"{id}"{rest}}}"#),
        }
    })
}

fn body() -> impl Strategy<Value = String> {
    let bad = prop_oneof![
        12 => Just(""),
        1 => Just(",{\"n\":1}"),
        1 => Just(",{\"_id\":\"1\",\"_id\":\"2\"}"),
        1 => Just("\n, 5"),
    ];
    (prop::collection::vec(text(), 1..8), bad)
        .prop_map(|(texts, bad)| format!("[{}{bad}]", texts.join(",\n")))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => body().prop_map(Step::Push),
        4 => (prop::collection::vec(body(), 1..4), prop::bool::weighted(0.8))
            .prop_map(|(parts, finished)| Step::Full { parts, finished }),
        1 => (0..CONFIGURATIONS.len()).prop_map(Step::Configure),
        1 => body().prop_map(Step::Write),
        1 => Just(Step::Delete),
        1 => Just(Step::Restart),
    ]
}

/// What a caller sees.
type Seen = Result<PushReply, String>;

fn seen(result: Result<PushReply, Error>) -> Seen {
    result.map_err(|error| format!("{} {:?} {error}", error.reason, error.members))
}

async fn take(hub: Hub, step: &Step, number: usize) -> (Hub, Vec<Seen>) {
    let mut hub = hub;
    let mut all = Vec::new();
    match step {
        Step::Push(body) => all.push(seen(hub.push("in", body).await)),
        Step::Full { parts, finished } => {
            for (part, body) in parts.iter().enumerate() {
                let request = PushRequest {
                    sequence_id: Some(format!("s{number}")),
                    request_id: Some(part.to_string()),
                    previous_request_id: part.checked_sub(1).map(|before| before.to_string()),
                    is_full: true,
                    is_first: part == 0,
                    is_last: *finished && part + 1 == parts.len(),
                    ..PushRequest::default()
                };
                all.push(seen(hub.push_as("in", request, body).await));
            }
        }
        Step::Configure(which) => hub.configure(&[CONFIGURATIONS[*which]]).await,
        Step::Write(body) => {
            let request = PushRequest::default();
            all.push(seen(
                hub.worker
                    .write_dataset("in", request, stream(&[body]))
                    .await,
            ));
        }
        Step::Delete => all.push(
            hub.worker
                .delete_dataset("in", "tester")
                .await
                .map(|()| PushReply::default())
                .map_err(|error| error.reason.into_owned()),
        ),
        Step::Restart => hub = hub.restart().await,
    }
    (hub, all)
}

/// Logs, counters and answers of one history.
async fn live_through(steps: &[Step], passes_over: bool, whole: usize) -> (Vec<String>, u64) {
    let bounds = Bounds {
        whole,
        ..Bounds::default()
    };
    let mut hub = Hub::with_pass_over(&[CONFIGURATIONS[0]], bounds, passes_over).await;
    let mut story = Vec::new();
    let mut passed = 0;
    for (number, step) in steps.iter().enumerate() {
        // Counters end with the process.
        let before = hub.passed_over();
        let (next, answers) = take(hub, step, number).await;
        hub = next;
        passed += hub.passed_over().saturating_sub(before);
        story.push(format!("{answers:?}"));
        story.extend(hub.log("in").await);
        if let Ok(report) = hub.worker.dataset("in").await {
            story.push(format!(
                "{:?} {:?}",
                report.status.counters, report.status.max_offset
            ));
        }
    }
    (story, passed)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn a_history_of_pushes_is_the_same_with_and_without(
        steps in prop::collection::vec(step(), 4..14),
        whole in prop_oneof![Just(1_usize), Just(1 << 20)],
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (with, without) = runtime.block_on(async {
            let (with, _) = live_through(&steps, true, whole).await;
            let (without, none) = live_through(&steps, false, whole).await;
            assert_eq!(none, 0);
            (with, without)
        });
        prop_assert_eq!(with, without);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_again_is_passed_over_until_something_else_happens_to_it() {
    let body = r#"[{"_id": "1", "n": 1.0}, {"_id": "2"}, {"_id": "2", "n": 2}]"#;
    let steps = [
        Step::Push(body.to_owned()),
        // Entity 1 is passed over, what comes twice is read.
        Step::Push(body.to_owned()),
        // Another way of reading: nothing is known of it.
        Step::Configure(1),
        Step::Push(body.to_owned()),
        Step::Push(body.to_owned()),
        // Another hand.
        Step::Write(r#"[{"_id": "1", "n": 3}]"#.to_owned()),
        Step::Push(body.to_owned()),
        Step::Delete,
        Step::Push(body.to_owned()),
        // Full pushes: what was passed over was seen.
        Step::Full {
            parts: vec![body.to_owned(), "[]".to_owned()],
            finished: true,
        },
    ];
    let (with, passed) = live_through(&steps, true, 1 << 20).await;
    let (without, _) = live_through(&steps, false, 1 << 20).await;
    assert_eq!(with, without);
    // Each time entity 1, and the last text of entity 2, which was compared but came twice.
    assert_eq!(passed, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_decides_what_bytes_become_makes_other_bytes_of_them() {
    let body = r#"[{"_id": "1", "n": 1.0, "m": 1.5}]"#;
    let mut steps = vec![Step::Push(body.to_owned())];
    for which in 1..CONFIGURATIONS.len() {
        steps.extend([Step::Configure(which), Step::Push(body.to_owned())]);
    }
    let (with, passed) = live_through(&steps, true, 1 << 20).await;
    let (without, _) = live_through(&steps, false, 1 << 20).await;
    assert_eq!(with, without);
    assert_eq!(passed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_json_source_that_gives_the_same_again_is_passed_over_with_the_same_outcome() {
    let answers = [
        r#"[{"_id": "1", "_updated": 5}, {"_id": "2", "n": 1.0}, {"_id": "3"}]"#,
        r#"[{"_id": "1", "_updated": 5}, {"_id": "2", "n": 1.0}, {"_id": "3"}]"#,
        // One changed, one in other bytes, one gone, one new between others.
        r#"[{"_id": "1", "_updated": 5}, {"_id": "4"}, {"_id": "2", "n": 1.5}, {"_id": "1"}]"#,
        r#"[{"_id": "1"}, {"_id": "4"}, {"_id": "2", "n": 1.5}, 5, {"_id": "4"}]"#,
        "[]",
    ];
    let (with, passed) = pulled(&answers.map(str::to_owned), true).await;
    let (without, _) = pulled(&answers.map(str::to_owned), false).await;
    assert_eq!(with, without);
    assert_eq!(passed, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_behind_a_text_that_only_looks_like_an_entity_is_not_given() {
    let texts: Vec<String> = (0..300).map(|id| format!(r#"{{"_id": "{id}"}}"#)).collect();
    let (first, rest) = texts.split_at(150);
    // By its braces the one between has an end, by its bracket it has none.
    let broken = [first, &[r#"{"n"[:0}"#.to_owned()], rest].concat();
    let answers = [texts.clone(), broken].map(|texts| format!("[{}]", texts.join(", ")));
    let (with, passed) = pulled(&answers, true).await;
    let (without, _) = pulled(&answers, false).await;
    assert_eq!(with, without);
    assert!(passed > 0);
}

/// Events, logs and offsets of a pipe that pulls these answers, one in each run; and how many entities it passed over.
async fn pulled(answers: &[String], passes_over: bool) -> (Vec<String>, u64) {
    let pipe = r#"{"_id": "in", "type": "pipe", "source": {"type": "json", "system": "away", "url": "feed"},
        "pump": {"schedule_interval": 86400, "log_events_noop_runs": true}}"#;
    let now = Arc::new(Mutex::new(String::new()));
    let answer = now.clone();
    let other = OtherSide::new(move |_| (200, answer.lock().clone())).await;
    let components = [other.system(), pipe.to_owned()];
    let components: Vec<&str> = components.iter().map(String::as_str).collect();
    let hub = Hub::with_pass_over(&components, Bounds::default(), passes_over).await;
    let mut story = Vec::new();
    for body in answers {
        now.lock().clone_from(body);
        let ended = hub.run_as("in", OperationKind::Start, &[]).await;
        story.push(format!("{ended:?} {}", hub.last_seen("in").await));
        story.extend(hub.log("in").await);
    }
    let events = hub.log("system:pump:in").await;
    story.extend(events.iter().map(|event| without_measures(event)));
    let passed = hub.passed_over();
    (story, passed)
}

/// An event without what is measured: times, and the memory of a batch, where a text not read counts as the text it is.
fn without_measures(event: &str) -> String {
    let event = json(event);
    let get = |name: &str| event.get(name).map(Json::to_string);
    let entities = event
        .get("metrics")
        .and_then(|metrics| metrics.get("entities"));
    let counts = [
        "changes_last_run",
        "entities_last_run",
        "read_errors_last_run",
    ]
    .map(|name| {
        entities
            .and_then(|entities| entities.get(name))
            .map(Json::to_string)
    });
    format!(
        "{:?} {:?} {:?} {counts:?}",
        get("event_type"),
        get("entities_succeeded"),
        get("entities_failed")
    )
}
