//! The storage node and its disk are lost while a worker is cut off; the folder of a hub in one process is lost.

use super::until;
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use serde_json::{Value, json};
use sluice_identity::Role;
use sluice_protocol::client::{ClientSettings, RemoteAssignments};
use sluice_protocol::{Assignments, Epoch, Liveness, Placement, Topology};
use sluice_tests::child::Child;
use sluice_tests::roles::{Roles, SECRETS_KEY};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const PIPES: usize = 4;
const SECRET: &str = "the right value";
/// `hub:the right value`
const AUTHORIZATION: &str = "Basic aHViOnRoZSByaWdodCB2YWx1ZQ==";

/// What each call to the target brought: its credentials and the ids.
type Calls = Arc<Mutex<Vec<(String, String)>>>;

async fn target() -> (String, Calls) {
    let calls = Calls::default();
    let record = |State(calls): State<Calls>, headers: HeaderMap, body: String| async move {
        let authorization = headers.get("authorization");
        let authorization = authorization.and_then(|value| value.to_str().ok());
        let call = (authorization.unwrap_or_default().to_owned(), body);
        calls.lock().unwrap().push(call);
    };
    let router = Router::new()
        .route("/{*path}", post(record))
        .with_state(calls.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, calls)
}

fn has_come(calls: &Calls, id: &str) -> bool {
    let calls = calls.lock().unwrap();
    calls.iter().any(|(_, body)| body.contains(id))
}

/// Receivers, each with a pipe that calls the target with what was pushed.
fn configuration(target: &str) -> Value {
    let system = json!({"_id": "target", "type": "system:url", "url_pattern": format!("{target}/%s"),
        "authentication": "basic", "username": "hub", "password": "$SECRET(word)"});
    let pipes = (0..PIPES).flat_map(|n| {
        let receiver =
            json!({"_id": format!("in{n}"), "type": "pipe", "source": {"type": "http_endpoint"}});
        let caller = json!({"_id": format!("out{n}"), "type": "pipe",
            "source": {"type": "dataset", "dataset": format!("in{n}")},
            "sink": {"type": "json", "system": "target", "url": format!("out{n}")},
            "pump": {"schedule_interval": 0.2}});
        [receiver, caller]
    });
    [system].into_iter().chain(pipes).collect()
}

async fn push(hub: &Roles, pipe: usize, id: &str) -> u16 {
    let path = format!("/receivers/in{pipe}/entities");
    let push = hub.api.request(reqwest::Method::POST, &path);
    let push = push.json(&json!([{"_id": id}]));
    match push.timeout(Duration::from_secs(20)).send().await {
        Ok(answer) => answer.status().as_u16(),
        Err(_) => 0,
    }
}

/// The epoch of each pipe that has an owner, and who that is.
fn owned(topology: &Topology) -> BTreeMap<String, (Epoch, String)> {
    let pipes = topology.pipes.iter();
    let owned = pipes.filter_map(|(pipe, placement)| match placement {
        Placement::Owned { worker, epoch, .. } => Some((pipe.clone(), (*epoch, worker.0.clone()))),
        Placement::Unplaced(_) => None,
    });
    owned.collect()
}

