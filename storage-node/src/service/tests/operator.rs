//! Custom resources are the truth: the node with an operator that keeps them in memory.

use super::*;
use crate::Truth;
use parking_lot::Mutex as Lock;
use sluice_protocol::{
    ConfigurationControl, HandOver, HandedComponent, HandedSecrets, HandedVariables, Origin,
    ReferencedSecret, RemovedComponent, RequestId, WriteAnswer, WriteIntent,
};
use std::time::Duration;
use tokio::task::JoinHandle;

type Key = (ComponentKind, String);

/// A custom resource.
#[derive(Clone)]
struct Object {
    json: Json,
    group: Option<String>,
    uid: String,
    generation: u64,
    manager: String,
}

/// The API server, as far as it matters, and the operator in front of it.
#[derive(Default)]
struct Cluster {
    objects: Lock<BTreeMap<Key, Object>>,
    uids: Lock<u64>,
    /// What comes through the API is left lying once it is begun.
    is_asleep: Lock<bool>,
}

const EPOCH: u64 = 3;

impl Cluster {
    /// What `manager` applies, as it is handed over.
    fn apply(&self, manager: &str, text: &str) -> HandedComponent {
        self.put(manager, json(text), None)
    }

    fn put(&self, manager: &str, json: Json, group: Option<String>) -> HandedComponent {
        let component = sluice_config::Component::from_json(json.clone()).unwrap();
        let key = (crate::validation::kind_from(component.kind), component.id);
        let mut objects = self.objects.lock();
        let object = objects.entry(key.clone()).or_insert_with(|| {
            *self.uids.lock() += 1;
            Object {
                json: Json::Null,
                group: None,
                uid: format!("uid-{}", self.uids.lock()),
                generation: 0,
                manager: manager.to_owned(),
            }
        });
        object.generation += 1;
        object.json = json;
        object.group = group;
        handed(&key, object)
    }

    fn delete(&self, key: &Key) -> RemovedComponent {
        let object = self.objects.lock().remove(key).unwrap();
        RemovedComponent {
            kind: key.0,
            id: key.1.clone(),
            uid: object.uid,
        }
    }

    fn is_foreign(&self, key: &Key) -> bool {
        let objects = self.objects.lock();
        objects
            .get(key)
            .is_some_and(|object| object.manager != "api")
    }

    /// Refuses what somebody else manages; otherwise does it, and says what changed.
    fn write(&self, intent: &WriteIntent) -> Result<HandOver, Error> {
        let mut remove = intent.remove.clone();
        remove.retain(|key| !(intent.prunes && self.is_foreign(key)));
        let named = intent.put.iter().map(|one| (one.kind, one.id.clone()));
        for key in named.chain(remove.iter().cloned()) {
            if self.is_foreign(&key) {
                let message = format!("{} is managed by kubectl", key.1);
                return Err(Error::new(Code::Conflict, "managed-elsewhere", message));
            }
        }
        let put = intent.put.iter().cloned();
        let put = put.map(|one| self.put("api", (*one.original).clone(), Some(one.group)));
        Ok(HandOver {
            operator_epoch: EPOCH,
            request: Some(intent.request.clone()),
            changed: put.collect(),
            removed: remove.iter().map(|key| self.delete(key)).collect(),
            variables: None,
        })
    }

    async fn serve(self: Arc<Self>, node: Node) {
        let mut writes = node.watch_writes(EPOCH).await.unwrap();
        writes.mark_changed();
        while writes.changed().await.is_ok() {
            let waiting = writes.borrow_and_update().clone();
            let Some(intent) = waiting.first() else {
                continue;
            };
            if node.begin_write(EPOCH, &intent.request).await.is_err() || *self.is_asleep.lock() {
                continue;
            }
            let answer = match self.write(intent) {
                Ok(handed) => {
                    node.hand_over(handed).await.unwrap();
                    WriteAnswer::Applied
                }
                Err(error) => WriteAnswer::Refused(error),
            };
            let answered = node.answer_write(EPOCH, &intent.request, answer);
            answered.await.unwrap();
        }
    }
}

