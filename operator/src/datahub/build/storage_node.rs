//! The storage node: a pod of the operator's own, its claim, its Service.

use super::{common, metadata};
use crate::crd::StorageNodeStatus;
use crate::datahub::ValidatedHub;
use crate::names::{self, ENROLMENT_PORT, PEER_PORT};
use crate::objects::{Kind, Wanted};
use crate::pod::{FILES, RolePod, secret};
use crate::volume;
use serde_json::json;

const COMPONENT: &str = "storage-node";

pub(super) fn service(hub: &ValidatedHub) -> Wanted {
    let body = json!({
        "metadata": metadata(hub, COMPONENT),
        "spec": {
            "selector": names::selector(&hub.name, COMPONENT),
            "ports": [
                {"name": "peers", "port": PEER_PORT, "targetPort": "peers"},
                {"name": "enrolment", "port": ENROLMENT_PORT, "targetPort": "enrolment"},
            ],
        },
    });
    Wanted::new(Kind::Service, names::storage_node(&hub.name), body)
}

/// It has no owner: it outlives the hub unless that says otherwise.
pub(super) fn claim(hub: &ValidatedHub, life: &StorageNodeStatus) -> Wanted {
    let labels = names::labels(&hub.name, COMPONENT);
    volume::claim(&life.claim, labels, &hub.spec.storage_node.storage)
}

pub(super) fn pod(hub: &ValidatedHub, life: &StorageNodeStatus) -> Wanted {
    let spec = &hub.spec.storage_node;
    let mut arguments = common(hub);
    arguments.extend([
        format!("--listen=0.0.0.0:{PEER_PORT}"),
        format!("--enrolment-listen=0.0.0.0:{ENROLMENT_PORT}"),
        format!("--authority={FILES}/authority"),
        format!("--bootstraps={FILES}/bootstraps/known"),
        format!("--secrets-key-file={FILES}/keys/secrets.key"),
        format!("--hash-key-file={FILES}/keys/hash.key"),
        format!("--incarnation={}", life.incarnation),
        "--custom-resources=true".to_owned(),
    ]);
    arguments.extend(
        hub.spec
            .lease_seconds
            .map(|seconds| format!("--lease={seconds}s")),
    );
    let store = hub.spec.object_store.as_ref();
    arguments.extend(store.map(|store| format!("--object-store={}", store.url)));
    let pod = RolePod {
        role: COMPONENT,
        stop_seconds: 30,
        image: &hub.image,
        image_pull_policy: hub.spec.image_pull_policy.map(|policy| policy.name()),
        arguments,
        environment_from: store.and_then(|store| store.secret_name.as_deref()),
        ports: vec![("peers", PEER_PORT), ("enrolment", ENROLMENT_PORT)],
        data: json!({"persistentVolumeClaim": {"claimName": life.claim}}),
        files: vec![
            (
                "authority",
                format!("{FILES}/authority"),
                secret(&names::authority(&hub.name)),
            ),
            (
                "bootstraps",
                format!("{FILES}/bootstraps"),
                secret(&names::bootstraps(&hub.name)),
            ),
            (
                "keys",
                format!("{FILES}/keys"),
                secret(&names::keys(&hub.name)),
            ),
        ],
        resources: &spec.resources,
        defaults: ("100m", "256Mi", "1Gi"),
        scheduling: &spec.scheduling,
        spread: names::selector(&hub.name, COMPONENT),
    };
    let mut spec = pod.spec();
    spec["restartPolicy"] = "Always".into();
    let body = json!({"metadata": metadata(hub, COMPONENT), "spec": spec});
    Wanted::new(Kind::Pod, life.claim.clone(), body)
}
