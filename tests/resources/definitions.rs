//! What the API server lets through of our resources: the envelope is guarded, a component's own JSON is not.

use crate::harness::{Cluster, Namespace, definitions};
use serde_json::{Value, json};

fn pipe(name: &str, spec: Value) -> String {
    let mut pipe = json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "Pipe",
        "metadata": {"name": name}, "spec": {"hubRef": {"name": "home"}},
    });
    for (key, value) in spec.as_object().unwrap() {
        pipe["spec"][key] = value.clone();
    }
    pipe.to_string()
}

/// What the API server says against it.
fn refusal(taken: anyhow::Result<String>) -> String {
    taken.expect_err("it was let through").to_string()
}

#[tokio::test]
async fn a_pipe_has_its_configuration_in_one_form_and_whatever_is_in_it_is_let_through() {
    let cluster = Cluster::of_environment().unwrap();
    let namespace = Namespace::new(&cluster, "pipes").await.unwrap();
    definitions(&namespace).await.unwrap();
    let refused = |spec| refusal(namespace.would_apply(&pipe("one", spec)));
    let one = "give exactly one of config and configText";
    assert!(refused(json!({})).contains(one));
    assert!(refused(json!({"config": {}, "configText": "{}"})).contains(one));
    assert!(refused(json!({"config": {}, "state": "Sleeping"})).contains("Unsupported value"));
    assert!(refused(json!({"config": {}, "colour": "red"})).contains("colour"));

    let odd = json!({"type": 7, "sink": [null, {"x": "y"}], "transform": {"rules": {"default": [["copy", "*"]]}}});
    namespace
        .apply(&pipe("odd", json!({"config": odd})))
        .unwrap();
    let kept = namespace.get("pipe/odd").unwrap();
    assert_eq!(kept["spec"]["config"], odd);
    assert_eq!(kept["spec"]["state"], "Running");
    let text = "{\"b\": 1.0, \"a\": 123456789012345678901234567890}";
    namespace
        .apply(&pipe("exact", json!({"configText": text, "id": "Ærø"})))
        .unwrap();
    assert_eq!(
        namespace.get("pipe/exact").unwrap()["spec"]["configText"],
        text
    );
    let found = namespace.kubectl(&[
        "get",
        "pipes",
        "--field-selector",
        "spec.id=Ærø",
        "--output",
        "name",
    ]);
    assert_eq!(found.unwrap().trim(), "pipe.sluice.dev/exact");
    assert!(
        namespace
            .kubectl(&["get", "sluice"])
            .unwrap()
            .contains("odd")
    );
}

#[tokio::test]
async fn what_a_resource_is_cannot_be_changed() {
    let cluster = Cluster::of_environment().unwrap();
    let namespace = Namespace::new(&cluster, "changes").await.unwrap();
    definitions(&namespace).await.unwrap();
    namespace
        .apply(&pipe("a", json!({"config": {}, "id": "A_b"})))
        .unwrap();
    let patched = |patch: Value| {
        namespace.kubectl(&[
            "patch",
            "pipe",
            "a",
            "--type=merge",
            "--patch",
            &patch.to_string(),
        ])
    };
    assert!(refusal(patched(json!({"spec": {"id": "c"}}))).contains("id cannot be changed"));
    assert!(refusal(patched(json!({"spec": {"id": null}}))).contains("id cannot be changed"));
    assert!(
        refusal(patched(json!({"spec": {"hubRef": {"name": "other"}}})))
            .contains("hubRef cannot be changed")
    );
    // One form may take the place of the other.
    patched(json!({"spec": {"config": null, "configText": "{}"}})).unwrap();
}

#[tokio::test]
async fn names_and_sizes_that_cannot_work_are_refused() {
    let cluster = Cluster::of_environment().unwrap();
    let namespace = Namespace::new(&cluster, "sizes").await.unwrap();
    definitions(&namespace).await.unwrap();
    let hub = |name: &str, size: &str| {
        let hub = json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "DataHub", "metadata": {"name": name},
            "spec": {"storageNode": {"storage": {"size": size}}},
        });
        namespace.would_apply(&hub.to_string())
    };
    hub("home", "1.5Gi").unwrap();
    assert!(refusal(hub(&"h".repeat(41), "1Gi")).contains("at most 40 characters"));
    assert!(refusal(hub("home", "0Gi")).contains("more than nothing"));
    assert!(refusal(hub("home", "much")).contains("should match"));
}
