//! With which flags and files each component runs. Pure: no process is started and no file written here.

use std::path::Path;

use serde_json::json;

use super::addresses;
use super::certificates::Authority;
use super::folder::Folder;
use super::state::{Node, State, Tier};

/// The pause image, which the container runtime starts first in every pod.
pub(super) const PAUSE_IMAGE: &str = "sluice.test/pause:1";

/// The ports of a control plane, all on loopback.
pub(super) struct Ports {
    pub(super) etcd: u16,
    pub(super) etcd_peers: u16,
    pub(super) api: u16,
}

pub(super) fn etcd(folder: &Folder, ports: &Ports) -> Vec<String> {
    let clients = format!("http://127.0.0.1:{}", ports.etcd);
    let peers = format!("http://127.0.0.1:{}", ports.etcd_peers);
    vec![
        "--name=e0".to_owned(),
        format!("--data-dir={}", folder.component("etcd").display()),
        // Nothing of a test cluster outlives its processes.
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
        format!("--listen-client-urls={clients}"),
        format!("--advertise-client-urls={clients}"),
        format!("--listen-peer-urls={peers}"),
        format!("--initial-advertise-peer-urls={peers}"),
        format!("--initial-cluster=e0={peers}"),
    ]
}

pub(super) fn api_server(folder: &Folder, tier: Tier, ports: &Ports, audit: bool) -> Vec<String> {
    let pki = Authority::at(&folder.certificates());
    let mut flags = vec![
        format!("--etcd-servers=http://127.0.0.1:{}", ports.etcd),
        format!("--secure-port={}", ports.api),
        format!("--service-cluster-ip-range={}", addresses::SERVICES),
        format!("--tls-cert-file={}", pki.path("apiserver.crt")),
        format!("--tls-private-key-file={}", pki.path("apiserver.key")),
        format!("--client-ca-file={}", pki.path("ca.crt")),
        format!(
            "--service-account-issuer=https://kubernetes.default.svc.{}",
            addresses::DOMAIN
        ),
        format!("--service-account-key-file={}", pki.path("sa.pub")),
        format!("--service-account-signing-key-file={}", pki.path("sa.key")),
        "--anonymous-auth=false".to_owned(),
        "--allow-privileged=true".to_owned(),
        "--profiling=false".to_owned(),
        format!("--cert-dir={}", folder.component("apiserver").display()),
    ];
    match tier {
        Tier::ControlPlane => flags.extend(
            [
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                // A loopback address may not be an endpoint.
                "--endpoint-reconciler-type=none",
                "--authorization-mode=RBAC",
                // No controller makes the accounts that it would ask for.
                "--disable-admission-plugins=ServiceAccount",
            ]
            .map(str::to_owned),
        ),
        Tier::Full => flags.extend(for_nodes(&pki)),
    }
    if audit {
        flags.extend([
            format!(
                "--audit-policy-file={}",
                folder.config("audit-policy.json").display()
            ),
            format!("--audit-log-path={}", folder.log("audit").display()),
        ]);
    }
    flags
}

fn for_nodes(pki: &Authority) -> Vec<String> {
    let mut flags = [
        "--bind-address=0.0.0.0",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--kubelet-preferred-address-types=InternalIP",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        // Webhooks go straight to the addresses of pods.
        "--enable-aggregator-routing=true",
        // Pods leave a lost node soon: tests wait for it.
        "--default-not-ready-toleration-seconds=10",
        "--default-unreachable-toleration-seconds=10",
    ]
    .map(str::to_owned)
    .to_vec();
    flags.push(format!("--advertise-address={}", addresses::CONTROL_PLANE));
    for (flag, file) in [
        ("kubelet-client-certificate", "apiserver-kubelet.crt"),
        ("kubelet-client-key", "apiserver-kubelet.key"),
        ("kubelet-certificate-authority", "ca.crt"),
        ("requestheader-client-ca-file", "ca.crt"),
        ("proxy-client-cert-file", "front-proxy.crt"),
        ("proxy-client-key-file", "front-proxy.key"),
    ] {
        flags.push(format!("--{flag}={}", pki.path(file)));
    }
    flags
}