/// Whether every one of these manifests is there.
fn have_checkpoints(hub: &Roles) -> bool {
    let objects = hub.objects().unwrap();
    (0..PIPES).all(|n| {
        let (receiver, caller) = (format!("/pipes/in{n}-"), format!("/pipes/out{n}-"));
        [receiver, caller].iter().all(|pipe| {
            let paths = objects.iter().map(|path| path.to_string_lossy());
            let mut manifests = paths.filter(|path| path.contains("/manifests/"));
            manifests.any(|path| path.contains(pipe))
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_node_whose_disk_is_lost_while_a_worker_is_cut_off_has_everything_again() {
    let (url, calls) = target().await;
    let mut hub = Roles::start_with_objects(2, "3s", "1s").await.unwrap();
    hub.api
        .put("/secrets", &json!({"word": "an earlier one"}))
        .await
        .unwrap();
    hub.api
        .put("/secrets", &json!({"word": SECRET}))
        .await
        .unwrap();
    hub.api
        .put("/env", &json!({"place": "here"}))
        .await
        .unwrap();
    hub.api.put("/config", &configuration(&url)).await.unwrap();
    let mut changed = configuration(&url);
    changed[1]["comment"] = json!("a second version");
    hub.api.put("/config", &changed).await.unwrap();
    let before_history = hub
        .api
        .get("/config-history/entity?entity_id=in0")
        .await
        .unwrap();
    assert_eq!(before_history.as_array().unwrap().len(), 2);
    for pipe in 0..PIPES {
        assert_eq!(push(&hub, pipe, &format!("before{pipe}")).await, 200);
    }
    for pipe in 0..PIPES {
        let id = format!("before{pipe}");
        until("the target was called", || async { has_come(&calls, &id) }).await;
    }
    {
        let hub = &hub;
        until("every pipe has a checkpoint", || async {
            have_checkpoints(hub)
        })
        .await;
    }
    let channel = hub.storage_node_as(Role::Worker, "w9").await.unwrap();
    let watching = RemoteAssignments::connect(channel, ClientSettings::default()).await;
    let mut topology = watching.watch_topology();
    let earlier = {
        let seen = topology.wait_for(|seen| owned(seen).len() == 2 * PIPES);
        owned(&seen.await.unwrap())
    };
    let highest = earlier.values().map(|(epoch, _)| *epoch).max().unwrap();
    let cut_off = earlier["out0"].1.clone();
    let cut_off: usize = cut_off.trim_start_matches('w').parse().unwrap();
    assert!(
        earlier
            .values()
            .any(|(_, worker)| *worker != format!("w{cut_off}")),
        "both workers have pipes"
    );

    hub.workers[cut_off].as_ref().unwrap().freeze().unwrap();
    hub.storage_node.as_mut().unwrap().kill().unwrap();
    hub.storage_node = None;
    hub.lose_storage_node_disk().unwrap();
    let lost = Instant::now();
    hub.start_storage_node().await.unwrap();
    assert!(
        hub.log("s0")
            .unwrap()
            .contains("the disk was filled from the object store")
    );

    // Everybody has an owner again, and it is the worker that is there.
    let later = {
        let away = format!("w{cut_off}");
        let seen = topology.wait_for(|seen| {
            let owned = owned(seen);
            let is_there = |(_, (epoch, worker)): (&String, &(Epoch, String))| {
                *worker != away && *epoch > highest
            };
            owned.len() == 2 * PIPES && owned.iter().all(is_there)
        });
        let seen = tokio::time::timeout(super::LIMIT, seen).await;
        owned(&seen.expect("all pipes get an owner").unwrap())
    };
    println!(
        "every pipe had a new owner {:.1} s after the loss",
        lost.elapsed().as_secs_f64()
    );
    for (pipe, (epoch, _)) in &later {
        assert!(epoch > &highest, "{pipe}: {epoch} after {highest}");
    }
    {
        let hub = &hub;
        for pipe in 0..PIPES {
            let id = format!("after{pipe}");
            until("it can be pushed to", || async {
                push(hub, pipe, &id).await == 200
            })
            .await;
            until("the target was called", || async { has_come(&calls, &id) }).await;
        }
    }
    println!(
        "every target was called again {:.1} s after the loss",
        lost.elapsed().as_secs_f64()
    );
    let authorizations = calls.lock().unwrap().clone();
    assert!(
        authorizations
            .iter()
            .all(|(value, _)| value == AUTHORIZATION)
    );
    // With the token of before.
    assert_eq!(hub.api.get("/env").await.unwrap()["place"], "here");
    let after_history = hub
        .api
        .get("/config-history/entity?entity_id=in0")
        .await
        .unwrap();
    assert_eq!(after_history, before_history);

    // The worker that was cut off comes back, and writes nothing under what it had.
    hub.workers[cut_off].as_ref().unwrap().thaw().unwrap();
    let back = format!("w{cut_off}");
    let seen = topology.wait_for(|seen| {
        let mut workers = seen.workers.iter();
        workers.any(|(id, worker)| id.0 == back && worker.liveness == Liveness::Live)
    });
    let seen = tokio::time::timeout(super::LIMIT, seen).await;
    drop(seen.expect("it has a session again").unwrap());
    {
        let hub = &hub;
        for pipe in 0..PIPES {
            let expected = [format!("before{pipe}"), format!("after{pipe}")];
            until("all that was pushed is there", || async {
                let path = format!("/datasets/in{pipe}/entities");
                let Ok(entities) = hub.api.get(&path).await else {
                    return false;
                };
                let ids = entities.as_array().unwrap().iter();
                let ids: Vec<_> = ids.map(|entity| entity["_id"].as_str().unwrap()).collect();
                ids == expected
            })
            .await;
            let id = format!("last{pipe}");
            until("it can be pushed to", || async {
                push(hub, pipe, &id).await == 200
            })
            .await;
            until("the target was called", || async { has_come(&calls, &id) }).await;
        }
    }
    let now = owned(&topology.borrow());
    for (pipe, (epoch, _)) in &now {
        assert!(epoch >= &later[pipe].0, "{pipe}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_in_one_process_whose_folder_is_lost_has_everything_again() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let key = at("secrets.key").display().to_string();
    std::fs::write(&key, SECRETS_KEY).unwrap();
    let url = format!("file://{}", at("objects").display());
    let arguments = ["--object-store", &url, "--secrets-key-file", &key];
    let arguments = [&arguments[..], &["--checkpoint-every", "1s"]].concat();
    let mut hub = Child::start_with(&at("data"), &arguments).await.unwrap();
    let receiver = json!([{"_id": "in", "type": "pipe", "source": {"type": "http_endpoint"}}]);
    hub.put("/config", &receiver).await.unwrap();
    hub.put("/secrets", &json!({"word": SECRET})).await.unwrap();
    // Answered, so it is in the object store.
    let kept = json!([{"_id": "kept"}]);
    hub.post("/receivers/in/entities", &kept).await.unwrap();
    hub.kill().unwrap();
    std::fs::remove_dir_all(at("data")).unwrap();
    let hub = Child::start_with(&at("data"), &arguments).await.unwrap();
    assert_eq!(hub.get("/secrets").await.unwrap(), json!(["word"]));
    until("the pipe is restored", || async {
        let Ok(entities) = hub.get("/datasets/in/entities").await else {
            return false;
        };
        entities[0]["_id"] == "kept"
    })
    .await;
}
