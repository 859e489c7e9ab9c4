//! Who gets in, and what needs developer mode.

use crate::hub::hub;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sluice_tests::child::{Child, client, run};
use std::ffi::OsStr;
use std::time::{Duration, Instant};

async fn status(client: &reqwest::Client, url: &str, path: &str) -> StatusCode {
    client
        .get(format!("{url}{path}"))
        .send()
        .await
        .unwrap()
        .status()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_only_health_answers() {
    let hub = hub().await;
    let ca = std::fs::read(hub.data().join("tls/ca.pem")).unwrap();
    for token in ["none", "a.b.c", ""] {
        let stranger = client(&ca, token).unwrap();
        for path in ["/health/live", "/health/ready", "/api/health", "/api/ping"] {
            assert_eq!(status(&stranger, &hub.url, path).await, 200, "{path}");
        }
        for path in [
            "/api",
            "/api/pipes",
            "/api/reference",
            "/metrics",
            "/log-filter",
            "/api/publishers/x/entities",
            "/nothing",
        ] {
            assert_eq!(status(&stranger, &hub.url, path).await, 401, "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_or_expired_token_is_refused_within_a_second() {
    let hub = hub().await;
    let (data, ca) = (
        hub.data(),
        std::fs::read(hub.data().join("tls/ca.pem")).unwrap(),
    );
    let create = |extra: &[&str]| {
        let mut arguments: Vec<&OsStr> = ["token", "create", "--name", "short", "--data"]
            .map(OsStr::new)
            .to_vec();
        arguments.push(data.as_os_str());
        arguments.extend(extra.iter().map(OsStr::new));
        let printed = run(&arguments).unwrap();
        assert_eq!(
            printed.lines().count(),
            1,
            "one token and a newline, nothing else"
        );
        printed.trim().to_owned()
    };
    let token = create(&["--expires", "30d"]);
    let claims = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&decode(claims)).unwrap();
    for claim in ["iss", "sub", "jti", "iat", "exp"] {
        assert!(!claims[claim].is_null(), "{claims}");
    }
    assert!(claims.get("principals").is_none());
    let visitor = client(&ca, &token).unwrap();
    assert_eq!(status(&visitor, &hub.url, "/api/pipes").await, 200);
    let jti = claims["jti"].as_str().unwrap();
    run(&[
        OsStr::new("token"),
        OsStr::new("revoke"),
        OsStr::new(jti),
        OsStr::new("--data"),
        data.as_os_str(),
    ])
    .unwrap();
    let revoked = Instant::now();
    while status(&visitor, &hub.url, "/api/pipes").await != 401 {
        assert!(
            revoked.elapsed() < Duration::from_secs(1),
            "still accepted a second after it was revoked"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let brief = client(&ca, &create(&["--expires", "1s"])).unwrap();
    let created = Instant::now();
    while status(&brief, &hub.url, "/api/pipes").await != 401 {
        assert!(
            created.elapsed() < Duration::from_secs(5),
            "an expired token is accepted"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        hub.get("/pipes").await.unwrap(),
        json!([]),
        "other tokens go on working"
    );
}

/// Base64url without padding, as in a JWT.
fn decode(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut count, mut out) = (0u32, 0, Vec::new());
    for byte in text.bytes() {
        let value = ALPHABET.iter().position(|letter| *letter == byte).unwrap();
        bits = (bits << 6) | value as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn destroying_calls_need_developer_mode() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let hub = Child::start_without_developer_mode(&data).await.unwrap();
    assert_eq!(
        hub.get("/").await.unwrap()["status"]["developer_mode"],
        json!(false)
    );
    for (method, path) in [
        (Method::POST, "/pipes/run-all-pipes"),
        (Method::POST, "/pipes/delete-all-sink-datasets"),
        (Method::POST, "/datasets/x/entities"),
        (Method::POST, "/admin"),
    ] {
        let answer = hub
            .request(method, path)
            .form(&[("operation", "reset")])
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 403, "{path}");
        assert!(
            answer.text().await.unwrap().contains("--developer-mode"),
            "{path}"
        );
    }
}
