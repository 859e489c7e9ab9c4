//! Pipes whose inputs are on other workers: the same data as where everything is on one.

use super::until;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sluice_tests::child::{Child, read};
use sluice_tests::roles::{HASH_KEY, Roles};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What one process has with the same key of content hashes.
async fn one_process(folder: &Path) -> Child {
    let (data, key) = (folder.join("data"), folder.join("hash.key"));
    std::fs::write(&key, HASH_KEY).unwrap();
    let flags = ["--developer-mode", "--hash-key-file", key.to_str().unwrap()];
    Child::start_with(&data, &flags).await.unwrap()
}

async fn run_everything(hub: &Child) {
    let run = hub.request(reqwest::Method::POST, "/pipes/run-all-pipes");
    let run = read(run).await.unwrap();
    assert_eq!(run["status"], "success", "{run}");
}

/// Id to hash and whether it is deleted: what a dataset has, whenever it came to have it.
async fn contents(hub: &Child, dataset: &str) -> BTreeMap<String, (Value, Value)> {
    let path = format!("/datasets/{dataset}/entities?history=false&deleted=true");
    let entities = hub.get(&path).await.unwrap();
    let entities = entities.as_array().unwrap().iter();
    entities
        .map(|entity| {
            let id = entity["_id"].as_str().unwrap().to_owned();
            (id, (entity["_hash"].clone(), entity["_deleted"].clone()))
        })
        .collect()
}

async fn datasets(hub: &Child) -> Vec<String> {
    let list = hub.get("/datasets").await.unwrap();
    let ids = list.as_array().unwrap().iter();
    let ids = ids.map(|one| one["_id"].as_str().unwrap().to_owned());
    let mut ids: Vec<String> = ids.filter(|id| !id.starts_with("system:")).collect();
    ids.sort();
    ids
}

/// Replicas that each worker keeps.
async fn replicas(hub: &Roles) -> Vec<u64> {
    let status = hub.api.get("/status").await.unwrap();
    let workers = (0..hub.workers.len()).map(|number| {
        let facts = &status["worker"]["workers"][format!("w{number}")];
        facts["replicas"].as_u64().unwrap_or_default()
    });
    workers.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pipes_whose_every_link_crosses_workers_answer_as_one_process_does() {
    let folder = tempfile::tempdir().unwrap();
    let one = one_process(folder.path()).await;
    // As many pipes as workers, and no worker may carry two: both inputs of the join are on other workers.
    let mut many = Roles::start(3, "15s").await.unwrap();
    let receiver =
        |id: &str| json!({"_id": id, "type": "pipe", "source": {"type": "http_endpoint"}});
    let hop = json!(["hops", {"datasets": ["teams t"], "where": [["eq", "_S.team", "t.key"]], "return": "t.name"}]);
    let rules = json!({"default": [["copy", "*"], ["add", "of", hop]]});
    let joined = json!({"_id": "joined", "type": "pipe", "source": {"type": "dataset", "dataset": "people"},
        "transform": {"type": "dtl", "rules": rules}, "pump": {"schedule_interval": 86400}});
    let configuration = json!([receiver("people"), receiver("teams"), joined]);
    let same = ["people", "teams", "joined"];
    for hub in [&one, &many.api] {
        hub.put("/config", &configuration).await.unwrap();
    }
    assert_eq!(many.pipes_per_worker().await.unwrap(), [1, 1, 1]);
    for round in 0..3 {
        for hub in [&one, &many.api] {
            let people: Vec<Value> = (0..500)
                .map(|n| json!({"_id": n.to_string(), "team": (n + round) % 7, "round": round}))
                .collect();
            let teams: Vec<Value> = (0..7)
                .filter(|n| *n != round)
                .map(
                    |n| json!({"_id": n.to_string(), "key": n, "name": format!("Ærø {n} {round}")}),
                )
                .collect();
            let teams = teams.into_iter();
            let gone = json!({"_id": round.to_string(), "_deleted": true});
            let teams: Vec<Value> = teams.chain([gone]).collect();
            hub.post("/receivers/people/entities", &json!(people))
                .await
                .unwrap();
            hub.post("/receivers/teams/entities", &json!(teams))
                .await
                .unwrap();
            run_everything(hub).await;
        }
        for dataset in same {
            let (of_one, of_many) = (
                contents(&one, dataset).await,
                contents(&many.api, dataset).await,
            );
            assert_eq!(of_many, of_one, "{dataset} in round {round}");
        }
    }
    assert_eq!(replicas(&many).await.iter().sum::<u64>(), 2);
    assert_eq!(datasets(&many.api).await, datasets(&one).await);

    // Each of the workers is killed and comes back; the pipe goes on by signals alone.
    for number in 0..3 {
        many.workers[number].as_mut().unwrap().kill().unwrap();
        many.start_worker(number).await.unwrap();
        let id = format!("after-{number}");
        let (hub, id) = (&many.api, id.as_str());
        until("the push is taken", || async move {
            let body = json!([{"_id": id, "team": 1}]);
            hub.post("/receivers/people/entities", &body).await.is_ok()
        })
        .await;
        until("it is joined", || async move {
            let path = format!("/datasets/joined/entities/{id}");
            hub.get(&path).await.is_ok()
        })
        .await;
    }
}

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/countries")
}

