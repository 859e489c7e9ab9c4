//! What every definition has, and that the printed form says the same.

use super::*;
use crate::{CATEGORY, GROUP};

#[test]
fn every_kind_has_category_short_name_status_and_columns() {
    for definition in definitions() {
        let names = &definition.spec.names;
        assert_eq!(definition.spec.group, GROUP);
        assert_eq!(
            names.categories.as_deref(),
            Some(&[CATEGORY.to_owned()][..]),
            "{}",
            names.kind
        );
        assert!(
            names
                .short_names
                .as_ref()
                .is_some_and(|names| !names.is_empty()),
            "{}",
            names.kind
        );
        let version = &definition.spec.versions[0];
        assert_eq!(version.name, "v1alpha1");
        assert!(
            version.subresources.as_ref().unwrap().status.is_some(),
            "{}",
            names.kind
        );
        let columns = version.additional_printer_columns.as_ref().unwrap();
        assert!(
            columns.iter().any(|column| column.name == "Ready"),
            "{}",
            names.kind
        );
    }
}

#[test]
fn conditions_are_a_map_by_type_and_a_pool_has_a_scale() {
    for definition in definitions() {
        let value = serde_json::to_value(&definition).unwrap();
        let version = &value["spec"]["versions"][0];
        let conditions = &version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
            ["conditions"];
        assert_eq!(
            conditions["x-kubernetes-list-type"], "map",
            "{}",
            definition.spec.names.kind
        );
        assert_eq!(conditions["x-kubernetes-list-map-keys"][0], "type");
        let is_pool = definition.spec.names.kind == "WorkerPool";
        assert_eq!(version["subresources"]["scale"].is_object(), is_pool);
    }
}

#[test]
fn yaml_reads_as_the_definitions() {
    let text = print();
    let documents: Vec<&str> = text
        .split("---\n")
        .filter(|part| !part.is_empty())
        .collect();
    let definitions = definitions();
    assert_eq!(documents.len(), definitions.len());
    for (document, definition) in documents.iter().zip(&definitions) {
        let read: Value = serde_saphyr::from_str(document).unwrap();
        assert_eq!(read, serde_json::to_value(definition).unwrap());
    }
}
