//! Hubs that are upgraded to the next version, taken back, upgraded again and finalized, while a client reads and writes all the
//! time. The next version is this one, told to read one format more.

use super::until;
use serde_json::{Value, json};
use sluice_tests::child::{Child, NEXT_VERSION, run};
use sluice_tests::roles::Roles;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const PIPES: usize = 3;

fn receivers() -> Value {
    let receiver = |n: usize| json!({"_id": format!("in{n}"), "type": "pipe", "source": {"type": "http_endpoint"}});
    (0..PIPES).map(receiver).collect()
}

/// Reads and writes by itself, whoever is away.
#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    url: String,
}

/// What it saw.
#[derive(Default)]
struct Seen {
    acknowledged: Vec<(usize, String)>,
    reads: usize,
    /// Read after they were acknowledged, and not there.
    missing: Vec<(usize, String)>,
}

impl Client {
    fn of(hub: &Child) -> Self {
        Client {
            http: hub.client.clone(),
            url: hub.url.clone(),
        }
    }

    async fn push(&self, pipe: usize, id: &str) -> bool {
        let path = format!("{}/api/receivers/in{pipe}/entities", self.url);
        let push = self.http.post(path).json(&json!([{"_id": id}]));
        let answer = push.timeout(Duration::from_secs(20)).send().await;
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    async fn ids(&self, pipe: usize) -> Option<BTreeSet<String>> {
        let path = format!("{}/api/datasets/in{pipe}/entities", self.url);
        let read = self.http.get(path).timeout(Duration::from_secs(20));
        let answer = read.send().await.ok()?;
        if answer.status() != 200 {
            return None;
        }
        // The end of the array may be cut off with its worker.
        let entities: Value = answer.json().await.ok()?;
        let ids = entities.as_array()?.iter();
        Some(
            ids.map(|entity| entity["_id"].as_str().unwrap().to_owned())
                .collect(),
        )
    }

    async fn work(self, stop: Arc<AtomicBool>) -> Seen {
        let mut seen = Seen::default();
        let mut number = 0;
        while !stop.load(Ordering::Relaxed) {
            let (pipe, id) = (number % PIPES, format!("{number}"));
            number += 1;
            if self.push(pipe, &id).await {
                seen.acknowledged.push((pipe, id));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            if number.is_multiple_of(10) {
                let pipe = (number / 10) % PIPES;
                seen.check(pipe, self.ids(pipe).await);
            }
        }
        seen
    }
}

impl Seen {
    fn check(&mut self, pipe: usize, there: Option<BTreeSet<String>>) {
        let Some(there) = there else { return };
        self.reads += 1;
        let own = self.acknowledged.iter();
        let missing = own.filter(|(to, id)| *to == pipe && !there.contains(id));
        self.missing.extend(missing.cloned());
    }
}

/// Every file below a folder with its content.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut open, mut found) = (vec![folder.to_owned()], BTreeMap::new());
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => {
                    drop(found.insert(path.display().to_string(), std::fs::read(&path).unwrap()))
                }
            }
        }
    }
    found
}

/// What objects say their format is, the newest of each folder.
fn newest_formats(hub: &Roles) -> BTreeMap<String, u64> {
    let mut newest: BTreeMap<String, String> = BTreeMap::new();
    for path in hub.objects().unwrap() {
        let path = path.display().to_string();
        let is_told = ["/manifests/", "/pushes/", "/changes/", "/snapshots/"]
            .iter()
            .any(|folder| path.contains(folder));
        let (folder, name) = path.rsplit_once('/').unwrap();
        let known = newest.entry(folder.to_owned()).or_default();
        if is_told && known.as_str() < name {
            name.clone_into(known);
        }
    }
    let formats = newest
        .into_iter()
        .filter(|(_, name)| !name.is_empty())
        .filter_map(|(folder, name)| {
            // What is not needed any more may go meanwhile.
            let bytes = std::fs::read(format!("{folder}/{name}")).ok()?;
            let format = match folder.ends_with("/manifests") {
                true => serde_json::from_slice::<Value>(&bytes).ok()?["format"].as_u64()?,
                false => u64::from(*bytes.first()?),
            };
            Some((folder, format))
        });
    formats.collect()
}

