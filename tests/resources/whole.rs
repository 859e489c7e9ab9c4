//! Custom resources of a hub whose roles run: what goes up by the API comes down as it was, what pipes of resources answer, and an
//! upload of which somebody else manages a part.

use crate::harness::{Fate, HUB, Kubelet, Place, Processes, Within, hub, pool, until};
use anyhow::Result;
use futures::stream::{self, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use sluice_entity::{Json, Limits};
use sluice_tests::child::{Child, read};
use sluice_tests::examples;
use std::collections::BTreeMap;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(90);
/// Requests to the API server at the same time.
const AT_ONCE: usize = 16;

/// A hub that serves: its place, operator and processes.
pub(crate) struct Whole {
    pub(crate) place: Place,
    pub(crate) operator: Within,
    pub(crate) processes: Processes,
    _kubelet: Kubelet,
}

impl Whole {
    /// One with a worker.
    pub(crate) async fn start(purpose: &str) -> Result<Whole> {
        let place = Place::new(purpose).await?;
        let kubelet = Kubelet::start(&place.client, &place.name);
        // Its keys come first: a storage node is where it is from the start of an operator on.
        let operator = Within::start(&place, None, |_| Fate::Forwarded).await?;
        place.apply("datahubs", &hub(json!({}))).await?;
        place.apply("workerpools", &pool(1, "Retain")).await?;
        until("there is a worker", LIMIT, || async {
            let workers = place.names("workers").await.unwrap_or_default();
            (workers.len() != 1).then(|| format!("{workers:?}"))
        })
        .await?;
        let mut processes = Processes::start(&place).await?;
        operator.stop().await?;
        let at = processes.storage_node.clone();
        let operator = Within::start(&place, Some(&at), |_| Fate::Forwarded).await?;
        let worker = place.names("workers").await?.remove(0);
        processes.add_worker(&place, &worker).await?;
        processes.serve_api(&place).await?;
        Ok(Whole {
            place,
            operator,
            processes,
            _kubelet: kubelet,
        })
    }

    pub(crate) fn api(&self) -> &Child {
        self.processes.api()
    }

    /// Makes resources of pipes, as somebody who uses kubectl.
    pub(crate) async fn apply_pipes(&self, pipes: Vec<Value>) -> Result<()> {
        let applying = pipes.into_iter().map(|pipe| async move {
            self.place.apply("pipes", &pipe).await?;
            anyhow::Ok(())
        });
        let applied: Vec<Result<()>> = stream::iter(applying)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        applied.into_iter().collect()
    }

    pub(crate) async fn end(self) -> Result<()> {
        self.operator.stop().await?;
        self.place.end().await
    }
}

async fn put(hub: &Child, pipes: &[String]) -> (u16, Value) {
    let request = hub.request(Method::PUT, "/config");
    let request = request.header("content-type", "application/json");
    let answer = request.body(format!("[{}]", pipes.join(",")));
    let answer = answer.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or_default())
}

fn parse(text: &str) -> Json {
    Json::parse(text.as_bytes(), &Limits::default()).unwrap()
}

