//! Microservices on real nodes: their pods are let in where only restricted ones are, and what becomes of them is told by the
//! resource and by the API.

use reqwest::Method;
use serde_json::{Value, json};
use sluice_tests::kubernetes::{Cluster, InstalledHub, until};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);

fn system(id: &str, image: &str) -> Value {
    json!({
        "_id": id, "type": "system:microservice",
        "docker": {"image": image, "port": 5000, "memory": 64, "skip_pull": true, "environment": {"KEY": "$SECRET(key)"}},
    })
}

/// Waits until the API says this of a microservice.
async fn until_it_is(hub: &InstalledHub, id: &str, reasons: &[&str]) {
    let path = format!("/systems/{id}/status");
    let what = format!("{id} is one of {reasons:?}");
    let waited = until(&what, LIMIT, || async {
        let status = match hub.get(&path).await {
            Ok(status) => status,
            Err(error) => return Some(format!("{error:#}")),
        };
        let reason = status["microservice"]["reason"]
            .as_str()
            .unwrap_or_default();
        (!reasons.contains(&reason)).then(|| status.to_string())
    });
    let report = || hub.cluster().report(&hub.place.name);
    waited
        .await
        .unwrap_or_else(|error| panic!("{error:#}\n{}", report()));
}

/// One that listens: a pipe reads from it, a caller speaks to it through the API, and its log can be read.
async fn serves(hub: &InstalledHub) {
    until_it_is(hub, "echo", &["Ready"]).await;
    let pipe = json!([{
        "_id": "orders", "type": "pipe",
        "source": {"type": "json", "system": "echo", "url": "entities"},
        "pump": {"schedule_interval": 1},
    }]);
    let added = hub.request(Method::POST, "/pipes").json(&pipe).send();
    added.await.unwrap().error_for_status().unwrap();
    hub.until_count("orders", 2, LIMIT).await.unwrap();
    let entity = hub.get("/datasets/orders/entities/1").await.unwrap();
    assert_eq!(entity["key"], "canary-value");

    let path = "/systems/echo/proxy/deep/path?x=1";
    let asked = hub.request(Method::PUT, path).body("a body").send();
    let told = asked.await.unwrap().error_for_status().unwrap();
    let told: Value = told.json().await.unwrap();
    assert_eq!(told["method"], "PUT");
    assert_eq!(told["target"], "/deep/path?x=1");
    assert_eq!(told["body"], "a body");
    assert_eq!(told["headers"].get("authorization"), None, "{told}");
    let log = hub.request(Method::GET, "/systems/echo/logs").send();
    let log = log.await.unwrap().error_for_status().unwrap();
    let log = log.text().await.unwrap();
    assert!(log.contains("PUT /deep/path?x=1"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn microservices_run_restricted_and_what_becomes_of_them_is_told() {
    let _shared = crate::peace::shared();
    let cluster = Cluster::of_environment().unwrap();
    let hub = InstalledHub::install(&cluster, "microservices", &[]);
    let hub = hub.await.unwrap();
    let aggregator = hub.place.get("deployment/hub-aggregator").unwrap();
    let image = &aggregator["spec"]["template"]["spec"]["containers"][0]["image"];
    let secrets = hub
        .request(Method::PUT, "/secrets")
        .json(&json!({"key": "canary-value"}));
    secrets.send().await.unwrap().error_for_status().unwrap();
    // One that runs and never listens, and one that ends at once: the hub's own image without a command.
    let systems = json!([
        system("echo", "sluice.test/echo:1"),
        system("silent", "sluice.test/pause:1"),
        system("ends", image.as_str().unwrap()),
    ]);
    let added = hub.request(Method::POST, "/systems").json(&systems);
    added.send().await.unwrap().error_for_status().unwrap();

    serves(&hub).await;
    until_it_is(&hub, "silent", &["NotListening"]).await;
    until_it_is(&hub, "ends", &["CrashLoopBackOff"]).await;
    let listed = hub.place.get("systems").unwrap();
    let ready = listed["items"].as_array().unwrap().iter().map(|system| {
        let conditions = system["status"]["conditions"].as_array().unwrap();
        let ready = conditions
            .iter()
            .find(|one| one["type"] == "Ready")
            .unwrap();
        (system["metadata"]["name"].clone(), ready["status"].clone())
    });
    let expected = [
        (json!("echo"), json!("True")),
        (json!("ends"), json!("False")),
        (json!("silent"), json!("False")),
    ];
    assert_eq!(ready.collect::<Vec<_>>(), expected);

    // What it said before it ended, line by line with its time.
    let log = hub.request(Method::GET, "/systems/ends/logs").send();
    let log = log.await.unwrap().error_for_status().unwrap();
    let log = log.text().await.unwrap();
    assert!(log.contains("Usage"), "{log}");
    assert!(log.lines().all(|line| line.starts_with("20")), "{log}");

    // Nothing listens there: that is told, and how to go on.
    let away = hub.request(Method::GET, "/systems/silent/proxy/a").send();
    let away = away.await.unwrap();
    assert_eq!(away.status().as_u16(), 503);
    assert!(away.headers().contains_key("retry-after"));

    let pods = || {
        let pods = hub.place.kubectl(&[
            "get",
            "pods",
            "--selector",
            "app.kubernetes.io/component=microservice",
            "--output",
            "json",
        ]);
        let pods: Value = serde_json::from_str(&pods.unwrap()).unwrap();
        let names = pods["items"].as_array().unwrap().iter();
        names
            .map(|pod| pod["metadata"]["uid"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let before = pods();
    let reload = hub.request(Method::POST, "/systems/silent/reload").send();
    assert_eq!(reload.await.unwrap().status().as_u16(), 202);
    until("there is another pod", LIMIT, || async {
        let now = pods();
        now.iter()
            .all(|uid| before.contains(uid))
            .then(|| format!("{now:?}"))
    })
    .await
    .unwrap();

    // The value of the secret is in the Secret, and in nothing else that can be read without the right to read Secrets.
    for kind in ["deployments", "pods", "systems", "events", "datahubs"] {
        let all = hub.place.get(kind).unwrap().to_string();
        assert!(!all.contains("canary-value"), "{kind}");
    }
    let pipe = hub.request(Method::DELETE, "/pipes/orders").send();
    pipe.await.unwrap().error_for_status().unwrap();
    for id in ["echo", "silent", "ends"] {
        let removed = hub
            .request(Method::DELETE, &format!("/systems/{id}"))
            .send();
        removed.await.unwrap().error_for_status().unwrap();
    }
    until("everything of them is gone", LIMIT, || async {
        let left = hub.place.kubectl(&[
            "get",
            "deployments,services,secrets,pods",
            "--selector",
            "app.kubernetes.io/component=microservice",
            "--output",
            "name",
        ]);
        let left = left.unwrap();
        (!left.trim().is_empty()).then_some(left)
    })
    .await
    .unwrap();
}
