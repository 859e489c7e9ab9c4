//! Pipes that are moved on purpose.

use super::until;
use serde_json::{Value, json};
use sluice_tests::roles::Roles;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn receivers() -> Value {
    let receiver = |n: usize| json!({"_id": format!("in{n}"), "type": "pipe", "source": {"type": "http_endpoint"}});
    (0..4).map(receiver).collect()
}

async fn push(hub: &Roles, pipe: usize, id: &str) -> bool {
    let path = format!("/receivers/in{pipe}/entities");
    let push = hub.api.request(reqwest::Method::POST, &path);
    let push = push
        .json(&json!([{"_id": id}]))
        .timeout(Duration::from_secs(20));
    let answer = push.send().await;
    answer.is_ok_and(|answer| answer.status() == 200)
}

async fn entities(hub: &Roles, pipe: usize) -> Option<Vec<(String, u64)>> {
    let path = format!("/datasets/in{pipe}/entities");
    let entities = hub.api.get(&path).await.ok()?;
    let entities = entities.as_array()?.iter();
    let entities = entities.map(|entity| {
        let id = entity["_id"].as_str().unwrap().to_owned();
        (id, entity["_updated"].as_u64().unwrap())
    });
    Some(entities.collect())
}

/// Pushes to all pipes in turn until stopped; how long the longest pause was, and how many pushes were acknowledged.
async fn push_on(hub: &Roles, stop: &AtomicBool) -> (Duration, usize) {
    let (mut last, mut longest, mut acknowledged) = (Instant::now(), Duration::ZERO, 0);
    while !stop.load(Ordering::Relaxed) {
        for pipe in 0..4 {
            let begun = Instant::now();
            while !push(hub, pipe, &format!("during {acknowledged}")).await {
                tokio::time::sleep(Duration::from_millis(20)).await;
                assert!(
                    begun.elapsed() < Duration::from_secs(30),
                    "in{pipe} is away"
                );
            }
            longest = longest.max(last.elapsed());
            last = Instant::now();
            acknowledged += 1;
        }
    }
    println!(
        "the longest pause of writes was {:.2} s",
        longest.as_secs_f64()
    );
    (longest, acknowledged)
}

async fn push_first(hub: &Roles) {
    for pipe in 0..4 {
        for number in 0..10 {
            assert!(push(hub, pipe, &format!("{number}")).await);
        }
    }
}

/// Everything is there once, and no offset is missing.
async fn check_whole(hub: &Roles, expected: usize) {
    let mut all = 0;
    for pipe in 0..4 {
        let there = entities(hub, pipe).await.unwrap();
        all += there.len();
        let offsets: Vec<u64> = there.iter().map(|(_, offset)| *offset).collect();
        let expected: Vec<u64> = (0..there.len() as u64).collect();
        assert_eq!(offsets, expected, "in{pipe} has no gap");
    }
    assert_eq!(all, expected);
}

async fn until_spread(hub: &Roles, expected: &[u64]) {
    until("each has its pipes", || async {
        hub.pipes_per_worker()
            .await
            .is_ok_and(|pipes| pipes == expected)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pipes_move_to_a_worker_that_joins_with_everything_and_without_a_gap() {
    let mut hub = Roles::start_with_objects(1, "4s", "1s").await.unwrap();
    hub.api.put("/config", &receivers()).await.unwrap();
    push_first(&hub).await;
    hub.start_worker(1).await.unwrap();
    let stop = AtomicBool::new(false);
    let moving = async {
        until_spread(&hub, &[2, 2]).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        stop.store(true, Ordering::Relaxed);
    };
    let ((longest, acknowledged), ()) = tokio::join!(push_on(&hub, &stop), moving);
    assert!(longest < Duration::from_secs(5), "{longest:?}");
    check_whole(&hub, 40 + acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_to_stop_hands_its_pipes_over_first() {
    // Longer than any pause may be: nobody waits for its end.
    let mut hub = Roles::start_with_objects(2, "10s", "1s").await.unwrap();
    hub.api.put("/config", &receivers()).await.unwrap();
    push_first(&hub).await;
    until_spread(&hub, &[2, 2]).await;
    let mut stopped = hub.workers[0].take().unwrap();
    let stop = AtomicBool::new(false);
    let stopping = async {
        let begun = Instant::now();
        stopped.stop().await.unwrap();
        println!(
            "the worker stopped after {:.2} s",
            begun.elapsed().as_secs_f64()
        );
        assert_eq!(hub.pipes_per_worker().await.unwrap(), [0, 4]);
        stop.store(true, Ordering::Relaxed);
    };
    let ((longest, acknowledged), ()) = tokio::join!(push_on(&hub, &stop), stopping);
    assert!(longest < Duration::from_secs(5), "{longest:?}");
    check_whole(&hub, 40 + acknowledged).await;

    // With its disk it is a worker like any other.
    hub.start_worker(0).await.unwrap();
    until_spread(&hub, &[2, 2]).await;
    check_whole(&hub, 40 + acknowledged).await;
    // The last one waits for nobody.
    drop(stopped);
    hub.workers[0].as_mut().unwrap().stop().await.unwrap();
    until_spread(&hub, &[0, 4]).await;
    let begun = Instant::now();
    hub.workers[1].as_mut().unwrap().stop().await.unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}
