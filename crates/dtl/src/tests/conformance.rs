//! The reference's examples, when the folder that holds them is named by `SLUICE_CONFORMANCE`.

use sluice_entity::{Json, Limits};

use crate::eval_vectors;
use crate::reference;

use super::examples::difference;

/// Every example whose functions this version has gives its documented result.
#[test]
#[allow(clippy::print_stderr)]
fn documented_examples_give_their_documented_results() {
    let Ok(folder) = std::env::var("SLUICE_CONFORMANCE") else {
        assert!(
            std::env::var("CI").is_err(),
            "SLUICE_CONFORMANCE must name the folder of dtl-open.json in CI"
        );
        eprintln!(
            "\n*** SLUICE_CONFORMANCE is not set: the documented examples of the language are NOT checked ***\n"
        );
        return;
    };
    let text = std::fs::read(std::path::Path::new(&folder).join("dtl-open.json")).unwrap();
    let vectors = Json::parse(&text, &Limits::default()).unwrap();
    let all = vectors.as_array().unwrap();
    let implemented: Vec<Json> = all
        .iter()
        .filter(|vector| uses_only_known(vector))
        .cloned()
        .collect();
    let results = eval_vectors(&Json::Array(implemented.clone()));
    let wrong: Vec<String> = implemented
        .iter()
        .zip(results.as_array().unwrap())
        .filter_map(|(vector, result)| difference(vector, result))
        .collect();
    eprintln!(
        "{} of {} documented examples checked",
        implemented.len(),
        all.len()
    );
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        implemented.len(),
        wrong.join("\n")
    );
}

fn uses_only_known(vector: &Json) -> bool {
    let parts = ["expr", "rules", "named_rules"]
        .iter()
        .filter_map(|name| vector.get(name));
    let mut names = Vec::new();
    parts.for_each(|part| called(part, &mut names));
    !names.iter().any(|name| reference::is_known(name))
}

/// Everything that may be a call; `literal` and `comment` do not call what is in them.
fn called<'j>(json: &'j Json, names: &mut Vec<&'j str>) {
    match json {
        Json::Array(elements) => {
            let name = elements.first().and_then(Json::as_str);
            names.extend(name);
            if !matches!(name, Some("literal" | "comment")) {
                elements.iter().for_each(|element| called(element, names));
            }
        }
        Json::Object(entries) => entries.iter().for_each(|(_, value)| called(value, names)),
        _ => {}
    }
}
