//! What large bodies and slow readers may cost the hub: a batch each, never the whole of it.

use crate::hub::{Hub, hub_with};
use reqwest::Method;
use serde_json::{Value, json};
use sluice_tests::child::client;

/// Bytes of text in each entity.
const PADDING: usize = 10_000;
const READERS: usize = 16;
/// What one stalled reader may hold: a batch, its printed form and the buffers of its connection (measured: a bit over 3 MiB,
/// the same with four times the data). Without a limit it would hold all that was pushed.
const PER_READER: u64 = 6 << 20;
/// What the hub's own caches may grow by meanwhile, however many read: the store's write buffer may be exchanged for a new one just then.
const CACHES: u64 = 64 << 20;
/// Any hub, with its caches and write buffers.
const HUB_LIMIT: u64 = 512 << 20;

async fn hub_with_receiver() -> Hub {
    hub_with(json!([{"_id": "in", "type": "pipe", "source": {"type": "http_endpoint"}}])).await
}

/// A line of the process's status, in bytes.
fn memory(hub: &Hub, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", hub.id())).unwrap();
    let found = status
        .lines()
        .find_map(|text| text.strip_prefix(line))
        .unwrap();
    found
        .trim_matches(|c: char| !c.is_ascii_digit())
        .parse::<u64>()
        .unwrap()
        << 10
}

/// An array of entities, made while it is sent.
fn body(entities: usize) -> reqwest::Body {
    let padding = "y".repeat(PADDING);
    let pieces = (0..entities).map(move |number| {
        let separator = if number == 0 { '[' } else { ',' };
        let end = if number + 1 == entities { "]" } else { "" };
        Ok::<_, std::io::Error>(format!(
            "{separator}{}{end}",
            json!({"_id": number.to_string(), "text": padding})
        ))
    });
    reqwest::Body::wrap_stream(futures::stream::iter(pieces))
}

/// Reads and writes, long enough for a reader without limit to have filled up meanwhile.
async fn serve_others(hub: &Hub) {
    for number in 0..100 {
        hub.post(
            "/receivers/in/entities",
            &json!([{"_id": "other", "number": number}]),
        )
        .await
        .unwrap();
        assert_eq!(
            hub.get("/datasets/in/entities?limit=10")
                .await
                .unwrap()
                .as_array()
                .unwrap()
                .len(),
            10
        );
    }
}

/// Megabytes of the long push; `SLUICE_PUSH_MEGABYTES` sets another number.
fn entities_of_a_long_push() -> usize {
    let megabytes = std::env::var("SLUICE_PUSH_MEGABYTES")
        .ok()
        .and_then(|text| text.parse().ok());
    megabytes.unwrap_or(48) * 1_000_000 / PADDING
}

#[tokio::test(flavor = "multi_thread")]
async fn long_bodies_and_readers_that_stop_reading_cost_a_batch() {
    let hub = hub_with_receiver().await;
    let entities = entities_of_a_long_push();
    let push = hub
        .request(Method::POST, "/receivers/in/entities")
        .timeout(std::time::Duration::from_secs(3600));
    let answer = push
        .header("content-type", "application/json")
        .body(body(entities))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    let runtime = hub.get("/datasets/in").await.unwrap()["runtime"].clone();
    assert_eq!(
        runtime["count-log-exists"], entities,
        "all of a body beyond 16 MiB is stored: {runtime}"
    );
    let peak = memory(&hub, "VmHWM:");
    assert!(
        peak < HUB_LIMIT,
        "a push of {} MB took {} MB",
        entities * PADDING / 1_000_000,
        peak >> 20
    );

    // A whole read and the same load without them first: what those cost once (caches, write buffers) is no reader's.
    let whole = hub
        .request(Method::GET, "/datasets/in/entities")
        .send()
        .await
        .unwrap();
    assert_eq!(whole.json::<Vec<Value>>().await.unwrap().len(), entities);
    serve_others(&hub).await;
    let before = memory(&hub, "VmRSS:");
    let ca = std::fs::read(hub.data().join("tls/ca.pem")).unwrap();
    let mut stalled = Vec::new();
    for _ in 0..READERS {
        // A connection each: they must not share one that all of them stop.
        let reader = client(&ca, &hub.token).unwrap();
        let mut answer = reader
            .get(format!("{}/api/datasets/in/entities", hub.url))
            .send()
            .await
            .unwrap();
        assert!(!answer.chunk().await.unwrap().unwrap().is_empty());
        stalled.push((reader, answer));
    }
    serve_others(&hub).await;
    let grown = memory(&hub, "VmRSS:").saturating_sub(before);
    println!("{READERS} stalled readers cost {} MB", grown >> 20);
    let allowed = READERS as u64 * PER_READER + CACHES;
    let unbounded = READERS * entities * PADDING;
    assert!(
        allowed < unbounded as u64 / 4,
        "readers that are held up by nothing would not be told apart"
    );
    assert!(
        grown < allowed,
        "{READERS} stalled readers cost {} MB",
        grown >> 20
    );
    // Who goes on reading gets the rest, complete and as it was when asked for.
    let (_reader, mut answer) = stalled.swap_remove(0);
    let mut rest = 0;
    while let Some(chunk) = answer.chunk().await.unwrap() {
        rest += chunk.len();
    }
    assert!(
        rest > (entities - 1_000) * PADDING,
        "a reader that paused got only {rest} bytes more"
    );
}
