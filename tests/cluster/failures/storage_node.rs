//! The storage node is lost with its disk.

use super::hub::{PAIRS, SOON, test};
use super::load::Load;
use reqwest::Method;
use serde_json::{Value, json};
use sluice_tests::kubernetes::until;
use std::time::{Duration, Instant};

/// Until its place is known to the object store, the workers have spoken and a lease has passed.
const BACK: Duration = Duration::from_secs(60);

#[test]
fn storage_node_loss() {
    test(|failing| async move {
        let hub = &failing.hub;
        let put = hub.request(Method::PUT, "/secrets");
        let put = put.json(&json!({"kept": "value"})).send().await.unwrap();
        put.error_for_status().unwrap();
        let pipes: Vec<String> = (0..PAIRS).map(|n| format!("in{n}")).collect();
        let before: Vec<_> = pipes.iter().map(|pipe| failing.epoch(pipe)).collect();
        let load = Load::begin(failing, "storage");

        let place = hub.place.get("datahub/hub").unwrap();
        let claim = place["status"]["storageNode"]["claim"]
            .as_str()
            .unwrap()
            .to_owned();
        let pod = hub.pod(&claim).unwrap();
        let volume = hub.place.get(&format!("pvc/{claim}")).unwrap();
        let volume = volume["spec"]["volumeName"].as_str().unwrap().to_owned();
        hub.cluster().empty_volume(&volume).unwrap();
        hub.cluster().kill_container(&pod.node, &pod.uid).unwrap();
        let lost = Instant::now();
        until("every pipe has a later epoch", SOON, || async {
            let mut both = pipes.iter().zip(&before);
            both.find(|(pipe, before)| failing.epoch(pipe) <= **before)
                .map(|(pipe, _)| pipe.clone())
        })
        .await
        .unwrap();
        failing.until_answers(&pipes, SOON).await;
        let away = lost.elapsed();
        println!(
            "every pipe had an owner of a later epoch {:.1} s after the loss",
            away.as_secs_f64()
        );
        assert!(away < BACK, "{away:?}");
        failing.push("after the storage node").await;
        load.end(failing).await;
        // It has what nobody else has, and takes more.
        let secrets: Value = hub.get("/secrets").await.unwrap();
        assert!(secrets.to_string().contains("kept"), "{secrets}");
        let removed = hub.request(Method::DELETE, "/secrets/kept").send();
        removed.await.unwrap().error_for_status().unwrap();
    });
}