/// Versions of the resources of pipes, by name.
async fn versions(place: &Place) -> BTreeMap<String, String> {
    let pipes = place.list("pipes").await.unwrap();
    let version = |pipe: Value| {
        let text = |field: &str| pipe["metadata"][field].as_str().unwrap().to_owned();
        (text("name"), text("resourceVersion"))
    };
    pipes.into_iter().map(version).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_up_by_the_api_comes_down_the_same_and_one_foreign_pipe_refuses_an_upload_of_two_hundred()
 {
    let whole = Whole::start("whole").await.unwrap();
    let api = whole.api();
    // Numbers that JSON libraries round, keys whose order means something, and ids that are no names of resources.
    let pipes = [
        r#"{"_id":"Ærø","type":"pipe","source":{"type":"embedded","entities":[{"_id":"1","z":1.0,"a":123456789012345678901234567890}]},"pump":{"mode":"manual"}}"#,
        r#"{"_id":"A_b","type":"pipe","source":{"type":"dataset","dataset":"Ærø"},"transform":{"type":"dtl","rules":{"default":[["copy","*"],["add","d",["dict","z",1,"a",2]],["add","y",1.50]]}},"pump":{"mode":"manual"}}"#,
        r#"{"_id":"plain","type":"pipe","source":{"type":"embedded","entities":[]},"pump":{"mode":"manual"}}"#,
    ];
    let texts = pipes.map(str::to_owned);
    let (status, answer) = put(api, &texts).await;
    assert!((200..300).contains(&status), "{status} {answer}");
    // Read your writes: it is there when it is answered.
    let down = api
        .request(Method::GET, "/config")
        .header("accept", "application/json");
    let down = down.send().await.unwrap().text().await.unwrap();
    let Json::Array(down) = parse(&down) else {
        panic!("{down}");
    };
    for text in &texts {
        let sent = parse(text);
        let id = sent.get("_id").and_then(Json::as_str);
        let came = down
            .iter()
            .find(|one| one.get("_id").and_then(Json::as_str) == id);
        let came = came.unwrap_or_else(|| panic!("{id:?} is not in {down:?}"));
        if id == Some("plain") {
            // As an object: the API server sorts its keys, which mean nothing in it.
            assert!(came.same_meaning(&sent), "{came}");
        } else {
            assert_eq!(came.to_string(), *text);
        }
    }
    let names = whole.place.names("pipes").await.unwrap();
    let forms = names.iter().map(|name| name.as_str()).collect::<Vec<_>>();
    assert!(
        forms[0].starts_with("a-b-") && forms[1] == "plain" && forms[2].starts_with("r-"),
        "{forms:?}"
    );

    let two_hundred = |count: usize, n: &str| -> Vec<String> {
        let pipe = |number| {
            let id = if number == 0 {
                "foreign".to_owned()
            } else {
                format!("p{number}")
            };
            format!(
                r#"{{"_id":"{id}","type":"pipe","source":{{"type":"embedded","entities":[{{"_id":"1","n":{n}}}]}},"pump":{{"mode":"manual"}}}}"#
            )
        };
        (200 - count..200).map(pipe).collect()
    };
    let (status, answer) = put(api, &two_hundred(199, "1")).await;
    assert!((200..300).contains(&status), "{status} {answer}");
    let theirs =
        json!({"source": {"type": "embedded", "entities": []}, "pump": {"mode": "manual"}});
    let theirs = crate::harness::pipe("foreign", theirs);
    whole.place.apply("pipes", &theirs).await.unwrap();
    until("the hub has the foreign pipe", LIMIT, || async {
        let found = api.get("/pipes/foreign").await;
        found.err().map(|error| error.to_string())
    })
    .await
    .unwrap();
    // All are accepted and placed, so that nothing is written any more but by the upload.
    let mut before = versions(&whole.place).await;
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let now = versions(&whole.place).await;
        if now == before {
            break;
        }
        before = now;
    }
    let revision = api.get("/pipes").await.unwrap();
    let (status, problem) = put(api, &two_hundred(200, "2")).await;
    assert_eq!(status, 409, "{problem}");
    assert!(problem.to_string().contains("kubectl"), "{problem}");
    assert_eq!(versions(&whole.place).await, before);
    let config = api.request(Method::GET, "/pipes/p1/config").send().await;
    let config = config.unwrap().text().await.unwrap();
    assert!(config.contains(r#""n":1"#), "{config}");
    assert_eq!(
        api.get("/pipes").await.unwrap().as_array().map(Vec::len),
        revision.as_array().map(Vec::len)
    );
    whole.end().await.unwrap();
}

/// Starts a pipe by the API and gives what it stored, or its failure.
async fn run(hub: &Child, id: &str) -> Result<Vec<Value>, String> {
    let start = hub.request(Method::POST, &format!("/pipes/{id}/pump"));
    let started = read(start.form(&[("operation", "start")])).await;
    started.map_err(|error| error.to_string())?;
    loop {
        let pipe = hub.get(&format!("/pipes/{id}")).await;
        let runtime = pipe.map_err(|error| error.to_string())?["runtime"].clone();
        if runtime["success"] == json!(false) {
            return Err(runtime["last-message"].to_string());
        }
        if runtime["success"] == json!(true) && runtime["is-running"] == json!(false) {
            let stored = hub.get(&format!("/datasets/{id}/entities")).await;
            let stored = stored.map_err(|error| error.to_string())?;
            return Ok(stored.as_array().cloned().unwrap_or_default());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documented_examples_hold_in_pipe_resources() {
    let Some(vectors) = examples::vectors() else {
        return;
    };
    let whole = Whole::start("examples").await.unwrap();
    let fitting = vectors.iter().enumerate();
    let fitting = fitting.filter(|(_, vector)| examples::fits_a_pipe(&vector.parsed));
    let wanted: Vec<_> = fitting
        .map(|(number, vector)| (format!("example-{number}"), vector))
        .collect();
    let resources = wanted.iter().map(|(id, vector)| {
        let text = examples::pipe(id, vector);
        let spec = json!({"hubRef": {"name": HUB}, "configText": text});
        json!({"metadata": {"name": id}, "spec": spec})
    });
    whole.apply_pipes(resources.collect()).await.unwrap();
    let api = whole.api();
    // Those that are placed can be run; those with functions of a later version are shown with their errors.
    until("the hub has all pipes", LIMIT, || async {
        let pipes = api.get("/pipes").await.unwrap_or_default();
        let there = pipes.as_array().map_or(0, Vec::len);
        (there < wanted.len()).then(|| there.to_string())
    })
    .await
    .unwrap();
    let listed = api.get("/pipes").await.unwrap();
    let listed = listed.as_array().unwrap();
    let (mut later, mut runs) = (0, Vec::new());
    for (id, vector) in &wanted {
        let pipe = listed.iter().find(|pipe| pipe["_id"] == id.as_str());
        let runtime = &pipe.unwrap()["runtime"];
        if runtime["is-valid-config"] == json!(false) {
            let problems = runtime["config-errors"].to_string();
            assert!(
                problems.contains("version"),
                "{}: {problems}",
                vector.parsed["id"]
            );
            // The resource says the same, when it was written.
            until(
                "the resource says that it is not accepted",
                LIMIT,
                || async {
                    let found = whole.place.condition("pipes", id, "Accepted").await;
                    let status = found.map(|found| found.map(|(status, _)| status));
                    let is_said = matches!(&status, Ok(Some(status)) if status == "False");
                    (!is_said).then(|| format!("{status:?}"))
                },
            )
            .await
            .unwrap();
            later += 1;
            continue;
        }
        runs.push(async move {
            let difference = match run(api, id).await {
                Ok(stored) => examples::differs(&vector.parsed, &stored),
                Err(failure) => Some(failure),
            };
            difference.map(|difference| format!("{}: {difference}", vector.parsed["id"]))
        });
    }
    let count = runs.len();
    let wrong: Vec<Option<String>> = stream::iter(runs).buffer_unordered(4).collect().await;
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    println!(
        "conformance through resources: {count} ran, {later} use functions of a later version, {} differ",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 200, "only {count} examples ran");
    whole.end().await.unwrap();
}
