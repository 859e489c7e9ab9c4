//! The aggregators: a Deployment, its Service, and how many may be away at once.

use super::{common, metadata};
use crate::datahub::ValidatedHub;
use crate::names::{self, API_PORT, ENROLMENT_PORT, PEER_PORT};
use crate::objects::{Kind, Wanted};
use crate::pod::{DATA, FILES, RolePod, secret};
use serde_json::json;

const COMPONENT: &str = "aggregator";
/// How long one that is to stop goes on listening: until every node has heard that its Service sends nobody there any more.
const LINGER_SECONDS: u32 = 5;

pub(super) fn service(hub: &ValidatedHub) -> Wanted {
    let body = json!({
        "metadata": metadata(hub, COMPONENT),
        "spec": {
            "selector": names::selector(&hub.name, COMPONENT),
            "ports": [{"name": "https", "port": 443, "targetPort": "api"}],
        },
    });
    Wanted::new(Kind::Service, names::aggregator(&hub.name), body)
}

pub(super) fn disruption_budget(hub: &ValidatedHub) -> Wanted {
    let body = json!({
        "metadata": metadata(hub, COMPONENT),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": names::selector(&hub.name, COMPONENT)},
        },
    });
    Wanted::new(
        Kind::PodDisruptionBudget,
        names::aggregator(&hub.name),
        body,
    )
}

pub(super) fn deployment(hub: &ValidatedHub, api_certificate: &str) -> Wanted {
    let spec = &hub.spec.aggregator;
    let storage_node = names::host(&names::storage_node(&hub.name), &hub.namespace);
    let mut arguments = common(hub);
    arguments.extend([
        format!("--listen=0.0.0.0:{API_PORT}"),
        format!("--storage-node={storage_node}:{PEER_PORT}"),
        format!("--enrolment={storage_node}:{ENROLMENT_PORT}"),
        format!("--bootstrap-secret-file={FILES}/bootstrap/secret"),
        format!("--trust={FILES}/trust/ca.crt"),
        format!("--tls-certificate={FILES}/api/tls.crt"),
        format!("--tls-key={FILES}/api/tls.key"),
    ]);
    if spec.developer_mode {
        arguments.push("--developer-mode=true".to_owned());
    }
    let trust = json!({"configMap": {"name": names::trust(&hub.name)}});
    let bootstrap = secret(&names::bootstrap(&hub.name, COMPONENT));
    let pod = RolePod {
        role: COMPONENT,
        stop_seconds: 30,
        image: &hub.image,
        image_pull_policy: hub.spec.image_pull_policy.map(|policy| policy.name()),
        arguments,
        environment_from: None,
        ports: vec![("api", API_PORT)],
        data: json!({"emptyDir": {}}),
        files: vec![
            // The key that signs tokens lies where the role looks for it: aggregators of one hub take the same tokens.
            (
                "token-key",
                format!("{DATA}/keys"),
                secret(&names::token_key(&hub.name)),
            ),
            ("bootstrap", format!("{FILES}/bootstrap"), bootstrap),
            ("trust", format!("{FILES}/trust"), trust),
            ("api", format!("{FILES}/api"), secret(api_certificate)),
        ],
        resources: &spec.resources,
        defaults: ("100m", "128Mi", "512Mi"),
        scheduling: &spec.scheduling,
        spread: names::selector(&hub.name, COMPONENT),
    };
    let mut spec_of_pod = pod.spec();
    spec_of_pod["containers"][0]["lifecycle"] =
        json!({"preStop": {"sleep": {"seconds": LINGER_SECONDS}}});
    let selector = names::selector(&hub.name, COMPONENT);
    let mut body = json!({
        "metadata": metadata(hub, COMPONENT),
        "spec": {
            "selector": {"matchLabels": selector},
            "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {
                "metadata": {"labels": names::labels(&hub.name, COMPONENT)},
                "spec": spec_of_pod,
            },
        },
    });
    if let Some(replicas) = spec.replicas {
        body["spec"]["replicas"] = replicas.into();
    }
    Wanted::new(Kind::Deployment, names::aggregator(&hub.name), body)
}
