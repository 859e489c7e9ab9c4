//! Hubs at an API server without nodes: the objects that the operator makes, in which order, and how they end. What kubelet would
//! say of pods the tests say.

use crate::harness::{Cluster, Namespace, Operator, definitions, until};
use anyhow::Result;
use serde_json::{Value, json};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

fn hub(spec: Value) -> String {
    let mut hub = json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "DataHub", "metadata": {"name": "home"},
        "spec": {"storageNode": {"storage": {"size": "1Gi"}}, "aggregator": {"replicas": 1}},
    });
    for (key, value) in spec.as_object().unwrap() {
        hub["spec"][key] = value.clone();
    }
    hub.to_string()
}

fn pool(replicas: u32, policy: &str) -> String {
    let pool = json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "WorkerPool", "metadata": {"name": "main"},
        "spec": {
            "hubRef": {"name": "home"}, "replicas": replicas, "deletionPolicy": policy,
            "template": {"storage": {"size": "1Gi"}},
        },
    });
    pool.to_string()
}

/// A namespace in which an operator looks after hubs.
async fn place(purpose: &str) -> (Namespace, Operator) {
    let cluster = Cluster::of_environment().unwrap();
    let namespace = Namespace::new(&cluster, purpose).await.unwrap();
    definitions(&namespace).await.unwrap();
    let operator = Operator::start(&namespace).unwrap();
    (namespace, operator)
}

