//! What is acknowledged is there after a crash; numbers are never given twice; reset keeps what it must.

use super::*;
use std::collections::BTreeSet;

/// Copies a folder as a crash would leave it: without closing anything.
fn crashed_copy(from: &Path) -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &to);
            } else {
                std::fs::copy(entry.path(), to).unwrap();
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    copy(from, folder.path());
    folder
}

#[tokio::test]
async fn everything_acknowledged_is_there_after_a_crash() {
    let hub = Hub::new();
    hub.upload("default", &[PIPE, SYSTEM]).await;
    hub.secrets(system_scope("crm"), &[("password", "own")], true)
        .await
        .unwrap();
    hub.node
        .put_variables(BTreeMap::from([("v".to_owned(), json("[1]"))]), true, "ann")
        .await
        .unwrap();
    let number = hub.node.dataset_number("people").await.unwrap();
    let folder = crashed_copy(hub.folder.path());
    let after = Hub {
        node: open(folder.path()).unwrap(),
        folder,
    };
    assert_eq!(after.components(), hub.components());
    assert_eq!(after.snapshot().revision, hub.snapshot().revision);
    assert_eq!(after.snapshot().variables, hub.snapshot().variables);
    assert_eq!(
        after
            .node
            .secret_values()
            .await
            .unwrap()
            .resolve(Some("crm"), "password"),
        Some("own")
    );
    assert_eq!(
        after
            .node
            .history(None, None, &ReadOptions::default())
            .await
            .unwrap()
            .len(),
        2
    );
    assert!(after.node.dataset_number("people").await.unwrap() > number);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_number_is_given_once() {
    let mut hub = Hub::new();
    let mut given = BTreeSet::new();
    for _ in 0..3 {
        let asked: Vec<_> = (0..10)
            .map(|_| {
                let node = hub.node.clone();
                tokio::spawn(async move { node.dataset_number("same").await })
            })
            .collect();
        for answer in asked {
            assert!(given.insert(answer.await.unwrap().unwrap()));
        }
        hub.node.reset().await.unwrap();
        hub = hub.reopen();
    }
    assert_eq!(given.len(), 30);
}

#[tokio::test]
async fn a_number_changes_nothing_that_is_watched() {
    let hub = Hub::new();
    let watching = hub.node.watch();
    hub.node.dataset_number("people").await.unwrap();
    assert!(!watching.has_changed().unwrap());
    hub.upload("default", &[PIPE]).await;
    assert_eq!(hub.reopen().components(), ["pipe/people@default"]);
}

#[tokio::test]
async fn a_reset_empties_everything_and_keeps_the_key() {
    let hub = Hub::new();
    hub.upload("default", &[PIPE, SYSTEM]).await;
    hub.secrets(SecretScope::Global, &[("a", "1")], true)
        .await
        .unwrap();
    hub.node
        .put_variables(BTreeMap::from([("v".to_owned(), Json::Null)]), true, "ann")
        .await
        .unwrap();
    let before = hub.snapshot().revision;
    let key = std::fs::read(hub.folder.path().join("keys/secrets.key")).unwrap();
    hub.node.reset().await.unwrap();
    let hub = hub.reopen();
    let all = hub.snapshot();
    assert!(all.components.is_empty() && all.variables.is_empty() && all.secret_names.is_empty());
    assert!(all.revision > before);
    assert!(
        hub.node
            .history(None, None, &ReadOptions::default())
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        std::fs::read(hub.folder.path().join("keys/secrets.key")).unwrap(),
        key
    );
    hub.upload("default", &[PIPE]).await;
    assert!(
        hub.node
            .history(None, None, &ReadOptions::default())
            .await
            .unwrap()[0]
            .offset
            >= 2,
        "offsets are not given again"
    );
}

#[tokio::test]
async fn a_second_hub_in_the_same_folder_is_refused() {
    let hub = Hub::new();
    let refused = open(hub.folder.path()).err().unwrap();
    assert!(
        matches!(
            refused,
            OpenError::Store {
                source: sluice_store::OpenError::Locked { .. },
                ..
            }
        ),
        "{refused}"
    );
}
