//! Hops: indexes, gates, the own sink, what changes elsewhere.

use super::Hub;
use super::configurations::{dataset, embedded, receiver, signalled};
use sluice_protocol::OperationKind;

const CITIES: &str = r#"[{"_id": "oslo", "country": "no"}, {"_id": "bergen", "country": "no"}, {"_id": "rome", "country": "it"}]"#;
const COUNTRIES: &str = r#"[{"_id": "no"}, {"_id": "it"}, {"_id": "se"}]"#;
const JOIN: &str = r#"[["copy", "_id"], ["add", "cities", ["sorted", "_.", ["map", "_._id", ["hops",
    {"datasets": ["cities c"], "where": [["eq", "_S._id", "c.country"]]}]]]]]"#;
const BY_ID: &str = r#"[["copy", "_id"], ["add", "home", ["hops",
    {"datasets": ["countries c"], "where": [["eq", "_S.country", "c._id"]], "return": "c._id"}]]]"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_join_is_answered_from_an_index_also_after_a_restart_and_a_change() {
    let components = [
        embedded("countries", COUNTRIES),
        embedded("cities", CITIES),
        dataset("profile", "countries", JOIN),
    ];
    let mut hub = Hub::with(&components.each_ref().map(String::as_str)).await;
    hub.run_all_of(&["countries", "cities", "profile"]).await;
    let expected = [
        r#"{"_id":"no","cities":["bergen","oslo"]}"#,
        r#"{"_id":"it","cities":["rome"]}"#,
        r#"{"_id":"se","cities":[]}"#,
    ];
    assert_eq!(hub.live("profile").await.len(), 3);
    assert_eq!(hub.live("profile").await[..2], expected[..2]);

    hub = hub.restart().await;
    let moved = CITIES.replace(r#""rome", "country": "it""#, r#""rome", "country": "no""#);
    hub.configure(&[&components[0], &embedded("cities", &moved), &components[2]])
        .await;
    hub.run_all_of(&["cities"]).await;
    hub.run_as("profile", OperationKind::StartRescan, &[]).await;
    let live = hub.live("profile").await;
    assert!(
        live.contains(&r#"{"_id":"no","cities":["bergen","oslo","rome"]}"#.to_owned()),
        "{live:?}"
    );
    let dataset = sluice_protocol::Worker::dataset(&*hub.worker, "cities")
        .await
        .unwrap();
    assert_eq!(dataset.indexes.len(), 1, "{:?}", dataset.indexes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_with_ids_needs_no_index_of_its_own() {
    let components = [
        embedded("countries", COUNTRIES),
        embedded("cities", CITIES),
        dataset("homes", "cities", BY_ID),
    ];
    let hub = Hub::with(&components.each_ref().map(String::as_str)).await;
    hub.run_all_of(&["countries", "cities", "homes"]).await;
    assert_eq!(
        hub.live("homes").await[0],
        r#"{"_id":"oslo","home":["no"]}"#
    );
    let dataset = sluice_protocol::Worker::dataset(&*hub.worker, "countries")
        .await
        .unwrap();
    assert!(dataset.indexes.is_empty(), "{:?}", dataset.indexes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_with_hops_waits_in_words_until_the_other_dataset_is_populated() {
    let components = [
        embedded("countries", COUNTRIES),
        embedded("cities", CITIES),
        signalled("profile", "countries", JOIN),
    ];
    let hub = Hub::with(&components.each_ref().map(String::as_str)).await;
    hub.run_all_of(&["countries"]).await;
    let waiting = hub.report("profile").await.waiting_for;
    assert_eq!(
        waiting.as_deref(),
        Some("waits for dataset cities to be populated")
    );
    assert_eq!(
        hub.operate("profile", OperationKind::Start, &[])
            .await
            .unwrap_err()
            .reason,
        "pipe-waits"
    );
    hub.run_all_of(&["cities"]).await;
    hub.until(|| async { hub.live("profile").await.len() == 3 })
        .await;
    assert_eq!(hub.report("profile").await.waiting_for, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hop_into_the_own_sink_sees_what_earlier_batches_wrote() {
    let pipe = r#"{"_id": "counted", "type": "pipe", "batch_size": 1,
        "source": {"type": "dataset", "dataset": "people", "supports_signalling": false},
        "transform": {"type": "dtl", "rules": {"default": [["copy", ["list", "_id", "group"]], ["add", "before", ["count", ["hops",
            {"datasets": ["counted c"], "where": [["eq", "_S.group", "c.group"]]}]]]]}},
        "sink": {"type": "dataset", "dataset": "counted", "set_initial_offset": "onload"},
        "pump": {"schedule_interval": 86400}}"#;
    let people = embedded(
        "people",
        r#"[{"_id": "1", "group": "a"}, {"_id": "2", "group": "a"}, {"_id": "3", "group": "a"}]"#,
    );
    let hub = Hub::with(&[&people, pipe]).await;
    hub.run_all_of(&["people", "counted"]).await;
    let expected = ["0", "1", "2"].map(|n| format!(r#""before":{n}"#));
    for (entity, expected) in hub.log("counted").await.iter().zip(expected) {
        assert!(entity.contains(&expected), "{entity}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_entity_joins_nothing() {
    let hub = Hub::with(&[
        &embedded("countries", COUNTRIES),
        &receiver("cities"),
        &dataset("profile", "countries", JOIN),
    ])
    .await;
    hub.push("cities", r#"[{"_id": "oslo", "country": "no"}, {"_id": "bergen", "country": "no", "_deleted": true}]"#).await.unwrap();
    hub.run_all_of(&["countries", "profile"]).await;
    assert_eq!(
        hub.live("profile").await[0],
        r#"{"_id":"no","cities":["oslo"]}"#
    );
}
