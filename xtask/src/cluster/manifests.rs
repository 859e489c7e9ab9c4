//! What every full cluster has from the start: DNS, and local volumes to claim. Pure.

use std::path::Path;

use serde_json::{Value, json};

use super::addresses;
use super::state::Node;

/// The storage class of the local volumes, which is the default.
pub(super) const STORAGE_CLASS: &str = "local";

pub(super) fn dns(image: &str) -> String {
    include_str!("../../cluster/coredns.yaml")
        .replace("@DOMAIN@", addresses::DOMAIN)
        .replace("@ADDRESS@", &addresses::DNS.to_string())
        .replace("@IMAGE@", image)
}

/// A class whose volumes are bound when a pod that claims them is placed.
pub(super) fn storage_class() -> Value {
    json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": "Retain",
    })
}

/// The folder of one of a node's volumes, below the node's own folder.
pub(super) fn volume_folder(number: u16) -> String {
    format!("volumes/{number}")
}

/// A folder of a node as a volume, every second one for a single pod: a volume cannot offer both. Its size is a number only,
/// nothing limits what is written.
pub(super) fn volume(node: &Node, folder: &Path, number: u16) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": format!("{}-{number}", node.name)},
        "spec": {
            "capacity": {"storage": "10Gi"},
            "accessModes": [if number.is_multiple_of(2) { "ReadWriteOnce" } else { "ReadWriteOncePod" }],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": STORAGE_CLASS,
            "local": {"path": folder.join(volume_folder(number))},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                {"key": "kubernetes.io/hostname", "operator": "In", "values": [node.name]},
            ]}]}},
        },
    })
}

/// Several objects as one file.
pub(super) fn list(items: &[Value]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_server_has_the_address_that_nodes_tell_their_pods() {
        let text = dns("sluice.test/coredns:1");
        assert!(text.contains("clusterIP: 10.79.0.10"));
        assert!(text.contains("image: sluice.test/coredns:1"));
        let placeholder = |word: &str| word.starts_with('@') && word.ends_with('@');
        assert!(!text.split_whitespace().any(placeholder));
    }

    #[test]
    fn volume_stays_on_its_node() {
        let volume = volume(&Node::new(2), Path::new("/c/nodes/n2"), 3);
        assert_eq!(volume["metadata"]["name"], "n2-3");
        assert_eq!(volume["spec"]["local"]["path"], "/c/nodes/n2/volumes/3");
        assert!(
            volume["spec"]["nodeAffinity"]
                .to_string()
                .contains("\"n2\"")
        );
    }
}
