//! Who manages what of a resource, as its managed fields say. Pure.

use super::MANAGER;
use crate::FIELD_MANAGER;
use kube::{Resource, ResourceExt};
use serde_json::Value;

/// Somebody else than us who manages one of these fields of the spec.
pub(crate) fn of_fields<K: Resource>(object: &K, fields: &[&str]) -> Option<String> {
    find(object, |owned| {
        let spec = owned.get("f:spec");
        let has = |field: &&str| spec.is_some_and(|spec| spec.get(format!("f:{field}")).is_some());
        fields.iter().any(has)
    })
}

/// Somebody else than us who manages anything of what is wanted.
pub(crate) fn of_anything<K: Resource>(object: &K) -> Option<String> {
    find(object, |owned| owned.get("f:spec").is_some())
}

fn find<K: Resource>(object: &K, owns: impl Fn(&Value) -> bool) -> Option<String> {
    let entries = object.managed_fields().iter();
    let entries = entries.filter(|entry| entry.subresource.as_deref().unwrap_or("").is_empty());
    let mut others = entries.filter(|entry| {
        let manager = entry.manager.as_deref().unwrap_or_default();
        manager != MANAGER && manager != FIELD_MANAGER
    });
    let found = others.find(|entry| {
        let fields = entry.fields_v1.as_ref();
        fields.is_some_and(|fields| owns(&fields.0))
    })?;
    Some(
        found
            .manager
            .clone()
            .unwrap_or_else(|| "unknown".to_owned()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::Pipe;

    fn pipe(managed: &str) -> Pipe {
        let text = format!(
            r#"{{"apiVersion": "sluice.dev/v1alpha1", "kind": "Pipe", "spec": {{"hubRef": {{"name": "h"}}}},
                "metadata": {{"name": "in", "managedFields": {managed}}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn entry(manager: &str, subresource: &str, fields: &str) -> String {
        format!(
            r#"{{"manager": "{manager}", "operation": "Apply", "apiVersion": "sluice.dev/v1alpha1", "fieldsType": "FieldsV1",
                "subresource": "{subresource}", "fieldsV1": {fields}}}"#
        )
    }

    #[test]
    fn whoever_has_a_field_beside_us_is_named() {
        let config = r#"{"f:spec": {"f:config": {"f:source": {}}}}"#;
        let state = r#"{"f:spec": {"f:state": {}}}"#;
        let status = r#"{"f:status": {}}"#;
        let ours = entry(MANAGER, "", config);
        let operator = entry("sluice-operator-status", "status", status);
        let alone = pipe(&format!("[{ours}, {operator}]"));
        assert_eq!(of_anything(&alone), None);
        let shared = pipe(&format!("[{ours}, {}]", entry("kubectl", "", state)));
        assert_eq!(of_fields(&shared, &["config", "configText"]), None);
        assert_eq!(of_anything(&shared).as_deref(), Some("kubectl"));
        let theirs = pipe(&format!("[{ours}, {}]", entry("argocd", "", config)));
        assert_eq!(
            of_fields(&theirs, &["config", "configText"]).as_deref(),
            Some("argocd")
        );
    }
}
