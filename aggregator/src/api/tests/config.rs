//! Upload and download of configuration, variables and secrets, as the compatible client sends and reads them.

use super::Hub;
use axum::body::Body;
use serde_json::json;
use std::io::{Cursor, Read, Write};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

fn pack(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive
        .add_directory("pipes", SimpleFileOptions::default())
        .unwrap();
    for (name, text) in files {
        archive
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn sample() -> Vec<u8> {
    pack(&[
        (
            "node-metadata.conf.json",
            r#"{"_id": "node", "type": "metadata", "z": 1.10, "a": 12345678901234567890123}"#,
        ),
        (
            "pipes/deep/er/p.conf.json",
            r#"{"_id": "p", "type": "pipe"}"#,
        ),
        (
            "systems/s.conf.json",
            r#"{"_id": "s", "type": "system:url"}"#,
        ),
        ("README.md", "not JSON"),
    ])
}

fn form(content_type: &str, content: &[u8]) -> Vec<u8> {
    let mut body = format!(
        "--limit\r\nContent-Disposition: form-data; name=\"file\"; filename=\"config\"\r\nContent-Type: {content_type}\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(content);
    body.extend_from_slice(b"\r\n--limit--\r\n");
    body
}

#[tokio::test]
async fn four_forms_of_upload_are_taken() {
    let list = br#"[{"_id": "p", "type": "pipe"}, {"_id": "s", "type": "system:url"}]"#;
    let bodies: [(&str, Vec<u8>); 5] = [
        (
            "multipart/form-data; boundary=limit",
            form("application/zip", &sample()),
        ),
        (
            "multipart/form-data; boundary=limit",
            form("application/json", list),
        ),
        ("application/zip", sample()),
        ("application/json", list.to_vec()),
        ("", list.to_vec()),
    ];
    for (content_type, body) in bodies {
        let hub = Hub::new();
        let request = hub
            .request("PUT", "/api/config?force=false")
            .header("content-type", content_type);
        let answer = hub
            .send(request.body(Body::from(body)).unwrap())
            .await
            .problem_free();
        assert_eq!(
            answer.json(),
            json!({"validation_errors": []}),
            "{content_type}"
        );
        let ids: Vec<String> = hub
            .storage
            .snapshot()
            .components
            .keys()
            .map(|(_, id)| id.clone())
            .collect();
        assert_eq!(ids[..2], ["p", "s"], "{content_type}");
    }
    let hub = Hub::new();
    let request = hub
        .request("PUT", "/api/config")
        .header("content-type", "multipart/form-data");
    assert_eq!(
        hub.send(request.body(Body::from("x")).unwrap())
            .await
            .problem(400),
        "invalid-body"
    );
}

#[tokio::test]
async fn a_download_holds_what_was_uploaded_without_directories() {
    let hub = Hub::new();
    hub.put("/api/config", sample()).await.problem_free();
    let request = hub
        .request("GET", "/api/config")
        .header("accept", "application/zip")
        .body(Body::empty())
        .unwrap();
    let response = tower::ServiceExt::oneshot(hub.router.clone(), request)
        .await
        .unwrap();
    assert_eq!(response.headers()["content-type"], "application/zip");
    let bytes = http_body_util::BodyExt::collect(response.into_body())
        .await
        .unwrap()
        .to_bytes();
    let mut archive = ZipArchive::new(Cursor::new(&bytes)).unwrap();
    let mut files = Vec::new();
    for position in 0..archive.len() {
        let mut file = archive.by_index(position).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        files.push((
            file.name().to_owned(),
            text.split_whitespace().collect::<String>(),
        ));
    }
    let expected = [
        (
            "node-metadata.conf.json",
            r#"{"_id":"node","type":"metadata","z":1.10,"a":12345678901234567890123}"#,
        ),
        ("pipes/p.conf.json", r#"{"_id":"p","type":"pipe"}"#),
        ("systems/s.conf.json", r#"{"_id":"s","type":"system:url"}"#),
    ];
    assert_eq!(
        files,
        expected.map(|(name, text)| (name.to_owned(), text.to_owned()))
    );
    let request = hub
        .request("GET", "/api/config")
        .header("accept", "application/json,*/*")
        .body(Body::empty());
    let list = hub.send(request.unwrap()).await;
    assert_eq!(list.header("content-type"), "application/json");
    assert!(
        list.text
            .contains(r#""z":1.10,"a":12345678901234567890123"#),
        "numbers stay as posted: {}",
        list.text
    );
}

#[tokio::test]
async fn a_refused_upload_shows_what_was_posted_and_where_it_is_wrong() {
    let hub = Hub::configured().await;
    let before = hub.storage.snapshot().revision;
    let broken =
        r#"[{"_id": "ok", "type": "pipe"}, {"_id": "bad", "type": "pipe", "broken": true}]"#;
    let answer = hub.put("/api/config?force=False", broken).await;
    assert_eq!(answer.problem(400), "invalid-configuration");
    let expected = json!([{
        "posted-config": {"_id": "bad", "type": "pipe", "broken": true},
        "config-errors": [{"level": "error", "msg": "no such type", "elements": "$['source'][0]", "code": "unknown-type"}],
        "is-valid-config": false
    }]);
    assert_eq!(answer.json()["validation_errors"], expected);
    assert_eq!(hub.storage.snapshot().revision, before);
    let forced = hub
        .put("/api/config?force=True", broken)
        .await
        .problem_free();
    assert_eq!(forced.json()["validation_errors"], expected);
    assert_eq!(hub.storage.snapshot().components.len(), 2);
}

#[tokio::test]
async fn a_bad_file_in_an_archive_is_named() {
    let hub = Hub::new();
    let archive = pack(&[
        ("pipes/good.conf.json", r#"{"_id": "good", "type": "pipe"}"#),
        ("pipes/bad.conf.json", "{\n \"a\": }"),
    ]);
    let answer = hub.put("/api/config", archive).await;
    assert_eq!(answer.problem(400), "invalid-json");
    assert_eq!(
        (&answer.json()["file"], &answer.json()["line"]),
        (&json!("pipes/bad.conf.json"), &json!(2))
    );
}

#[tokio::test]
async fn groups_are_replaced_one_by_one() {
    let hub = Hub::configured().await;
    hub.put("/api/config/team", r#"[{"_id": "t", "type": "pipe"}]"#)
        .await
        .problem_free();
    assert_eq!(
        hub.get("/api/config/team").await.json(),
        json!([{"_id": "t", "type": "pipe"}])
    );
    assert_eq!(
        hub.get("/api/config")
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        hub.get("/api/config-all")
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        3
    );
    hub.put("/api/config", "[]").await.problem_free();
    assert_eq!(
        hub.get("/api/config-all").await.json(),
        json!([{"_id": "t", "type": "pipe"}])
    );
}

#[tokio::test]
async fn history_pages_like_a_feed() {
    let hub = Hub::configured().await;
    let offsets = async |query: &str| {
        let answer = hub
            .get(&format!("/api/config-history/entity?entity_id=in{query}"))
            .await
            .problem_free();
        let versions = answer.json();
        versions
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["_updated"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(offsets("").await, [0, 1, 2]);
    assert_eq!(offsets("&since=0&limit=1").await, [1]);
    assert_eq!(offsets("&reverse=true&since=2").await, [1, 0]);
    let all = hub
        .get("/api/config-history/entity?entity_id=in")
        .await
        .json();
    assert_eq!(
        all[0],
        json!({"_id": "in", "_updated": 0, "_ts": 1_700_000_000_000_000u64, "_deleted": false, "$user": "tester", "type": "pipe"})
    );
    assert_eq!(all[1]["_deleted"], true);
}

#[tokio::test]
async fn variables_keep_their_type_and_put_replaces_them() {
    let hub = Hub::new();
    let values = r#"{"list":[1,{"a":true}],"nothing":null,"number":1.10}"#;
    assert_eq!(hub.put("/api/env", values).await.text, values);
    hub.post("/api/env", r#"{"more": "x"}"#)
        .await
        .problem_free();
    assert_eq!(
        hub.call("PATCH", "/api/env", r#"[{"more": "y"}]"#)
            .await
            .json()["more"],
        "y"
    );
    assert_eq!(
        hub.get("/api/env").await.json().as_object().unwrap().len(),
        4
    );
    assert_eq!(hub.call("DELETE", "/api/env/more", "").await.text, values);
    assert_eq!(hub.put("/api/env", "{}").await.text, "{}");
    assert_eq!(
        hub.put("/api/env", r#"[{"a": 1}, 2]"#).await.problem(400),
        "invalid-body"
    );
    assert_eq!(
        hub.put("/api/env", r#"{"": 1}"#).await.problem(400),
        "invalid-body"
    );
}

#[tokio::test]
async fn variables_of_a_wrong_shape_are_refused_and_change_nothing() {
    let hub = Hub::new();
    let before = r#"{"kept":1}"#;
    hub.put("/api/env", before).await.problem_free();
    let wrong = [
        "[]",
        "[{}]",
        r#"[{"_id": 5}]"#,
        r#"[{"a": 2}, {"_id": "b", "value": 3}]"#,
        r#"{"_id": "a"}"#,
        r#"[{"a": 2}, {}]"#,
        r#"[[{"a": 2}]]"#,
        r#"["a"]"#,
        r#""a""#,
        "5",
        "null",
    ];
    for body in wrong {
        for method in ["PUT", "POST", "PATCH"] {
            let answer = hub.call(method, "/api/env", body).await;
            assert_eq!(answer.problem(400), "invalid-body", "{method} {body}");
            assert_eq!(hub.get("/api/env").await.text, before, "{method} {body}");
        }
    }
    let list = r#"[{"a": 1}, {"b": 2, "c": 3}]"#;
    assert_eq!(
        hub.put("/api/env", list).await.text,
        r#"{"a":1,"b":2,"c":3}"#
    );
}

#[tokio::test]
async fn secrets_are_listed_by_name_only() {
    let hub = Hub::configured().await;
    let canary = "canary-value";
    let mut seen = String::new();
    for (method, path, body) in [
        ("PUT", "/api/secrets", r#"{"a": "canary-value"}"#),
        ("POST", "/api/secrets", r#"{"b": "canary-value"}"#),
        (
            "PUT",
            "/api/systems/target/secrets?encrypt=true",
            r#"{"c": "canary-value"}"#,
        ),
        (
            "POST",
            "/api/systems/target/secrets",
            r#"{"d": "canary-value"}"#,
        ),
        ("GET", "/api/secrets", ""),
        ("GET", "/api/systems/target/secrets", ""),
    ] {
        seen += &hub.call(method, path, body).await.problem_free().text;
    }
    assert_eq!(seen, r#"["a"]["a","b"]["c"]["c","d"]["a","b"]["c","d"]"#);
    assert_eq!(
        hub.storage.secrets.lock().resolve(Some("target"), "d"),
        Some(canary)
    );
    let number = hub.put("/api/secrets", r#"{"a": 17}"#).await;
    assert_eq!(
        (number.problem(400).as_str(), &number.json()["secret"]),
        ("invalid-body", &json!("a"))
    );
    hub.put("/api/systems/nobody/secrets", r#"{"a": "x"}"#)
        .await
        .problem(404);
}