fn document(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&std::fs::read(sample().join(path)).unwrap()).unwrap()
}

/// The sample's pipes in three groups, of which each reads only what the group before it writes.
fn groups() -> [Vec<Value>; 3] {
    let mut groups = [Vec::new(), Vec::new(), Vec::new()];
    for entry in std::fs::read_dir(sample().join("pipes")).unwrap() {
        let pipe = document(entry.unwrap().path());
        let reads = pipe["source"]["type"] == "dataset";
        let publishes = pipe["sink"]["type"].is_string();
        groups[usize::from(reads) + usize::from(publishes)].push(pipe);
    }
    groups
}

/// Pipes that do nothing but weigh.
fn ballast(of: &str, count: usize) -> Vec<Value> {
    let pipe = |n: usize| {
        json!({"_id": format!("ballast-{of}-{n}"), "type": "pipe", "source": {"type": "empty"},
            "pump": {"schedule_interval": 86400}})
    };
    (0..count).map(pipe).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_on_one_worker_and_spread_over_three_gives_what_one_process_gives() {
    let folder = tempfile::tempdir().unwrap();
    let one = one_process(folder.path()).await;
    let mut many = Roles::start(1, "15s").await.unwrap();
    let [inputs, profiles, feeds] = groups();
    let shared = vec![
        document("node-metadata.conf.json"),
        document("systems/tables.conf.json"),
    ];
    let variables = document("test-env.json");
    for hub in [&one, &many.api] {
        hub.put("/env", &variables).await.unwrap();
    }
    // A pipe stays where it was placed. So each group is placed when the workers before carry as much as they may.
    let heavy = inputs.len() + 6;
    let steps = [
        (inputs, ballast("first", 6)),
        (profiles, Vec::new()),
        (Vec::new(), ballast("second", heavy - 1)),
        (feeds, Vec::new()),
    ];
    let mut configuration = shared;
    for (number, (pipes, ballast)) in steps.into_iter().enumerate() {
        if number % 2 == 1 {
            many.add_worker().await.unwrap();
        }
        configuration.extend(pipes);
        configuration.extend(ballast);
        let configuration = json!(configuration);
        many.api.put("/config", &configuration).await.unwrap();
    }
    let single = Roles::start(1, "15s").await.unwrap();
    single.api.put("/env", &variables).await.unwrap();
    for hub in [&one, &single.api] {
        hub.put("/config", &json!(configuration)).await.unwrap();
    }
    for hub in [&one, &single.api, &many.api] {
        run_everything(hub).await;
    }

    // Country profiles read and join five datasets of the first worker; the feeds read three of both others.
    let spread = many.pipes_per_worker().await.unwrap();
    assert_eq!(spread, [heavy as u64, heavy as u64, 4], "{spread:?}");
    assert_eq!(replicas(&many).await, [0, 5, 3]);
    let all = datasets(&one).await;
    for hub in [&single.api, &many.api] {
        assert_eq!(datasets(hub).await, all);
        for dataset in &all {
            let of_one = contents(&one, dataset).await;
            assert_eq!(contents(hub, dataset).await, of_one, "{dataset}");
        }
    }
    for feed in ["country-feed", "language-feed", "script-feed"] {
        let of_one = published(&one, feed).await;
        assert!(!of_one.is_empty());
        for hub in [&single.api, &many.api] {
            assert_eq!(published(hub, feed).await, of_one, "{feed}");
        }
    }
    let csv = |hub: &Child| {
        let request = hub.request(reqwest::Method::GET, "/publishers/country-csv/csv");
        async move {
            let answer = request.send().await.unwrap().error_for_status().unwrap();
            let text = answer.text().await.unwrap();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        }
    };
    for hub in [&single.api, &many.api] {
        assert_eq!(csv(hub).await, csv(&one).await);
    }
}

/// The bytes of each entity that a publisher answers, but for what says when it came to be; and not in the order of that.
async fn published(hub: &Child, feed: &str) -> Vec<String> {
    let path = format!("/publishers/{feed}/entities");
    let answer = hub.request(reqwest::Method::GET, &path).send().await;
    let text = answer.unwrap().error_for_status().unwrap().text();
    let text = text.await.unwrap();
    let entities: Vec<&RawValue> = serde_json::from_str(&text).unwrap();
    let mut entities: Vec<String> = entities
        .iter()
        .map(|entity| {
            let whens = ["_ts", "_updated", "_previous"].map(|when| format!("\"{when}\":"));
            whens.iter().fold(entity.get().to_owned(), |text, when| {
                let Some((before, after)) = text.split_once(when) else {
                    return text;
                };
                format!(
                    "{before}{}",
                    after.trim_start_matches(|c: char| c != ',' && c != '}')
                )
            })
        })
        .collect();
    entities.sort();
    entities
}