fn handed((kind, id): &Key, object: &Object) -> HandedComponent {
    HandedComponent {
        kind: *kind,
        id: id.clone(),
        group: object.group.clone(),
        original: Arc::new(object.json.clone()),
        origin: Origin {
            name: format!("Pipe/{id}"),
            uid: object.uid.clone(),
            generation: object.generation,
        },
    }
}

fn changed(changed: Vec<HandedComponent>) -> HandOver {
    HandOver {
        operator_epoch: EPOCH,
        changed,
        ..HandOver::default()
    }
}

fn with_operator(data: &Path) -> Settings {
    Settings {
        truth: Truth::CustomResources,
        operator_patience: Duration::from_millis(200),
        ..Settings::new(data)
    }
}

struct Served {
    hub: Hub,
    cluster: Arc<Cluster>,
    operator: JoinHandle<()>,
}

impl Served {
    fn new() -> Served {
        let folder = tempfile::tempdir().unwrap();
        let node = Node::open(&with_operator(folder.path())).unwrap();
        let cluster = Arc::new(Cluster::default());
        let operator = tokio::spawn(cluster.clone().serve(node.clone()));
        Served {
            hub: Hub { folder, node },
            cluster,
            operator,
        }
    }

    async fn hand(&self, one: HandedComponent) -> sluice_protocol::Verdict {
        let outcome = self.hub.node.hand_over(changed(vec![one])).await.unwrap();
        outcome.verdicts.into_iter().next().unwrap()
    }

    fn original(&self, kind: ComponentKind, id: &str) -> String {
        let snapshot = self.hub.snapshot();
        snapshot.components[&(kind, id.to_owned())]
            .original
            .to_string()
    }
}

#[tokio::test]
async fn a_component_with_errors_never_replaces_the_one_that_runs_and_its_problems_have_places() {
    let served = Served::new();
    let first = served.hand(served.cluster.apply("kubectl", PIPE)).await;
    assert!(first.taken && first.diagnostics.is_empty());
    let broken = r#"{"_id":"people","type":"pipe","source":{"type":"no-such-source"}}"#;
    let verdict = served.hand(served.cluster.apply("kubectl", broken)).await;
    assert!(!verdict.taken);
    let place = &verdict.diagnostics[0].elements[0];
    assert_eq!(place, &sluice_protocol::PathElement::Key("source".into()));
    let running = json(PIPE).to_string();
    assert_eq!(served.original(ComponentKind::Pipe, "people"), running);
    let offered =
        |hub: &Hub| hub.snapshot().offered[&(ComponentKind::Pipe, "people".into())].clone();
    let shown = offered(&served.hub);
    assert_eq!(shown.origin.generation, 2);
    assert_eq!(shown.refused, Some(verdict.diagnostics));

    // Also after a restart; and what is right at last takes its place.
    let Served {
        hub,
        cluster,
        operator,
    } = served;
    operator.abort();
    let _ = operator.await;
    let folder = hub.folder;
    drop(hub.node);
    let node = Node::open(&with_operator(folder.path())).unwrap();
    let hub = Hub { folder, node };
    assert_eq!(offered(&hub), shown);
    let right = cluster.apply("kubectl", &broken.replace("no-such-source", "empty"));
    let outcome = hub.node.hand_over(changed(vec![right])).await.unwrap();
    assert!(outcome.verdicts[0].taken);
    assert_eq!(offered(&hub).refused, None);
    let history = hub
        .node
        .history(
            None,
            Some("people"),
            &ReadOptions {
                history: true,
                ..ReadOptions::default()
            },
        )
        .await
        .unwrap();
    assert_eq!(history.len(), 2, "what was refused never was");
}

#[tokio::test]
async fn what_waits_for_something_takes_its_place_when_that_comes() {
    let served = Served::new();
    served.hand(served.cluster.apply("kubectl", OTHER)).await;
    let needs =
        r#"{"_id":"places","type":"pipe","source":{"type":"json","system":"crm","url":"x"}}"#;
    let verdict = served.hand(served.cluster.apply("kubectl", needs)).await;
    assert_eq!(verdict.diagnostics[0].code, "unknown-system");
    assert_eq!(
        served.original(ComponentKind::Pipe, "places"),
        json(OTHER).to_string()
    );
    let system = served.hand(served.cluster.apply("kubectl", SYSTEM)).await;
    assert!(system.taken);
    assert_eq!(
        served.original(ComponentKind::Pipe, "places"),
        json(needs).to_string()
    );
}

