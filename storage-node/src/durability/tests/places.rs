//! Whose a place is, and places that fail.

use super::*;

fn folder_url(folder: &Path) -> String {
    format!("file://{}", folder.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_place_of_another_hub_is_refused_by_both_names() {
    let outside = Outside::new();
    outside.start().await.stop().await;
    let disk = tempfile::tempdir().unwrap();
    let settings = outside.settings(disk.path(), "away", 1);
    let refused = open(settings).await.err().unwrap();
    let text = refused.to_string();
    assert!(matches!(refused, OpenError::OtherHub { .. }), "{text}");
    assert!(
        text.contains("\"home\"") && text.contains("\"away\""),
        "{text}"
    );
    assert!(
        !disk.path().join("storage-node").exists(),
        "nothing was made"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_object_store_does_not_answer_nothing_changes_and_then_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("objects");
    let objects = Objects::open(&folder_url(&place), []).unwrap();
    let outside = Outside::with(objects);
    let hub = outside.start().await;
    hub.variable("v", 1).await.unwrap();
    let (away, revision) = (
        folder.path().join("away"),
        hub.node.watch().borrow().revision,
    );
    std::fs::rename(&place, &away).unwrap();
    std::fs::write(&place, "no folder").unwrap();
    let refused = hub.variable("v", 2).await.unwrap_err();
    assert_eq!(refused.code, sluice_protocol::Code::Unavailable);
    assert_eq!(refused.reason, "object-store");
    assert!(hub.secret("s", "hidden").await.is_err());
    assert_eq!(hub.variables()["v"], number(1));
    assert_eq!(hub.node.watch().borrow().revision, revision);
    let secrets = hub.node.secret_values().await.unwrap();
    assert!(secrets.global.is_empty());
    std::fs::remove_file(&place).unwrap();
    std::fs::rename(&away, &place).unwrap();
    hub.variable("w", 3).await.unwrap();
    let expected = BTreeMap::from([("v".to_owned(), number(1)), ("w".into(), number(3))]);
    assert_eq!(hub.variables(), expected);
    drop(hub.stop().await);
    let hub = outside.start().await;
    assert_eq!(hub.variables(), expected);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_was_there_before_is_in_the_place_before_anything_is_served() {
    let disk = tempfile::tempdir().unwrap();
    let alone = Node::open(&crate::Settings::new(disk.path())).unwrap();
    let hub = Running { disk, node: alone };
    hub.variable("v", 1).await.unwrap();
    let key = *hub.node.inner.store.hash_key();
    let disk = hub.stop().await;

    let outside = Outside::new();
    let own_key = std::fs::read(disk.path().join("keys/secrets.key")).unwrap();
    std::fs::write(outside.keys.path().join("secrets.key"), own_key).unwrap();
    let node = outside.open_at(disk.path()).await.unwrap();
    let hub = Running { disk, node };
    drop(hub.stop().await);
    let hub = outside.start().await;
    assert_eq!(hub.variables()["v"], number(1));
    assert_eq!(
        *hub.node.inner.store.hash_key(),
        key,
        "content hashes are the same again"
    );

    // What is changed without the object store is there when it is back.
    let disk = hub.stop().await;
    let without = crate::Settings {
        objects: None,
        ..outside.settings(disk.path(), "home", 1)
    };
    let hub = Running {
        node: open(without).await.unwrap(),
        disk,
    };
    hub.variable("v", 2).await.unwrap();
    let hub = hub.again(&outside).await;
    drop(hub.stop().await);
    let hub = outside.start().await;
    assert_eq!(hub.variables()["v"], number(2));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_larger_incarnation_counts_and_damage_is_named() {
    let outside = Outside::new();
    outside.start().await.stop().await;
    let disk = tempfile::tempdir().unwrap();
    let node = open(outside.settings(disk.path(), "home", 9))
        .await
        .unwrap();
    let hub = Running { disk, node };
    assert_eq!(hub.incarnation(), 9);
    let kept = crate::placement_records::read(&hub.node.store(), None).unwrap();
    assert_eq!(kept.counters.incarnation.number(), 9);
    assert!(kept.counters.is_filling);
    hub.variable("v", 1).await.unwrap();
    hub.stop().await;
    let next = outside.start().await;
    assert_eq!(next.incarnation(), 10);
    next.stop().await;

    let changes = outside.objects.list(CHANGES).await.unwrap();
    let name = format!("{CHANGES}/{}", changes.last().unwrap().name);
    let whole = outside.objects.get(&name).await.unwrap().unwrap();
    outside.objects.put(&name, whole.slice(1..)).await.unwrap();
    let empty: PathBuf = tempfile::tempdir().unwrap().keep();
    let refused = outside.open_at(&empty).await.err().unwrap();
    assert!(refused.to_string().contains(&name), "{refused}");
    std::fs::remove_dir_all(empty).unwrap();
}