/// Every request is noted, without what it carries.
pub(super) fn audit_policy() -> String {
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata"}],
    })
    .to_string()
}

pub(super) fn controller_manager(folder: &Folder) -> Vec<String> {
    let pki = Authority::at(&folder.certificates());
    let mut flags = identity(folder, "controller-manager");
    flags.extend(
        [
            "--use-service-account-credentials=true",
            "--allocate-node-cidrs=false",
            // A lost node is noticed soon: tests wait for it.
            "--node-monitor-period=1s",
            "--node-monitor-grace-period=12s",
        ]
        .map(str::to_owned),
    );
    flags.push(format!("--root-ca-file={}", pki.path("ca.crt")));
    flags.push(format!(
        "--service-account-private-key-file={}",
        pki.path("sa.key")
    ));
    flags
}

pub(super) fn scheduler(folder: &Folder) -> Vec<String> {
    identity(folder, "scheduler")
}

fn identity(folder: &Folder, name: &str) -> Vec<String> {
    let kubeconfig = folder.kubeconfig_of(name).display().to_string();
    vec![
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--leader-elect=false".to_owned(),
        "--profiling=false".to_owned(),
        format!("--cert-dir={}", folder.component(name).display()),
    ]
}

pub(super) fn kubelet(folder: &Folder, node: &Node) -> Vec<String> {
    let name = &node.name;
    let configuration = folder.node(name).join("kubelet.json");
    let kubeconfig = folder.kubeconfig_of(&format!("kubelet-{name}"));
    vec![
        format!("--config={}", configuration.display()),
        format!("--kubeconfig={}", kubeconfig.display()),
        format!("--hostname-override={name}"),
        format!("--node-ip={}", addresses::node(node.number)),
        "--root-dir=/var/lib/kubelet".to_owned(),
        "--cert-dir=/var/lib/kubelet/pki".to_owned(),
        format!("--node-labels=topology.kubernetes.io/zone=z-{name}"),
    ]
}

pub(super) fn kube_proxy(folder: &Folder, node: &Node) -> Vec<String> {
    let mut flags = [
        "--proxy-mode=nftables",
        // Outside the first network namespace the kernel's limits cannot be written.
        "--conntrack-max-per-core=0",
        "--conntrack-min=0",
        "--conntrack-tcp-timeout-established=0s",
        "--conntrack-tcp-timeout-close-wait=0s",
        "--healthz-bind-address=127.0.0.1:10256",
        "--metrics-bind-address=127.0.0.1:10249",
    ]
    .map(str::to_owned)
    .to_vec();
    flags.push(format!("--cluster-cidr={}", addresses::PODS));
    flags.push(format!("--hostname-override={}", node.name));
    flags.push(format!(
        "--kubeconfig={}",
        folder.kubeconfig_of("proxy").display()
    ));
    flags
}

/// Kubelet's configuration, as JSON.
pub(super) fn kubelet_configuration(folder: &Folder, state: &State, node: &Node) -> String {
    let pki = Authority::at(&folder.certificates());
    let name = &node.name;
    let nothing = "0%";
    let configuration = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": addresses::node(node.number).to_string(),
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": pki.path("ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": pki.path(&format!("kubelet-{name}-serving.crt")),
        "tlsPrivateKeyFile": pki.path(&format!("kubelet-{name}-serving.key")),
        "failCgroupV1": false,
        "failSwapOn": false,
        "cgroupDriver": "cgroupfs",
        // It must exist in every controller.
        "cgroupRoot": format!("/{}/{name}", state.prefix()),
        "cgroupsPerQOS": true,
        "enforceNodeAllocatable": [],
        "clusterDNS": [addresses::DNS.to_string()],
        "clusterDomain": addresses::DOMAIN,
        "resolvConf": folder.node(name).join("resolv.conf"),
        // The machine's disk and memory are not the cluster's to judge.
        "evictionHard": {
            "memory.available": nothing,
            "nodefs.available": nothing,
            "nodefs.inodesFree": nothing,
            "imagefs.available": nothing,
        },
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "serializeImagePulls": false,
        "readOnlyPort": 0,
        "maxPods": 60,
        "nodeStatusUpdateFrequency": "5s",
        "nodeStatusReportFrequency": "30s",
        "nodeLeaseDurationSeconds": 10,
        "volumePluginDir": "/var/lib/kubelet/volumeplugins",
        "podLogsDir": "/var/log/pods",
        "shutdownGracePeriod": "0s",
    });
    format!("{configuration:#}\n")
}

