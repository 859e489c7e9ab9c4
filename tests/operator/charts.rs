//! The charts over a matrix of values: what helm thinks of them, what they become, and whether an API server would take it.

use serde_json::{Value, json};
use sluice_operator::rights::{self, Right};
use sluice_tests::kubernetes::{Cluster, Helm, Namespace, chart};
use std::collections::BTreeSet;
use std::path::Path;

/// Every switch at least once each way.
const MATRIX: [&[&str]; 9] = [
    &[],
    &["--set", "hub.enabled=false"],
    &[
        "--set",
        "networkPolicy.enabled=false",
        "--set",
        "podDisruptionBudgets.enabled=false",
    ],
    &[
        "--set",
        "serviceMonitors.enabled=true",
        "--set",
        "serviceMonitors.labels.release=prometheus",
    ],
    &[
        "--set",
        "serviceMonitors.enabled=true",
        "--set",
        "hub.enabled=false",
    ],
    &[
        "--set",
        "hub.name=orders",
        "--set",
        "hub.aggregator.replicas=null",
        "--set",
        "hub.workers.replicas=3",
    ],
    &[
        "--set",
        "hub.objectStore.url=s3://bucket/prefix",
        "--set",
        "hub.objectStore.secretName=store",
    ],
    &[
        "--set",
        "operator.namespaces={a,b}",
        "--set",
        "image.digest=sha256:0000000000000000000000000000000000000000000000000000000000000000",
    ],
    &[
        "--set",
        "uninstall.deleteData=true",
        "--set",
        "image.pullSecrets={registry}",
        "--set-json",
        r#"hub.variables={"n":1.5,"deep":{"er":["x"]}}"#,
        "--set-json",
        r#"networkPolicy.metricsFrom=[{"podSelector":{}}]"#,
    ],
];

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects
        .iter()
        .filter(|object| object["kind"] == kind)
        .collect()
}

/// Every pod that objects describe, by the name of its owner.
fn pods(objects: &[Value]) -> Vec<(&str, &Value)> {
    let pod = |object: &'_ Value| match object["kind"].as_str() {
        Some("Pod") => Some("/spec"),
        Some("Deployment" | "Job") => Some("/spec/template/spec"),
        _ => None,
    };
    let named = objects.iter().filter_map(|object| {
        let spec = object.pointer(pod(object)?)?;
        Some((object["metadata"]["name"].as_str()?, spec))
    });
    named.collect()
}

#[test]
fn helm_finds_nothing_to_complain_of() {
    let cluster = Cluster::of_environment().unwrap();
    let helm = Helm(&cluster);
    for name in ["sluice", "sluice-crds"] {
        let path = chart(name);
        helm.run(&["lint", "--strict", path.to_str().unwrap()])
            .unwrap();
    }
    for values in MATRIX {
        let path = chart("sluice");
        let arguments = [&["lint", "--strict", path.to_str().unwrap()], values].concat();
        helm.run(&arguments).unwrap();
    }
}

#[tokio::test]
async fn an_api_server_takes_what_the_charts_become_for_every_value_of_the_matrix() {
    let cluster = Cluster::of_environment().unwrap();
    let helm = Helm(&cluster);
    let namespace = Namespace::new(&cluster, "charts").await.unwrap();
    let definitions = helm.template(&chart("sluice-crds"), &[]).unwrap();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": definitions});
    namespace.apply(&list.to_string()).unwrap();
    for definition in &definitions {
        let name = definition["metadata"]["name"].as_str().unwrap();
        assert_eq!(
            definition["metadata"]["annotations"]["helm.sh/resource-policy"],
            "keep"
        );
        let object = format!("customresourcedefinition/{name}");
        namespace
            .wait_for(&object, "Established", std::time::Duration::from_secs(30))
            .await
            .unwrap();
    }
    for values in MATRIX {
        let values = [&["--namespace", &namespace.name], values].concat();
        let mut objects = helm.template(&chart("sluice"), &values).unwrap();
        // Its definition is the Prometheus operator's.
        objects.retain(|object| object["kind"] != "ServiceMonitor");
        // Those of other namespaces would need the namespaces.
        objects.retain(|object| {
            let place = &object["metadata"]["namespace"];
            place.is_null() || *place == namespace.name.as_str()
        });
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        let taken = namespace.would_apply(&list.to_string());
        assert!(taken.is_ok(), "{values:?}: {taken:?}");
    }
}

