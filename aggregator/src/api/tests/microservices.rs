//! Microservices through the API: what is asked for whom, what goes on and what does not, and hubs that run no containers.

use super::{Answer, Hub};
use axum::body::Body;
use sluice_protocol::MicroserviceQuestion;

async fn hub() -> Hub {
    let hub = Hub::configured().await;
    let system = |id: &str| format!(r#"{{"_id": "{id}", "type": "system:microservice"}}"#);
    let systems = ["micro", "elsewhere", "unattended", "confused"].map(system);
    let systems = format!("[{}]", systems.join(","));
    hub.post("/api/systems", systems).await.problem_free();
    hub
}

#[tokio::test]
async fn its_state_its_log_and_a_reload_are_the_operators_answers() {
    let hub = hub().await;
    let status = hub.get("/api/systems/micro/status").await.json();
    assert_eq!(status["microservice"]["reason"], "CrashLoopBackOff");
    assert_eq!(status["microservice"]["restarts"], 3);
    let log = hub.get("/api/systems/micro/logs").await;
    assert_eq!(log.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(log.text, "2026-01-01T00:00:00.000000001Z first\n");
    let after = "/api/systems/micro/logs?since=2026-01-01T00:00:00.000000001Z";
    assert!(hub.get(after).await.text.ends_with("second\n"));
    let wrong = hub.get("/api/systems/micro/logs?since=yesterday").await;
    assert_eq!(wrong.problem(400), "invalid-parameter");
    let reload = hub.call("POST", "/api/systems/micro/reload", "").await;
    assert_eq!(reload.status.as_u16(), 202);
    let asked = hub.storage.questions.lock().clone();
    assert!(
        asked
            .iter()
            .all(|(system, _, user)| system == "micro" && user == "tester")
    );
    assert_eq!(asked.last().unwrap().1, MicroserviceQuestion::Reload);
    let since = |question: &MicroserviceQuestion| match question {
        MicroserviceQuestion::Logs(wanted) => Some((wanted.since, wanted.lines)),
        _ => None,
    };
    let since: Vec<_> = asked
        .iter()
        .filter_map(|(_, asked, _)| since(asked))
        .collect();
    assert_eq!(
        since,
        [(None, 1000), (Some(1_767_225_600_000_000_001), 1000)]
    );
}

#[tokio::test]
async fn what_is_no_microservice_or_runs_elsewhere_is_told() {
    let hub = hub().await;
    for path in ["logs", "proxy/a"] {
        let path = format!("/api/systems/target/{path}");
        assert_eq!(hub.get(&path).await.problem(404), "not-a-microservice");
    }
    let absent = hub.get("/api/systems/absent/logs").await;
    assert_eq!(absent.problem(404), "unknown-system");
    let elsewhere = hub.get("/api/systems/elsewhere/logs").await;
    assert_eq!(elsewhere.problem(404), "no-container-runtime");
    let status = hub.get("/api/systems/elsewhere/status").await.json();
    assert!(status["microservice"].is_null());
    assert!(hub.get("/api/systems/target/status").await.json()["microservice"].is_null());
    let method = hub.call("PUT", "/api/systems/micro/logs", "").await;
    assert_eq!(method.problem(405), "method-not-allowed");
}

#[tokio::test]
async fn without_an_operator_the_rest_of_the_status_is_answered() {
    let hub = hub().await;
    let status = hub.get("/api/systems/unattended/status").await.json();
    assert_eq!(status["microservice"]["ready"], false);
    assert_eq!(status["microservice"]["reason"], "no-operator");
    assert_eq!(status["_id"], "unattended");
    let log = hub.get("/api/systems/unattended/logs").await;
    assert_eq!(log.problem(503), "no-operator");
    for path in ["status", "logs"] {
        let path = format!("/api/systems/confused/{path}");
        assert_eq!(hub.get(&path).await.problem(500), "internal");
    }
}

#[tokio::test]
async fn a_request_goes_on_as_it_is_without_the_callers_credentials() {
    let hub = hub().await;
    let request = hub
        .request("POST", "/api/systems/micro/proxy/a%2Fb/?x=%20&x=2")
        .header("cookie", "session=1")
        .header("content-type", "text/plain")
        .header("x-own", "yes");
    let answer: Answer = hub.send(request.body(Body::from("body")).unwrap()).await;
    assert_eq!((answer.status.as_u16(), &*answer.text), (200, "body"));
    assert_eq!(answer.header("x-own"), "1");
    assert_eq!(answer.header("set-cookie"), "");
    let asked = hub.worker.proxied.lock().clone();
    assert!(asked.contains(r#"target: "a%2Fb/?x=%20&x=2""#), "{asked}");
    assert!(
        asked.contains("has_body: true") && asked.contains("x-own"),
        "{asked}"
    );
    for kept in ["cookie", "authorization"] {
        assert!(!asked.contains(kept), "{asked}");
    }
    let root = hub.get("/api/systems/micro/proxy/").await;
    assert_eq!(root.status.as_u16(), 200);
    assert!(hub.worker.proxied.lock().contains(r#"target: "", "#));
}
