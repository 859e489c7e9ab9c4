//! Groups of configuration and its history (CF1, CF6, R68): one is replaced and the others stay; every version is kept.

use crate::hub::hub;
use reqwest::Method;
use serde_json::{Value, json};
use sluice_tests::child::{Child, read};

fn pipe(id: &str, note: &str) -> Value {
    json!({"_id": id, "type": "pipe", "comment": note, "source": {"type": "empty"}})
}

/// Which components a download holds, in whatever order.
async fn ids(hub: &Child, path: &str) -> Vec<String> {
    let components = hub.get(path).await.unwrap();
    let mut ids: Vec<String> = components
        .as_array()
        .unwrap()
        .iter()
        .map(|component| component["_id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_to_a_group_leaves_the_others_alone() {
    let hub = hub().await;
    hub.put("/config", &json!([pipe("a", "")])).await.unwrap();
    hub.put("/config/team", &json!([pipe("b", ""), pipe("c", "")]))
        .await
        .unwrap();
    assert_eq!(ids(&hub, "/config").await, ["a"]);
    assert_eq!(ids(&hub, "/config/default").await, ["a"]);
    assert_eq!(ids(&hub, "/config/team").await, ["b", "c"]);
    assert_eq!(ids(&hub, "/config-all").await, ["a", "b", "c"]);
    assert_eq!(ids(&hub, "/pipes").await, ["a", "b", "c"]);

    hub.put("/config/team", &json!([pipe("c", "")]))
        .await
        .unwrap();
    hub.put("/config", &json!([pipe("d", "")])).await.unwrap();
    assert_eq!(ids(&hub, "/pipes").await, ["c", "d"]);

    let taken = hub
        .request(Method::PUT, "/config")
        .json(&json!([pipe("c", "")]));
    let refused = taken.send().await.unwrap();
    assert_eq!(refused.status(), 400, "another group holds it");
    let refused = refused.text().await.unwrap();
    assert!(refused.contains("team"), "{refused}");
    assert_eq!(ids(&hub, "/pipes").await, ["c", "d"]);

    hub.put("/config/team", &json!([])).await.unwrap();
    assert_eq!(ids(&hub, "/config-all").await, ["d"]);
    let gone = hub.request(Method::GET, "/config/team").send().await;
    assert_eq!(gone.unwrap().status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_of_a_component_is_in_its_history() {
    let hub = hub().await;
    for note in ["first", "second"] {
        hub.put("/config", &json!([pipe("a", note), pipe("b", "")]))
            .await
            .unwrap();
    }
    // The same again is no version.
    hub.put("/config", &json!([pipe("a", "second"), pipe("b", "")]))
        .await
        .unwrap();
    hub.put("/config", &json!([pipe("b", "")])).await.unwrap();

    let path = "/config-history/entity?entity_id=a";
    let versions = hub.get(path).await.unwrap();
    let versions = versions.as_array().unwrap();
    let shown: Vec<Value> = versions
        .iter()
        .map(|version| json!([version["comment"], version["_deleted"], version["$user"]]))
        .collect();
    let expected = json!([
        ["first", false, "tests"],
        ["second", false, "tests"],
        [null, true, "tests"]
    ]);
    assert_eq!(Value::Array(shown), expected);
    let offsets: Vec<u64> = versions
        .iter()
        .map(|version| version["_updated"].as_u64().unwrap())
        .collect();
    assert!(offsets.is_sorted_by(|one, next| one < next), "{offsets:?}");

    let later = hub.get(&format!("{path}&since={}", offsets[0])).await;
    assert_eq!(later.unwrap(), json!(versions[1..]));
    let newest = hub.get(&format!("{path}&reverse=true&limit=1")).await;
    assert_eq!(newest.unwrap(), json!(versions[2..]));
    let unknown = hub.request(Method::GET, "/config-history/entity?entity_id=x");
    assert!(read(unknown).await.is_err());
}
