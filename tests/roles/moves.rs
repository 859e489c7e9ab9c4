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
        // The last one may still be on its way; how long that took is in the pause of writes.
        until_spread(&hub, &[0, 4]).await;
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

/// One entity of about a megabyte, which does not compress.
fn bulk(number: usize) -> Value {
    let mut state = number as u64 + 1;
    let letter = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + (state >> 59) as u8 % 26)
    };
    let text: String = (0..1 << 20).map(letter).collect();
    json!({"_id": format!("bulk {number}"), "text": text})
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pipe_has_moves_before_it_stops_and_writes_wait_for_the_rest() {
    // More of it with `SLUICE_MOVED_MEGABYTES=200`.
    let megabytes = std::env::var("SLUICE_MOVED_MEGABYTES");
    let megabytes: usize = megabytes.map_or(40, |text| text.parse().unwrap());
    let mut hub = Roles::start_with_objects(1, "4s", "1s").await.unwrap();
    hub.api.put("/config", &receivers()).await.unwrap();
    for number in 0..megabytes {
        let push = hub
            .api
            .request(reqwest::Method::POST, "/receivers/in0/entities");
        let answer = push.json(&json!([bulk(number)])).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    push_first(&hub).await;
    // The worker that joins is to get the big one: the others are elsewhere than it.
    hub.start_worker(1).await.unwrap();
    let stop = AtomicBool::new(false);
    let mut stopped = hub.workers[0].take().unwrap();
    let moving = async {
        until("both have pipes", || async {
            hub.pipes_per_worker()
                .await
                .is_ok_and(|pipes| pipes.iter().all(|count| *count > 0))
        })
        .await;
        // Wherever the big one is by now, it ends on the other worker.
        stopped.stop().await.unwrap();
        stop.store(true, Ordering::Relaxed);
    };
    let ((longest, acknowledged), ()) = tokio::join!(push_on(&hub, &stop), moving);
    let all = 40 + acknowledged + megabytes;
    check_whole(&hub, all).await;
    let log = hub.log("w1").unwrap();
    let ahead = log.lines().filter(|line| line.contains("has come ahead"));
    let ahead: Vec<&str> = ahead
        .filter(|line| line.contains("has_begun=true"))
        .collect();
    println!("{}", ahead.join("\n"));
    assert_eq!(
        ahead.len(),
        1,
        "the big pipe's files came before it stopped"
    );
    assert!(longest < Duration::from_secs(5), "{longest:?}");
}
