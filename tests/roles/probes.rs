//! What probes and Prometheus hear: which role does its work, and why another does not.

use super::until;
use serde_json::json;
use sluice_identity::Role;
use sluice_tests::roles::Roles;
use std::net::{SocketAddr, TcpListener};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// Status and text of a GET on an admin port; 0: nobody is there.
async fn ask(admin: SocketAddr, path: &str) -> (u16, String) {
    match reqwest::get(format!("http://{admin}{path}")).await {
        Ok(answer) => (answer.status().as_u16(), answer.text().await.unwrap()),
        Err(_) => (0, String::new()),
    }
}

/// The admin ports of storage node, first worker and aggregator.
fn admins(hub: &Roles) -> [SocketAddr; 3] {
    let storage_node = hub.storage_node.as_ref().unwrap().admin;
    let worker = hub.workers[0].as_ref().unwrap().admin;
    [storage_node, worker, hub.api.admin.unwrap()]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_tells_its_health_and_its_own_metrics() {
    let hub = Roles::start(1, "15s").await.unwrap();
    let [storage_node, worker, aggregator] = admins(&hub);
    let of_each = [
        (storage_node, "sluice_placement_workers{state=\"live\"} 1"),
        (worker, "sluice_pipe_runs_completed_total"),
        (aggregator, "sluice_api_requests_total"),
    ];
    hub.api.get("/pipes").await.unwrap();
    for (admin, metric) in of_each {
        until("the role is ready", || async move {
            ask(admin, "/readyz").await.0 == 200
        })
        .await;
        assert_eq!(ask(admin, "/livez").await.0, 200);
        let (status, metrics) = ask(admin, "/metrics").await;
        assert_eq!(status, 200);
        assert!(metrics.contains(metric), "{metric} in {metrics}");
        assert_eq!(ask(admin, "/api/pipes").await.0, 404);
    }
    // The same word over gRPC, to who has a certificate.
    let channel = hub.storage_node_as(Role::Worker, "w7").await.unwrap();
    let mut health = HealthClient::new(channel);
    let answer = health.check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_a_lease_lives_and_is_not_ready_and_an_aggregator_goes_on() {
    let mut hub = Roles::start(1, "2s").await.unwrap();
    let receiver = json!([{"_id": "in", "type": "pipe", "source": {"type": "http_endpoint"}}]);
    hub.api.put("/config", &receiver).await.unwrap();
    let [_, worker, aggregator] = admins(&hub);
    hub.storage_node.as_mut().unwrap().kill().unwrap();
    until("the lease ends", || async move {
        let (status, problem) = ask(worker, "/readyz").await;
        status == 503 && problem.contains("no lease")
    })
    .await;
    assert_eq!(ask(worker, "/livez").await.0, 200);
    assert_eq!(ask(aggregator, "/readyz").await.0, 200);

    // One that starts meanwhile waits, and says for whom.
    hub.workers[0].as_mut().unwrap().kill().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = free.local_addr().unwrap();
    drop(free);
    hub.begin_worker(0, admin).unwrap();
    until("the worker waits", || async move {
        let (status, problem) = ask(admin, "/readyz").await;
        status == 503 && problem.contains("waits for the storage node")
    })
    .await;
    assert_eq!(ask(admin, "/livez").await.0, 200);
    hub.start_storage_node().await.unwrap();
    until("the worker is ready", || async move {
        ask(admin, "/readyz").await.0 == 200
    })
    .await;
}