#[tokio::test]
async fn a_component_that_never_ran_is_shown_with_its_errors() {
    let served = Served::new();
    let verdict = served.hand(served.cluster.apply("kubectl", INVALID)).await;
    assert!(verdict.taken);
    let snapshot = served.hub.snapshot();
    let shown = &snapshot.components[&(ComponentKind::Pipe, "broken".into())];
    assert!(!shown.is_valid());
    assert_eq!(shown.diagnostics, verdict.diagnostics);
}

#[tokio::test]
async fn what_was_handed_over_is_not_taken_again_and_an_old_removal_removes_nothing() {
    let served = Served::new();
    let old = served.cluster.apply("kubectl", PIPE);
    let new = served.cluster.apply("kubectl", &PIPE.replace("1.0", "2.0"));
    served.hand(new.clone()).await;
    let revision = served.hub.snapshot().revision;
    served.hand(old.clone()).await;
    served.hand(new).await;
    assert_eq!(served.hub.snapshot().revision, revision);
    assert!(
        served
            .original(ComponentKind::Pipe, "people")
            .contains("2.0")
    );

    let key = (ComponentKind::Pipe, "people".to_owned());
    let removed = served.cluster.delete(&key);
    let again = served.cluster.apply("kubectl", PIPE);
    served.hand(again).await;
    let gone = HandOver {
        operator_epoch: EPOCH,
        removed: vec![removed],
        ..HandOver::default()
    };
    served.hub.node.hand_over(gone).await.unwrap();
    assert!(served.hub.snapshot().components.contains_key(&key));
    let gone = HandOver {
        operator_epoch: EPOCH,
        removed: vec![served.cluster.delete(&key)],
        ..HandOver::default()
    };
    served.hub.node.hand_over(gone).await.unwrap();
    let snapshot = served.hub.snapshot();
    assert!(snapshot.components.is_empty() && snapshot.offered.is_empty());
}

#[tokio::test]
async fn a_write_through_the_api_is_there_when_it_is_answered() {
    let served = Served::new();
    let outcome = served.hub.upload("geo", &[PIPE, SYSTEM]).await;
    assert!(outcome.applied);
    assert_eq!(outcome.revision, served.hub.snapshot().revision);
    assert_eq!(
        served.hub.components(),
        ["pipe/people@geo", "system/crm@geo"]
    );
    assert_eq!(served.cluster.objects.lock().len(), 2);
    served
        .hub
        .node
        .delete_component(ComponentKind::System, "crm", "ann")
        .await
        .unwrap();
    assert_eq!(served.hub.components(), ["pipe/people@geo"]);
    assert_eq!(served.cluster.objects.lock().len(), 1);
    let history = ReadOptions {
        history: true,
        ..ReadOptions::default()
    };
    let history = served.hub.node.history(None, None, &history).await.unwrap();
    assert!(
        history.iter().all(|entry| entry.user == "ann"),
        "{history:?}"
    );
}

#[tokio::test]
async fn of_many_pipes_one_that_somebody_else_manages_refuses_all() {
    let served = Served::new();
    served.hand(served.cluster.apply("kubectl", PIPE)).await;
    let before = served.hub.snapshot();
    let mut pipes: Vec<String> = (0..200)
        .map(|number| OTHER.replace("places", &format!("p{number}")))
        .collect();
    pipes.push(PIPE.replace("1.0", "3.0"));
    let put = PutConfiguration {
        scope: Scope::Group("default".into()),
        components: pipes.iter().map(|text| json(text)).collect(),
        force: false,
        user: "ann".into(),
    };
    let refused = served.hub.node.put_configuration(put).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (Code::Conflict, "managed-elsewhere")
    );
    assert!(refused.message.contains("kubectl"), "{refused}");
    assert_eq!(served.hub.snapshot(), before);
    assert_eq!(served.cluster.objects.lock().len(), 1);
}

