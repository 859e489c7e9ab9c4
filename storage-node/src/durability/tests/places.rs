//! Whose a place is, and places that fail.

use super::*;

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
    let (folder, outside) = in_folder();
    let hub = outside.start().await;
    hub.variable("v", 1).await.unwrap();
    let revision = hub.node.watch().borrow().revision;
    take_away(folder.path());
    let refused = hub.variable("v", 2).await.unwrap_err();
    assert_eq!(refused.code, sluice_protocol::Code::Unavailable);
    assert_eq!(refused.reason, "object-store");
    assert!(refused.message.contains("is not known"), "{refused}");
    assert!(hub.secret("s", "hidden").await.is_err());
    assert_eq!(hub.variables()["v"], number(1));
    assert_eq!(hub.node.watch().borrow().revision, revision);
    let secrets = hub.node.secret_values().await.unwrap();
    assert!(secrets.global.is_empty());
    put_back(folder.path());
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
async fn changes_made_without_the_place_are_there_also_when_the_first_snapshot_of_them_fails() {
    let (folder, outside) = in_folder();
    let hub = outside.start().await;
    hub.variable("v", 1).await.unwrap();
    let log = hub.node.inner.log.clone().unwrap();
    log.snapshot(&hub.node.store()).await.unwrap();
    drop(log);
    let disk = hub.stop().await;
    let without = crate::Settings {
        objects: None,
        ..outside.settings(disk.path(), "home", 1)
    };
    let node = open(without).await.unwrap();
    let hub = Running { disk, node };
    hub.variable("v", 2).await.unwrap();
    let disk = hub.stop().await;

    let files = folder.path().join("objects/storage-node/files");
    let away = folder.path().join("away");
    std::fs::rename(&files, &away).unwrap();
    std::fs::write(&files, "no folder").unwrap();
    let refused = outside.open_at(disk.path()).await.err().unwrap();
    assert!(matches!(refused, OpenError::Objects { .. }), "{refused}");
    std::fs::remove_file(&files).unwrap();
    std::fs::rename(&away, &files).unwrap();

    let node = outside.open_at(disk.path()).await.unwrap();
    let hub = Running { disk, node };
    hub.variable("w", 3).await.unwrap();
    let expected = hub.variables();
    assert_eq!(expected["v"], number(2));
    let snapshots = async || {
        outside
            .objects
            .list("storage-node/snapshots")
            .await
            .unwrap()
    };
    let before = snapshots().await;
    let hub = hub.again(&outside).await;
    assert_eq!(snapshots().await, before, "one was enough");
    drop(hub.stop().await);
    let hub = outside.start().await;
    assert_eq!(hub.variables(), expected);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_was_told_of_does_not_come_after_what_was_changed_without_the_place() {
    let outside = Outside::new();
    let hub = outside.start().await;
    hub.variable("v", 1).await.unwrap();
    let late = hub.unanswered();
    let next = outside.changes().await as u64 + 1;
    let name = super::change(next);
    outside.objects.put(&name, late).await.unwrap();
    let disk = hub.stop().await;
    let without = crate::Settings {
        objects: None,
        ..outside.settings(disk.path(), "home", 1)
    };
    let node = open(without).await.unwrap();
    let hub = Running { disk, node };
    hub.variable("v", 2).await.unwrap();
    let hub = hub.again(&outside).await;
    assert_eq!(hub.variables()["v"], number(2));
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
