//! A worker → its pod and its claim. Without a client.

use crate::context::owner;
use crate::crd::{DataHub, Worker};
use crate::names::{self, ENROLMENT_PORT, PEER_PORT};
use crate::objects::{Kind, POOL, WORKER_ID, Wanted};
use crate::pod::{DATA, FILES, RolePod, secret};
use crate::{Settings, volume};
use kube::ResourceExt;
use serde_json::{Value, json};

const COMPONENT: &str = "worker";
/// Time for its pipes to move to other workers, thousands of idle ones or a few that are big. It takes no longer than it must.
const STOP_SECONDS: u32 = 150;

/// The objects of a worker.
pub(super) struct Objects {
    pub(super) claim: Wanted,
    pub(super) pod: Wanted,
}

/// Builds them.
pub(super) fn build(worker: &Worker, hub: &DataHub, settings: &Settings) -> Objects {
    let name = worker.name_any();
    let mut labels = names::labels(&hub.name_any(), COMPONENT);
    labels[POOL] = worker.spec.pool_ref.clone().into();
    labels[WORKER_ID] = name.clone().into();
    Objects {
        // It has no owner: it goes only as `deletionPolicy` says.
        claim: volume::claim(&name, labels.clone(), &worker.spec.template.storage),
        pod: pod(worker, hub, settings, &labels),
    }
}

fn pod(worker: &Worker, hub: &DataHub, settings: &Settings, labels: &Value) -> Wanted {
    let (name, hub_name) = (worker.name_any(), hub.name_any());
    let namespace = worker.namespace().unwrap_or_default();
    let storage_node = names::host(&names::storage_node(&hub_name), &namespace);
    let mut arguments = vec![
        format!("--hub={hub_name}"),
        format!("--id={name}"),
        format!("--data={DATA}"),
        format!("--listen=0.0.0.0:{PEER_PORT}"),
        format!("--address=$(POD_IP):{PEER_PORT}"),
        format!("--storage-node={storage_node}:{PEER_PORT}"),
        format!("--enrolment={storage_node}:{ENROLMENT_PORT}"),
        format!("--bootstrap-secret-file={FILES}/bootstrap/secret"),
        format!("--trust={FILES}/trust/ca.crt"),
    ];
    arguments.push(format!("--microservice-domain={namespace}.svc"));
    arguments.extend(hub.spec.log.iter().map(|log| format!("--log={log}")));
    let store = hub.spec.object_store.as_ref();
    arguments.extend(store.map(|store| format!("--object-store={}", store.url)));
    let every = store.and_then(|store| store.checkpoint_every_seconds);
    arguments.extend(every.map(|seconds| format!("--checkpoint-every={seconds}s")));
    let template = &worker.spec.template;
    let trust = json!({"configMap": {"name": names::trust(&hub_name)}});
    let pod = RolePod {
        role: COMPONENT,
        stop_seconds: STOP_SECONDS,
        image: hub.spec.image.as_deref().unwrap_or(&settings.image),
        image_pull_policy: hub.spec.image_pull_policy.map(|policy| policy.name()),
        arguments,
        environment_from: store.and_then(|store| store.secret_name.as_deref()),
        ports: vec![("peers", PEER_PORT)],
        data: json!({"persistentVolumeClaim": {"claimName": name}}),
        files: vec![
            (
                "bootstrap",
                format!("{FILES}/bootstrap"),
                secret(&names::bootstrap(&hub_name, COMPONENT)),
            ),
            ("trust", format!("{FILES}/trust"), trust),
        ],
        resources: &template.resources,
        defaults: ("250m", "512Mi", "2Gi"),
        scheduling: &template.scheduling,
        spread: names::selector(&hub_name, COMPONENT),
    };
    let mut spec = pod.spec();
    spec["restartPolicy"] = "Always".into();
    let metadata = json!({"labels": labels, "ownerReferences": owner(worker)});
    Wanted::new(Kind::Pod, name, json!({"metadata": metadata, "spec": spec}))
}
