//! Many processes are one hub to who uses the API: the same answers as from a hub in one process.

use super::until;
use serde_json::{Value, json};
use sluice_tests::child::Child;
use sluice_tests::roles::{HASH_KEY, Roles};

/// Three flows that have nothing to do with one another, one of them with a hop.
fn flows() -> Value {
    let dtl = |rules: Value| json!({"type": "dtl", "rules": {"default": rules}});
    let pipe = |id: &str, reads: &str, rules: Value| {
        let source = json!({"type": "dataset", "dataset": reads});
        let pump = json!({"schedule_interval": 86400});
        json!({"_id": id, "type": "pipe", "source": source, "transform": dtl(rules), "pump": pump})
    };
    let receiver =
        |id: &str| json!({"_id": id, "type": "pipe", "source": {"type": "http_endpoint"}});
    let joined = json!(["hops", {"datasets": ["teams t"], "where": [["eq", "_S.team", "t._id"]], "return": "t.name"}]);
    json!([
        receiver("people"),
        receiver("teams"),
        pipe("joined", "people", json!([["copy", "*"], ["add", "of", joined]])),
        {"_id": "shown", "type": "pipe", "source": {"type": "dataset", "dataset": "joined"}, "sink": {"type": "http_endpoint"}},
        receiver("numbers"),
        pipe("doubled", "numbers", json!([["copy", "_id"], ["add", "n", ["multiply", 2, "_S.n"]]])),
        {"_id": "fixed", "type": "pipe", "source": {"type": "embedded", "entities": [{"_id": "1"}]}, "pump": {"schedule_interval": 86400}},
    ])
}

async fn fill(hub: &Child) {
    hub.put("/config", &flows()).await.unwrap();
    hub.post(
        "/receivers/teams/entities",
        &json!([{"_id": "t1", "name": "Ærø"}, {"_id": "t2", "name": "A_b"}]),
    )
    .await
    .unwrap();
    let big = "123456789012345678901234567890";
    let people = format!(
        r#"[{{"_id": "a", "team": "t1", "big": {big}, "price": 1.10}}, {{"_id": "b", "team": "t2"}}, {{"_id": "c"}}]"#
    );
    let push = hub.request(reqwest::Method::POST, "/receivers/people/entities");
    let push = push.header("content-type", "application/json").body(people);
    assert!(push.send().await.unwrap().status().is_success());
    let numbers: Vec<Value> = (0..100)
        .map(|n| json!({"_id": n.to_string(), "n": n}))
        .collect();
    hub.post("/receivers/numbers/entities", &json!(numbers))
        .await
        .unwrap();
    for pipe in ["joined", "doubled", "fixed"] {
        let path = format!("/pipes/{pipe}/pump");
        let start = hub.request(reqwest::Method::POST, &path);
        let answer = start.form(&[("operation", "start")]).send().await.unwrap();
        // A signal may have been faster.
        assert!(answer.status().is_success() || answer.status() == 409);
    }
    for (dataset, count) in [("joined", 3), ("doubled", 100), ("fixed", 1)] {
        until(dataset, || async {
            let path = format!("/datasets/{dataset}");
            let report = hub.get(&path).await;
            report.is_ok_and(|report| report["runtime"]["count-index-exists"] == count)
        })
        .await;
    }
}

/// Everything in the datasets and what a publisher shows, without what tells when it was.
async fn seen(hub: &Child) -> Vec<Value> {
    let mut seen = Vec::new();
    let datasets = ["people", "teams", "joined", "numbers", "doubled", "fixed"];
    let datasets = datasets.map(|dataset| format!("/datasets/{dataset}/entities"));
    for path in datasets
        .iter()
        .map(String::as_str)
        .chain(["/publishers/shown/entities"])
    {
        let mut entities = hub.get(path).await.unwrap();
        for entity in entities.as_array_mut().unwrap() {
            let entity = entity.as_object_mut().unwrap();
            assert!(entity.remove("_ts").is_some());
        }
        seen.push(entities);
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn three_workers_answer_as_one_process_does() {
    let folder = tempfile::tempdir().unwrap();
    let (data, key) = (folder.path().join("data"), folder.path().join("hash.key"));
    std::fs::write(&key, HASH_KEY).unwrap();
    let flags = ["--developer-mode", "--hash-key-file", key.to_str().unwrap()];
    let one = Child::start_with(&data, &flags).await.unwrap();
    let many = Roles::start(3, "15s").await.unwrap();
    fill(&one).await;
    fill(&many.api).await;
    assert_eq!(seen(&many.api).await, seen(&one).await);
    let pipes = many.pipes_per_worker().await.unwrap();
    assert_eq!(pipes.iter().sum::<u64>(), 7);
    assert!(pipes.iter().all(|pipes| *pipes > 0), "{pipes:?}");

    let names = |list: &Value| -> Vec<String> {
        let ids = list.as_array().unwrap().iter();
        let ids = ids.map(|one| one["_id"].as_str().unwrap().to_owned());
        ids.filter(|id| !id.starts_with("system:")).collect()
    };
    for path in ["/pipes", "/datasets", "/systems"] {
        let (one, many) = (
            one.get(path).await.unwrap(),
            many.api.get(path).await.unwrap(),
        );
        let (mut one, mut many) = (names(&one), names(&many));
        one.sort();
        many.sort();
        assert_eq!(many, one, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_runs_on_all_workers_and_says_so_together() {
    let hub = Roles::start(2, "15s").await.unwrap();
    hub.api.put("/config", &flows()).await.unwrap();
    let path = "/pipes/run-all-pipes";
    let done = hub.api.post(path, &Value::Null).await.unwrap();
    assert_eq!(done["status"], "success");
    let log = hub.api.get("/pipes/get-run-all-pipes-log").await.unwrap();
    assert!(
        log.to_string().contains("nothing changes any more"),
        "{log}"
    );
    let report = hub.api.get("/datasets/fixed").await.unwrap();
    assert_eq!(report["runtime"]["count-index-exists"], 1);
}