#[tokio::test]
async fn an_upload_leaves_what_somebody_else_manages_where_it_does_not_mention_it() {
    let served = Served::new();
    served.hand(served.cluster.apply("kubectl", PIPE)).await;
    served.hub.upload("default", &[OTHER, SYSTEM]).await;
    served.hub.upload("default", &[OTHER]).await;
    assert_eq!(
        served.hub.components(),
        ["pipe/people@default", "pipe/places@default"]
    );
    let pipe = ComponentKind::Pipe;
    let deleted = served
        .hub
        .node
        .delete_component(pipe, "people", "ann")
        .await;
    assert_eq!(deleted.unwrap_err().code, Code::Conflict);
    assert_eq!(served.hub.components().len(), 2);
}

#[tokio::test]
async fn a_forced_upload_takes_the_place_of_what_runs_as_it_does_without_kubernetes() {
    let served = Served::new();
    served.hub.upload("default", &[PIPE]).await;
    let broken = r#"{"_id":"people","type":"pipe","source":{"type":"no-such-source"}}"#;
    let refused = served.hub.upload("default", &[broken]).await;
    assert!(!refused.applied);
    let forced = served
        .hub
        .upload_with(Scope::Group("default".into()), &[broken], true)
        .await;
    assert!(forced.applied);
    let snapshot = served.hub.snapshot();
    assert!(!snapshot.components[&(ComponentKind::Pipe, "people".into())].is_valid());
}

#[tokio::test]
async fn without_an_operator_a_write_is_refused_and_nothing_is_queued() {
    let served = Served::new();
    served.operator.abort();
    let _ = served.operator.await;
    let hub = served.hub;
    let put = |text: &str| {
        hub.node
            .put_component(ComponentKind::Pipe, json(text), false, "ann")
    };
    let refused = put(PIPE).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (Code::Unavailable, "no-operator")
    );
    // One that watches and never begins is none either.
    let writes = hub.node.watch_writes(EPOCH).await.unwrap();
    let refused = put(PIPE).await.unwrap_err();
    assert_eq!(&*refused.reason, "no-operator");
    assert!(writes.borrow().is_empty());
    let late = RequestId("late".into());
    let late = hub.node.begin_write(EPOCH, &late).await.unwrap_err();
    assert_eq!(&*late.reason, "unknown-write");
    assert!(hub.components().is_empty());
}

#[tokio::test]
async fn a_write_that_was_begun_goes_on_over_restarts_of_either_side() {
    let served = Served::new();
    *served.cluster.is_asleep.lock() = true;
    let mut writes = served.hub.node.watch_writes(EPOCH).await.unwrap();
    let node = served.hub.node.clone();
    let putting = tokio::spawn(async move {
        let pipe = json(PIPE);
        node.put_component(ComponentKind::Pipe, pipe, false, "ann")
            .await
    });
    let begun = writes.wait_for(|writes| !writes.is_empty()).await.unwrap();
    let request = begun[0].request.clone();
    drop(begun);
    served.hub.node.begin_write(EPOCH, &request).await.unwrap();
    // Nobody takes it back, however long it takes.
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(!putting.is_finished());

    served.operator.abort();
    let _ = served.operator.await;
    served.hub.node.close().await;
    let stopped = putting.await.unwrap().unwrap_err();
    assert_eq!(&*stopped.reason, "stopping");
    let Hub { folder, node } = served.hub;
    drop((node, writes));
    let node = Node::open(&with_operator(folder.path())).unwrap();
    let hub = Hub { folder, node };
    *served.cluster.is_asleep.lock() = false;
    // The next one waits for the outcome of the one before.
    let operator = tokio::spawn(served.cluster.clone().serve(hub.node.clone()));
    assert!(hub.upload("default", &[OTHER, PIPE]).await.applied);
    assert_eq!(
        hub.components(),
        ["pipe/people@default", "pipe/places@default"]
    );
    let waiting = hub.node.watch_writes(EPOCH).await.unwrap();
    assert!(waiting.borrow().is_empty());
    operator.abort();
}

