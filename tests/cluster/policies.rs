//! Who may talk to whom: each role, and strangers, try each port of each role, with the chart's policies and without them.

use serde_json::{Value, json};
use sluice_tests::kubernetes::policies::Enforced;
use sluice_tests::kubernetes::{Cluster, Helm, Namespace, chart, definitions, until};
use std::collections::BTreeMap;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(180);

/// The ports of each role: of other roles, of first certificates, of the API, of probes.
const PORTS: [(&str, &[u16]); 5] = [
    ("storage-node", &[7001, 7002, 8081]),
    ("worker", &[7001, 8081]),
    ("aggregator", &[8443, 8081]),
    ("operator", &[8081]),
    ("microservice", &[5000]),
];

/// Everything that is allowed; a stranger is a pod of nobody's.
fn is_allowed(from: &str, to: &str, port: u16) -> bool {
    match (from, to) {
        ("worker" | "aggregator" | "operator", "storage-node") => port != 8081,
        ("worker" | "aggregator", "worker") => port == 7001,
        ("stranger", "aggregator") => port == 8443,
        ("worker", "microservice") => true,
        _ => false,
    }
}

struct Pod {
    namespace: String,
    name: String,
    role: String,
    address: String,
    node: String,
    uid: String,
}

fn pods(place: &Namespace) -> Vec<Pod> {
    let list = place.get("pods").unwrap();
    let items = list["items"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let pod = |pod: &Value| Pod {
        namespace: place.name.clone(),
        name: text(&pod["metadata"]["name"]),
        role: text(&pod["metadata"]["labels"]["app.kubernetes.io/component"]),
        address: text(&pod["status"]["podIP"]),
        node: text(&pod["spec"]["nodeName"]),
        uid: text(&pod["metadata"]["uid"]),
    };
    items
        .filter(|one| one["status"]["phase"] == "Running")
        .map(pod)
        .collect()
}

fn stranger(place: &Namespace) {
    let security = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    let container = json!({"name": "pause", "image": "sluice.test/pause:1", "imagePullPolicy": "Never", "securityContext": security});
    let spec = json!({"containers": [container], "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}});
    let metadata =
        json!({"name": "stranger", "labels": {"app.kubernetes.io/component": "stranger"}});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
    place.apply(&pod.to_string()).unwrap();
}

/// One try: a pod, another one, a port of that.
#[derive(Clone, Copy)]
struct Cell<'a> {
    from: &'a Pod,
    to: &'a Pod,
    port: u16,
}

/// All of them, in groups that are tried at the same time. No pod is twice on one side of a group: so what is denied there can be
/// told by the pods.
fn groups<'a>(sources: &[&'a Pod], targets: &[&'a Pod]) -> Vec<Vec<Cell<'a>>> {
    let mut groups: Vec<Vec<Cell<'a>>> = Vec::new();
    for from in sources {
        for to in targets.iter().filter(|to| to.uid != from.uid) {
            let ports = PORTS.iter().find(|(role, _)| *role == to.role).unwrap().1;
            for port in ports {
                let cell = Cell {
                    from,
                    to,
                    port: *port,
                };
                let has_room = |group: &&mut Vec<Cell<'_>>| {
                    let mut others = group.iter();
                    !others.any(|one| one.from.uid == from.uid || one.to.uid == to.uid)
                };
                match groups.iter_mut().find(has_room) {
                    Some(group) => group.push(cell),
                    None => groups.push(vec![cell]),
                }
            }
        }
    }
    groups
}

/// Cells that do not do what they should, with what they did.
fn wrong(
    cluster: &Cluster,
    sources: &[&Pod],
    targets: &[&Pod],
    enforced: Option<&Enforced>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let denied = || enforced.map_or_else(BTreeMap::default, |enforced| enforced.denied().unwrap());
    for group in groups(sources, targets) {
        let before = denied();
        let connects: Vec<bool> = std::thread::scope(|scope| {
            let attempts: Vec<_> = group
                .iter()
                .map(|Cell { from, to, port }| {
                    scope.spawn(|| cluster.connects_from(&from.node, &from.uid, &to.address, *port))
                })
                .collect();
            let ended = attempts.into_iter().map(|one| one.join().unwrap().unwrap());
            ended.collect()
        });
        let after = denied();
        let grew = |direction: &str, pod: &Pod| {
            let name = format!("{direction} {}/{}", pod.namespace, pod.name);
            after.get(&name) > before.get(&name)
        };
        for (Cell { from, to, port }, connects) in group.into_iter().zip(connects) {
            let expected = enforced.is_none() || is_allowed(&from.role, &to.role, port);
            let is_counted = grew("out", from) || grew("in", to);
            if connects != expected || (enforced.is_some() && is_counted == connects) {
                wrong.push(format!(
                    "{}→{}:{port} connects {connects}, counted {is_counted}",
                    from.role, to.role
                ));
            }
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_reaches_what_it_needs_and_a_stranger_the_api_alone() {
    let _shared = crate::peace::shared();
    let cluster = Cluster::of_environment().unwrap();
    let hub = Namespace::new(&cluster, "policies").await.unwrap();
    let elsewhere = Namespace::new(&cluster, "elsewhere").await.unwrap();
    stranger(&hub);
    stranger(&elsewhere);
    definitions(&cluster).await.unwrap();
    let path = chart("sluice");
    let values = [
        "--set",
        "image.pullPolicy=Never",
        "--set",
        "hub.workers.replicas=2",
        "--set",
        "uninstall.deleteData=true",
    ];
    let install = [
        "install",
        "hub",
        path.to_str().unwrap(),
        "--namespace",
        &hub.name,
    ];
    Helm(&cluster)
        .run(&[&install[..], &values[..]].concat())
        .unwrap();
    for object in ["datahub/hub", "workerpool/hub-default"] {
        let ready = hub.wait_for(object, "Ready", LIMIT).await;
        assert!(ready.is_ok(), "{ready:?}\n{}", cluster.report(&hub.name));
    }
    let system = json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "System", "metadata": {"name": "echo"},
        "spec": {"hubRef": {"name": "hub"}, "config": {
            "type": "system:microservice",
            "docker": {"image": "sluice.test/echo:1", "port": 5000, "memory": 64, "skip_pull": true},
        }},
    });
    hub.apply(&system.to_string()).unwrap();
    let ready = hub.wait_for("system/echo", "Ready", LIMIT).await;
    assert!(ready.is_ok(), "{ready:?}\n{}", cluster.report(&hub.name));
    for place in [&hub, &elsewhere] {
        place
            .wait_for("pod/stranger", "Ready", LIMIT)
            .await
            .unwrap();
    }

    let (own, foreign) = (pods(&hub), pods(&elsewhere));
    let one_of = |role: &str| own.iter().find(|pod| pod.role == role).unwrap();
    let workers: Vec<&Pod> = own.iter().filter(|pod| pod.role == "worker").collect();
    let targets = [
        one_of("storage-node"),
        workers[0],
        workers[1],
        one_of("aggregator"),
        one_of("operator"),
        one_of("microservice"),
    ];
    let mut sources = targets.to_vec();
    sources.extend([one_of("stranger"), &foreign[0]]);
    let enforced = Enforced::begin(&cluster).unwrap();
    assert_eq!(
        wrong(&cluster, &sources, &targets, Some(&enforced)),
        [""; 0]
    );
    // The same cells connect when nothing forbids it, so it was the policies.
    hub.kubectl(&["delete", "networkpolicies", "--all"])
        .unwrap();
    enforced.again().unwrap();
    assert_eq!(wrong(&cluster, &sources, &targets, None), [""; 0]);
    Helm(&cluster)
        .run(&["uninstall", "hub", "--namespace", &hub.name])
        .unwrap();
    nothing_is_left(&hub).await;
}

/// It was installed with `uninstall.deleteData=true`. What the system and the test put there does not count.
async fn nothing_is_left(hub: &Namespace) {
    let kinds = "all,pvc,secrets,configmaps,leases,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets,\
                 datahubs,workerpools,workers";
    let of_others = [
        "pod/stranger",
        "configmap/kube-root-ca.crt",
        "serviceaccount/default",
    ];
    until("nothing is left", LIMIT, || async {
        let left = hub.kubectl(&["get", kinds, "--output", "name"]).unwrap();
        let left = left.lines().filter(|name| !of_others.contains(name));
        let left: Vec<&str> = left.collect();
        (!left.is_empty()).then(|| left.join(", "))
    })
    .await
    .unwrap();
}
