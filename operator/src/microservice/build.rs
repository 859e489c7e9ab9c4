//! A microservice → the objects that are to be there. Without a client.
//!
//! Containers are restricted: no root unless the configuration says so, no privileges, no account at the API server, bounds on
//! memory, processor and disk. What they are given in secret is in a Secret, of which the Deployment knows a keyed digest.

use super::{COMPONENT, CONTAINER, LABEL, SYSTEM};
use crate::names;
use crate::objects::{Kind, Wanted};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sluice_config::{Microservice, microservice_name};
use sluice_protocol::Container;

/// The annotation of pods that makes them new ones where their environment is another one.
const ENVIRONMENT: &str = "sluice.dev/environment";
/// Where images are that name no registry, as kubelet calls it.
const USUAL_REGISTRY: &str = concat!("https:", "//index.docker.io/v1/");
/// Of a processor, in thousandths: what a container is sure to have.
const SURE: u64 = 50;

/// The objects of a microservice, in the order in which they are applied.
pub(super) struct Objects {
    /// What the container is given.
    pub(super) environment: Wanted,
    /// The login at the registry, where one is needed.
    pub(super) login: Option<Wanted>,
    pub(super) service: Wanted,
    pub(super) deployment: Wanted,
}

/// The name of the Secret with the login.
pub(super) fn login_name(name: &str) -> String {
    format!("{name}-login")
}

/// Builds them.
pub(super) fn build(
    hub: &str,
    owner: &Value,
    system: &str,
    microservice: &Microservice,
    container: &Container,
) -> Objects {
    let name = microservice_name(hub, system);
    let mut labels = names::labels(hub, COMPONENT);
    labels[LABEL] = name.clone().into();
    let metadata = json!({
        "labels": labels,
        "annotations": {SYSTEM: system},
        "ownerReferences": owner,
    });
    let mut selector = names::selector(hub, COMPONENT);
    selector[LABEL] = name.clone().into();
    let environment = container
        .environment
        .iter()
        .map(|(name, value)| (name.clone(), STANDARD.encode(value).into()))
        .collect::<Map<_, _>>();
    let environment = json!({"metadata": metadata, "type": "Opaque", "data": environment});
    let login = container.login.as_ref().map(|(user, password)| {
        let file = registry_file(&microservice.image, user, password);
        let body = json!({
            "metadata": metadata,
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": STANDARD.encode(file.to_string())},
        });
        Wanted::new(Kind::Secret, login_name(&name), body)
    });
    let port = microservice.port;
    let service = json!({
        "metadata": metadata,
        "spec": {
            "selector": selector,
            "ports": [{"name": "microservice", "port": port, "targetPort": port}],
        },
    });
    let deployment = json!({
        "metadata": metadata,
        "spec": {
            "replicas": 1,
            "revisionHistoryLimit": 2,
            "selector": {"matchLabels": selector},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {
                "metadata": {
                    "labels": labels,
                    "annotations": {SYSTEM: system, ENVIRONMENT: container.digest},
                },
                "spec": pod(&name, microservice, login.is_some()),
            },
        },
    });
    Objects {
        environment: Wanted::new(Kind::Secret, name.clone(), environment),
        login,
        service: Wanted::new(Kind::Service, name.clone(), service),
        deployment: Wanted::new(Kind::Deployment, name, deployment),
    }
}

