//! What transforms make keeps the limits that reading imposes, or is not stored.

use super::Hub;
use super::configurations::{dataset, embedded};

/// `["list", ["list", ... "_S.x"]]`
fn nested(levels: usize) -> String {
    format!(
        r#"{}"_S.x"{}"#,
        r#"["list", "#.repeat(levels),
        "]".repeat(levels)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_nested_too_deep_is_named_and_not_stored() {
    let deeper = format!(r#"[["copy", "_id"], ["add", "x", {}]]"#, nested(60));
    let hub = Hub::with(&[
        &embedded("in", r#"[{"_id": "a", "x": 1}]"#),
        &dataset("once", "in", &deeper),
        &dataset("twice", "once", &deeper),
    ])
    .await;
    hub.run_all_of(&["in", "once"]).await;
    assert_eq!(hub.live("once").await.len(), 1);
    let (success, message) = hub.run("twice").await;
    assert!(!success);
    assert!(
        message.contains("the entity \"a\"") && message.contains("nested deeper than 100"),
        "{message}"
    );
    assert!(hub.log("twice").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_with_too_many_digits_is_named_and_not_stored() {
    let number = "9".repeat(4000);
    let hub = Hub::with(&[
        &embedded("in", &format!(r#"[{{"_id": "a", "n": {number}}}]"#)),
        &dataset(
            "square",
            "in",
            r#"[["copy", "_id"], ["add", "n2", ["multiply", "_S.n", "_S.n"]]]"#,
        ),
    ])
    .await;
    hub.run_all_of(&["in"]).await;
    let (success, message) = hub.run("square").await;
    assert!(!success);
    assert!(
        message.contains("at n2: number with more than 4096 digits"),
        "{message}"
    );
    assert!(hub.log("square").await.is_empty());
}
