//! Claims: a volume for one pod at a time, made once, without an owner.

use crate::crd::Storage;
use crate::objects::{Kind, Wanted};
use serde_json::{Value, json};

/// A claim of this name. Without an owner it stays when everything else goes.
pub fn claim(name: &str, labels: Value, storage: &Storage) -> Wanted {
    let mut body = json!({
        "metadata": {"labels": labels},
        "spec": {
            // No second pod can write it, not even on the same node.
            "accessModes": ["ReadWriteOncePod"],
            "resources": {"requests": {"storage": storage.size}},
        },
    });
    if let Some(class) = &storage.storage_class_name {
        body["spec"]["storageClassName"] = class.clone().into();
    }
    Wanted::new(Kind::PersistentVolumeClaim, name, body)
}
