//! The reference's DTL examples through a real pipe: embedded source, transform, dataset, API.

use crate::hub::{Hub, hub};
use serde_json::{Value, json};
use sluice_tests::examples::{Vector, differs, fits_a_pipe, pipe, vectors};

/// Starts a pipe and gives what it stored, or its failure.
async fn run(hub: &Hub, id: &str) -> Result<Vec<Value>, String> {
    let start = hub
        .request(reqwest::Method::POST, &format!("/pipes/{id}/pump"))
        .form(&[("operation", "start")]);
    sluice_tests::child::read(start).await.unwrap();
    loop {
        let runtime = hub.get(&format!("/pipes/{id}")).await.unwrap()["runtime"].clone();
        if runtime["success"] == json!(false) {
            return Err(runtime["last-message"].to_string());
        }
        if runtime["success"] == json!(true) && runtime["is-running"] == json!(false) {
            let stored = hub.get(&format!("/datasets/{id}/entities")).await.unwrap();
            return Ok(stored.as_array().unwrap().clone());
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documented_examples_hold_in_a_pipe() {
    let Some(vectors) = vectors() else { return };
    let hub = hub().await;
    let fitting = vectors
        .iter()
        .enumerate()
        .filter(|(_, vector)| fits_a_pipe(&vector.parsed));
    let wanted: Vec<_> = fitting
        .map(|(number, vector)| (format!("example-{number}"), vector))
        .collect();
    let pipes: Vec<_> = wanted.iter().map(|(id, vector)| pipe(id, vector)).collect();
    let upload = hub
        .request(reqwest::Method::PUT, "/config?force=true")
        .header("content-type", "application/json");
    sluice_tests::child::read(upload.body(format!("[{}]", pipes.join(","))))
        .await
        .unwrap();
    let (mut passed, mut later, mut wrong) = (0, 0, Vec::new());
    let listed = hub.get("/pipes").await.unwrap();
    for (id, Vector { parsed: vector, .. }) in wanted {
        let pipe = listed
            .as_array()
            .unwrap()
            .iter()
            .find(|pipe| pipe["_id"] == id.as_str())
            .unwrap();
        if pipe["runtime"]["is-valid-config"] == json!(false) {
            let problems = pipe["runtime"]["config-errors"].to_string();
            assert!(problems.contains("version"), "{}: {problems}", vector["id"]);
            later += 1;
            continue;
        }
        let difference = match run(&hub, &id).await {
            Ok(stored) => differs(vector, &stored),
            Err(failure) => Some(failure),
        };
        match difference {
            None => passed += 1,
            Some(difference) => wrong.push(format!("{}: {difference}", vector["id"])),
        }
    }
    println!(
        "conformance through pipes: {passed} pass, {later} use functions of a later version, {} differ",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(passed > 200, "only {passed} examples ran");
}