/// containerd's configuration.
pub(super) fn containerd_configuration(
    folder: &Folder,
    state: &State,
    node: &Node,
    runc: &Path,
) -> String {
    include_str!("../../cluster/containerd.toml")
        .replace("@PAUSE_IMAGE@", PAUSE_IMAGE)
        .replace("@PLUGINS@", &state.program("cni").display().to_string())
        .replace(
            "@NETWORKS@",
            &folder.node(&node.name).join("cni").display().to_string(),
        )
        .replace("@RUNC@", &runc.display().to_string())
}

/// How the pods of a node are linked.
pub(super) fn pod_network(node: &Node) -> String {
    json!({
        "cniVersion": "1.0.0",
        "name": "sluice",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": true,
                "ipMasq": false,
                "hairpinMode": true,
                "ipam": {
                    "type": "host-local",
                    "dataDir": "/run/cni/ipam",
                    "ranges": [[{"subnet": addresses::pods(node.number)}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": true}, "snat": true},
        ],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> Folder {
        Folder::at(Path::new("/c"))
    }

    #[test]
    fn control_plane_without_nodes_stays_on_loopback() {
        let ports = Ports {
            etcd: 1,
            etcd_peers: 2,
            api: 3,
        };
        let flags = api_server(&folder(), Tier::ControlPlane, &ports, false).join("\n");
        assert!(flags.contains("--bind-address=127.0.0.1") && !flags.contains("0.0.0.0"));
        assert!(flags.contains("--etcd-servers=http://127.0.0.1:1\n"));
        assert!(flags.contains("--secure-port=3\n") && !flags.contains("audit"));
        let flags = api_server(&folder(), Tier::Full, &ports, true).join("\n");
        assert!(flags.contains("--advertise-address=10.77.0.1\n"));
        assert!(flags.contains("--audit-log-path=/c/logs/audit.log"));
    }

    #[test]
    fn no_flag_is_given_twice() {
        let ports = Ports {
            etcd: 1,
            etcd_peers: 2,
            api: 3,
        };
        let node = Node::new(1);
        for flags in [
            api_server(&folder(), Tier::Full, &ports, true),
            api_server(&folder(), Tier::ControlPlane, &ports, true),
            controller_manager(&folder()),
            kubelet(&folder(), &node),
            kube_proxy(&folder(), &node),
        ] {
            let mut names: Vec<&str> = flags
                .iter()
                .filter_map(|flag| flag.split('=').next())
                .collect();
            names.sort_unstable();
            assert!(names.is_sorted_by(|one, other| one != other), "{names:?}");
        }
    }

    #[test]
    fn node_is_configured_with_its_own_addresses_and_control_group() {
        let state = super::super::state::sample();
        let node = &state.nodes[1];
        let text = kubelet_configuration(&folder(), &state, node);
        let configuration: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(configuration["address"], "10.77.0.12");
        assert_eq!(configuration["cgroupRoot"], "/sluice-x/n2");
        assert!(pod_network(node).contains("10.78.2.0/24"));
    }

    #[test]
    fn configuration_of_the_container_runtime_is_complete() {
        let state = super::super::state::sample();
        let text = containerd_configuration(
            &folder(),
            &state,
            &state.nodes[0],
            Path::new("/usr/sbin/runc"),
        );
        assert!(!text.contains('@'), "{text}");
        let table: toml::Table = text.parse().unwrap();
        let plugins = &table["plugins"];
        assert_eq!(
            plugins["io.containerd.cri.v1.images"]["pinned_images"]["sandbox"].as_str(),
            Some(PAUSE_IMAGE)
        );
        assert_eq!(
            plugins["io.containerd.cri.v1.runtime"]["cni"]["conf_dir"].as_str(),
            Some("/c/nodes/n1/cni")
        );
    }
}
