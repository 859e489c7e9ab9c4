//! What versions kept: hubs in `tests/fixtures`, one of each format, which today's version has to read.
//!
//! ```text
//! tests/fixtures/format-N/disk      the data folder of a hub: the stores of its worker and its storage node
//! tests/fixtures/format-N/objects   its object store: manifests, push logs, changes, a snapshot
//! tests/fixtures/format-N/seen.json what its API said
//! ```
//!
//! They are written once, by the version that has the format, and then stay as they are: [`write`]. Messages between roles are in
//! `crates/protocol/src/tests/fixtures.txt`.

use super::until;
use serde_json::{Value, json};
use sluice_format::Formats;
use sluice_tests::child::Child;
use sluice_tests::roles::{HASH_KEY, SECRETS_KEY};
use std::path::{Path, PathBuf};

const DATASETS: [&str; 2] = ["people", "named"];
/// In the push log, and in no checkpoint.
const LATE: &str = "late";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// With checkpoints in its object store every so often; `None`: without one.
async fn start(folder: &Path, data: &Path, every: Option<&str>) -> Child {
    let path = |name: &str| folder.join(name).display().to_string();
    let (secrets, hash) = (path("secrets.key"), path("hash.key"));
    std::fs::write(&secrets, SECRETS_KEY).unwrap();
    std::fs::write(&hash, HASH_KEY).unwrap();
    let objects = format!("file://{}", path("objects"));
    let mut arguments = vec!["--secrets-key-file", &secrets, "--hash-key-file", &hash];
    if let Some(every) = every {
        arguments.extend(["--object-store", &objects, "--checkpoint-every", every]);
    }
    Child::start_with(data, &arguments).await.unwrap()
}

/// Everything that a hub says of what it keeps.
async fn seen(hub: &Child) -> Value {
    let mut seen = serde_json::Map::new();
    for dataset in DATASETS {
        let path = format!("/datasets/{dataset}/entities?history=true&deleted=true");
        seen.insert(dataset.to_owned(), hub.get(&path).await.unwrap());
    }
    let paths = [
        "/config",
        "/env",
        "/secrets",
        "/config-history/entity?entity_id=people",
    ];
    for path in paths {
        seen.insert(path.to_owned(), hub.get(path).await.unwrap());
    }
    Value::Object(seen)
}

async fn serves(hub: &Child) {
    for dataset in DATASETS {
        until("the dataset answers", || async {
            let path = format!("/datasets/{dataset}/entities");
            hub.get(&path)
                .await
                .is_ok_and(|entities| entities.as_array().is_some_and(|all| all.len() > 1))
        })
        .await;
    }
}

/// Two pipes, of which one reads the other, variables and secrets, and a history.
async fn configure(hub: &Child) {
    let rules = json!([
        ["copy", "*"],
        ["add", "team", ["apply-hops", "one", {"datasets": ["people p"], "where": ["eq", "_S.lead", "p._id"]}]],
    ]);
    let pipes = json!([
        {"_id": "people", "type": "pipe", "source": {"type": "http_endpoint"}},
        {"_id": "named", "type": "pipe", "source": {"type": "dataset", "dataset": "people"},
            "transform": {"type": "dtl", "rules": {"default": rules, "one": [["add", "n", "_S.name"]]}},
            "pump": {"schedule_interval": 0.2}},
    ]);
    hub.put("/config", &json!([pipes[0]])).await.unwrap();
    hub.put("/config", &pipes).await.unwrap();
    let variables = json!({"variable": {"a": [1, 2.5]}});
    hub.put("/env", &variables).await.unwrap();
    let secrets = json!({"password": "hush"});
    hub.put("/secrets", &secrets).await.unwrap();
}

/// Entities of many types, deleted and changed ones.
async fn fill(hub: &Child) {
    let late = json!({"later": "in a change"});
    hub.post("/env", &late).await.unwrap();
    let all = r#"[
        {"_id": "a", "name": "Ærø", "lead": "b", "at": "~t2020-02-29T12:00:00.123456789Z", "price": "~f1.10", "big": 123456789012345678901234567890},
        {"_id": "b", "name": "x", "lead": "b", "of": ["~:people:a", null, true, {"deep": [1.5]}], "bytes": "~bAAH/"},
        {"_id": "c", "name": "gone"}
    ]"#;
    push(hub, all).await;
    let changes = r#"[{"_id": "c", "_deleted": true}, {"_id": "b", "name": "y", "lead": "a"}]"#;
    push(hub, changes).await;
    serves(hub).await;
}

