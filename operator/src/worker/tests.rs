//! A worker's standing, and its objects.

use super::build::build;
use super::dereference::Found;
use super::standing::wanted;
use super::status::{Finding, judge};
use crate::Settings;
use crate::crd::{DataHub, Worker, WorkerStanding};
use crate::lease::LeaseSettings;
use crate::nodes::NodeState;
use serde_json::json;
use sluice_protocol::{DiskId, Liveness, Standing, WorkerFacts};
use std::time::Duration;

#[test]
fn worker_on_a_node_that_is_to_be_emptied_is_drained() {
    assert_eq!(
        wanted(WorkerStanding::Active, NodeState::Ready),
        Standing::Active
    );
    assert_eq!(
        wanted(WorkerStanding::Active, NodeState::Unknown),
        Standing::Active
    );
    assert_eq!(
        wanted(WorkerStanding::Active, NodeState::Cordoned),
        Standing::Draining
    );
    assert_eq!(
        wanted(WorkerStanding::Cordoned, NodeState::Ready),
        Standing::Cordoned
    );
    assert_eq!(
        wanted(WorkerStanding::Cordoned, NodeState::Cordoned),
        Standing::Draining
    );
    // The failover of a node that is away is the storage node's: what is on the disk is not driven away.
    assert_eq!(
        wanted(WorkerStanding::Active, NodeState::Lost),
        Standing::Active
    );
}

/// A worker's objects in a hub of this specification.
fn objects(hub: serde_json::Value) -> super::build::Objects {
    let hub: DataHub = serde_json::from_value(json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "DataHub", "metadata": {"name": "home", "namespace": "rooms"},
        "spec": hub,
    }))
    .unwrap();
    let worker: Worker = serde_json::from_value(json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "Worker", "metadata": {"name": "main-x-0", "namespace": "rooms", "uid": "u"},
        "spec": {
            "hubRef": {"name": "home"}, "poolRef": "main",
            "template": {"storage": {"size": "1Gi", "storageClassName": "fast"}, "resources": {"limits": {"cpu": 2}}},
        },
    }))
    .unwrap();
    let settings = Settings {
        namespaces: Vec::new(),
        image: "example.org/sluice:1".into(),
        storage_nodes: Default::default(),
        lease: LeaseSettings {
            namespace: "n".into(),
            name: "l".into(),
            holder: "me".into(),
            deployment: None,
            length: Duration::from_secs(15),
            renew_every: Duration::from_secs(2),
        },
    };
    build(&worker, &hub, &settings)
}

#[test]
fn object_store_is_handed_to_a_worker_with_its_secret() {
    let hub = |more| {
        let mut hub = json!({"storageNode": {"storage": {"size": "5Gi"}}});
        hub["objectStore"] = more;
        objects(hub).pod.body["spec"]["containers"][0].clone()
    };
    assert!(
        !hub(json!(null))["args"]
            .to_string()
            .contains("object-store")
    );
    let with = hub(json!({"url": "s3://bucket/hub", "secretName": "store"}));
    let arguments = with["args"].to_string();
    assert!(arguments.contains("--object-store=s3://bucket/hub"));
    assert_eq!(with["envFrom"][0]["secretRef"]["name"], "store");
}

#[test]
fn claim_of_a_worker_has_no_owner_and_its_pod_has() {
    let objects = objects(json!({"storageNode": {"storage": {"size": "5Gi"}}}));
    assert!(objects.claim.body["metadata"]["ownerReferences"].is_null());
    assert_eq!(
        objects.claim.body["metadata"]["labels"]["sluice.dev/worker-id"],
        "main-x-0"
    );
    assert_eq!(objects.claim.body["spec"]["storageClassName"], "fast");
    assert_eq!(
        objects.pod.body["metadata"]["ownerReferences"][0]["kind"],
        "Worker"
    );
    let container = &objects.pod.body["spec"]["containers"][0];
    assert_eq!(container["image"], "example.org/sluice:1");
    assert_eq!(container["resources"]["limits"]["cpu"], 2);
    assert_eq!(objects.pod.body["spec"]["restartPolicy"], "Always");
    let arguments = container["args"].to_string();
    // It is not killed while its pipes move and its last answers are on their way.
    let grace = &objects.pod.body["spec"]["terminationGracePeriodSeconds"];
    assert!(arguments.contains("--stop-timeout=150s"), "{arguments}");
    assert_eq!(*grace, 180);
    assert!(
        arguments.contains("--storage-node=home-storage-node.rooms.svc:7001"),
        "{arguments}"
    );
}

fn pod(ready: &str) -> kube::api::DynamicObject {
    let status = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]});
    let pod =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "w"}, "status": status});
    serde_json::from_value(pod).unwrap()
}

#[test]
fn worker_is_ready_when_its_pod_serves_and_the_storage_node_hears_of_it() {
    let facts = |liveness| {
        Some(WorkerFacts {
            address: "10.0.0.1:7001".to_owned(),
            disk: DiskId("d".to_owned()),
            liveness,
            standing: Standing::Active,
        })
    };
    let found = |liveness, node_state| Found {
        facts: facts(liveness),
        node_state,
        ..Found::default()
    };
    let live = found(Liveness::Live, NodeState::Ready);
    assert_eq!(judge(&live, Some(&pod("True"))), Finding::Ready);
    assert_eq!(
        judge(&live, Some(&pod("False"))),
        Finding::Starting(String::new())
    );
    let suspect = found(Liveness::Suspect, NodeState::Ready);
    assert!(matches!(
        judge(&suspect, Some(&pod("True"))),
        Finding::Starting(_)
    ));
    let nobody = Found::default();
    assert_eq!(judge(&nobody, Some(&pod("True"))), Finding::StorageNodeAway);
    // A node that is not heard of says nothing about a pod that serves; without it, the worker is lost.
    let lost = found(Liveness::Live, NodeState::Lost);
    assert_eq!(judge(&lost, Some(&pod("True"))), Finding::Ready);
    assert_eq!(judge(&lost, Some(&pod("False"))), Finding::NodeLost);
    assert_eq!(judge(&lost, None), Finding::NodeLost);
}