/// One role after the other.
async fn replace_all(hub: &mut Roles, is_next: bool) {
    hub.is_next = is_next;
    replace_storage_node(hub).await;
    for number in 0..hub.workers.len() {
        replace_worker(hub, number).await;
    }
    hub.restart_api().await.unwrap();
    let newest = if is_next { 2 } else { 1 };
    let hub = &*hub;
    until("everybody is of this version", || async {
        let Ok(found) = hub.api.get("/format").await else {
            return false;
        };
        let workers = found["workers"].as_object().unwrap();
        assert_eq!(found["format"], 1, "{found}");
        found["reads"]["newest"] == newest
            && workers.len() == hub.workers.len()
            && workers
                .values()
                .all(|worker| worker["reads"]["newest"] == newest && worker["is-present"] == true)
    })
    .await;
}

async fn replace_storage_node(hub: &mut Roles) {
    hub.storage_node.as_mut().unwrap().stop().await.unwrap();
    hub.start_storage_node().await.unwrap();
}

async fn replace_worker(hub: &mut Roles, number: usize) {
    hub.workers[number].as_mut().unwrap().stop().await.unwrap();
    hub.start_worker(number).await.unwrap();
    serves(hub).await;
}

/// Every pipe is somewhere.
async fn serves(hub: &Roles) {
    let client = Client::of(&hub.api);
    for pipe in 0..PIPES {
        until("the pipe answers", || async {
            client.ids(pipe).await.is_some()
        })
        .await;
    }
}

