//! Microservices at a real API server: what is made, what is said of it, what is asked of it, and how it goes. What kubelet and
//! the controllers would say the test says.

use super::{LIMIT, World};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Secret, Service};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sluice_config::microservice_name;
use sluice_operator::crd::System;
use sluice_protocol::{LogsWanted, MicroserviceAnswer, MicroserviceQuestion};
use std::fmt::Debug;
use std::time::{Duration, Instant};

impl World {
    async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Result<T, String>) -> T {
        let started = Instant::now();
        loop {
            match look().await {
                Ok(found) => return found,
                Err(is) => assert!(started.elapsed() < LIMIT, "{what}; it is {is}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn until_there<K>(&self, name: &str) -> K
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned,
    {
        let api = self.api::<K>();
        let look = async || api.get(name).await.map_err(|error| error.to_string());
        self.until(&format!("{name} is there"), look).await
    }

    /// Waits until a system is ready, or is not for this reason; what is said of it.
    async fn system(&self, name: &str, expected: (&str, &str)) -> String {
        let look = async || {
            let system = self.api::<System>().get(name).await.unwrap();
            let conditions = system.status.unwrap_or_default().conditions;
            let ready = conditions.iter().find(|one| one.type_ == "Ready");
            match ready {
                Some(one) if (&*one.status, &*one.reason) == expected => Ok(one.message.clone()),
                _ => Err(format!("{conditions:?}")),
            }
        };
        self.until(&format!("{name} is {expected:?}"), look).await
    }

    async fn set_status<K>(&self, name: &str, status: Value)
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned,
    {
        let patch = Patch::Merge(json!({"status": status}));
        let parameters = PatchParams::default();
        let api = self.api::<K>();
        api.patch_status(name, &parameters, &patch).await.unwrap();
    }
}

fn spec(image: &str) -> Value {
    json!({"hubRef": {"name": "main"}, "config": {
        "type": "system:microservice",
        "eager_load": true,
        "docker": {"image": image, "port": 5000, "memory": 64, "cpu_quota": 20, "run_as_user": 65532},
    }})
}

#[tokio::test]
async fn a_microservice_is_made_shown_asked_and_gone_with_its_system() {
    let world = World::new("microservices").await;
    let first = world.apply::<System>("kubectl", "orders", spec("registry.example/orders:1"));
    first.await.unwrap();
    let name = microservice_name("main", "orders");
    let deployment = world.until_there::<Deployment>(&name).await;
    let text = serde_json::to_string(&deployment).unwrap();
    assert!(!text.contains("first-value"));
    let secret = world.until_there::<Secret>(&name).await;
    let data = secret.data.unwrap();
    assert_eq!(data["KEY"].0, b"first-value");
    world.until_there::<Secret>(&format!("{name}-login")).await;
    let service = world.until_there::<Service>(&name).await;
    let ports = service.spec.unwrap().ports.unwrap();
    assert_eq!(ports[0].port, 5000);
    world.system("orders", ("False", "Starting")).await;

    // Its pod cannot start.
    let pod = json!({
        "metadata": {"name": "orders-1", "labels": deployment.spec.template.metadata.unwrap().labels},
        "spec": {"containers": [{"name": "microservice", "image": "registry.example/orders:1"}]},
    });
    let pod: Pod = serde_json::from_value(pod).unwrap();
    world
        .api::<Pod>()
        .create(&PostParams::default(), &pod)
        .await
        .unwrap();
    let waiting = json!({"reason": "ImagePullBackOff", "message": "no such image"});
    let container = json!({
        "name": "microservice", "ready": false, "restartCount": 0, "image": "i", "imageID": "",
        "state": {"waiting": waiting},
    });
    world
        .set_status::<Pod>("orders-1", json!({"containerStatuses": [container]}))
        .await;
    let message = world.system("orders", ("False", "ImagePullBackOff")).await;
    assert_eq!(message, "no such image");
    let status = world
        .storage
        .ask("orders", MicroserviceQuestion::Status)
        .await;
    let Ok(MicroserviceAnswer::Status(status)) = status else {
        panic!("{status:?}");
    };
    assert_eq!(status.reason, "ImagePullBackOff");
    assert_eq!(status.image, "registry.example/orders:1");
    let logs = MicroserviceQuestion::Logs(LogsWanted {
        since: None,
        lines: 10,
        bytes: 1_000,
    });
    let logs = world.storage.ask("orders", logs).await;
    assert_eq!(
        logs,
        Ok(MicroserviceAnswer::Logs(String::new())),
        "it never ran"
    );

    // It runs.
    let generation = world
        .until_there::<Deployment>(&name)
        .await
        .metadata
        .generation;
    world.set_status::<Deployment>(&name, json!({
        "observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
    })).await;
    world.system("orders", ("True", "Ready")).await;

    // A reload makes another pod, and is not undone by what is applied later.
    let reload = world
        .storage
        .ask("orders", MicroserviceQuestion::Reload)
        .await;
    assert_eq!(reload, Ok(MicroserviceAnswer::Reloading));
    let annotations = |deployment: &Deployment| {
        let template = &deployment.spec.template;
        template.metadata.clone().unwrap().annotations.unwrap()
    };
    let reloaded = annotations(&world.until_there::<Deployment>(&name).await);
    let moment = reloaded["sluice.dev/reloaded"].clone();
    *world.storage.key.lock().unwrap() = "another-value".to_owned();
    let second = world.apply::<System>("kubectl", "orders", spec("registry.example/orders:2"));
    second.await.unwrap();
    let changed = world.until("the change is there", async || {
        let now = annotations(&world.until_there::<Deployment>(&name).await);
        let is_changed = now["sluice.dev/environment"] != reloaded["sluice.dev/environment"];
        if is_changed {
            Ok(now)
        } else {
            Err(format!("{now:?}"))
        }
    });
    assert_eq!(changed.await["sluice.dev/reloaded"], moment);
    let data = world.until_there::<Secret>(&name).await.data.unwrap();
    assert_eq!(data["KEY"].0, b"another-value");
    let absent = world
        .storage
        .ask("absent", MicroserviceQuestion::Reload)
        .await;
    assert_eq!(absent, Err("not-running".to_owned()));

    // With the system everything goes.
    let (systems, now) = (world.api::<System>(), DeleteParams::default());
    systems.delete("orders", &now).await.unwrap();
    world
        .until("it is gone", async || {
            let there = [
                world
                    .api::<Deployment>()
                    .get_opt(&name)
                    .await
                    .unwrap()
                    .map(|one| one.name_any()),
                world
                    .api::<Secret>()
                    .get_opt(&name)
                    .await
                    .unwrap()
                    .map(|one| one.name_any()),
                world
                    .api::<Service>()
                    .get_opt(&name)
                    .await
                    .unwrap()
                    .map(|one| one.name_any()),
                world
                    .api::<Secret>()
                    .get_opt(&format!("{name}-login"))
                    .await
                    .unwrap()
                    .map(|one| one.name_any()),
            ];
            if there.iter().all(Option::is_none) {
                Ok(())
            } else {
                Err(format!("{there:?}"))
            }
        })
        .await;
    world.end().await;
}