fn pod(name: &str, microservice: &Microservice, has_login: bool) -> Value {
    let user = microservice.run_as_user;
    let mut security = json!({
        "runAsNonRoot": user != 0,
        "runAsUser": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    });
    if microservice.port < 1024 {
        security["sysctls"] =
            json!([{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]);
    }
    let most = microservice.cpu_quota.saturating_mul(10);
    let memory = format!("{}Mi", microservice.memory);
    let container = json!({
        "name": CONTAINER,
        "image": microservice.image,
        // A digest names one image for ever.
        "imagePullPolicy": if microservice.skip_pull || microservice.image.contains("@sha256:") {
            "IfNotPresent"
        } else {
            "Always"
        },
        "envFrom": [{"secretRef": {"name": name}}],
        "ports": [{"name": "microservice", "containerPort": microservice.port}],
        "resources": {
            "requests": {"cpu": format!("{}m", most.min(SURE)), "memory": memory, "ephemeral-storage": "16Mi"},
            "limits": {"cpu": format!("{most}m"), "memory": memory, "ephemeral-storage": "1Gi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
        },
        "readinessProbe": {
            "tcpSocket": {"port": microservice.port},
            "periodSeconds": 5,
            "timeoutSeconds": 5,
        },
    });
    let mut spec = json!({
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "securityContext": security,
        "containers": [container],
    });
    if has_login {
        spec["imagePullSecrets"] = json!([{"name": login_name(name)}]);
    }
    if !microservice.hosts.is_empty() {
        let hosts = microservice.hosts.iter();
        let hosts: Vec<Value> = hosts
            .map(|(host, address)| json!({"ip": address, "hostnames": [host]}))
            .collect();
        spec["hostAliases"] = hosts.into();
    }
    spec
}

/// What kubelet shows the registry of an image.
fn registry_file(image: &str, user: &str, password: &str) -> Value {
    let first = image.split_once('/').map(|(first, _)| first);
    let is_host = |first: &&str| first.contains(['.', ':']) || *first == "localhost";
    let registry = first.filter(is_host).unwrap_or(USUAL_REGISTRY);
    let both = STANDARD.encode(format!("{user}:{password}"));
    let entry = json!({"username": user, "password": password, "auth": both});
    json!({"auths": Map::from_iter([(registry.to_owned(), entry)])})
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_entity::{Json, Limits};

    fn objects(docker: &str, container: &Container) -> Objects {
        let text = format!(r#"{{"type": "system:microservice", "docker": {docker}}}"#);
        let effective = Json::parse(text.as_bytes(), &Limits::default()).unwrap();
        let microservice = Microservice::of(&effective).unwrap();
        let owner = json!([{"kind": "DataHub", "name": "home", "uid": "1"}]);
        build("home", &owner, "A_b", &microservice, container)
    }

    fn container() -> Container {
        Container {
            environment: [("A".to_owned(), "very-secret".to_owned())].into(),
            login: Some(("ann".to_owned(), "pass-word".to_owned())),
            digest: "d1".to_owned(),
        }
    }

    const DOCKER: &str = r#"{"image": "reg.example/i:1", "port": 80, "memory": 256, "cpu_quota": 25, "run_as_user": 65532,
        "hosts": {"db": "10.0.0.1"}}"#;

    #[test]
    fn a_container_is_restricted_and_bounded() {
        let objects = objects(DOCKER, &container());
        let name = microservice_name("home", "A_b");
        let body = &objects.deployment.body;
        assert_eq!(objects.deployment.name, name);
        assert_eq!(body["metadata"]["annotations"][SYSTEM], "A_b");
        assert_eq!(body["metadata"]["ownerReferences"][0]["name"], "home");
        let spec = &body["spec"]["template"]["spec"];
        assert_eq!(spec["automountServiceAccountToken"], false);
        assert_eq!(spec["securityContext"]["runAsNonRoot"], true);
        assert_eq!(spec["securityContext"]["sysctls"][0]["value"], "0");
        assert_eq!(spec["hostAliases"][0]["hostnames"][0], "db");
        let container = &spec["containers"][0];
        assert_eq!(container["imagePullPolicy"], "Always");
        assert_eq!(
            container["securityContext"],
            json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}})
        );
        assert_eq!(container["resources"]["limits"]["cpu"], "250m");
        assert_eq!(container["resources"]["limits"]["memory"], "256Mi");
        assert_eq!(container["resources"]["requests"]["cpu"], "50m");
        let service = &objects.service.body["spec"];
        assert_eq!(service["ports"][0]["port"], 80);
        assert_eq!(service["selector"][LABEL], name.as_str());
        assert_eq!(
            &service["selector"],
            &body["spec"]["selector"]["matchLabels"]
        );
    }

    #[test]
    fn secrets_are_in_secrets_alone_and_another_environment_makes_other_pods() {
        let first = objects(DOCKER, &container());
        for plain in [&first.deployment.body, &first.service.body] {
            let text = plain.to_string();
            for secret in ["very-secret", "pass-word"] {
                assert!(!text.contains(secret) && !text.contains(&STANDARD.encode(secret)));
            }
        }
        let value = first.environment.body["data"]["A"].as_str().unwrap();
        assert_eq!(STANDARD.decode(value).unwrap(), b"very-secret");
        let login = first.login.unwrap();
        let file = login.body["data"][".dockerconfigjson"].as_str().unwrap();
        let file: Value = serde_json::from_slice(&STANDARD.decode(file).unwrap()).unwrap();
        assert_eq!(file["auths"]["reg.example"]["password"], "pass-word");
        let spec = &first.deployment.body["spec"]["template"]["spec"];
        assert_eq!(spec["imagePullSecrets"][0]["name"], login.name.as_str());
        let other = Container {
            digest: "d2".to_owned(),
            ..container()
        };
        let other = objects(DOCKER, &other);
        assert_ne!(first.deployment.digest(), other.deployment.digest());
    }

    #[test]
    fn what_needs_no_login_has_none_and_root_is_said_openly() {
        let docker = r#"{"image": "i@sha256:0", "port": 5000, "memory": 1, "cpu_quota": 2, "run_as_user": 0}"#;
        let objects = objects(docker, &Container::default());
        assert!(objects.login.is_none());
        let spec = &objects.deployment.body["spec"]["template"]["spec"];
        assert_eq!(spec["securityContext"]["runAsNonRoot"], false);
        assert!(spec["securityContext"]["sysctls"].is_null());
        assert!(spec["imagePullSecrets"].is_null() && spec["hostAliases"].is_null());
        assert_eq!(spec["containers"][0]["imagePullPolicy"], "IfNotPresent");
        assert_eq!(
            registry_file("team/i", "u", "p")["auths"][USUAL_REGISTRY]["auth"],
            STANDARD.encode("u:p")
        );
    }
}
