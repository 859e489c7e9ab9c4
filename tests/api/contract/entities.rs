//! Test data in, published and stored entities out.

use super::{metadata, receiver, run_all, upload_sample};
use crate::hub::hub;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn test_data_is_stored_with_namespaces_under_any_id() {
    let hub = hub().await;
    hub.put("/config", &json!([metadata(), receiver()]))
        .await
        .unwrap();
    let encoded = "T%C3%B8ys%3AInn";
    assert_eq!(
        hub.get(&format!("/pipes/{encoded}")).await.unwrap()["_id"],
        "Tøys:Inn"
    );
    let answer = hub
        .post(
            &format!("/receivers/{encoded}/entities"),
            &json!([{"_id": "a/b", "name": "Ærlig"}]),
        )
        .await;
    assert!(answer.unwrap().is_object());
    let stored = hub
        .get(&format!("/datasets/{encoded}/entities"))
        .await
        .unwrap();
    assert_eq!(stored[0]["_id"], "Tøys:Inn:a/b");
    assert_eq!(stored[0]["Tøys:Inn:name"], "Ærlig");
    assert_eq!(stored[0]["_updated"], 0);
    assert_eq!(stored[0]["_previous"], Value::Null);
    assert_eq!(stored[0]["_deleted"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_reads_bare_names_and_exact_csv() {
    let hub = hub().await;
    upload_sample(&hub).await;
    assert_eq!(run_all(&hub).await["status"], "success");
    let stored = hub.get("/datasets/input-pipe1/entities").await.unwrap();
    assert_eq!(stored[0]["_id"], "input-pipe1:test1");
    assert_eq!(stored[0]["input-pipe1:name"], "test1");
    for path in [
        "/pipes/output-pipe1/entities",
        "/publishers/output-pipe1/entities",
    ] {
        let entities = hub.get(path).await.unwrap();
        let bare: Vec<Value> = entities
            .as_array()
            .unwrap()
            .iter()
            .map(|entity| json!({"_id": entity["_id"], "name": entity["name"]}))
            .collect();
        assert_eq!(
            bare,
            [
                json!({"_id": "test1", "name": "test1"}),
                json!({"_id": "test2", "name": "test2"})
            ],
            "{path}"
        );
    }
    let csv = hub
        .request(Method::GET, "/publishers/output-pipe-csv/csv")
        .send()
        .await
        .unwrap();
    assert!(
        csv.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/csv")
    );
    assert_eq!(
        csv.bytes().await.unwrap(),
        "_id,name\r\ntest1,test1\r\ntest2,test2\r\n"
    );
    let named = hub
        .request(Method::GET, "/publishers/output-pipe-csv/csv/people.csv")
        .send()
        .await
        .unwrap();
    assert!(
        named.headers()["content-disposition"]
            .to_str()
            .unwrap()
            .contains("people.csv")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sinks_say_how_their_answers_are_called_and_shown() {
    let hub = hub().await;
    let publisher = |id: &str, sink: Value| {
        let source = json!({"type": "embedded", "entities": [{"_id": "1"}]});
        json!({"_id": id, "type": "pipe", "source": source, "sink": sink})
    };
    let plain = json!({"type": "http_endpoint"});
    let named = json!({"type": "http_endpoint", "filename": "x.json"});
    let shown = json!({"type": "csv_endpoint", "columns": ["_id"], "filename": "y.csv",
        "content_disposition": "inline"});
    let pipes = json!([
        publisher("plain", plain),
        publisher("named", named),
        publisher("shown", shown)
    ]);
    hub.put("/config", &pipes).await.unwrap();
    for (path, expected) in [
        ("plain/entities", None),
        ("named/entities", Some("attachment; filename=\"x.json\"")),
        (
            "named/entities/z.json",
            Some("attachment; filename=\"z.json\""),
        ),
        ("shown/csv", Some("inline; filename=\"y.csv\"")),
    ] {
        let path = format!("/publishers/{path}");
        let answer = hub.request(Method::GET, &path).send().await.unwrap();
        let header = answer.headers().get("content-disposition");
        let header = header.map(|header| header.to_str().unwrap());
        match expected {
            None => assert_eq!(header, None, "{path}"),
            Some(expected) => assert!(
                header.is_some_and(|header| header.starts_with(expected)),
                "{path}: {header:?}"
            ),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn init_finds_the_dataset_and_a_page_of_it() {
    let hub = hub().await;
    upload_sample(&hub).await;
    run_all(&hub).await;
    let pipe = hub.get("/pipes/input-pipe1").await.unwrap();
    let dataset = pipe["config"]["effective"]["sink"]["dataset"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        hub.get(&format!("/datasets/{dataset}")).await.unwrap()["_id"],
        "input-pipe1"
    );
    let path =
        format!("/datasets/{dataset}/entities?limit=1&history=False&deleted=False&reverse=False");
    assert_eq!(hub.get(&path).await.unwrap().as_array().unwrap().len(), 1);
}
