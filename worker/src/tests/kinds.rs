//! Every kind of source and sink at work in a pipe, those that no other test runs.

use super::Hub;
use super::configurations::{dataset, people, receiver};
use super::other_side::OtherSide;
use futures::StreamExt;
use sluice_protocol::{OperationKind, ProxyRequest, Worker as _};

const COPY: &str = r#"[["copy", "*"]]"#;

fn from(id: &str, source: &str, more: &str) -> String {
    format!(
        r#"{{"_id": "{id}", "type": "pipe", "source": {source}, {more} "pump": {{"schedule_interval": 86400}}}}"#
    )
}

fn merged(id: &str, strategy: &str) -> String {
    let source = format!(
        r#"{{"type": "merge_datasets", "datasets": ["a", "b"], "strategy": "{strategy}", "supports_signalling": false}}"#
    );
    from(id, &source, "")
}

#[tokio::test(flavor = "multi_thread")]
async fn merge_datasets_gives_each_id_at_its_newest_version_and_goes_on_from_there() {
    let hub = Hub::with(&[
        &receiver("a"),
        &receiver("b"),
        &merged("newest", "latest"),
        &merged("all", "all"),
    ])
    .await;
    for (pipe, body) in [
        ("a", r#"[{"_id": "1", "a": 1}, {"_id": "2", "a": 1}]"#),
        ("b", r#"[{"_id": "2", "b": 1}, {"_id": "3", "b": 1}]"#),
        ("a", r#"[{"_id": "1", "a": 2}]"#),
    ] {
        hub.push(pipe, body).await.unwrap();
    }
    hub.run_all_of(&["newest", "all"]).await;
    let newest = [
        r#"{"_id":"2","b":1}"#,
        r#"{"_id":"3","b":1}"#,
        r#"{"_id":"1","a":2}"#,
    ];
    assert_eq!(
        hub.log("newest").await,
        newest,
        "in the order of their times"
    );
    assert_eq!(hub.last_seen("newest").await, r#"{"a":2,"b":1}"#);
    let all = hub.live("all").await;
    let both = r#"{"_id":"2","a":{"_deleted":false,"_id":"2","a":1},"b":{"_deleted":false,"_id":"2","b":1}}"#;
    assert_eq!(all[0], both);

    // A delete in one of them is a newer version of that id.
    hub.push("b", r#"[{"_id": "2", "_deleted": true}]"#)
        .await
        .unwrap();
    hub.run_all_of(&["newest", "all"]).await;
    assert_eq!(hub.live("newest").await, newest[1..]);
    let event = hub.event("newest", "pump-completed").await;
    let read = event
        .get("metrics")
        .and_then(|metrics| metrics.get("entities"));
    let read = read.and_then(|entities| entities.get("entities_last_run"));
    assert_eq!(read.map(ToString::to_string).as_deref(), Some("1"));
    assert_eq!(
        hub.live("all").await.len(),
        3,
        "it is there in the other one"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn datasets_that_are_not_there_are_passed_over_where_the_source_says_so() {
    let union = |more: &str| {
        let source = format!(
            r#"{{"type": "union_datasets", "datasets": ["people", "nothing"], "prefix_ids": false, {more} "supports_signalling": false}}"#
        );
        from("all", &source, "")
    };
    let required = r#""require_populated_input": true, "ignore_non_existent_datasets": false,"#;
    let mut hub = Hub::with(&[&people(2), &union("")]).await;
    hub.run_all_of(&["people", "all"]).await;
    assert_eq!(hub.live("all").await.len(), 2);
    hub.configure(&[&people(2), &union(required)]).await;
    let refused = hub.operate("all", OperationKind::Start, &[]).await;
    let refused = refused.unwrap_err();
    assert!(refused.message.contains("nothing"), "{}", refused.message);
    let initial = format!(r#"{required} "initial_datasets": ["people"],"#);
    hub.configure(&[&people(2), &union(&initial)]).await;
    hub.run_all_of(&["all"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_csv_document_become_entities_and_a_bad_row_is_named() {
    let rows = "_id;name;note\r\n1;Ann;\r\n2;\"Bo; the second\";x\r\n";
    let other = OtherSide::new(move |request| match request.target.contains("bad") {
        false => (200, rows.to_owned()),
        true => (200, "id,name\n1,Ann\n,Bo\n".to_owned()),
    })
    .await;
    let csv = |id: &str, url: &str, key: &str, more: &str| {
        let source = format!(
            r#"{{"type": "csv", "system": "away", "url": "{url}", "primary_key": "{key}" {more}}}"#
        );
        from(id, &source, "")
    };
    let hub = Hub::with(&[
        &other.system(),
        &csv("rows", "good", "_id", ""),
        &csv(
            "kept",
            "good",
            "name",
            r#", "preserve_empty_strings": true, "blacklist": ["_id"]"#,
        ),
        &csv("bad", "bad", "id", ""),
    ])
    .await;
    hub.run_all_of(&["rows", "kept"]).await;
    let expected = [
        r#"{"_id":"1","name":"Ann"}"#,
        r#"{"_id":"2","name":"Bo; the second","note":"x"}"#,
    ];
    assert_eq!(hub.live("rows").await, expected);
    let kept = hub.live("kept").await;
    assert_eq!(kept[0], r#"{"_id":"Ann","name":"Ann","note":""}"#);
    let (success, message) = hub.run("bad").await;
    assert!(!success && message.contains("row 1"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_null_sink_takes_everything_and_keeps_nothing() {
    let source = r#"{"type": "dataset", "dataset": "people", "supports_signalling": false}"#;
    let nowhere = from("nowhere", source, r#""sink": {"type": "null"},"#);
    let hub = Hub::with(&[&people(3), &nowhere]).await;
    hub.run_all_of(&["people", "nowhere"]).await;
    assert_eq!(hub.last_seen("nowhere").await, "2");
    assert!(hub.worker.shared.existing("nowhere").is_none());
    let event = hub.event("nowhere", "pump-completed").await;
    let succeeded = event.get("entities_succeeded").map(ToString::to_string);
    assert_eq!(succeeded.as_deref(), Some("3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_choose_the_source_the_transform_and_the_sink() {
    let condition = |alternatives: &str| {
        format!(r#"{{"type": "conditional", "condition": "b", "alternatives": {alternatives}}}"#)
    };
    let source = condition(
        r#"{"a": {"type": "dataset", "dataset": "nothing"}, "b": {"type": "embedded", "entities": [{"_id": "1"}]}}"#,
    );
    let transform = condition(
        r#"{"a": {"type": "dtl", "rules": {"default": []}},
            "b": {"type": "dtl", "rules": {"default": [["copy", "_id"], ["add", "chosen", "b"]]}}}"#,
    );
    let sink =
        condition(r#"{"a": {"type": "null"}, "b": {"type": "dataset", "dataset": "chosen"}}"#);
    let more = format!(r#""transform": {transform}, "sink": {sink},"#);
    let hub = Hub::with(&[&from("in", &source, &more)]).await;
    hub.run_all_of(&["in"]).await;
    assert_eq!(hub.live("chosen").await, [r#"{"_id":"1","chosen":"b"}"#]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_source_reads_nothing_and_a_receiver_keeps_floats_where_it_is_told_to() {
    let floats = receiver("floats").replace(
        r#""type": "http_endpoint""#,
        r#""type": "http_endpoint", "do_float_as_decimal": false, "do_float_as_int": false"#,
    );
    let hub = Hub::with(&[
        &from("none", r#"{"type": "empty"}"#, ""),
        &receiver("exact"),
        &floats,
    ])
    .await;
    hub.run_all_of(&["none"]).await;
    assert!(hub.log("none").await.is_empty());
    for pipe in ["exact", "floats"] {
        hub.push(pipe, r#"[{"_id": "a", "n": 1.0, "m": 1.50}]"#)
            .await
            .unwrap();
    }
    assert_eq!(
        hub.live("exact").await,
        [r#"{"_id":"a","m":"~f1.50","n":1}"#]
    );
    assert_eq!(hub.live("floats").await, [r#"{"_id":"a","m":1.5,"n":1.0}"#]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offset_that_is_guarded_cannot_be_moved() {
    let guarded =
        dataset("copy", "people", COPY).replacen('{', r#"{"disable_set_last_seen": true,"#, 1);
    let hub = Hub::with(&[&people(2), &guarded]).await;
    hub.run_all_of(&["people", "copy"]).await;
    for kind in [
        OperationKind::UpdateLastSeen,
        OperationKind::SetLastSeenToEnd,
    ] {
        let refused = hub.operate("copy", kind, &[("last-seen", "")]).await;
        assert_eq!(refused.unwrap_err().reason, "unsupported-operation");
    }
    assert_eq!(hub.last_seen("copy").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_microservice_is_called_where_it_is_and_one_that_nobody_runs_is_told() {
    let other = OtherSide::new(|_| (200, r#"[{"_id": "1"}]"#.into())).await;
    let system = |id: &str| {
        format!(
            r#"{{"_id": "{id}", "type": "system:microservice", "docker": {{"image": "i", "port": 5000}}, "headers": {{"X-Key": "configured"}}}}"#
        )
    };
    let source = |system: &str| {
        let id = format!("from-{system}");
        let source = format!(
            r#"{{"type": "json", "system": "{system}", "url": "/things?a=1", "supports_since": false}}"#
        );
        from(&id, &source, "")
    };
    let hub = Hub::at_microservices(
        [("given".to_owned(), format!("{}/below", other.url()))].into(),
        &[
            &system("given"),
            &system("nowhere"),
            &source("given"),
            &source("nowhere"),
        ],
    )
    .await;
    hub.run_all_of(&["from-given"]).await;
    let (succeeded, said) = hub.run("from-nowhere").await;
    assert!(!succeeded && said.contains("start it yourself"), "{said}");
    assert_eq!(hub.live("from-given").await, [r#"{"_id":"1"}"#]);
    assert_eq!(other.requests()[0].target, "/below/things?a=1");
    // Requests of callers stay below its address.
    for (target, expected) in [("a/../b?c", None), ("../secret", Some("invalid-path"))] {
        let request = ProxyRequest {
            method: "GET".to_owned(),
            target: target.to_owned(),
            headers: [("x-key", "given"), ("x-other", "1"), ("x-other", "2")]
                .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
                .into(),
            ..ProxyRequest::default()
        };
        let body = futures::stream::empty().boxed();
        let reply = hub.worker.proxy("given", request, body).await;
        let refused = reply.err().map(|error| error.reason);
        assert_eq!(refused.as_deref(), expected, "{target}");
    }
    let passed = &other.requests()[1];
    assert_eq!(passed.target, "/below/b?c");
    let of = |wanted: &str| {
        let headers = passed.headers.iter().filter(|(name, _)| name == wanted);
        headers.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(of("x-key"), ["configured"], "the system's own counts");
    assert_eq!(of("x-other"), ["1", "2"]);
    let reports = hub.worker.systems().await.unwrap();
    let nowhere = reports.iter().find(|report| report.id == "nowhere");
    let nowhere = nowhere.unwrap();
    assert_eq!(nowhere.reachable, Some(false));
    let message = nowhere.message.as_deref().unwrap_or_default();
    assert!(message.contains("runs no containers"), "{message}");
    assert!(hub.live("from-nowhere").await.is_empty());
}
