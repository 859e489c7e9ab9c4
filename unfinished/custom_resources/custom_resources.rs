//! A hub whose configuration comes from custom resources, with an operator that keeps them in memory: over gRPC with its own
//! certificate, and the API in front.

use super::until;
use reqwest::Method;
use serde_json::Value;
use sluice_entity::{Json, Limits};
use sluice_protocol::client::{ClientSettings, RemoteConfigurationControl};
use sluice_protocol::{
    Code, ComponentKind, ConfigurationControl, Error, HandOver, HandedComponent, Origin,
    RemovedComponent, WriteAnswer, WriteIntent,
};
use sluice_tests::roles::Roles;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// What somebody's `kubectl apply` manages.
const FOREIGN: &str = "foreign";

fn pipe(id: &str, n: &str) -> String {
    format!(
        r#"{{"_id": "{id}", "type": "pipe", "source": {{"type": "embedded", "entities": [{{"_id": "1", "z": {n}, "a": 1}}]}}}}"#
    )
}

fn exact(text: &str) -> Arc<Json> {
    Arc::new(Json::parse(text.as_bytes(), &Limits::default()).unwrap())
}

/// The resources, by kind and id, and how often each was written.
#[derive(Default)]
struct Resources(BTreeMap<(ComponentKind, String), u64>);

impl Resources {
    fn handed(&mut self, kind: ComponentKind, id: &str, original: Arc<Json>) -> HandedComponent {
        let written = self.0.entry((kind, id.to_owned())).or_default();
        *written += 1;
        HandedComponent {
            kind,
            id: id.to_owned(),
            group: None,
            original,
            origin: Origin {
                name: format!("Pipe/{id}"),
                uid: format!("uid of {id}"),
                generation: *written,
            },
        }
    }

    fn write(&mut self, epoch: u64, intent: &WriteIntent) -> Result<HandOver, Error> {
        if intent.put.iter().any(|one| one.id == FOREIGN) {
            let message = "pipe \"foreign\" is managed by \"kubectl\": change it there";
            let error = Error::new(Code::Conflict, "managed-elsewhere", message);
            return Err(error.with("manager", Json::from("kubectl")));
        }
        let removed = intent.remove.iter().filter(|(_, id)| id != FOREIGN);
        let removed = removed.map(|(kind, id)| RemovedComponent {
            kind: *kind,
            id: id.clone(),
            uid: format!("uid of {id}"),
        });
        let removed = removed.collect();
        let changed = intent.put.iter();
        let changed = changed.map(|one| self.handed(one.kind, &one.id, one.original.clone()));
        Ok(HandOver {
            operator_epoch: epoch,
            request: Some(intent.request.clone()),
            changed: changed.collect(),
            removed,
            variables: None,
        })
    }
}

struct Operator {
    control: Arc<RemoteConfigurationControl>,
    task: JoinHandle<()>,
}

impl Operator {
    async fn start(hub: &Roles, epoch: u64) -> Operator {
        let channel = hub.operator("o0").await.unwrap();
        let control = RemoteConfigurationControl::new(channel, ClientSettings::default());
        let control = Arc::new(control);
        let mut resources = Resources::default();
        let foreign = resources.handed(ComponentKind::Pipe, FOREIGN, exact(&pipe(FOREIGN, "1.0")));
        let handed = HandOver {
            operator_epoch: epoch,
            changed: vec![foreign],
            ..HandOver::default()
        };
        control.hand_over(handed).await.unwrap();
        let serving = control.clone();
        let mut writes = control.watch_writes(epoch).await.unwrap();
        writes.mark_changed();
        let task = tokio::spawn(async move {
            while writes.changed().await.is_ok() {
                let waiting = writes.borrow_and_update().clone();
                let Some(intent) = waiting.first() else {
                    continue;
                };
                if serving.begin_write(epoch, &intent.request).await.is_err() {
                    continue;
                }
                let answer = match resources.write(epoch, intent) {
                    Ok(handed) => {
                        serving.hand_over(handed).await.unwrap();
                        WriteAnswer::Applied
                    }
                    Err(refused) => WriteAnswer::Refused(refused),
                };
                let answered = serving.answer_write(epoch, &intent.request, answer);
                answered.await.unwrap();
            }
        });
        Operator { control, task }
    }

    async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
        drop(self.control);
    }
}

async fn put(hub: &Roles, pipes: &[String]) -> (u16, Option<String>, Value) {
    let body = format!("[{}]", pipes.join(","));
    let request = hub.api.request(Method::PUT, "/config");
    let request = request.header("content-type", "application/json");
    let answer = request.body(body).send().await.unwrap();
    let retry = answer.headers().get("retry-after");
    let retry = retry.map(|value| value.to_str().unwrap().to_owned());
    let status = answer.status().as_u16();
    (status, retry, answer.json().await.unwrap())
}

async fn ids(hub: &Roles) -> Vec<String> {
    let pipes = hub.api.get("/pipes").await.unwrap();
    let ids = pipes.as_array().unwrap().iter();
    let mut ids: Vec<String> = ids
        .map(|pipe| pipe["_id"].as_str().unwrap().to_owned())
        .filter(|id| !id.starts_with("system:"))
        .collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn what_the_api_writes_goes_through_the_operator_and_is_there_when_it_is_answered() {
    let mut hub = Roles::start_with(1, "3s", &["--custom-resources"])
        .await
        .unwrap();
    let operator = Operator::start(&hub, 1).await;
    until("the pipe of a resource is there", || async {
        ids(&hub).await == [FOREIGN]
    })
    .await;
    let pipes: Vec<String> = (0..200).map(|n| pipe(&format!("p{n:03}"), "1.0")).collect();
    let (status, _, answer) = put(&hub, &pipes).await;
    assert!((200..300).contains(&status), "{status} {answer}");
    assert_eq!(
        ids(&hub).await.len(),
        201,
        "what somebody else manages stays"
    );
    // Exactly what was written.
    let config = hub.api.request(Method::GET, "/pipes/p007/config");
    let config = config.send().await.unwrap().text().await.unwrap();
    assert!(
        config.contains(r#""z":1.0"#) || config.contains(r#""z": 1.0"#),
        "{config}"
    );

    let mut with_foreign = pipes.clone();
    with_foreign[0] = pipe("p000", "2.5");
    with_foreign.push(pipe(FOREIGN, "3.0"));
    let (status, _, problem) = put(&hub, &with_foreign).await;
    assert_eq!(status, 409, "{problem}");
    assert!(problem.to_string().contains("kubectl"), "{problem}");
    let unchanged = hub.api.get("/pipes/p000").await.unwrap();
    assert!(!unchanged.to_string().contains("2.5"), "{unchanged}");

    // What was handed over is there without the operator, also after a restart; nothing can be written.
    operator.stop().await;
    hub.storage_node.take().unwrap().stop().await.unwrap();
    hub.start_storage_node().await.unwrap();
    until("the storage node is back", || async {
        let (status, ..) = put(&hub, &pipes[..0]).await;
        status == 503
    })
    .await;
    let started = Instant::now();
    let (status, retry, problem) = put(&hub, &pipes[..100]).await;
    assert_eq!(status, 503, "{problem}");
    assert!(retry.is_some());
    let waited = started.elapsed();
    assert!(waited > Duration::from_secs(9), "{waited:?}");
    assert_eq!(ids(&hub).await.len(), 201);
    let operator = Operator::start(&hub, 2).await;
    let (status, _, answer) = put(&hub, &pipes[..100]).await;
    assert!((200..300).contains(&status), "{status} {answer}");
    assert_eq!(ids(&hub).await.len(), 101);
    operator.stop().await;
}
