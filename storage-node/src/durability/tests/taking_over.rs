//! Changes of unknown outcome, and two storage nodes at once.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_storage_nodes_only_the_later_one_changes_anything() {
    let outside = Outside::new();
    let old = outside.start().await;
    old.variable("v", 1).await.unwrap();
    // The old one does not hear of it: it was frozen, say.
    let new = outside.start().await;
    assert!(new.incarnation() > old.incarnation());
    assert_eq!(new.variables(), old.variables());
    new.variable("v", 2).await.unwrap();

    let refused = old.variable("v", 3).await.unwrap_err();
    assert_eq!(refused.reason, "superseded");
    assert_eq!(refused.code, sluice_protocol::Code::Unavailable);
    assert_eq!(old.variables()["v"], number(1), "it was not seen either");
    let problem = old.node.problem().unwrap();
    assert!(problem.contains("taken over"), "{problem}");
    let by = *old
        .node
        .inner
        .log
        .as_ref()
        .unwrap()
        .watch_replaced()
        .borrow();
    assert_eq!(by.map(Incarnation::number), Some(new.incarnation()));
    assert!(old.secret("s", "x").await.is_err());

    new.variable("w", 4).await.unwrap();
    assert_eq!(new.variables()["v"], number(2));
    // Its disk is not the newest any more, also after a start.
    let disk = old.stop().await;
    let refused = outside.open_at(disk.path()).await.err().unwrap();
    assert!(matches!(refused, OpenError::NotNewest { .. }), "{refused}");
    assert!(refused.to_string().contains("empty disk"), "{refused}");
    new.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_given_up_and_arrives_all_the_same_does_not_count() {
    let outside = Outside::new();
    let hub = outside.start().await;
    hub.variable("v", 1).await.unwrap();
    // As if the answer had been lost and the object had arrived late: under the next number, by this very storage node.
    let late = hub.unanswered();
    let next = outside.changes().await as u64 + 1;
    outside
        .objects
        .put(&super::change(next), late)
        .await
        .unwrap();
    hub.variable("w", 2).await.unwrap();
    let expected = BTreeMap::from([("v".to_owned(), number(1)), ("w".into(), number(2))]);
    let hub = hub.again(&outside).await;
    assert_eq!(hub.variables(), expected);
    drop(hub.stop().await);
    let hub = outside.start().await;
    assert_eq!(hub.variables(), expected);

    // Without a word after it, it counts: nobody knows whether it was acknowledged.
    let log = hub.node.inner.log.clone().unwrap();
    let mut last = Object::new(Kind::Changes, &log.writer);
    last.steps.put(crate::difference::Kind::Variable, "v", "3");
    let next = outside.objects.list(CHANGES).await.unwrap();
    let next: u64 = next.last().unwrap().name.parse().unwrap();
    outside
        .objects
        .put(&super::change(next + 1), last.write(1))
        .await
        .unwrap();
    let hub = hub.again(&outside).await;
    assert_eq!(hub.variables()["v"], number(3));
    hub.variable("v", 4).await.unwrap();
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_refused_and_arrived_is_void_without_another_change() {
    let (folder, outside) = in_folder();
    let hub = outside.start().await;
    hub.variable("v", 1).await.unwrap();
    let next = outside.changes().await as u64 + 1;
    let away = take_away(folder.path());
    assert!(hub.variable("v", 666).await.is_err());
    let late = hub.unanswered();
    std::fs::write(away.join(super::change(next)), late).unwrap();
    put_back(folder.path());
    let settled = async {
        while outside.changes().await as u64 == next {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let settled = tokio::time::timeout(Duration::from_secs(20), settled).await;
    settled.expect("the change that arrived is declared void");
    drop(hub.stop().await);
    let hub = outside.start().await;
    assert_eq!(hub.variables()["v"], number(1));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_nothing_fails_with_the_change_that_it_rests_on() {
    let (folder, outside) = in_folder();
    let hub = outside.start().await;
    let turn = hub.node.inner.pending.turn.lock().await;
    let node = hub.node.clone();
    let variables = BTreeMap::from([("v".to_owned(), number(1))]);
    let first = variables.clone();
    let first = tokio::spawn(async move { node.put_variables(first, false, "ann").await });
    let decided = || hub.node.inner.pending.newest().contents.variables.len();
    while decided() == 0 {
        tokio::task::yield_now().await;
    }
    // The second one finds that nothing changes, and the first one fails before it is answered.
    let (looked, has_looked) = tokio::sync::oneshot::channel();
    let (go_on, goes_on) = std::sync::mpsc::channel::<()>();
    let inner = hub.node.inner.clone();
    let second = tokio::spawn(async move {
        let changing = inner.change(move |change| {
            let same = change.edit("bob", |contents| {
                contents.variables.extend(variables);
                Ok(())
            });
            looked.send(()).unwrap();
            goes_on.recv().unwrap();
            same
        });
        changing.await
    });
    has_looked.await.unwrap();
    take_away(folder.path());
    drop(turn);
    let refused = first.await.unwrap().unwrap_err();
    assert_eq!(refused.reason, "object-store");
    go_on.send(()).unwrap();
    let refused = second.await.unwrap().unwrap_err();
    assert_eq!(refused.reason, "object-store");
    assert!(hub.variables().is_empty());
    put_back(folder.path());
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_fails_before_it_is_decided_to_the_end_is_refused() {
    let (folder, outside) = in_folder();
    let hub = outside.start().await;
    take_away(folder.path());
    let inner = hub.node.inner.clone();
    let changing = inner.change(|change| {
        let edited = change.edit("ann", |contents| {
            contents.variables.insert("v".to_owned(), number(1));
            Ok(())
        });
        while !change.inner.pending.newest().contents.variables.is_empty() {
            std::thread::yield_now();
        }
        edited
    });
    assert_eq!(changing.await.unwrap_err().reason, "object-store");
    drop(inner);
    put_back(folder.path());
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_together_stays_as_small_as_what_can_be_read_again() {
    let outside = Outside::new();
    let hub = outside.start().await;
    let turn = hub.node.inner.pending.turn.lock().await;
    let put = |name: &str, bytes: usize| {
        let (node, name) = (hub.node.clone(), name.to_owned());
        tokio::spawn(async move {
            let variables = BTreeMap::from([(name, Json::from("x".repeat(bytes).as_str()))]);
            node.put_variables(variables, false, "ann").await
        })
    };
    let large = put("large", 20 << 20);
    let decided = || hub.node.inner.pending.newest().contents.variables.len();
    while decided() == 0 {
        tokio::task::yield_now().await;
    }
    let (told, refused) = tokio::sync::oneshot::channel();
    let inner = hub.node.inner.clone();
    let small = tokio::spawn(async move {
        let changing = inner.change(|change| {
            let edited = change.edit("bob", |contents| {
                contents.variables.insert("small".to_owned(), number(1));
                Ok(())
            });
            let _ = told.send(edited.is_err());
            edited
        });
        changing.await
    });
    assert!(refused.await.unwrap());
    drop(turn);
    large.await.unwrap().unwrap();
    let refused = small.await.unwrap().unwrap_err();
    assert_eq!(refused.code, sluice_protocol::Code::Unavailable);
    assert_eq!(refused.reason, "configuration-busy");
    put("small", 1).await.unwrap().unwrap();
    assert_eq!(hub.variables().len(), 2);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_wait_together_share_an_object() {
    let outside = Outside::new();
    let hub = outside.start().await;
    let before = outside.changes().await;
    let turn = hub.node.inner.pending.turn.lock().await;
    let asked: Vec<_> = (0..20)
        .map(|n| {
            let node = hub.node.clone();
            tokio::spawn(async move {
                let variables = BTreeMap::from([(format!("v{n}"), number(n))]);
                node.put_variables(variables, false, "ann").await
            })
        })
        .collect();
    let decided = || hub.node.inner.pending.newest().contents.variables.len();
    while decided() < 20 {
        tokio::task::yield_now().await;
    }
    assert!(
        hub.variables().is_empty(),
        "nothing is seen before it is durable"
    );
    drop(turn);
    for asked in asked {
        asked.await.unwrap().unwrap();
    }
    assert_eq!(hub.variables().len(), 20);
    assert_eq!(outside.changes().await, before + 1);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_datasets_ask_the_object_store_once_in_a_thousand() {
    let outside = Outside::new();
    let hub = outside.start().await;
    let before = outside.changes().await;
    let mut last = 0;
    for _ in 0..200 {
        last = hub.node.dataset_number("d").await.unwrap();
    }
    assert_eq!(outside.changes().await, before + 1);
    drop(hub.stop().await);
    let hub = outside.start().await;
    assert!(hub.node.dataset_number("d").await.unwrap() > last);
    hub.stop().await;
}
