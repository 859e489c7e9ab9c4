//! An API server that refuses what the operator writes: others go on, pauses grow, who leads is noticed, and writes through the API
//! are answered with the truth.

use crate::harness::{Fate, HUB, LEASE, Place, Within, Write, hub, pool, until};
use serde_json::json;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn one_resource_that_cannot_be_written_keeps_no_other_waiting_and_is_tried_less_and_less_often()
 {
    let place = Place::new("refused").await.unwrap();
    let (sent, mut tried) = tokio::sync::mpsc::unbounded_channel();
    // The pool's worker is refused in three ways by turns; whatever else there is gets through.
    let rule = move |write: &Write| {
        if !write.path.contains("/workers/main-") {
            return Fate::Forwarded;
        }
        let _ = sent.send(Instant::now());
        Fate::Answered([500, 409, 429][write.number % 3])
    };
    let operator = Within::start(&place, None, rule).await.unwrap();
    place.apply("datahubs", &hub(json!({}))).await.unwrap();
    place
        .apply("workerpools", &pool(1, "Retain"))
        .await
        .unwrap();
    // 1, 2, 4 and 8 seconds, half of each left to chance. What happens to the hub meanwhile is a try more, and no longer pause.
    let (mut pauses, mut last) = (Vec::new(), None);
    while pauses.iter().all(|pause| *pause < 4.0) {
        let waiting = tokio::time::timeout(LIMIT, tried.recv());
        let now = waiting.await.unwrap().unwrap();
        if let Some(last) = last.replace(now) {
            pauses.push((now - last).as_secs_f64());
        }
    }
    assert!(pauses[0] < 2.0, "it begins with short ones: {pauses:?}");
    assert!(
        pauses.len() < 20 && pauses.iter().all(|pause| *pause < 9.0),
        "{pauses:?}"
    );
    // The hub beside it was made meanwhile.
    assert_eq!(place.names("pods").await.unwrap(), ["home-storage-node-1"]);
    assert!(place.names("workers").await.unwrap().is_empty());
    // However often it was tried, one number was given.
    let pool = place.get("workerpools", "main").await.unwrap().unwrap();
    assert_eq!(pool["status"]["nextNumber"], 1);
    let counted = operator.metrics.encode();
    assert!(
        counted.contains(r#"sluice_operator_failing{kind="workerpool"} 1"#),
        "{counted}"
    );
    assert!(
        counted.contains(r#"sluice_operator_leading 1"#),
        "{counted}"
    );
    assert!(
        counted.contains(r#"verb="patch",status="500"}"#),
        "{counted}"
    );

    // Somebody changes it: that is no moment to wait. And a success begins anew.
    operator.proxy.set_rule(|_| Fate::Forwarded);
    let patch = json!({"metadata": {"annotations": {"looked": "at"}}});
    place.merge("workerpools", "main", patch).await.unwrap();
    until(
        "the pool has its worker",
        Duration::from_secs(10),
        || async {
            let workers = place.names("workers").await.unwrap();
            (workers.len() != 1).then(|| format!("{workers:?}"))
        },
    )
    .await
    .unwrap();
    until("nothing fails any more", LIMIT, || async {
        let counted = operator.metrics.encode();
        (!counted.contains(r#"sluice_operator_failing{kind="workerpool"} 0"#)).then_some(counted)
    })
    .await
    .unwrap();
    operator.stop().await.unwrap();
    place.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_whose_lease_is_not_renewed_writes_nothing_after_it_may_be_lost() {
    let place = Place::new("unled").await.unwrap();
    let mut operator = Within::start(&place, None, |_| Fate::Forwarded)
        .await
        .unwrap();
    place.apply("datahubs", &hub(json!({}))).await.unwrap();
    place
        .until_true("datahubs", HUB, "Accepted", LIMIT)
        .await
        .unwrap();
    operator.proxy.set_rule(|write| match write.is_of_lease() {
        true => Fate::Answered(500),
        false => Fate::Forwarded,
    });
    let begun = Instant::now();
    let how = operator.ended().await.unwrap();
    let took = begun.elapsed();
    assert!(
        matches!(how, Some(Err(sluice_operator::Error::LeaseLost))),
        "{how:?}"
    );
    assert!(took < LEASE, "{took:?}");
    let counted = operator.metrics.encode();
    assert!(counted.contains("sluice_operator_leading 0"), "{counted}");
    let before = operator.proxy.writes().len();
    // Whoever leads next does what it would have done.
    let patch = json!({"spec": {"log": "debug"}});
    place.merge("datahubs", HUB, patch).await.unwrap();
    let next = Within::start(&place, None, |_| Fate::Forwarded)
        .await
        .unwrap();
    until("the storage node's pod is another one", LIMIT, || async {
        let pod = place.get("pods", "home-storage-node-1").await.unwrap();
        let pod = pod.map(|pod| pod["spec"]["containers"][0]["args"].to_string());
        let pod = pod.unwrap_or_default();
        (!pod.contains("--log=debug")).then_some(pod)
    })
    .await
    .unwrap();
    assert_eq!(operator.proxy.writes().len(), before);
    // A new one finds the lease refused, and waits for it.
    next.stop().await.unwrap();
    let refuses = |write: &Write| match write.is_of_lease() {
        true => Fate::Answered(429),
        false => Fate::Forwarded,
    };
    let waiting = Within::start(&place, None, refuses).await.unwrap();
    until("it has tried twice", LIMIT, || async {
        let tries = waiting.proxy.writes().len();
        (tries < 2).then(|| tries.to_string())
    })
    .await
    .unwrap();
    waiting.proxy.set_rule(|_| Fate::Forwarded);
    until("it leads", LIMIT, || async {
        let counted = waiting.metrics.encode();
        (!counted.contains("sluice_operator_leading 1")).then_some(counted)
    })
    .await
    .unwrap();
    waiting.stop().await.unwrap();
    place.end().await.unwrap();
}