async fn push(hub: &Child, entities: &str) {
    let push = hub.request(reqwest::Method::POST, "/receivers/people/entities");
    let push = push.header("content-type", "application/json");
    let answer = push.body(entities.to_owned()).send().await.unwrap();
    assert!(
        answer.status().is_success(),
        "{}",
        answer.text().await.unwrap()
    );
}

async fn has_late(hub: &Child) {
    for dataset in DATASETS {
        until("the last push is there", || async {
            let path = format!("/datasets/{dataset}/entity?entity_id={LATE}");
            hub.get(&path).await.is_ok()
        })
        .await;
    }
}

/// What was pushed after the last checkpoint is taken again when it is restored: at another time, and at other offsets.
fn without_times(mut seen: Value) -> Value {
    for dataset in DATASETS {
        let entities = seen[dataset].as_array_mut().unwrap().iter_mut();
        for entity in entities.filter(|entity| entity["_id"] == LATE) {
            let entity = entity.as_object_mut().unwrap();
            for name in ["_updated", "_ts", "_previous"] {
                entity.remove(name);
            }
        }
    }
    seen
}

/// Nothing changes any more.
async fn settled(hub: &Child) -> Value {
    loop {
        let before = seen(hub).await;
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        if seen(hub).await == before {
            return before;
        }
    }
}

/// Writes what this version keeps: `cargo test -p sluice-tests --test roles -- --ignored kept::write`. For a new format only: what is
/// there was written by the version that it is of.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes the fixtures of a new format"]
async fn write() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // What is there when it gets an object store is in its first snapshot.
    let mut hub = start(folder.path(), &data, None).await;
    configure(&hub).await;
    hub.kill().unwrap();
    let mut hub = start(folder.path(), &data, Some("1s")).await;
    fill(&hub).await;
    settled(&hub).await;
    hub.kill().unwrap();
    let mut hub = start(folder.path(), &data, Some("1h")).await;
    serves(&hub).await;
    push(&hub, &format!(r#"[{{"_id": "{LATE}", "name": "late"}}]"#)).await;
    has_late(&hub).await;
    let seen = settled(&hub).await;
    let format = hub.get("/format").await.unwrap()["format"].clone();
    // Killed: what was pushed last is in no checkpoint.
    hub.kill().unwrap();
    let to = fixtures().join(format!("format-{format}"));
    let _ = std::fs::remove_dir_all(&to);
    for part in ["datasets", "storage-node"] {
        let disk = to.join("disk").join(part);
        copy(&data.join(part), &disk);
        for entry in std::fs::read_dir(disk).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            // What says how it went, and nothing that is read.
            if name.starts_with("LOG") || name.starts_with("OPTIONS") || name.ends_with(".lock") {
                std::fs::remove_file(path).unwrap();
            }
        }
    }
    copy(&folder.path().join("objects"), &to.join("objects"));
    std::fs::write(to.join("seen.json"), format!("{seen:#}\n")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_every_version_kept_is_read_from_its_disk_and_from_its_object_store() {
    let mut count = 0;
    for entry in std::fs::read_dir(fixtures()).unwrap() {
        let kept = entry.unwrap().path();
        let format = kept.file_name().unwrap().to_str().unwrap();
        let format = format.strip_prefix("format-").unwrap().parse().unwrap();
        if Formats::RELEASE.check(format).is_err() {
            // It was the time of versions that this one cannot follow.
            continue;
        }
        let expected = std::fs::read(kept.join("seen.json")).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        let (from_disk, from_objects) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for folder in [&from_disk, &from_objects] {
            copy(&kept.join("objects"), &folder.path().join("objects"));
        }
        copy(&kept.join("disk"), &from_disk.path().join("data"));
        let read = async |folder: &Path| {
            let hub = start(folder, &folder.join("data"), Some("1s")).await;
            serves(&hub).await;
            has_late(&hub).await;
            settled(&hub).await
        };
        let (disk, objects) = tokio::join!(read(from_disk.path()), read(from_objects.path()));
        assert_eq!(disk, expected, "{}", kept.display());
        let (objects, expected) = (without_times(objects), without_times(expected));
        assert_eq!(objects, expected, "{}, its disk lost", kept.display());
        count += 1;
    }
    assert!(count > 0, "there are no fixtures");
}