/// The names of what there is of a kind.
fn names(namespace: &Namespace, kind: &str) -> Vec<String> {
    let listed = namespace.get(kind).unwrap();
    let items = listed["items"].as_array().unwrap().iter();
    items
        .map(|item| item["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

async fn until_there(namespace: &Namespace, kind: &str, count: usize) -> Vec<String> {
    let what = format!("{count} {kind}");
    until(&what, LIMIT, || async {
        let there = names(namespace, kind);
        (there.len() != count).then(|| format!("{there:?}"))
    })
    .await
    .unwrap();
    names(namespace, kind)
}

async fn until_gone(namespace: &Namespace, object: &str, limit: Duration) {
    until(&format!("{object} is gone"), limit, || async {
        namespace
            .get(object)
            .ok()
            .map(|found| found["metadata"].to_string())
    })
    .await
    .unwrap();
}

fn set_status(namespace: &Namespace, object: &str, status: Value) -> Result<String> {
    let patch = json!({"status": status}).to_string();
    namespace.kubectl(&[
        "patch",
        object,
        "--subresource=status",
        "--type=merge",
        "--patch",
        &patch,
    ])
}

#[tokio::test]
async fn a_hub_gets_keys_once_a_storage_node_and_aggregators_and_is_ready_when_they_are() {
    let (namespace, _operator) = place("hub").await;
    namespace.apply(&hub(json!({}))).unwrap();
    until_there(&namespace, "pods", 1).await;
    until_there(&namespace, "deployments", 1).await;
    let keys = |name: &str| namespace.get(&format!("secret/{name}")).unwrap()["data"].clone();
    let made = [
        keys("home-root-ca"),
        keys("home-keys"),
        keys("home-token-key"),
    ];
    assert!(made[0]["tls.key"].is_string() && made[1]["secrets.key"].is_string());
    let found = namespace.get("datahub/home").unwrap();
    assert_eq!(
        found["status"]["storageNode"],
        json!({"claim": "home-storage-node-1", "incarnation": 1})
    );
    // The claim came after the number of its disk was written down.
    let claim = namespace.get("pvc/home-storage-node-1").unwrap();
    assert_eq!(claim["spec"]["accessModes"], json!(["ReadWriteOncePod"]));
    assert!(claim["metadata"]["ownerReferences"].is_null());

    set_status(
        &namespace,
        "pod/home-storage-node-1",
        json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}),
    )
    .unwrap();
    let deployment = namespace.get("deployment/home-aggregator").unwrap();
    let generation = &deployment["metadata"]["generation"];
    set_status(&namespace, "deployment/home-aggregator", json!({
        "observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
    }))
    .unwrap();
    namespace
        .wait_for("datahub/home", "Ready", LIMIT)
        .await
        .unwrap();

    // Whatever else changes, keys stay as they are.
    namespace.apply(&hub(json!({"log": "debug"}))).unwrap();
    until("the storage node's pod is another one", LIMIT, || async {
        let pod = namespace
            .get("pod/home-storage-node-1")
            .map(|pod| pod["spec"]["containers"][0]["args"].to_string());
        let pod = pod.unwrap_or_else(|error| error.to_string());
        (!pod.contains("--log=debug")).then_some(pod)
    })
    .await
    .unwrap();
    assert_eq!(
        made,
        [
            keys("home-root-ca"),
            keys("home-keys"),
            keys("home-token-key")
        ]
    );
}

#[tokio::test]
async fn lost_keys_stall_a_hub_until_they_are_back() {
    let (namespace, _operator) = place("keys").await;
    namespace.apply(&hub(json!({}))).unwrap();
    until_there(&namespace, "deployments", 1).await;
    let mut keys = namespace.get("secret/home-keys").unwrap();
    namespace
        .kubectl(&["delete", "secret", "home-keys"])
        .unwrap();
    namespace.apply(&hub(json!({"log": "debug"}))).unwrap();
    namespace
        .wait_for("datahub/home", "Stalled", LIMIT)
        .await
        .unwrap();
    let conditions = namespace.get("datahub/home").unwrap()["status"]["conditions"].to_string();
    assert!(
        conditions.contains("KeysLost") && conditions.contains("home-keys"),
        "{conditions}"
    );
    assert!(namespace.get("secret/home-keys").is_err());
    for field in [
        "resourceVersion",
        "uid",
        "creationTimestamp",
        "managedFields",
    ] {
        keys["metadata"].as_object_mut().unwrap().remove(field);
    }
    namespace.apply(&keys.to_string()).unwrap();
    namespace.apply(&hub(json!({"log": "info"}))).unwrap();
    namespace
        .wait_for("datahub/home", "Accepted", LIMIT)
        .await
        .unwrap();
}

#[tokio::test]
async fn workers_have_numbers_of_their_own_a_pod_and_a_claim_and_are_made_and_retired_by_scale() {
    let (namespace, _operator) = place("pool").await;
    namespace.apply(&hub(json!({}))).unwrap();
    namespace.apply(&pool(2, "Delete")).unwrap();
    let first = until_there(&namespace, "workers", 2).await;
    until("each worker has a claim", LIMIT, || async {
        let claims = names(&namespace, "pvc");
        (!first.iter().all(|worker| claims.contains(worker))).then(|| format!("{claims:?}"))
    })
    .await
    .unwrap();
    namespace
        .kubectl(&["scale", "workerpool", "main", "--replicas=3"])
        .unwrap();
    let three = until_there(&namespace, "workers", 3).await;
    let status = namespace.get("workerpool/main").unwrap()["status"].clone();
    assert_eq!(status["nextNumber"], 3);
    let selector = status["selector"].as_str().unwrap().to_owned();
    until("all pods are selected", LIMIT, || async {
        let pods = namespace
            .kubectl(&["get", "pods", "--selector", &selector, "--output", "name"])
            .unwrap();
        (pods.lines().count() != 3).then_some(pods)
    })
    .await
    .unwrap();

    // The storage node is not there to give leave: a worker that was only retired waits, and says for what.
    namespace
        .kubectl(&["scale", "workerpool", "main", "--replicas=2"])
        .unwrap();
    let retired = three.iter().find(|name| !first.contains(name)).unwrap();
    until("the youngest is to go", LIMIT, || async {
        let worker = namespace.get(&format!("worker/{retired}")).unwrap();
        let status = worker["status"]["conditions"].to_string();
        let is_retired =
            worker["spec"]["standing"] == "Retired" && status.contains("StorageNodeAway");
        (!is_retired).then(|| format!("{} {status}", worker["spec"]))
    })
    .await
    .unwrap();
    // The pool grows again: whoever is about to go does not come back, another one comes.
    namespace
        .kubectl(&["scale", "workerpool", "main", "--replicas=3"])
        .unwrap();
    let four = until_there(&namespace, "workers", 4).await;
    let numbers: Vec<&str> = four
        .iter()
        .filter_map(|name| name.rsplit('-').next())
        .collect();
    assert_eq!(numbers, ["0", "1", "2", "3"]);
}

#[tokio::test]
async fn delete_everything_in_any_order() {
    for (policy, order) in [
        ("Retain", ["workerpool/main", "datahub/home"]),
        ("Delete", ["datahub/home", "workerpool/main"]),
    ] {
        let (namespace, _operator) = place("end").await;
        namespace
            .apply(&hub(json!({"deletionPolicy": policy})))
            .unwrap();
        namespace.apply(&pool(2, policy)).unwrap();
        let workers = until_there(&namespace, "workers", 2).await;
        until_there(&namespace, "pvc", 3).await;
        for object in order {
            namespace
                .kubectl(&["delete", object, "--wait=false"])
                .unwrap();
            until_gone(&namespace, object, Duration::from_secs(120)).await;
        }
        // There is no collector of garbage here, so the test does what it would do.
        for worker in &workers {
            let _ = namespace.kubectl(&["delete", "worker", worker, "--wait=false"]);
            until_gone(
                &namespace,
                &format!("worker/{worker}"),
                Duration::from_secs(120),
            )
            .await;
        }
        let claims = names(&namespace, "pvc");
        let going = namespace.get("pvc").unwrap()["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|claim| !claim["metadata"]["deletionTimestamp"].is_null());
        match policy {
            "Retain" => assert_eq!(claims.len(), 3, "what stays: {claims:?}"),
            // Nobody takes the protection of claims away here.
            _ => assert!(going, "{claims:?}"),
        }
        let has_keys = namespace.get("secret/home-root-ca").is_ok();
        assert_eq!(has_keys, policy == "Retain");
    }
}

#[tokio::test]
async fn a_hub_at_rest_causes_no_writes() {
    let (namespace, _operator) = place("rest").await;
    namespace.apply(&hub(json!({}))).unwrap();
    namespace.apply(&pool(2, "Retain")).unwrap();
    until_there(&namespace, "pods", 3).await;
    namespace
        .wait_for("workerpool/main", "Accepted", LIMIT)
        .await
        .unwrap();
    let versions = || {
        let kinds = [
            "datahubs",
            "workerpools",
            "workers",
            "pods",
            "pvc",
            "secrets",
            "configmaps",
            "services",
            "deployments",
            "pdb",
            "events.events.k8s.io",
        ];
        kinds.map(|kind| {
            let listed = namespace.get(kind).unwrap();
            let items = listed["items"].as_array().unwrap().iter();
            items
                .map(|item| {
                    item["metadata"]["resourceVersion"]
                        .as_str()
                        .unwrap()
                        .to_owned()
                })
                .collect::<Vec<_>>()
        })
    };
    // At rest: no version has changed between two looks. Then it is to stay so over many reconciles of workers that wait.
    let mut before = versions();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let now = versions();
        if now == before {
            break;
        }
        before = now;
    }
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(before, versions());
}

#[tokio::test]
async fn of_two_operators_one_leads_and_the_other_follows_when_it_stops() {
    let (namespace, first) = place("lead").await;
    let holder = || {
        let lease = namespace.get("lease/sluice-operator");
        lease
            .map(|lease| {
                lease["spec"]["holderIdentity"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .unwrap_or_default()
    };
    let held_by = |wanted: String| async move { (holder() != wanted).then(holder) };
    until("the first one leads", LIMIT, || held_by(first.id.clone()))
        .await
        .unwrap();
    let second = Operator::start(&namespace).unwrap();
    let acquired = || {
        namespace.get("lease/sluice-operator").unwrap()["spec"]["acquireTime"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let before = acquired();
    drop(first);
    until("the second one leads", LIMIT, || held_by(second.id.clone()))
        .await
        .unwrap();
    assert!(acquired() > before, "the epoch of the leadership grows");
    namespace.apply(&hub(json!({}))).unwrap();
    until_there(&namespace, "pods", 1).await;
}

#[tokio::test]
async fn another_worker_takes_the_place_of_one_whose_node_or_disk_is_lost() {
    let (namespace, _operator) = place("lost").await;
    namespace.apply(&hub(json!({}))).unwrap();
    namespace.apply(&pool(1, "Retain")).unwrap();
    let first = until_there(&namespace, "workers", 1).await.remove(0);
    until_there(&namespace, "pods", 2).await;
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": namespace.name}});
    namespace.apply(&node.to_string()).unwrap();
    let target = json!({"name": namespace.name, "kind": "Node"});
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": first}, "target": target});
    let path = format!("/api/v1/namespaces/{}/pods/{first}/binding", namespace.name);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), binding.to_string()).unwrap();
    namespace
        .kubectl(&[
            "create",
            "--raw",
            &path,
            "--filename",
            file.path().to_str().unwrap(),
        ])
        .unwrap();
    let heard = |ready: &str| {
        let condition =
            json!({"type": "Ready", "status": ready, "lastTransitionTime": "2026-01-01T00:00:00Z"});
        set_status(
            &namespace,
            &format!("node/{}", namespace.name),
            json!({"conditions": [condition]}),
        )
        .unwrap();
    };
    let reason = |worker: &str| {
        let found = namespace.get(&format!("worker/{worker}")).unwrap();
        let conditions = found["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let ready = conditions
            .into_iter()
            .find(|condition| condition["type"] == "Ready");
        ready
            .map(|ready| ready["reason"].as_str().unwrap().to_owned())
            .unwrap_or_default()
    };
    heard("Unknown");
    let both = until_there(&namespace, "workers", 2).await;
    assert_eq!(reason(&first), "NodeLost");
    assert!(namespace.get(&format!("pvc/{first}")).is_ok());
    heard("True");
    let second = both.iter().find(|name| **name != first).unwrap();
    until("the first worker is one again", LIMIT, || async {
        let now = reason(&first);
        (now == "NodeLost").then_some(now)
    })
    .await
    .unwrap();

    // Whoever of the two is left loses its disk: no blank one comes under its name.
    until("one is to go", LIMIT, || async {
        let standing = |name: &str| {
            namespace
                .get(&format!("worker/{name}"))
                .map(|worker| worker["spec"]["standing"].clone())
        };
        let standings = [standing(&first).ok(), standing(second).ok()];
        let is_one = standings
            .iter()
            .flatten()
            .any(|standing| standing == "Retired");
        (!is_one).then(|| format!("{standings:?}"))
    })
    .await
    .unwrap();
    let is_left = |name: &&String| {
        namespace.get(&format!("worker/{name}")).unwrap()["spec"]["standing"] == "Active"
    };
    let left = [&first, second].into_iter().find(is_left).unwrap().clone();
    let claim = format!("pvc/{left}");
    namespace
        .kubectl(&[
            "patch",
            &claim,
            "--type=merge",
            "--patch",
            r#"{"metadata": {"finalizers": null}}"#,
        ])
        .unwrap();
    namespace.kubectl(&["delete", &claim]).unwrap();
    until("its disk is lost", LIMIT, || async {
        // What happens to pods is told; that a claim goes is seen at the next look.
        namespace
            .kubectl(&["label", "worker", &left, "looked=at", "--overwrite"])
            .unwrap();
        let now = reason(&left);
        (now != "DiskLost").then_some(now)
    })
    .await
    .unwrap();
    assert!(
        namespace.get(&claim).is_err(),
        "a blank disk came under its name"
    );
    namespace
        .kubectl(&["delete", "node", &namespace.name])
        .unwrap();
}

#[tokio::test]
async fn a_pod_waits_for_its_pipes_to_move_where_they_can_and_is_exchanged_at_once_where_they_cannot()
 {
    let (namespace, _operator) = place("exchange").await;
    let store = json!({"url": "s3://bucket/hub"});
    for (store, waits) in [(Value::Null, false), (store, true)] {
        let mut spec = json!({"log": "info"});
        if !store.is_null() {
            spec["objectStore"] = store;
        }
        namespace.apply(&hub(spec.clone())).unwrap();
        namespace.apply(&pool(1, "Retain")).unwrap();
        let worker = until_there(&namespace, "workers", 1).await.remove(0);
        let pod = || namespace.get(&format!("pod/{worker}"));
        let argument = |wanted: &str| {
            let arguments = pod().map(|pod| pod["spec"]["containers"][0]["args"].to_string());
            let arguments = arguments.unwrap_or_else(|error| error.to_string());
            (arguments.contains("--object-store") != waits || !arguments.contains(wanted))
                .then_some(arguments)
        };
        until("its pod is as the hub says", LIMIT, || async {
            argument("--log=info")
        })
        .await
        .unwrap();
        set_status(
            &namespace,
            &format!("pod/{worker}"),
            json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}),
        )
        .unwrap();
        let before = pod().unwrap()["metadata"]["uid"].clone();
        spec["log"] = "debug".into();
        namespace.apply(&hub(spec)).unwrap();
        if waits {
            // Nobody tells it where the pipes are: the storage node is not there.
            until("it waits for the storage node", LIMIT, || async {
                let worker = namespace.get(&format!("worker/{worker}")).unwrap();
                let status = worker["status"].to_string();
                (!status.contains("storage node answers")).then_some(status)
            })
            .await
            .unwrap();
            assert_eq!(pod().unwrap()["metadata"]["uid"], before);
        } else {
            until("its pod is another one", LIMIT, || async {
                argument("--log=debug")
            })
            .await
            .unwrap();
        }
    }
}
