//! What the pods of all roles have in common: restricted rights, probes, one volume of their own, files from Secrets.

use crate::crd::{Resources, Scheduling};
use crate::names::ADMIN_PORT;
use serde_json::{Map, Value, json};

/// User and group of the image.
const USER: i64 = 65532;
/// Where the data folder is.
pub const DATA: &str = "/var/lib/sluice";
/// Where files from Secrets are.
pub const FILES: &str = "/etc/sluice";
/// What a role gets to end in good order: with [`RolePod::stop_seconds`] before it is asked for its last answers.
const LAST_SECONDS: u32 = 30;

/// A role's container and what it needs.
#[derive(Clone, Debug)]
pub struct RolePod<'a> {
    /// The command of the binary.
    pub role: &'static str,
    /// How long it may take to stop: what goes on ends, and of a worker the pipes move away. The last answers come after that.
    pub stop_seconds: u32,
    /// Of all roles.
    pub image: &'a str,
    /// When it is pulled.
    pub image_pull_policy: Option<&'static str>,
    /// Flags.
    pub arguments: Vec<String>,
    /// A Secret whose keys become variables.
    pub environment_from: Option<&'a str>,
    /// Name and number.
    pub ports: Vec<(&'static str, u16)>,
    /// What the data folder is on: a volume without its name.
    pub data: Value,
    /// Folders below [`FILES`] or elsewhere: name, path, volume without its name.
    pub files: Vec<(&'static str, String, Value)>,
    /// As asked for.
    pub resources: &'a Resources,
    /// Requests and limits where nothing is asked for: cpu, memory, and most memory.
    pub defaults: (&'static str, &'static str, &'static str),
    /// As asked for.
    pub scheduling: &'a Scheduling,
    /// Labels of pods that are to be on different nodes.
    pub spread: Value,
}

/// A volume with the keys of a Secret as files.
pub fn secret(name: &str) -> Value {
    json!({"secret": {"secretName": name, "defaultMode": 0o440}})
}

impl RolePod<'_> {
    /// The pod's spec.
    pub fn spec(&self) -> Value {
        let mut spec = json!({
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "terminationGracePeriodSeconds": self.stop_seconds + LAST_SECONDS,
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [self.container()],
            "volumes": self.volumes(),
            "topologySpreadConstraints": [
                self.spread_over("kubernetes.io/hostname"),
                self.spread_over("topology.kubernetes.io/zone"),
            ],
        });
        if !self.scheduling.node_selector.is_empty() {
            spec["nodeSelector"] = json!(self.scheduling.node_selector);
        }
        if !self.scheduling.tolerations.is_empty() {
            spec["tolerations"] = json!(self.scheduling.tolerations);
        }
        spec
    }

    fn spread_over(&self, key: &str) -> Value {
        json!({
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": self.spread},
        })
    }

    fn container(&self) -> Value {
        let mut arguments = vec![
            self.role.to_owned(),
            format!("--admin-listen=0.0.0.0:{ADMIN_PORT}"),
            format!("--stop-timeout={}s", self.stop_seconds),
        ];
        arguments.extend(self.arguments.iter().cloned());
        let ports = self.ports.iter().copied().chain([("admin", ADMIN_PORT)]);
        let ports: Vec<Value> = ports
            .map(|(name, port)| json!({"name": name, "containerPort": port}))
            .collect();
        let mut mounts = vec![json!({"name": "data", "mountPath": DATA})];
        let files = self.files.iter();
        mounts.extend(
            files.map(|(name, path, _)| json!({"name": name, "mountPath": path, "readOnly": true})),
        );
        let mut container = json!({
            "name": self.role,
            "image": self.image,
            "args": arguments,
            "env": [
                {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            ],
            "ports": ports,
            "volumeMounts": mounts,
            "resources": self.resources(),
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            },
            // A start may have to wait for the storage node, or fetch much.
            "startupProbe": probe("/livez", 2, 1800),
            "livenessProbe": probe("/livez", 10, 6),
            "readinessProbe": probe("/readyz", 2, 2),
        });
        if let Some(policy) = self.image_pull_policy {
            container["imagePullPolicy"] = policy.into();
        }
        if let Some(secret) = self.environment_from {
            container["envFrom"] = json!([{"secretRef": {"name": secret}}]);
        }
        container
    }

    fn resources(&self) -> Value {
        let (cpu, memory, most) = self.defaults;
        let mut requests = Map::from_iter([
            ("cpu".to_owned(), cpu.into()),
            ("memory".to_owned(), memory.into()),
        ]);
        let mut limits = Map::from_iter([("memory".to_owned(), most.into())]);
        let given = |map: &mut Map<String, Value>, asked: &std::collections::BTreeMap<_, _>| {
            map.extend(
                asked
                    .iter()
                    .map(|(name, amount)| (String::clone(name), json!(amount))),
            );
        };
        given(&mut requests, &self.resources.requests);
        given(&mut limits, &self.resources.limits);
        json!({"requests": requests, "limits": limits})
    }

    fn volumes(&self) -> Vec<Value> {
        let named = |name: &str, volume: &Value| {
            let mut volume = volume.clone();
            volume["name"] = name.into();
            volume
        };
        let files = self
            .files
            .iter()
            .map(|(name, _, volume)| named(name, volume));
        std::iter::once(named("data", &self.data))
            .chain(files)
            .collect()
    }
}

fn probe(path: &str, period: u32, failures: u32) -> Value {
    json!({
        "httpGet": {"path": path, "port": "admin"},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    })
}