async fn finalize(hub: &Child) -> (u16, Value) {
    let request = hub.request(reqwest::Method::POST, "/format/finalize");
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_goes_to_the_next_version_and_back_and_after_it_is_finalized_the_earlier_one_refuses()
{
    let mut hub = Roles::start_with_objects(2, "3s", "1s").await.unwrap();
    hub.api.put("/config", &receivers()).await.unwrap();
    serves(&hub).await;
    let stop = Arc::new(AtomicBool::new(false));
    let client = Client::of(&hub.api);
    let working = tokio::spawn(client.clone().work(stop.clone()));

    for is_next in [true, false, true] {
        replace_all(&mut hub, is_next).await;
        let formats = newest_formats(&hub);
        assert!(formats.len() > PIPES, "{formats:?}");
        assert!(formats.values().all(|format| *format == 1), "{formats:?}");
    }
    // One that went back keeps it from being finalized.
    hub.is_next = false;
    replace_worker(&mut hub, 1).await;
    let (status, refused) = finalize(&hub.api).await;
    assert_eq!(
        (status, &refused["code"]),
        (409, &json!("not-all-upgraded")),
        "{refused}"
    );
    assert!(refused.to_string().contains("w1 (format 1)"), "{refused}");
    hub.is_next = true;
    replace_worker(&mut hub, 1).await;
    let (status, done) = finalize(&hub.api).await;
    assert_eq!((status, &done["format"]), (200, &json!(2)), "{done}");
    assert_eq!(finalize(&hub.api).await.1["format"], 2, "again");
    {
        let hub = &hub;
        until("everything is written in the next format", || async {
            let formats = newest_formats(hub);
            formats.len() > PIPES && formats.values().all(|format| *format == 2)
        })
        .await;
    }
    stop.store(true, Ordering::Relaxed);
    let seen = working.await.unwrap();
    assert_eq!(seen.missing, [], "what was acknowledged is read");
    assert!(
        seen.acknowledged.len() > 50 && seen.reads > 5,
        "{} {}",
        seen.acknowledged.len(),
        seen.reads
    );
    println!(
        "{} pushes acknowledged, {} reads",
        seen.acknowledged.len(),
        seen.reads
    );

    the_earlier_version_refuses(&mut hub).await;
    hub.is_next = true;
    hub.start_storage_node().await.unwrap();
    hub.start_worker(0).await.unwrap();
    serves(&hub).await;
    for pipe in 0..PIPES {
        let there = client.ids(pipe).await.unwrap();
        let own = seen.acknowledged.iter().filter(|(to, _)| *to == pipe);
        let missing: Vec<_> = own.filter(|(_, id)| !there.contains(id)).collect();
        assert_eq!(missing, Vec::<&(usize, String)>::new());
    }
    assert_eq!(hub.api.get("/format").await.unwrap()["format"], 2);
}

/// On every disk, in the place, and in the hub; and everything stays as it is. The storage node and the first worker are away then.
async fn the_earlier_version_refuses(hub: &mut Roles) {
    hub.is_next = false;
    // A new worker, which has a disk of its own.
    hub.add_worker().await.unwrap();
    {
        let hub = &*hub;
        until("it is refused", || async {
            hub.log("w2")
                .unwrap()
                .contains("this hub is finalized in format 2")
        })
        .await;
        assert_eq!(hub.pipes_per_worker().await.unwrap()[2], 0);
    }
    hub.workers[2].as_mut().unwrap().stop().await.unwrap();
    hub.workers.pop();

    hub.workers[0].as_mut().unwrap().stop().await.unwrap();
    hub.workers[0] = None;
    let disk = hub.data("w0").join("datasets");
    let before = contents(&disk);
    refused(hub.start_worker(0).await);
    assert_eq!(contents(&disk), before, "the worker's disk stays as it is");

    hub.storage_node.as_mut().unwrap().stop().await.unwrap();
    hub.storage_node = None;
    let disk = hub.data("s0").join("storage-node");
    let (before, place) = (contents(&disk), hub.data("objects").join("storage-node"));
    let there = contents(&place);
    refused(hub.start_storage_node().await);
    assert_eq!(
        contents(&disk),
        before,
        "the storage node's disk stays as it is"
    );
    // A lost disk does not help it, and the place does not forget.
    hub.lose_storage_node_disk().unwrap();
    refused(hub.start_storage_node().await);
    assert_eq!(contents(&place), there, "the object store stays as it is");
    hub.lose_storage_node_disk().unwrap();
}

fn refused<T>(started: anyhow::Result<T>) {
    let Err(error) = started else {
        panic!("it started")
    };
    let error = format!("{error:#}");
    let last = error.lines().last().unwrap();
    assert!(last.contains("in format 2"), "{error}");
    assert!(
        last.contains("or a later one") || last.contains("a later version"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_in_one_process_is_finalized_on_request_and_then_marked() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let client = |hub: &Child| Client::of(hub);
    let mut hub = Child::start(&data).await.unwrap();
    hub.put("/config", &receivers()).await.unwrap();
    assert!(client(&hub).push(0, "this").await);
    assert_eq!(
        finalize(&hub).await.1["format"],
        1,
        "there is nothing later"
    );
    hub.kill().unwrap();

    let mut hub = Child::start_with(&data, &[NEXT_VERSION]).await.unwrap();
    assert!(client(&hub).push(0, "next").await);
    hub.kill().unwrap();
    let mut hub = Child::start(&data).await.unwrap();
    assert!(client(&hub).push(0, "back").await);
    hub.kill().unwrap();

    let mut hub = Child::start_with(&data, &[NEXT_VERSION]).await.unwrap();
    let before = hub.get("/format").await.unwrap();
    assert_eq!(
        (&before["format"], &before["finalizes"]),
        (&json!(1), &Value::Null),
        "only on request: {before}"
    );
    let (status, done) = finalize(&hub).await;
    assert_eq!((status, &done["format"]), (200, &json!(2)), "{done}");
    {
        let marked = data.join("datasets/sluice.format");
        until("the worker's store is marked too", || async {
            std::fs::read_to_string(&marked)
                .unwrap()
                .starts_with("format 2\n")
        })
        .await;
    }
    hub.kill().unwrap();
    let before = [
        contents(&data.join("datasets")),
        contents(&data.join("storage-node")),
    ];
    refused(Child::start(&data).await.map(drop));
    let checked = run(&[OsStr::new("check"), data.as_os_str()])
        .unwrap_err()
        .to_string();
    assert!(checked.contains("in format 2"), "{checked}");
    let after = [
        contents(&data.join("datasets")),
        contents(&data.join("storage-node")),
    ];
    assert_eq!(after, before, "nothing was changed");

    let hub = Child::start_with(&data, &[NEXT_VERSION]).await.unwrap();
    let expected = ["back", "next", "this"].map(str::to_owned);
    assert_eq!(client(&hub).ids(0).await.unwrap(), BTreeSet::from(expected));
}
