//! Writes through the API that the API server does not take: they are answered with what became of them, and others go on.

use super::storage::Storage;
use super::{LIMIT, embedded, pipe};
use crate::harness::{Fate, Place, Proxy, Write, hub, until};
use kube::{Client, Config};
use serde_json::json;
use sluice_operator::configuration::{Hub, keep};
use sluice_protocol::{Code, ComponentKind, WriteAnswer};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// An operator's loop whose requests go through a proxy.
struct World {
    place: Place,
    storage: Arc<Storage>,
    proxy: Proxy,
    keeping: JoinHandle<()>,
}

impl World {
    async fn new(rule: impl FnMut(&Write) -> Fate + Send + 'static) -> World {
        let place = Place::new("refusals").await.unwrap();
        place.apply("datahubs", &hub(json!({}))).await.unwrap();
        let proxy = Proxy::start(place.as_operator.clone(), rule).await.unwrap();
        let mut config = Config::new(proxy.url.parse().unwrap());
        config.default_retry = false;
        let kept = Hub {
            client: Client::try_from(config).unwrap(),
            namespace: place.name.clone(),
            name: crate::harness::HUB.to_owned(),
            metrics: Default::default(),
        };
        let storage = Storage::new();
        let link = storage.link();
        let keeping = tokio::spawn(async move { keep(kept, link).await.unwrap() });
        World {
            place,
            storage,
            proxy,
            keeping,
        }
    }

    /// A user of kubectl makes a pipe; how long it took to be in use.
    async fn kubectl(&self, name: &str) -> Duration {
        let begun = Instant::now();
        let config = json!({"source": {"type": "empty"}});
        let object = crate::harness::pipe(name, config);
        self.place.apply("pipes", &object).await.unwrap();
        let ready = self.place.until_true("pipes", name, "Ready", LIMIT);
        ready.await.unwrap();
        begun.elapsed()
    }

    async fn end(self) {
        self.keeping.abort();
        self.place.end().await.unwrap();
    }
}

fn is_for(write: &Write, name: &str) -> bool {
    write.path.contains(&format!("/pipes/{name}?"))
}

fn three() -> Vec<sluice_protocol::WantedComponent> {
    ["a", "b", "c"].map(|id| pipe(&embedded(id, "1"))).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_for_a_while_is_tried_again_and_done() {
    let mut refused = 0;
    let world = World::new(move |write| {
        if is_for(write, "b") && refused < 3 {
            refused += 1;
            return Fate::Answered([500, 429, 409][refused % 3]);
        }
        Fate::Forwarded
    })
    .await;
    let applied = world.storage.write(three(), Vec::new(), true).await;
    assert!(matches!(applied, WriteAnswer::Applied), "{applied:?}");
    assert_eq!(world.place.names("pipes").await.unwrap(), ["a", "b", "c"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_goes_on_failing_is_answered_within_a_minute_while_others_go_on() {
    let world = World::new(|write| match is_for(write, "b") {
        true => Fate::Answered(500),
        false => Fate::Forwarded,
    })
    .await;
    let begun = Instant::now();
    let storage = world.storage.clone();
    let writing = tokio::spawn(async move { storage.write(three(), Vec::new(), true).await });
    until("it fails", LIMIT, || async {
        let refused = world.proxy.writes();
        let refused = refused.iter().any(|(_, fate)| *fate == Fate::Answered(500));
        (!refused).then(String::new)
    })
    .await
    .unwrap();
    let other = world.kubectl("other").await;
    assert!(other < Duration::from_secs(10), "{other:?}");
    let answer = writing.await.unwrap();
    let took = begun.elapsed();
    let WriteAnswer::Refused(refused) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(refused.code, Code::Unavailable, "{refused}");
    let message = &refused.message;
    assert!(
        message.contains("\"b\"") && message.contains("nothing was changed"),
        "{message}"
    );
    assert!(took < Duration::from_secs(60), "{took:?}");
    assert_eq!(world.place.names("pipes").await.unwrap(), ["other"]);
    let tries = world.proxy.writes();
    let tries = tries.iter().filter(|(write, _)| is_for(write, "b")).count();
    assert!((3..20).contains(&tries), "{tries} tries in {took:?}");
    // The next one has its turn.
    let put = vec![pipe(&embedded("a", "2"))];
    let applied = world.storage.write(put, Vec::new(), false).await;
    assert!(matches!(applied, WriteAnswer::Applied), "{applied:?}");
    world.end().await;
}

// More threads than requests at a time: one of them waits for another user, the others for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_conflict_that_comes_after_the_dry_run_is_answered_with_what_was_written() {
    let world = World::new(|_| Fate::Forwarded).await;
    let (place, mut is_first) = (world.place.clone(), true);
    world.proxy.set_rule(move |write| {
        let is_put = write.path.contains("/pipes/") && !write.path.contains("/status");
        if is_put && !write.is_dry() && std::mem::take(&mut is_first) {
            // Between the two somebody else has made one of them.
            let theirs = crate::harness::pipe("b", json!({"source": {"type": "empty"}}));
            let applying = place.apply("pipes", &theirs);
            let runtime = tokio::runtime::Handle::current();
            tokio::task::block_in_place(|| runtime.block_on(applying)).unwrap();
        }
        Fate::Forwarded
    });
    let answer = world.storage.write(three(), Vec::new(), true).await;
    let WriteAnswer::Refused(refused) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(refused.code, Code::Conflict, "{refused}");
    assert!(refused.message.contains("\"kubectl\""), "{refused}");
    let written = refused.members.iter().find(|(name, _)| name == "written");
    let written = written.map(|(_, ids)| ids.to_string()).unwrap_or_default();
    // What was said to be written is there, and in use.
    let mut there = Vec::new();
    for id in ["a", "c"] {
        if world.place.get("pipes", id).await.unwrap().is_some() {
            there.push(id);
            let ready = world.place.until_true("pipes", id, "Ready", LIMIT);
            ready.await.unwrap();
            assert!(world.storage.original(ComponentKind::Pipe, id).is_some());
        }
    }
    assert!(
        !there.is_empty() && written == json!(there).to_string(),
        "{written} of {there:?}"
    );
    let theirs = world.place.get("pipes", "b").await.unwrap().unwrap();
    assert_eq!(theirs["spec"]["config"]["source"]["type"], "empty");
    world.end().await;
}
