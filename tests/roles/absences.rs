//! Roles that are killed, away, or not who they say they are.

use super::{status, until};
use serde_json::{Value, json};
use sluice_tests::roles::Roles;

/// Four receivers that nothing connects, so that two workers have two each.
fn receivers() -> Value {
    let receiver = |n: usize| json!({"_id": format!("in{n}"), "type": "pipe", "source": {"type": "http_endpoint"}});
    (0..4).map(receiver).collect()
}

async fn push(hub: &Roles, pipe: usize, id: &str) -> u16 {
    let path = format!("/receivers/in{pipe}/entities");
    let push = hub.api.request(reqwest::Method::POST, &path);
    let answer = push.json(&json!([{"_id": id}])).send().await.unwrap();
    answer.status().as_u16()
}

async fn ids(hub: &Roles, pipe: usize) -> Vec<String> {
    let path = format!("/datasets/in{pipe}/entities");
    let entities = hub.api.get(&path).await.unwrap();
    let ids = entities.as_array().unwrap().iter();
    ids.map(|entity| entity["_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_takes_only_its_own_pipes_with_it_and_has_them_again_with_its_disk() {
    let mut hub = Roles::start(2, "15s").await.unwrap();
    hub.api.put("/config", &receivers()).await.unwrap();
    for pipe in 0..4 {
        assert_eq!(push(&hub, pipe, "before").await, 200);
    }
    hub.workers[0].as_mut().unwrap().kill().unwrap();
    let mut gone = Vec::new();
    for pipe in 0..4 {
        match status(&hub, &format!("/pipes/in{pipe}")).await {
            (200, _) => assert_eq!(ids(&hub, pipe).await, ["before"]),
            (503, code) => {
                assert_eq!(code, "unreachable");
                assert_eq!(push(&hub, pipe, "lost").await, 503);
                gone.push(pipe);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(gone.len(), 2);
    // The list is there, and says what is known of them.
    let pipes = hub.api.get("/pipes").await.unwrap();
    let deploying = |pipe: &&Value| pipe["runtime"]["state"] == "Deploying";
    assert_eq!(
        pipes.as_array().unwrap().iter().filter(deploying).count(),
        2
    );
    // A list of datasets without theirs would look complete.
    assert_eq!(status(&hub, "/datasets").await.0, 503);

    hub.start_worker(0).await.unwrap();
    let hub = &hub;
    for pipe in gone {
        until("the pipe is back", || async move {
            status(hub, &format!("/pipes/in{pipe}")).await.0 == 200
        })
        .await;
        assert_eq!(ids(hub, pipe).await, ["before"]);
        assert_eq!(push(hub, pipe, "after").await, 200);
        assert_eq!(ids(hub, pipe).await, ["before", "after"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn within_a_lease_nobody_needs_the_storage_node_and_after_it_nobody_answers() {
    let mut hub = Roles::start(2, "4s").await.unwrap();
    hub.api.put("/config", &receivers()).await.unwrap();
    assert_eq!(push(&hub, 0, "before").await, 200);
    let stopped = hub.storage_node.as_mut().unwrap().stop().await;
    assert!(stopped.is_ok(), "{stopped:?}: {}", hub.log("s0").unwrap());
    hub.storage_node = None;
    assert_eq!(push(&hub, 0, "without").await, 200);
    assert_eq!(status(&hub, "/pipes/in0").await.0, 200);
    {
        let hub = &hub;
        until("the leases end", || async move {
            status(hub, "/pipes/in0").await.0 == 503
        })
        .await;
    }
    assert_eq!(push(&hub, 0, "refused").await, 503);
    hub.start_storage_node().await.unwrap();
    {
        let hub = &hub;
        for pipe in 0..4 {
            until("the workers are back", || async move {
                status(hub, &format!("/pipes/in{pipe}")).await.0 == 200
            })
            .await;
        }
    }
    assert_eq!(ids(&hub, 0).await, ["before", "without"]);
    // Configuration is where it was, and can be changed.
    let mut more = receivers();
    let one = json!({"_id": "in4", "type": "pipe", "source": {"type": "http_endpoint"}});
    more.as_array_mut().unwrap().push(one);
    hub.api.put("/config", &more).await.unwrap();
    assert_eq!(push(&hub, 4, "new").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_stopped_ends_in_good_order_and_its_disk_keeps_its_pipes() {
    let mut hub = Roles::start(1, "15s").await.unwrap();
    hub.api.put("/config", &receivers()).await.unwrap();
    assert_eq!(push(&hub, 2, "kept").await, 200);
    let stopped = hub.workers[0].as_mut().unwrap().stop().await;
    assert!(stopped.is_ok(), "{stopped:?}: {}", hub.log("w0").unwrap());
    assert_eq!(status(&hub, "/pipes/in2").await.0, 503);
    hub.start_worker(0).await.unwrap();
    let hub = &hub;
    until("the pipe is back", || async move {
        status(hub, "/pipes/in2").await.0 == 200
    })
    .await;
    assert_eq!(ids(hub, 2).await, ["kept"]);
}
