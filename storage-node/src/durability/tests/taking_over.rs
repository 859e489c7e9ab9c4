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
    let log = hub.node.inner.log.clone().unwrap();
    let mut late = Object::new(Kind::Changes, &log.writer);
    late.steps
        .put(crate::difference::Kind::Variable, "v", "666");
    let next = outside.changes().await as u64 + 1;
    outside
        .objects
        .put(&super::change(next), late.write())
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
        .put(&super::change(next + 1), last.write())
        .await
        .unwrap();
    let hub = hub.again(&outside).await;
    assert_eq!(hub.variables()["v"], number(3));
    hub.variable("v", 4).await.unwrap();
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
