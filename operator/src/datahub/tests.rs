//! From a resource to objects, without a cluster.

use super::build::{Objects, build};
use super::dereference::Found;
use super::keys::Made;
use super::{ValidatedHub, life, validate};
use crate::crd::DataHub;
use crate::lease::LeaseSettings;
use crate::{Settings, names};
use kube::api::DynamicObject;
use serde_json::{Value, json};
use std::time::Duration;

fn settings() -> Settings {
    Settings {
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
    }
}

fn hub(spec: Value, status: Value) -> DataHub {
    let mut hub = json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "DataHub",
        "metadata": {"name": "home", "namespace": "rooms", "uid": "u"},
        "spec": {"storageNode": {"storage": {"size": "5Gi"}}},
        "status": status,
    });
    for (key, value) in spec.as_object().unwrap() {
        hub["spec"][key] = value.clone();
    }
    serde_json::from_value(hub).unwrap()
}

fn objects(hub: &DataHub) -> (ValidatedHub, Objects) {
    let keys = [
        names::root("home"),
        names::keys("home"),
        names::token_key("home"),
    ];
    let found = Found {
        secrets: keys
            .into_iter()
            .map(|name| (name, Default::default()))
            .collect(),
        ..Found::default()
    };
    let valid = validate(hub, &found, &settings()).unwrap();
    let made = Made {
        trust: "PEM".into(),
        bootstraps: "{}\n".into(),
        api_certificate: "home-api-tls".into(),
    };
    let objects = build(&valid, &made, &life::decide(hub, &Found::default()));
    (valid, objects)
}

#[test]
fn every_pod_is_restricted_and_has_no_credentials() {
    let (_, objects) = objects(&hub(json!({}), json!(null)));
    let pods = [
        &objects.pod.body["spec"],
        &objects.deployment.body["spec"]["template"]["spec"],
    ];
    for pod in pods {
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(
            pod["securityContext"]["seccompProfile"]["type"],
            "RuntimeDefault"
        );
        let container = &pod["containers"][0];
        let security = &container["securityContext"];
        assert_eq!(security["allowPrivilegeEscalation"], false);
        assert_eq!(security["readOnlyRootFilesystem"], true);
        assert_eq!(security["capabilities"]["drop"][0], "ALL");
        assert!(container["resources"]["requests"]["memory"].is_string());
        assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz");
    }
}

#[test]
fn storage_node_starts_with_the_incarnation_of_its_disk() {
    let (_, objects) = objects(&hub(
        json!({"leaseSeconds": 20}),
        json!({"storageNode": {"incarnation": 3, "claim": "home-storage-node-3"}}),
    ));
    assert_eq!(
        (objects.pod.name.as_str(), objects.claim.name.as_str()),
        ("home-storage-node-3", "home-storage-node-3")
    );
    let arguments = objects.pod.body["spec"]["containers"][0]["args"].to_string();
    assert!(
        arguments.contains("--incarnation=3") && arguments.contains("--lease=20s"),
        "{arguments}"
    );
    assert!(objects.claim.body["metadata"]["ownerReferences"].is_null());
    assert_eq!(
        objects.claim.body["spec"]["accessModes"],
        json!(["ReadWriteOncePod"])
    );
}

#[test]
fn object_store_is_handed_to_the_storage_node_with_its_secret() {
    let container = |more| {
        let life = json!({"storageNode": {"incarnation": 1, "claim": "home-storage-node-1"}});
        let (_, objects) = objects(&hub(more, life));
        objects.pod.body["spec"]["containers"][0].clone()
    };
    let without = container(json!({}));
    assert!(!without["args"].to_string().contains("object-store"));
    assert!(without["envFrom"].is_null());
    let store = json!({"url": "s3://bucket/hub", "secretName": "store"});
    let with = container(json!({"objectStore": store}));
    let arguments = with["args"].to_string();
    assert!(arguments.contains("--object-store=s3://bucket/hub"));
    assert_eq!(with["envFrom"][0]["secretRef"]["name"], "store");
}

#[test]
fn hub_that_is_made_anew_over_old_claims_goes_on_with_the_newest() {
    let claim = |name: &str| -> DynamicObject {
        serde_json::from_value(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}})).unwrap()
    };
    let found = Found {
        claims: vec![
            claim("home-storage-node-2"),
            claim("home-storage-node-10"),
            claim("home-storage-node-x"),
        ],
        ..Found::default()
    };
    assert_eq!(
        life::decide(&hub(json!({}), json!(null)), &found).incarnation,
        10
    );
    // What the status says was raised before its claim is made.
    let raised = hub(
        json!({}),
        json!({"storageNode": {"incarnation": 11, "claim": "home-storage-node-11"}}),
    );
    assert_eq!(life::decide(&raised, &found).claim, "home-storage-node-11");
}

#[test]
fn lost_keys_of_a_hub_that_has_started_are_never_made_anew() {
    let started = hub(
        json!({}),
        json!({"storageNode": {"incarnation": 1, "claim": "home-storage-node-1"}}),
    );
    let problem = validate(&started, &Found::default(), &settings()).unwrap_err();
    assert_eq!(problem.reason, "KeysLost");
    assert!(
        problem.message.contains("home-root-ca"),
        "{}",
        problem.message
    );
    assert!(validate(&hub(json!({}), json!(null)), &Found::default(), &settings()).is_ok());
}

#[test]
fn aggregator_that_is_to_stop_listens_on_until_nobody_is_sent_to_it() {
    let (_, objects) = objects(&hub(json!({}), json!(null)));
    let container = &objects.deployment.body["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["lifecycle"]["preStop"]["sleep"]["seconds"], 5);
}

#[test]
fn number_of_aggregators_that_is_not_given_is_left_to_others() {
    let (_, left) = objects(&hub(json!({}), json!(null)));
    assert!(left.deployment.body["spec"]["replicas"].is_null());
    let (valid, given) = objects(&hub(
        json!({"aggregator": {"replicas": 3, "tlsNames": ["hub.example.org"]}}),
        json!(null),
    ));
    assert_eq!(given.deployment.body["spec"]["replicas"], 3);
    assert!(valid.api_names.iter().any(|name| name == "hub.example.org"));
    assert!(
        valid
            .api_names
            .iter()
            .any(|name| name == "home-aggregator.rooms.svc")
    );
}
