//! Pipes from source to dataset: runs, offsets, deletion tracking, since handling.

use super::Hub;
use sluice_protocol::{EntityStage, OperationKind};

fn embedded(id: &str, entities: &str) -> String {
    format!(
        r#"{{"_id": "{id}", "type": "pipe", "source": {{"type": "embedded", "entities": {entities}}},
            "pump": {{"schedule_interval": 86400}}}}"#
    )
}

fn dataset(id: &str, from: &str, rules: &str) -> String {
    format!(
        r#"{{"_id": "{id}", "type": "pipe", "source": {{"type": "dataset", "dataset": "{from}", "supports_signalling": false}},
            "transform": {{"type": "dtl", "rules": {{"default": {rules}}}}}, "pump": {{"schedule_interval": 86400}}}}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn embedded_entities_go_through_dtl_into_a_dataset_and_from_there_into_the_next() {
    let first = embedded("people", r#"[{"_id": "1", "name": "Ann"}, {"_id": "2", "name": "Bo"}]"#);
    let second = dataset("upper", "people", r#"[["copy", "_id"], ["add", "NAME", ["upper", "_S.name"]]]"#);
    let hub = Hub::with(&[&first, &second]).await;
    hub.run_all_of(&["people", "upper"]).await;
    assert_eq!(hub.log("people").await, [r#"{"_id":"1","name":"Ann"}"#, r#"{"_id":"2","name":"Bo"}"#]);
    assert_eq!(hub.log("upper").await, [r#"{"_id":"1","NAME":"ANN"}"#, r#"{"_id":"2","NAME":"BO"}"#]);
    assert_eq!(hub.report("upper").await.last_seen.map(|since| since.to_string()).as_deref(), Some("1"));
    hub.run_all_of(&["people", "upper"]).await;
    assert_eq!(hub.log("upper").await.len(), 2, "nothing changed, nothing is appended");
    assert_eq!(hub.stage("upper", EntityStage::Source).await, hub.log("people").await);
    assert_eq!(hub.stage("upper", EntityStage::AfterTransform).await, hub.log("upper").await);
    assert_eq!(hub.stage("upper", EntityStage::Sink).await, hub.log("upper").await);
    assert!(hub.operate("people", OperationKind::Stop, &[]).await.is_ok(), "stopping what does not run is nothing");
}
