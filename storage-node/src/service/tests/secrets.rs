//! Secrets: sealed, named but never shown, dying with their system, refusing to start without their key.

use super::*;
use std::os::unix::fs::PermissionsExt;

const CANARY: &str = "canary-48151623";

#[tokio::test]
async fn secrets_survive_a_restart_and_only_their_names_are_seen() {
    let hub = Hub::new();
    hub.upload("default", &[SYSTEM]).await;
    hub.secrets(
        SecretScope::Global,
        &[("password", CANARY), ("other", "x")],
        true,
    )
    .await
    .unwrap();
    hub.secrets(system_scope("crm"), &[("password", "own")], true)
        .await
        .unwrap();
    let hub = hub.reopen();
    let all = hub.snapshot();
    assert_eq!(all.secret_names, ["other", "password"]);
    assert_eq!(all.system_secret_names["crm"], ["password"]);
    let values = hub.node.secret_values().await.unwrap();
    assert_eq!(values.resolve(Some("crm"), "password"), Some("own"));
    assert_eq!(values.resolve(Some("else"), "password"), Some(CANARY));
    assert!(!format!("{all:?}{values:?}").contains(CANARY));
}

#[tokio::test]
async fn a_secret_is_in_no_file_of_the_data_folder() {
    let hub = Hub::new();
    hub.secrets(SecretScope::Global, &[("password", CANARY)], true)
        .await
        .unwrap();
    hub.secrets(SecretScope::Global, &[("password", CANARY)], false)
        .await
        .unwrap();
    hub.node
        .delete_secret(SecretScope::Global, "password", "ann")
        .await
        .unwrap();
    let Hub { folder, node } = hub;
    drop(node);
    let mut folders = vec![folder.path().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let bytes = std::fs::read(&path).unwrap();
            assert!(
                !bytes
                    .windows(CANARY.len())
                    .any(|window| window == CANARY.as_bytes()),
                "{}",
                path.display()
            );
        }
    }
    assert!(files > 3);
}

#[tokio::test]
async fn secrets_are_replaced_added_and_deleted_within_their_scope() {
    let hub = Hub::new();
    hub.secrets(SecretScope::Global, &[("a", "1"), ("b", "2")], true)
        .await
        .unwrap();
    hub.secrets(SecretScope::Global, &[("b", "3")], false)
        .await
        .unwrap();
    let values = hub.node.secret_values().await.unwrap();
    assert_eq!(
        (values.resolve(None, "a"), values.resolve(None, "b")),
        (Some("1"), Some("3"))
    );
    hub.secrets(SecretScope::Global, &[("c", "4")], true)
        .await
        .unwrap();
    assert_eq!(hub.snapshot().secret_names, ["c"]);
    hub.node
        .delete_secret(SecretScope::Global, "c", "ann")
        .await
        .unwrap();
    let gone = hub
        .node
        .delete_secret(SecretScope::Global, "c", "ann")
        .await
        .unwrap_err();
    assert_eq!(gone.reason, "unknown-secret");
    let nobody = hub
        .secrets(system_scope("nobody"), &[("a", "1")], true)
        .await
        .unwrap_err();
    assert_eq!(nobody.reason, "unknown-system");
}

#[tokio::test]
async fn a_new_value_under_an_old_name_is_a_new_revision() {
    let hub = Hub::new();
    hub.secrets(SecretScope::Global, &[("a", "1")], true)
        .await
        .unwrap();
    let before = hub.snapshot().revision;
    hub.secrets(SecretScope::Global, &[("a", "2")], true)
        .await
        .unwrap();
    assert!(hub.snapshot().revision > before);
}

#[tokio::test]
async fn system_secrets_die_with_their_system_and_do_not_come_back_with_it() {
    let hub = Hub::new();
    hub.upload("default", &[SYSTEM]).await;
    hub.secrets(system_scope("crm"), &[("password", "own")], true)
        .await
        .unwrap();
    hub.upload("default", &[SYSTEM, PIPE]).await;
    assert_eq!(
        hub.snapshot().system_secret_names["crm"],
        ["password"],
        "an upload that keeps the system keeps them"
    );
    hub.upload("default", &[PIPE]).await;
    hub.upload("default", &[SYSTEM, PIPE]).await;
    assert!(hub.snapshot().system_secret_names.is_empty());
    hub.secrets(system_scope("crm"), &[("password", "own")], true)
        .await
        .unwrap();
    hub.node
        .delete_component(ComponentKind::System, "crm", "ann")
        .await
        .unwrap();
    let hub = hub.reopen();
    assert!(hub.node.secret_values().await.unwrap().systems.is_empty());
}

#[tokio::test]
async fn a_hub_with_secrets_refuses_to_start_without_their_key() {
    let hub = Hub::new();
    let key = hub.folder.path().join("keys/secrets.key");
    assert_eq!(
        std::fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    hub.secrets(SecretScope::Global, &[("a", "1")], true)
        .await
        .unwrap();
    let Hub { folder, node } = hub;
    drop(node);
    let moved = folder.path().join("elsewhere.key");
    std::fs::rename(&key, &moved).unwrap();
    let refused = open(folder.path()).err().unwrap();
    assert!(
        matches!(refused, OpenError::NoSecretsKey { count: 1, .. }),
        "{refused}"
    );
    assert!(!key.exists(), "no new key is made beside old secrets");

    let named = |file: &Path| Settings {
        secrets_key_file: Some(file.to_owned()),
        ..Settings::new(folder.path())
    };
    let node = Node::open(&named(&moved)).unwrap();
    assert_eq!(
        node.secret_values().await.unwrap().resolve(None, "a"),
        Some("1")
    );
    drop(node);

    let other = Hub::new();
    let wrong = Node::open(&named(&other.folder.path().join("keys/secrets.key")))
        .err()
        .unwrap();
    assert!(wrong.to_string().contains("another key"), "{wrong}");
    let missing = Node::open(&named(Path::new("/nowhere/key"))).err().unwrap();
    assert!(
        matches!(missing, OpenError::SecretsKeyFile { .. }),
        "{missing}"
    );
    std::fs::write(&moved, "bm8ga2V5").unwrap();
    assert!(
        Node::open(&named(&moved))
            .err()
            .unwrap()
            .to_string()
            .contains("6 bytes")
    );
}
