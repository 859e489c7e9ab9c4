//! Policies against what Kubernetes says they mean.

use super::nft::script;
use super::select::{Allowed, Direction, Peers, Pod, World};
use serde_json::{Value, json};

fn pod(namespace: &str, name: &str, address: &str) -> Pod {
    Pod {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        address: address.to_owned(),
        labels: json!({"role": name}),
    }
}

fn world(spec: Value) -> World {
    World {
        pods: vec![
            pod("a", "x", "10.0.0.1"),
            pod("a", "y", "10.0.0.2"),
            pod("b", "x", "10.0.0.3"),
        ],
        namespaces: [
            ("a".to_owned(), json!({"name": "a"})),
            ("b".to_owned(), json!({"name": "b"})),
        ]
        .into(),
        policies: vec![json!({"metadata": {"namespace": "a"}, "spec": spec})],
    }
}

fn role(name: &str) -> Value {
    json!({"matchLabels": {"role": name}})
}

#[test]
fn a_selected_pod_is_isolated_in_the_named_directions_and_no_other_pod_is() {
    let isolations = world(json!({"podSelector": role("x"), "policyTypes": ["Ingress"]}))
        .isolations()
        .unwrap();
    let [isolation] = &isolations[..] else {
        panic!("{isolations:?}");
    };
    assert_eq!(
        (&*isolation.pod, isolation.direction),
        ("a/x", Direction::In)
    );
    assert!(isolation.allowed.is_empty());
}

#[test]
fn peers_are_pods_of_the_same_namespace_unless_another_is_named() {
    let spec = json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": [
        {"to": [{"podSelector": role("x")}], "ports": [{"port": 7001}]},
        {"to": [{"podSelector": role("x"), "namespaceSelector": {"matchExpressions": [{"key": "name", "operator": "In", "values": ["b"]}]}}]},
        {"to": [{"namespaceSelector": {}}], "ports": [{"protocol": "UDP", "port": 53}]},
        {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]},
    ]});
    let isolations = world(spec).isolations().unwrap();
    assert_eq!(isolations.len(), 2);
    let pods =
        |addresses: &[&str]| Peers::Pods(addresses.iter().map(|one| (*one).to_owned()).collect());
    let allowed = |peers, ports: &[(&str, u16)]| Allowed {
        peers,
        ports: ports
            .iter()
            .map(|(protocol, port)| ((*protocol).to_owned(), *port))
            .collect(),
    };
    let outside = Peers::Range {
        cidr: "0.0.0.0/0".to_owned(),
        except: vec!["10.0.0.0/8".to_owned()],
    };
    let expected = [
        allowed(pods(&["10.0.0.1"]), &[("tcp", 7001)]),
        allowed(pods(&["10.0.0.3"]), &[]),
        allowed(pods(&["10.0.0.1", "10.0.0.2", "10.0.0.3"]), &[("udp", 53)]),
        allowed(outside, &[]),
    ];
    assert_eq!(isolations[0].allowed, expected);
}

#[test]
fn several_policies_of_one_pod_allow_together() {
    let mut world = world(json!({"podSelector": {}, "policyTypes": ["Ingress"]}));
    let open = json!({"podSelector": role("y"), "policyTypes": ["Ingress"], "ingress": [{"ports": [{"port": 8443}]}]});
    world
        .policies
        .push(json!({"metadata": {"namespace": "a"}, "spec": open}));
    let isolations = world.isolations().unwrap();
    let open = |pod: &str| {
        isolations
            .iter()
            .find(|one| one.pod == pod)
            .unwrap()
            .allowed
            .len()
    };
    assert_eq!((open("a/x"), open("a/y")), (0, 1));
}

#[test]
fn ports_by_name_are_refused_rather_than_left_open() {
    let spec = json!({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"ports": [{"port": "grpc"}]}]});
    let refused = world(spec).isolations().unwrap_err().to_string();
    assert!(refused.contains("by number"), "{refused}");
}

#[test]
fn the_table_lets_through_what_is_allowed_and_counts_the_rest() {
    let spec = json!({"podSelector": role("x"), "policyTypes": ["Ingress", "Egress"], "ingress": [
        {"from": [{"podSelector": role("y")}], "ports": [{"port": 7001}]},
        {"from": [{"podSelector": role("nobody")}]},
    ], "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "169.254.0.0/16"]}}]}]});
    let text = script(&world(spec).isolations().unwrap());
    for line in [
        "ip saddr { 10.0.0.2 } tcp dport 7001 return",
        "counter drop comment \"in a/x\"",
        "ip daddr 0.0.0.0/0 ip daddr != { 10.0.0.0/8, 169.254.0.0/16 } return",
        "ip daddr 10.0.0.1 jump pod0",
        "ip saddr 10.0.0.1 jump pod1",
    ] {
        assert!(
            text.lines().any(|one| one.trim() == line),
            "{line} in\n{text}"
        );
    }
    assert!(!text.contains("{  }"), "{text}");
}