#[tokio::test]
async fn an_operator_that_was_replaced_is_refused_and_hears_of_it() {
    let served = Served::new();
    let mut earlier = served.hub.node.watch_writes(EPOCH).await.unwrap();
    let later = served.hub.node.watch_writes(EPOCH + 1).await.unwrap();
    assert!(earlier.changed().await.is_err());
    let stale = served.hub.node.hand_over(changed(Vec::new())).await;
    assert_eq!(&*stale.unwrap_err().reason, "stale-operator");
    drop(later);
}

#[tokio::test]
async fn secrets_of_kubernetes_win_and_the_api_names_where_they_are() {
    let served = Served::new();
    served.hand(served.cluster.apply("kubectl", SYSTEM)).await;
    let hub = &served.hub;
    let own = [("key", "own"), ("other", "mine")];
    hub.secrets(system_scope("crm"), &own, false).await.unwrap();
    let handed = |value: &str| HandedSecrets {
        operator_epoch: EPOCH,
        system: "crm".into(),
        secrets: [(
            "key".to_owned(),
            ReferencedSecret {
                value: value.into(),
                kept_in: "crm-login".into(),
            },
        )]
        .into(),
    };
    hub.node.hand_over_secrets(handed("theirs")).await.unwrap();
    let revision = hub.snapshot().revision;
    hub.node.hand_over_secrets(handed("theirs")).await.unwrap();
    assert_eq!(hub.snapshot().revision, revision, "nothing changed");
    let values = hub.node.secret_values().await.unwrap();
    assert_eq!(values.resolve(Some("crm"), "key"), Some("theirs"));
    assert_eq!(values.resolve(Some("crm"), "other"), Some("mine"));
    for refused in [
        hub.secrets(system_scope("crm"), &[("key", "new")], false)
            .await,
        hub.node
            .delete_secret(system_scope("crm"), "key", "ann")
            .await,
    ] {
        let refused = refused.unwrap_err();
        assert_eq!(refused.code, Code::Conflict);
        assert!(refused.message.contains("crm-login"), "{refused}");
        assert!(!format!("{refused:?}").contains("theirs"));
    }
    let none = HandedSecrets {
        secrets: BTreeMap::new(),
        ..handed("")
    };
    hub.node.hand_over_secrets(none).await.unwrap();
    let values = hub.node.secret_values().await.unwrap();
    assert_eq!(values.resolve(Some("crm"), "key"), Some("own"));
}

#[tokio::test]
async fn variables_of_the_data_hub_win_over_those_of_the_api() {
    let served = Served::new();
    let hub = &served.hub;
    let set = |name: &str, value: &str| [(name.to_owned(), json(value))].into();
    hub.node
        .put_variables(set("own", "1.0"), false, "ann")
        .await
        .unwrap();
    let variables = HandedVariables {
        origin: Origin {
            name: "DataHub/main".into(),
            uid: "u".into(),
            generation: 1,
        },
        values: set("limit", "2.50"),
    };
    let handed = HandOver {
        operator_epoch: EPOCH,
        variables: Some(variables),
        ..HandOver::default()
    };
    hub.node.hand_over(handed).await.unwrap();
    let shown = hub.snapshot().variables.clone();
    assert_eq!(shown["limit"].to_string(), "2.50");
    assert_eq!(shown["own"].to_string(), "1.0");
    let refused = hub
        .node
        .put_variables(set("limit", "3"), false, "ann")
        .await;
    let refused = refused.unwrap_err();
    assert!(refused.message.contains("DataHub/main"), "{refused}");
    let refused = hub.node.delete_variable("limit", "ann").await.unwrap_err();
    assert_eq!(refused.code, Code::Conflict);
}

#[tokio::test]
async fn a_node_that_keeps_the_configuration_itself_takes_nothing_from_an_operator() {
    let hub = Hub::new();
    let refused = hub.node.hand_over(HandOver::default()).await.unwrap_err();
    assert_eq!(&*refused.reason, "own-history");
}
