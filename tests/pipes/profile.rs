//! The sample with its few embedded entities: what is published is what the sample says is expected.

use crate::countries::{Countries, document, folder};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn published_countries_languages_and_scripts_are_as_expected() {
    let countries = Countries::start(&document("test-env.json")).await;
    let mut checked = 0;
    for entry in std::fs::read_dir(folder().join("expected")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.ends_with(".test.json") {
            continue;
        }
        let specification = document(&path);
        let [pipe, file, endpoint] =
            ["pipe", "file", "endpoint"].map(|key| specification[key].as_str().unwrap());
        let expected = folder().join("expected").join(file);
        if endpoint == "csv" {
            let published = countries.bytes(&format!("/publishers/{pipe}/csv")).await;
            let published = String::from_utf8(published).unwrap();
            assert_eq!(published, std::fs::read_to_string(expected).unwrap());
        } else {
            let mut published = countries
                .entities(&format!("/publishers/{pipe}/entities"))
                .await;
            published.iter_mut().for_each(forget_the_hubs_own);
            published.sort_by_key(|entity| entity["_id"].to_string());
            assert_eq!(Value::Array(published), document(expected), "{pipe}");
        }
        checked += 1;
    }
    assert_eq!(checked, 4);
}

/// Takes away what the hub adds to an entity; those of the sample have nothing of the kind inside.
fn forget_the_hubs_own(entity: &mut Value) {
    let properties = entity.as_object_mut().unwrap();
    properties.retain(|name, _| name == "_id" || !name.starts_with('_'));
}