#[test]
fn pods_of_the_chart_are_restricted_bounded_and_the_operator_alone_has_a_token() {
    let cluster = Cluster::of_environment().unwrap();
    for values in MATRIX {
        let objects = Helm(&cluster).template(&chart("sluice"), values).unwrap();
        let pods = pods(&objects);
        assert!(!pods.is_empty());
        for (name, pod) in pods {
            let security = &pod["securityContext"];
            assert_eq!(security["runAsNonRoot"], true, "{name}");
            assert_eq!(
                security["seccompProfile"]["type"], "RuntimeDefault",
                "{name}"
            );
            assert!(
                pod["serviceAccountName"].is_string()
                    || pod["automountServiceAccountToken"] == false,
                "{name}"
            );
            for container in pod["containers"].as_array().unwrap() {
                let security = &container["securityContext"];
                assert_eq!(security["readOnlyRootFilesystem"], true, "{name}");
                assert_eq!(security["allowPrivilegeEscalation"], false, "{name}");
                assert_eq!(security["capabilities"]["drop"], json!(["ALL"]), "{name}");
                for bound in [
                    "/resources/requests/cpu",
                    "/resources/requests/memory",
                    "/resources/limits/memory",
                ] {
                    assert!(container.pointer(bound).is_some(), "{name} {bound}");
                }
            }
        }
        for account in of_kind(&objects, "ServiceAccount") {
            assert_eq!(account["automountServiceAccountToken"], false);
        }
    }
}

/// Group, resource and verb of everything that roles of this kind and name grant.
fn granted<'a>(
    objects: &'a [Value],
    kind: &str,
    name: &str,
    place: &str,
) -> BTreeSet<[&'a str; 3]> {
    let mut granted = BTreeSet::new();
    let texts = |value: &'a Value| {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one.as_str().unwrap())
    };
    for role in of_kind(objects, kind) {
        let metadata = &role["metadata"];
        if metadata["name"] != name || (kind == "Role" && metadata["namespace"] != place) {
            continue;
        }
        for rule in role["rules"].as_array().unwrap() {
            for group in texts(&rule["apiGroups"]) {
                for resource in texts(&rule["resources"]) {
                    granted.extend(texts(&rule["verbs"]).map(|verb| [group, resource, verb]));
                }
            }
        }
    }
    granted
}

fn needed(rights: &'static [Right]) -> BTreeSet<[&'static str; 3]> {
    let mut needed = BTreeSet::new();
    for right in rights {
        for resource in right.resources {
            needed.extend(right.verbs.iter().map(|verb| [right.group, resource, verb]));
        }
    }
    needed
}

#[test]
fn the_operator_may_do_what_it_says_it_does_in_the_named_namespaces_and_nothing_else() {
    let cluster = Cluster::of_environment().unwrap();
    let values = [
        "--namespace",
        "here",
        "--set",
        "operator.namespaces={there}",
    ];
    let objects = Helm(&cluster).template(&chart("sluice"), &values).unwrap();
    let here = granted(&objects, "Role", "hub-operator", "here");
    assert_eq!(here, needed(rights::NAMESPACED));
    let there = granted(&objects, "Role", "hub-operator", "there");
    // The Lease is in its own namespace.
    let others = needed(rights::NAMESPACED)
        .into_iter()
        .filter(|[_, resource, _]| *resource != "leases");
    assert_eq!(there, others.collect());
    let everywhere = granted(&objects, "ClusterRole", "here-hub-operator-nodes", "");
    assert_eq!(everywhere, needed(rights::CLUSTER));
    let places: BTreeSet<&str> = of_kind(&objects, "RoleBinding")
        .iter()
        .filter(|binding| binding["roleRef"]["name"] == "hub-operator")
        .map(|binding| binding["metadata"]["namespace"].as_str().unwrap())
        .collect();
    assert_eq!(places, BTreeSet::from(["here", "there"]));
    assert_eq!(of_kind(&objects, "ClusterRole").len(), 1);
}

