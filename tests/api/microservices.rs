//! Microservices of a hub that runs no containers: told where one is, it passes requests on; of another it says what is missing.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use sluice_tests::in_process::InProcess;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Answers what it was asked, with a status and headers of its own; what is sent to `/echo` comes back as it is.
async fn service() -> (String, JoinHandle<()>) {
    async fn answer(request: Request) -> Response {
        let (head, body) = request.into_parts();
        if head.uri.path() == "/echo" {
            return Response::new(body);
        }
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let names: Vec<&str> = head.headers.keys().map(|name| name.as_str()).collect();
        let said = json!({
            "method": head.method.as_str(),
            "target": head.uri.to_string(),
            "headers": names,
            "authorization": head.headers.get("authorization").map(|value| value.to_str().unwrap()),
            "body": String::from_utf8_lossy(&body),
        });
        Response::builder()
            .status(418)
            .header("x-own", "1")
            .header("set-cookie", "a=b")
            .header("location", "/elsewhere")
            .body(Body::from(said.to_string()))
            .unwrap()
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = async move {
        axum::serve(listener, Router::new().fallback(answer))
            .await
            .unwrap();
    };
    (format!("http://{address}/below"), tokio::spawn(serving))
}

async fn hub(address: String) -> InProcess {
    let folder = tempfile::tempdir().unwrap();
    let hub = InProcess::start_in(folder, |settings| {
        settings.microservices = [("here".to_owned(), address)].into();
    });
    let hub = hub.await.unwrap();
    let docker = json!({"image": "registry.example/image:1", "port": 5000});
    let system = |id: &str| {
        json!({
            "_id": id, "type": "system:microservice", "docker": docker,
            "authentication": "basic", "username": "hub", "password": "$SECRET(key)",
        })
    };
    let secrets = hub
        .request(Method::PUT, "/secrets")
        .json(&json!({"key": "s3cret"}));
    secrets.send().await.unwrap().error_for_status().unwrap();
    let configuration = json!([system("here"), system("nowhere")]);
    let put = hub.request(Method::PUT, "/config").json(&configuration);
    put.send().await.unwrap().error_for_status().unwrap();
    hub
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_on_with_the_systems_credentials_and_come_back_as_they_are() {
    let (address, serving) = service().await;
    let hub = hub(address.replace("/below", "")).await;
    let request = hub
        .request(Method::PATCH, "/systems/here/proxy/a%2Fb?c=%20d")
        .header("x-given", "1")
        .header("cookie", "session=1")
        .body("body");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 418);
    assert_eq!(answer.headers()["x-own"], "1");
    assert_eq!(answer.headers()["location"], "/elsewhere");
    assert!(!answer.headers().contains_key("set-cookie"));
    let said: Value = answer.json().await.unwrap();
    assert_eq!(said["method"], "PATCH");
    assert_eq!(said["target"], "/a%2Fb?c=%20d");
    assert_eq!(said["body"], "body");
    assert_eq!(said["authorization"], "Basic aHViOnMzY3JldA==");
    let names = said["headers"].as_array().unwrap();
    assert!(names.contains(&json!("x-given")) && !names.contains(&json!("cookie")));
    let root = hub.request(Method::GET, "/systems/here/proxy/").send();
    let root: Value = root.await.unwrap().json().await.unwrap();
    assert_eq!((&root["target"], &root["body"]), (&json!("/"), &json!("")));

    // Both ways at once, and far more than anybody holds.
    let chunk = Bytes::from(vec![7_u8; 64 << 10]);
    let chunks = futures::stream::iter((0..256).map({
        let chunk = chunk.clone();
        move |_| Ok::<_, std::io::Error>(chunk.clone())
    }));
    let echo = hub.request(Method::POST, "/systems/here/proxy/echo");
    let echo = echo.body(reqwest::Body::wrap_stream(chunks)).send();
    let mut echo = echo
        .await
        .unwrap()
        .error_for_status()
        .unwrap()
        .bytes_stream();
    let mut length = 0;
    while let Some(bytes) = echo.next().await {
        let bytes = bytes.unwrap();
        assert!(bytes.iter().all(|byte| *byte == 7));
        length += bytes.len();
    }
    assert_eq!(length, 256 * chunk.len());
    serving.abort();
    hub.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_stays_below_the_address_of_its_microservice() {
    let (address, serving) = service().await;
    let hub = hub(address).await;
    let below = hub.request(Method::GET, "/systems/here/proxy/x").send();
    let below: Value = below.await.unwrap().json().await.unwrap();
    assert_eq!(below["target"], "/below/x");
    for path in ["%2e%2e/secret", "a/%2E%2E/%2e%2e/secret"] {
        let path = format!("/systems/here/proxy/{path}");
        let left = hub.request(Method::GET, &path).send().await.unwrap();
        // A client may take such steps itself; what arrives never leads out.
        let status = left.status().as_u16();
        assert!(status == 400 || status == 404, "{path}: {status}");
    }
    serving.abort();
    hub.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_runs_no_containers_says_so() {
    let (address, serving) = service().await;
    let hub = hub(address).await;
    let problem = async |method, path: &str| {
        let answer = hub.request(method, path).send().await.unwrap();
        let status = answer.status().as_u16();
        let problem: Value = answer.json().await.unwrap();
        (
            status,
            problem["code"].as_str().unwrap_or_default().to_owned(),
            problem,
        )
    };
    for (method, path) in [
        (Method::GET, "/systems/here/logs"),
        (Method::POST, "/systems/nowhere/reload"),
        (Method::GET, "/systems/nowhere/proxy/a"),
    ] {
        let (status, code, problem) = problem(method, path).await;
        assert_eq!(
            (status, &*code),
            (404, "no-container-runtime"),
            "{path}: {problem}"
        );
    }
    let (status, code, problem) = problem(Method::GET, "/systems/absent/logs").await;
    assert_eq!((status, &*code), (404, "unknown-system"), "{problem}");
    let status = hub.request(Method::GET, "/systems/nowhere/status").send();
    let status: Value = status.await.unwrap().json().await.unwrap();
    assert_eq!(status["reachable"], false);
    let message = status["message"].as_str().unwrap();
    assert!(message.contains("--microservices=nowhere="), "{message}");
    // One that is away is told at once.
    serving.abort();
    let away = async {
        loop {
            let answer = hub.request(Method::GET, "/systems/here/proxy/a").send();
            let answer = answer.await.unwrap();
            if answer.status().as_u16() == 503 {
                return answer.headers().contains_key("retry-after");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(20), away)
            .await
            .unwrap()
    );
    hub.stop().await.unwrap();
}
