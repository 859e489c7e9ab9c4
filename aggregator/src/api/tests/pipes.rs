//! Pipes, pumps, datasets, systems and the runner in the form clients read.

use super::Hub;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_pipe_has_the_members_that_clients_read() {
    let hub = Hub::new();
    let pipes = hub
        .get("/api/pipes?include-internal-pipes=false")
        .await
        .json();
    assert_eq!(
        pipes.as_array().unwrap().len(),
        1,
        "the hub's own are hidden"
    );
    let pipe = &pipes[0];
    assert_eq!(
        (&pipe["_id"], &pipe["config"]["original"]["_id"]),
        (&json!("in"), &json!("in"))
    );
    let runtime = pipe["runtime"].as_object().unwrap();
    for key in [
        "state",
        "is-valid-config",
        "config-errors",
        "is-running",
        "is-disabled",
        "success",
        "last-run",
        "next-run",
        "last-started",
        "current-time",
        "average-process-time",
        "last-seen",
        "last-message",
        "dead-letter-dataset",
        "origin",
        "dependencies",
        "queues",
        "supported-operations",
    ] {
        assert!(runtime.contains_key(key), "{key}");
    }
    assert_eq!(runtime["state"], "Deployed");
    assert_eq!(runtime["success"], Value::Null, "null before the first run");
    assert_eq!(
        runtime["last-seen"], "17",
        "clients compare it with the text they set"
    );
    assert_eq!(
        runtime["queues"],
        json!({"source": 3, "dependencies": 0, "retries": 0})
    );
    assert_eq!(runtime["last-started"], "2023-11-14T22:13:20.000000Z");
    let all = hub
        .get("/api/pipes?include-internal-pipes=true")
        .await
        .json();
    assert_eq!(all.as_array().unwrap().len(), 2);
    let text = hub.get("/api/pipes/in").await.text;
    assert!(
        text.contains(r#""n":1.10"#),
        "configuration stays exact: {text}"
    );
    let only = hub.get("/api/pipes?fields=runtime").await.json();
    assert!(only[0].get("config").is_none() && only[0].get("runtime").is_some());
}

#[tokio::test]
async fn a_pump_takes_operations_as_a_form() {
    let hub = Hub::new();
    let answer = hub
        .post_form(
            "/api/pipes/in/pump",
            "operation=update-last-seen&last-seen=a+b%2Bc&own=1",
        )
        .await
        .problem_free();
    assert_eq!(answer.json()["_id"], "pump:in");
    assert_eq!(
        answer.json()["runtime"]["supported-operations"],
        json!(["start", "disable", "update-last-seen"])
    );
    let asked = hub.worker.pumps.lock().pop().unwrap();
    assert_eq!(
        (asked.operation.kind.as_str(), asked.user.as_str()),
        ("update-last-seen", "tester")
    );
    let parameters = json!({"last-seen": "a b+c", "own": "1", "allow-mass-delete": "false"});
    assert_eq!(json!(asked.operation.parameters), parameters);
    hub.post(
        "/api/pipes/in/pump?operation=start&allow-mass-delete=true",
        "",
    )
    .await
    .problem_free();
    let multipart =
        "--x\r\nContent-Disposition: form-data; name=\"operation\"\r\n\r\ndisable\r\n--x--\r\n";
    let request = hub
        .request("POST", "/api/pipes/in/pump")
        .header("content-type", "Multipart/Form-Data; boundary=x");
    hub.send(request.body(multipart.into()).unwrap())
        .await
        .problem_free();
    let asked: Vec<&str> = hub
        .worker
        .pumps
        .lock()
        .iter()
        .map(|one| one.operation.kind.as_str())
        .collect();
    assert_eq!(asked, ["start", "disable"]);
}

#[tokio::test]
async fn an_operation_that_a_pump_does_not_support_is_refused_in_the_words_clients_look_for() {
    let hub = Hub::new();
    for (pipe, operation) in [
        ("in", "operation=fly"),
        ("in", "operation=repost"),
        ("published", "operation=start"),
    ] {
        let answer = hub
            .post_form(&format!("/api/pipes/{pipe}/pump"), operation)
            .await;
        assert_eq!(
            answer.problem(400),
            "unsupported-operation",
            "{pipe} {operation}"
        );
        assert!(
            answer.text.contains("doesn't support the operation"),
            "{}",
            answer.text
        );
    }
    assert_eq!(
        hub.post_form("/api/pipes/in/pump", "x=y")
            .await
            .problem(400),
        "missing-parameter"
    );
    assert!(hub.worker.pumps.lock().is_empty());
    let pump = hub.get("/api/pipes/published/pump").await.json();
    assert_eq!(pump["runtime"]["supported-operations"], json!([]));
}

#[tokio::test]
async fn starting_a_running_pump_is_a_conflict_that_shows_the_pump() {
    let hub = Hub::new();
    *hub.worker.running.lock() = true;
    for operation in ["operation=start", "operation=start-rescan"] {
        let answer = hub.post_form("/api/pipes/in/pump", operation).await;
        assert_eq!(answer.problem(409), "already-running");
        assert_eq!(answer.json()["runtime"]["is-running"], true);
    }
}

#[tokio::test]
async fn pipes_are_added_all_or_none() {
    let hub = Hub::configured().await;
    let added = hub
        .post(
            "/api/pipes?force=false",
            r#"[{"_id": "added", "type": "pipe"}]"#,
        )
        .await;
    assert_eq!(added.status.as_u16(), 201);
    assert_eq!(added.json()[0]["_id"], "added");
    let again = hub
        .post(
            "/api/pipes",
            r#"[{"_id": "new", "type": "pipe"}, {"_id": "added", "type": "pipe"}]"#,
        )
        .await;
    assert_eq!(again.problem(409), "already-exists");
    for body in [
        r#"[{"type": "pipe"}]"#,
        r#"[{"_id": "", "type": "pipe"}]"#,
        r#"[{"_id": "x"}, {"_id": "x"}]"#,
        "[1]",
    ] {
        assert_eq!(
            hub.post("/api/pipes", body).await.problem(400),
            "invalid-body",
            "{body}"
        );
    }
    let broken = hub
        .post(
            "/api/pipes",
            r#"[{"_id": "x", "type": "pipe", "broken": 1}]"#,
        )
        .await;
    assert_eq!(broken.problem(400), "invalid-configuration");
    assert_eq!(hub.storage.snapshot().components.len(), 3);
}

#[tokio::test]
async fn a_component_is_put_under_its_own_id_only() {
    let hub = Hub::configured().await;
    hub.put(
        "/api/pipes/in/config?force=true",
        r#"{"type": "pipe", "batch_size": 7}"#,
    )
    .await
    .problem_free();
    let key = (sluice_protocol::ComponentKind::Pipe, "in".to_owned());
    assert_eq!(
        hub.storage.snapshot().components[&key].original.to_string(),
        r#"{"type":"pipe","batch_size":7,"_id":"in"}"#
    );
    assert_eq!(
        hub.put(
            "/api/pipes/in/config",
            r#"{"_id": "other", "type": "pipe"}"#
        )
        .await
        .problem(400),
        "invalid-body"
    );
    assert_eq!(
        hub.put("/api/pipes/empty/config", r#"{"type": "pipe"}"#)
            .await
            .problem(404),
        "unknown-pipe"
    );
    assert_eq!(
        hub.put("/api/systems/in/config", r#"{"type": "system:url"}"#)
            .await
            .problem(404),
        "unknown-system"
    );
}

#[tokio::test]
async fn counts_of_a_dataset_are_such_that_clients_can_subtract() {
    let hub = Hub::new();
    let dataset = hub.get("/api/datasets/in").await.json();
    let runtime = &dataset["runtime"];
    assert_eq!(
        runtime["count-index-exists"], 3,
        "all ids, deleted ones included"
    );
    assert_eq!(
        (
            &runtime["count-index-deleted"],
            &runtime["count-log-exists"]
        ),
        (&json!(1), &json!(4))
    );
    assert_eq!(
        (&runtime["queues"]["size"], &runtime["populated"]),
        (&json!(4), &json!(true))
    );
    assert_eq!(dataset["storage"], 99);
}

#[tokio::test]
async fn the_runner_is_told_what_clients_say_and_what_they_leave_out() {
    let hub = Hub::new();
    let answer = hub.post("/api/pipes/run-all-pipes", "").await.json();
    assert_eq!(
        answer,
        json!({"status": "failed", "additional_info": "too many passes"})
    );
    let run = hub.worker.runs.lock().pop().unwrap();
    assert_eq!(
        (run.extra_zero_runs, run.max_runs, run.max_run_time),
        (2, 100, 900)
    );
    assert!(
        run.delete_input_datasets
            && run.reset_pipes_and_delete_sink_datasets
            && !run.check_input_pipes
    );
    let query = "extra_zero_runs=1&delete_input_datasets=False&reset_pipes_and_delete_sink_datasets=False&check_input_pipes=True\
                 &output_run_statistics=True&scheduler_mode=active&request_mode=async&pipes=a,b";
    let answer = hub
        .post(&format!("/api/pipes/run-all-pipes?{query}"), "")
        .await
        .json();
    assert_eq!(answer["token"], "token-1");
    let run = hub.worker.runs.lock().pop().unwrap();
    assert!(
        !run.delete_input_datasets
            && !run.reset_pipes_and_delete_sink_datasets
            && run.check_input_pipes
    );
    assert_eq!(run.pipes, ["a", "b"]);
    assert_eq!(
        hub.get("/api/pipes/get-pipe-runner-status?token=none")
            .await
            .json()["status"],
        "not-running"
    );
    assert_eq!(
        hub.post("/api/pipes/stop-run-all-pipes?terminate_timeout=30", "")
            .await
            .json()["status"],
        "not-running"
    );
}

#[tokio::test]
async fn the_last_timestamp_of_the_log_is_the_next_since() {
    let hub = Hub::new();
    let log = hub.get("/api/pipes/get-run-all-pipes-log").await.json();
    assert_eq!(
        log,
        json!([{"timestamp": "2023-11-14T22:13:20.000001Z", "loglevel": "INFO", "logdata": "pass 1"}])
    );
    let since = "2023-11-14T22%3A13%3A20.000001Z";
    assert_eq!(
        hub.get(&format!(
            "/api/pipes/get-run-all-pipes-log?since={since}&token="
        ))
        .await
        .json(),
        json!([])
    );
    assert_eq!(
        hub.get("/api/pipes/get-run-all-pipes-log?since=soon")
            .await
            .problem(400),
        "invalid-parameter"
    );
}

#[tokio::test]
async fn reset_empties_and_restart_does_not_and_a_reset_changes_the_start_time() {
    let hub = Hub::configured().await;
    for (operation, resets, restarts, components) in [("restart", 0, 1, 2), ("reset", 1, 1, 0)] {
        let before = hub.get("/api/status").await.json()["node_start_time"].clone();
        let form = if operation == "reset" {
            "operation=reset"
        } else {
            "operation=restart"
        };
        assert_eq!(
            hub.post_form("/api/admin", form).await.json(),
            json!({"message": "OK"})
        );
        // After a restart it is the next aggregator that has another one.
        let is_same = hub.get("/api/status").await.json()["node_start_time"] == before;
        assert_eq!(is_same, operation == "restart", "{operation}");
        assert_eq!(hub.worker.resets.load(Ordering::SeqCst), resets);
        assert_eq!(*hub.process.restarts.lock(), restarts);
        assert_eq!(
            hub.storage.snapshot().components.len(),
            components,
            "{operation}"
        );
    }
    assert_eq!(
        hub.post_form("/api/admin", "operation=explode")
            .await
            .problem(400),
        "invalid-parameter"
    );
}

#[tokio::test]
async fn metadata_is_shown_with_and_without_being_configured() {
    let hub = Hub::new();
    let empty = hub.get("/api/metadata").await.json();
    assert_eq!(
        empty["config"]["original"],
        json!({"_id": "node", "type": "metadata"})
    );
    assert_eq!(
        empty["config"]["effective"]["namespaced_identifiers"],
        json!(false),
        "every default is filled in"
    );
    let put = hub
        .put(
            "/api/metadata",
            r#"{"namespaces": {"default": {"x": "http://x/"}}}"#,
        )
        .await
        .problem_free();
    assert_eq!(put.json()["config"]["original"]["_id"], "node");
    assert_eq!(
        hub.get("/api/namespaces").await.json(),
        json!({"default": {"x": "http://x/"}})
    );
    hub.call("DELETE", "/api/metadata", "").await.problem_free();
    assert_eq!(hub.get("/api/namespaces").await.json(), json!({}));
}