#[test]
fn every_role_is_denied_what_its_policy_does_not_name() {
    let cluster = Cluster::of_environment().unwrap();
    let objects = Helm(&cluster).template(&chart("sluice"), &[]).unwrap();
    let policies = of_kind(&objects, "NetworkPolicy");
    let component = |policy: &&Value| {
        let labels = &policy["spec"]["podSelector"]["matchLabels"];
        labels["app.kubernetes.io/component"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let components: BTreeSet<String> = policies.iter().map(|policy| component(&policy)).collect();
    let expected = [
        "aggregator",
        "microservice",
        "operator",
        "storage-node",
        "test",
        "uninstall",
        "worker",
    ]
    .map(str::to_owned);
    assert_eq!(components, BTreeSet::from(expected));
    for policy in &policies {
        assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
        // The data zone reaches nothing outside, and nobody is reached by everybody but the API.
        let outside = policy["spec"]["egress"].to_string().contains("ipBlock");
        assert_eq!(
            outside,
            ["microservice", "operator", "uninstall", "worker"].contains(&&*component(policy)),
            "{policy}"
        );
        let rules = policy["spec"]["ingress"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let open = rules.iter().any(|rule| rule["from"].is_null());
        assert_eq!(open, component(policy) == "aggregator", "{policy}");
    }
}

#[tokio::test]
async fn an_object_store_is_reached_by_those_that_use_it_and_where_it_is() {
    let cluster = Cluster::of_environment().unwrap();
    let namespace = Namespace::new(&cluster, "stores").await.unwrap();
    let rendered = |more: &[&str]| {
        let store = ["--set", "hub.objectStore.url=s3://bucket/hub"];
        let values = [&store[..], more].concat();
        Helm(&cluster).template(&chart("sluice"), &values).unwrap()
    };
    let rules = |objects: &[Value], role: &str| -> Vec<Value> {
        let mut policies = of_kind(objects, "NetworkPolicy").into_iter();
        let name = format!("hub-{role}");
        let policy = policies.find(|policy| policy["metadata"]["name"] == name.as_str());
        policy.unwrap()["spec"]["egress"]
            .as_array()
            .unwrap()
            .clone()
    };
    let outside = rendered(&[]);
    let of_storage_node = rules(&outside, "storage-node");
    let reached = of_storage_node.last().unwrap();
    assert_eq!(reached["ports"], json!([{"protocol": "TCP", "port": 443}]));
    assert_eq!(reached["to"][0]["ipBlock"]["cidr"], "0.0.0.0/0");
    let inside = rendered(&[
        "--set-json",
        r#"networkPolicy.objectStore={"blocks":[{"cidr":"10.20.0.0/16"}],"ports":[9000]}"#,
    ]);
    let expected = json!({
        "to": [{"ipBlock": {"cidr": "10.20.0.0/16"}}],
        "ports": [{"protocol": "TCP", "port": 9000}],
    });
    for (role, uses) in [
        ("storage-node", true),
        ("worker", true),
        ("aggregator", false),
        ("microservice", false),
    ] {
        assert_eq!(rules(&inside, role).contains(&expected), uses, "{role}");
    }
    // An API server takes blocks without exceptions beside those that have some.
    for objects in [outside, inside] {
        let policies: Vec<Value> = of_kind(&objects, "NetworkPolicy")
            .into_iter()
            .cloned()
            .collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": policies});
        namespace.would_apply(&list.to_string()).unwrap();
    }
}

#[test]
fn wrong_values_are_refused_by_name() {
    let cluster = Cluster::of_environment().unwrap();
    for (wrong, named) in [
        ("colour=red", "colour"),
        ("operator.replicas=0", "replicas"),
        ("hub.name=Not_A_Name", "name"),
        ("hub.leaseSeconds=1", "leaseSeconds"),
        ("hub.storageNode.storage.size=much", "size"),
        ("image.tag=latest", "tag"),
        ("networkPolicy.egress.blocks[0].cidr=everywhere", "cidr"),
        ("hub.objectStore.url=bucket", "url"),
    ] {
        let refused = Helm(&cluster).template(&chart("sluice"), &["--set", wrong]);
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(named), "{wrong}: {refused}");
    }
}

#[test]
fn a_later_version_changes_nothing_that_cannot_be_changed() {
    let cluster = Cluster::of_environment().unwrap();
    let helm = Helm(&cluster);
    let folder = tempfile::tempdir().unwrap();
    let later = folder.path().join("sluice");
    copy(&chart("sluice"), &later);
    let description = later.join("Chart.yaml");
    let text = std::fs::read_to_string(&description).unwrap();
    std::fs::write(&description, text.replace("ersion: 0.1.0", "ersion: 0.2.0")).unwrap();
    let (now, then) = (
        helm.template(&chart("sluice"), &[]).unwrap(),
        helm.template(&later, &[]).unwrap(),
    );
    assert_ne!(now, then);
    let fixed = |objects: &[Value]| -> Vec<Value> {
        let fixed = |object: &Value| {
            json!([
                object["kind"],
                object["metadata"]["name"],
                object["spec"]["selector"],
                object["spec"]["podSelector"],
                object["roleRef"],
                object["spec"]["hubRef"],
                object["spec"]["clusterIP"],
            ])
        };
        objects.iter().map(fixed).collect()
    };
    assert_eq!(fixed(&now), fixed(&then));
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}
