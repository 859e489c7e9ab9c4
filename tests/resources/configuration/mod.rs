//! The configuration of a hub and its custom resources: an operator's loop between a real API server and a storage node in memory.

mod microservices;
mod refusals;
mod storage;

use crate::harness::{Cluster, connect};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sluice_entity::{Json, Limits};
use sluice_operator::configuration::{Hub, keep};
use sluice_operator::crd::{DataHub, Pipe, System, definitions};
use sluice_protocol::{Code, ComponentKind, WantedComponent, WriteAnswer};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};
use storage::Storage;
use tokio::task::JoinHandle;

const LIMIT: Duration = Duration::from_secs(60);

struct World {
    client: Client,
    namespace: String,
    storage: Arc<Storage>,
    keeping: JoinHandle<()>,
}

impl World {
    async fn new(name: &str) -> World {
        let client = connect(&Cluster::of_environment().unwrap()).await.unwrap();
        let namespace = format!("configuration-{name}-{}", std::process::id());
        let spaces: Api<Namespace> = Api::all(client.clone());
        let space =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        let apply = PatchParams::apply("tests").force();
        spaces
            .patch(&namespace, &apply, &Patch::Apply(space))
            .await
            .unwrap();
        let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
        for definition in definitions() {
            let name = definition.name_any();
            crds.patch(&name, &apply, &Patch::Apply(&definition))
                .await
                .unwrap();
        }
        let storage = Storage::new();
        let mut world = World {
            client: client.clone(),
            namespace: namespace.clone(),
            storage: storage.clone(),
            keeping: tokio::spawn(async {}),
        };
        let hub = json!({"storageNode": {"storage": {"size": "1Gi"}}});
        world.until_applied::<DataHub>("kubectl", "main", hub).await;
        let hub = Hub {
            client,
            namespace,
            name: "main".into(),
            metrics: Default::default(),
        };
        world.keeping = tokio::spawn(async move {
            keep(hub, storage.link()).await.unwrap();
        });
        world
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn apply<K>(&self, manager: &str, name: &str, spec: Value) -> Result<K, kube::Error>
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned,
    {
        let object = json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            "metadata": {"name": name},
            "spec": spec,
        });
        let apply = PatchParams::apply(manager);
        self.api::<K>()
            .patch(name, &apply, &Patch::Apply(object))
            .await
    }

    /// A definition takes a moment until it is served.
    async fn until_applied<K>(&self, manager: &str, name: &str, spec: Value)
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned,
    {
        let started = Instant::now();
        while let Err(error) = self.apply::<K>(manager, name, spec.clone()).await {
            assert!(started.elapsed() < LIMIT, "{error}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until a condition of a pipe has this status and reason; its message.
    async fn condition(&self, pipe: &str, kind: &str, expected: (&str, &str)) -> String {
        let started = Instant::now();
        loop {
            let object = self.api::<Pipe>().get(pipe).await.unwrap();
            let status = object.status.clone().unwrap_or_default();
            let found = status.conditions.iter().find(|one| one.type_ == kind);
            if let Some(found) = found
                && (found.status.as_str(), found.reason.as_str()) == expected
                && status.observed_generation == object.metadata.generation
            {
                return found.message.clone();
            }
            assert!(started.elapsed() < LIMIT, "{:?}", status.conditions);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn versions(&self) -> Vec<(String, String)> {
        let all = self
            .api::<Pipe>()
            .list(&ListParams::default())
            .await
            .unwrap();
        let all = all.items.into_iter();
        all.map(|one| (one.name_any(), one.resource_version().unwrap()))
            .collect()
    }

    async fn end(self) {
        self.keeping.abort();
        for pipe in self.versions().await {
            let (api, now) = (self.api::<Pipe>(), DeleteParams::default());
            api.delete(&pipe.0, &now).await.unwrap();
        }
        let spaces: Api<Namespace> = Api::all(self.client.clone());
        let _ = spaces
            .delete(&self.namespace, &DeleteParams::default())
            .await;
    }
}

fn pipe(text: &str) -> WantedComponent {
    let json = Json::parse(text.as_bytes(), &Limits::default()).unwrap();
    WantedComponent {
        kind: ComponentKind::Pipe,
        id: json.get("_id").and_then(Json::as_str).unwrap().to_owned(),
        group: "default".into(),
        original: Arc::new(json),
    }
}

fn embedded(id: &str, n: &str) -> String {
    format!(
        r#"{{"_id":"{id}","type":"pipe","source":{{"type":"embedded","entities":[{{"_id":"1","n":{n}}}]}}}}"#
    )
}

#[tokio::test]
async fn a_bad_configuration_never_replaces_the_one_that_runs_and_shows_its_places() {
    let world = World::new("bad").await;
    let spec =
        |kind: &str| json!({"hubRef": {"name": "main"}, "config": {"source": {"type": kind}}});
    world
        .apply::<Pipe>("kubectl", "orders", spec("empty"))
        .await
        .unwrap();
    world.condition("orders", "Ready", ("True", "Ready")).await;
    let running = world.storage.original(ComponentKind::Pipe, "orders");
    world
        .apply::<Pipe>("kubectl", "orders", spec("no-such-source"))
        .await
        .unwrap();
    let refused = ("False", "InvalidConfiguration");
    let message = world.condition("orders", "Accepted", refused).await;
    assert!(message.contains("source"), "{message}");
    world
        .condition("orders", "Stalled", ("True", "InvalidConfiguration"))
        .await;
    assert_eq!(
        world.storage.original(ComponentKind::Pipe, "orders"),
        running
    );
    world
        .apply::<Pipe>("kubectl", "orders", spec("empty"))
        .await
        .unwrap();
    world.condition("orders", "Ready", ("True", "Ready")).await;
    // Two resources with one id: the first counts.
    let mut second = spec("empty");
    second["id"] = "orders".into();
    world
        .apply::<Pipe>("kubectl", "second", second)
        .await
        .unwrap();
    world
        .condition("second", "Accepted", ("False", "IdConflict"))
        .await;
    world.end().await;
}

#[tokio::test]
async fn of_many_pipes_one_that_kubectl_manages_refuses_all() {
    let world = World::new("many").await;
    let foreign = json!({"hubRef": {"name": "main"}, "config": {"source": {"type": "empty"}}});
    world
        .apply::<Pipe>("kubectl", "foreign", foreign)
        .await
        .unwrap();
    world.condition("foreign", "Ready", ("True", "Ready")).await;
    let before = world.versions().await;
    let count: usize = std::env::var("PIPES").map_or(199, |text| text.parse().unwrap());
    let mut put: Vec<_> = (0..count)
        .map(|n| pipe(&embedded(&format!("p{n}"), "1")))
        .collect();
    put.push(pipe(&embedded("foreign", "1")));
    let refused = world.storage.write(put.clone(), Vec::new(), true).await;
    let WriteAnswer::Refused(refused) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(refused.code, Code::Conflict);
    assert!(refused.message.contains("kubectl"), "{refused}");
    assert_eq!(world.versions().await, before, "nothing changed");

    put.pop();
    let started = Instant::now();
    let applied = world.storage.write(put, Vec::new(), true).await;
    assert!(matches!(applied, WriteAnswer::Applied), "{applied:?}");
    let applied = started.elapsed();
    for n in 0..count {
        world
            .condition(&format!("p{n}"), "Ready", ("True", "Ready"))
            .await;
    }
    let ready = started.elapsed();
    // Nothing happens, nothing is written.
    let idle = world.versions().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(world.versions().await, idle);
    assert!(
        ready < LIMIT,
        "{count} pipes: applied {applied:?}, ready {ready:?}"
    );
    tracing::info!(count, ?applied, ?ready, "pipes through the API");
    // The upload takes away what it does not mention, and leaves what is not its own.
    let key = |id: String| (ComponentKind::Pipe, id);
    let all = (1..count).map(|n| key(format!("p{n}")));
    let all = all.chain([key("foreign".into())]).collect();
    let pruned = world.storage.write(Vec::new(), all, true).await;
    assert!(matches!(pruned, WriteAnswer::Applied), "{pruned:?}");
    let names: Vec<String> = world
        .versions()
        .await
        .into_iter()
        .map(|one| one.0)
        .collect();
    assert_eq!(names, ["foreign", "p0"]);
    let deleted = world
        .storage
        .write(Vec::new(), vec![key("foreign".into())], false)
        .await;
    assert!(matches!(deleted, WriteAnswer::Refused(_)), "{deleted:?}");
    world.end().await;
}

#[tokio::test]
async fn what_the_api_writes_comes_back_as_it_was_written() {
    let world = World::new("exact").await;
    let texts = [
        r#"{"_id":"Ærø","type":"pipe","source":{"type":"embedded","entities":[{"_id":"1","z":1.0,"a":123456789012345678901234567890}]}}"#,
        r#"{"_id":"A_b","type":"pipe","source":{"type":"empty"},"transform":{"type":"dtl","rules":{"default":[["add","x",["dict","z",1,"a",2]],["add","y",1.50]]}}}"#,
        r#"{"_id":"plain","type":"pipe","source":{"type":"empty"}}"#,
    ];
    let put = texts.iter().map(|text| pipe(text)).collect();
    let applied = world.storage.write(put, Vec::new(), true).await;
    assert!(matches!(applied, WriteAnswer::Applied), "{applied:?}");
    for text in &texts[..2] {
        let id = pipe(text).id;
        assert_eq!(
            world.storage.original(ComponentKind::Pipe, &id).as_deref(),
            Some(*text)
        );
    }
    let plain = world
        .storage
        .original(ComponentKind::Pipe, "plain")
        .unwrap();
    assert!(pipe(&plain).original.same_meaning(&pipe(texts[2]).original));
    let all = world
        .api::<Pipe>()
        .list(&ListParams::default())
        .await
        .unwrap();
    for object in &all.items {
        let name = object.name_any();
        let is_text = object.spec.config_text.is_some();
        match object.spec.id.as_deref() {
            Some("Ærø") => assert!(
                name.starts_with("r-") && name.len() == 10 && is_text,
                "{name}"
            ),
            Some("A_b") => assert!(name.starts_with("a-b-") && is_text, "{name}"),
            id => assert!(name == "plain" && id.is_none() && !is_text, "{name}"),
        }
    }
    assert_eq!(all.items.len(), 3);
    // The other form takes the place of the one before.
    let changed = r#"{"_id":"plain","type":"pipe","source":{"type":"embedded","entities":[{"_id":"1","n":1.0}]}}"#;
    let applied = world
        .storage
        .write(vec![pipe(changed)], Vec::new(), true)
        .await;
    assert!(matches!(applied, WriteAnswer::Applied), "{applied:?}");
    let object = world.api::<Pipe>().get("plain").await.unwrap();
    assert!(object.spec.config.is_none());
    assert_eq!(object.spec.config_text.as_deref(), Some(changed));
    let huge = embedded("huge", &format!(r#""{}""#, "x".repeat(1 << 20)));
    let refused = world
        .storage
        .write(vec![pipe(&huge)], Vec::new(), true)
        .await;
    let WriteAnswer::Refused(refused) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(refused.code, Code::TooLarge);
    world.end().await;
}

#[tokio::test]
async fn secrets_that_a_system_names_are_handed_over_and_missing_ones_are_told() {
    let world = World::new("secrets").await;
    let secrets = world.api::<Secret>();
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "stringData": {"key": "hush"}});
    let apply = PatchParams::apply("kubectl");
    secrets
        .patch("login", &apply, &Patch::Apply(secret))
        .await
        .unwrap();
    let system = json!({
        "hubRef": {"name": "main"},
        "config": {"type": "system:url", "url_pattern": "https://crm.test/%s"},
        "secretRefs": [{"name": "login"}, {"name": "absent"}],
    });
    world
        .apply::<System>("kubectl", "crm", system)
        .await
        .unwrap();
    let started = Instant::now();
    loop {
        let object = world.api::<System>().get("crm").await.unwrap();
        let conditions = object.status.unwrap_or_default().conditions;
        if let Some(ready) = conditions.iter().find(|one| one.type_ == "Ready")
            && ready.reason == "SecretMissing"
        {
            assert!(ready.message.contains("absent"), "{}", ready.message);
            break;
        }
        assert!(started.elapsed() < LIMIT, "{conditions:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let handed = world
        .storage
        .secrets
        .lock()
        .unwrap()
        .last()
        .cloned()
        .unwrap();
    assert_eq!(handed.system, "crm");
    assert_eq!(handed.secrets["key"].value, "hush");
    assert_eq!(handed.secrets["key"].kept_in, "login");
    world.end().await;
}
