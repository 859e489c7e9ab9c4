//! For every type of every table: the smallest configuration there is, and the effective one it gives, compared with a file.
//! `SLUICE_BLESS=1` writes the files anew.

use super::{json, shown};
use crate::tables::{PUMP, Property, SINKS, SOURCES, SYSTEMS, Shape, TEMPLATES, TRANSFORMS, Type};
use crate::{Component, Environment, Kind, Level, load};
use sluice_entity::Json;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The reference's own lists, kept apart from the tables so that a lost row shows.
const SOURCE_TYPES: &str = "binary conditional csv dataset embedded empty http_endpoint json kafka ldap merge merge_datasets rdf rest \
                            sdshare sparql sql union_datasets";
const TRANSFORM_TYPES: &str =
    "conditional dtl emit_children http json_schema rdf rest template xml";
const SINK_TYPES: &str = "conditional csv_endpoint dataset elasticsearch mail http_endpoint json kafka null replicated_dataset rest \
                          sdshare sms solr sparql sql xml_endpoint";
const SYSTEM_TYPES: &str = "elasticsearch kafka ldap microservice mssql sqlserver mysql oracle_tns oracle postgresql rest smtp solr \
                            twilio url";
const RUN_BY_THIS_VERSION: &str = "source/conditional source/csv source/dataset source/embedded source/empty source/http_endpoint \
    source/json source/merge_datasets source/union_datasets transform/chained transform/conditional transform/dtl \
    sink/conditional sink/csv_endpoint sink/dataset sink/http_endpoint sink/json sink/null system/microservice system/url";

const FAMILIES: [(&str, &[Type]); 5] = [
    ("source", SOURCES),
    ("transform", TRANSFORMS),
    ("sink", SINKS),
    ("system", SYSTEMS),
    ("template", TEMPLATES),
];

#[test]
fn the_tables_hold_every_type_of_the_reference() {
    for (types, table) in [
        (SOURCE_TYPES, SOURCES),
        (TRANSFORM_TYPES, TRANSFORMS),
        (SINK_TYPES, SINKS),
        (
            &*SYSTEM_TYPES
                .split_whitespace()
                .map(|name| format!("system:{name}"))
                .collect::<Vec<_>>()
                .join(" "),
            SYSTEMS,
        ),
    ] {
        for name in types.split_whitespace() {
            assert!(table.iter().any(|known| known.name == name), "{name}");
        }
    }
    let run: BTreeSet<String> = FAMILIES
        .iter()
        .flat_map(|(family, types)| {
            types
                .iter()
                .filter(|known| known.runs)
                .map(move |known| path(family, known))
        })
        .collect();
    assert_eq!(
        run,
        RUN_BY_THIS_VERSION
            .split_whitespace()
            .map(str::to_owned)
            .collect::<BTreeSet<_>>()
    );
}

#[test]
fn no_table_names_a_property_twice() {
    for (family, types) in FAMILIES {
        for known in types {
            let mut seen = BTreeSet::new();
            for row in known.rows() {
                assert!(
                    seen.insert(row.name.replace('-', "_")),
                    "{family} {}: {}",
                    known.name,
                    row.name
                );
            }
        }
    }
}

#[test]
fn minimal_configurations_give_the_effective_ones_of_the_files() {
    let bless = std::env::var_os("SLUICE_BLESS").is_some();
    let mut expected_files = BTreeSet::new();
    for (family, types) in FAMILIES {
        for known in types {
            let minimal = minimal(known);
            let (effective, problems) = loaded(family, &minimal);
            let errors: Vec<&String> = problems
                .iter()
                .filter(|problem| problem.starts_with("error"))
                .collect();
            assert!(errors.is_empty(), "{family} {}: {errors:?}", known.name);
            let found = file(&minimal, &effective, &problems);
            let name = format!("{}.json", path(family, known));
            compare(&name, &found, bless);
            expected_files.insert(name);
        }
    }
    for (name, text) in [
        (
            "component/pipe.json",
            r#"{"_id": "golden", "type": "pipe", "source": {"type": "empty"}}"#,
        ),
        (
            "component/metadata.json",
            r#"{"_id": "node", "type": "metadata"}"#,
        ),
    ] {
        let (effective, problems) = loaded("component", &json(text));
        compare(name, &file(&json(text), &effective, &problems), bless);
        expected_files.insert(name.to_owned());
    }
    assert_eq!(
        files(),
        expected_files,
        "files without a type, or the other way round"
    );
}

#[test]
fn nothing_can_be_left_out_of_a_minimal_configuration() {
    for (family, types) in FAMILIES {
        for known in types {
            let minimal = minimal(known);
            for (name, _) in minimal.as_object().expect("an object") {
                if name == "_id"
                    || (name == "type" && matches!(family, "sink" | "system"))
                    || family == "template" && name == "type"
                {
                    continue;
                }
                let mut less = minimal.clone();
                less.remove(name);
                let (_, problems) = loaded(family, &less);
                assert!(
                    problems.iter().any(|problem| problem.starts_with("error")),
                    "{family} {} without {name}",
                    known.name
                );
            }
        }
    }
}

#[test]
fn an_effective_configuration_is_its_own_effective_configuration() {
    for (family, types) in FAMILIES {
        for known in types {
            let (effective, _) = loaded(family, &minimal(known));
            let (again, problems) = loaded(family, &effective);
            assert!(
                again.same_meaning(&effective),
                "{family} {}: {again} from {effective}",
                known.name
            );
            assert!(
                problems.iter().all(|problem| !problem.starts_with("error")),
                "{family} {}: {problems:?}",
                known.name
            );
        }
    }
    assert!(PUMP.iter().all(|row| !row.required), "a pump may be empty");
}

#[test]
fn the_schema_knows_every_type_and_resolves_its_references() {
    let schema = crate::schema();
    let text = schema.to_string();
    for (_, types) in FAMILIES.iter().filter(|(family, _)| *family != "template") {
        for known in *types {
            assert!(
                text.contains(&format!(r#"{{"const":"{}"}}"#, known.name)),
                "{}",
                known.name
            );
        }
    }
    let definitions = schema.get("$defs").expect("definitions");
    for part in text.split("\"#/$defs/").skip(1) {
        let name = part.split('"').next().unwrap_or_default();
        assert!(definitions.get(name).is_some(), "{name}");
    }
}

fn path(family: &str, known: &Type) -> String {
    format!("{family}/{}", known.name.trim_start_matches("system:"))
}

/// Everything that has to be there and nothing else.
fn minimal(known: &'static Type) -> Json {
    let mut minimal = Json::object();
    if known.name.starts_with("system:") {
        minimal.set("_id", Json::from("golden"));
    }
    minimal.set("type", Json::from(known.name));
    for row in known.rows().filter(|row| row.required && row.name != "_id") {
        minimal.set(row.name, sample(known, row));
    }
    for names in known.one_of {
        let row = known
            .rows()
            .find(|row| row.name == names[0])
            .expect("one of its own properties");
        minimal.set(row.name, sample(known, row));
    }
    minimal
}

fn sample(known: &Type, row: &Property) -> Json {
    match (known.name, row.name) {
        ("conditional", "condition") => return json("\"a\""),
        ("conditional", _) if SOURCES.iter().any(|source| std::ptr::eq(source, known)) => {
            return json(r#"{"a": {"type": "empty"}}"#);
        }
        ("conditional", _) if SINKS.iter().any(|sink| std::ptr::eq(sink, known)) => {
            return json(r#"{"a": {"type": "null"}}"#);
        }
        ("conditional", _) => return json(r#"{"a": {"type": "lower_keys"}}"#),
        ("chained", _) => return json(r#"[{"type": "lower_keys"}]"#),
        ("dtl", "rules") => return json(r#"{"default": [["copy", "*"]]}"#),
        (_, "system") => return json("\"a-system\""),
        _ => {}
    }
    match row.shape {
        Shape::Text | Shape::TextOrTexts | Shape::Dataset => Json::from(row.name),
        Shape::Letter => json("\",\""),
        Shape::Texts | Shape::SomeTexts | Shape::Datasets => {
            Json::Array(vec![Json::from(row.name)])
        }
        Shape::AliasedDatasets => json(r#"["a-dataset a"]"#),
        Shape::Entities => json(r#"[{"_id": "1"}]"#),
        Shape::Object | Shape::TextOrObject => Json::object(),
        Shape::Integer(least) => Json::from(least.max(1)),
        Shape::Fields(rows) => {
            let mut inner = Json::object();
            rows.iter()
                .filter(|row| row.required)
                .for_each(|row| inner.set(row.name, sample(known, row)));
            inner
        }
        _ => panic!("no sample for {} {}", known.name, row.name),
    }
}

/// The effective part, and the problems of its component.
fn loaded(family: &str, part: &Json) -> (Json, Vec<String>) {
    let mut component = json(r#"{"_id": "golden", "type": "pipe", "source": {"type": "empty"}}"#);
    match family {
        "system" | "component" => component = part.clone(),
        "template" => {
            let mut properties = part.clone();
            let name = properties.remove("type").expect("has a type");
            let mut transform = json(r#"{"type": "template"}"#);
            transform.set("template", name);
            transform.set("properties", properties);
            component.set("transform", transform);
        }
        family => component.set(family, part.clone()),
    }
    let component = match Component::from_json(component) {
        Ok(component) => component,
        Err(problem) => return (part.clone(), vec![shown(&problem)]),
    };
    let system = json(
        r#"{"_id": "a-system", "type": "system:url", "url_pattern": "https://example.org/%s"}"#,
    );
    let system = Component::from_json(system).expect("a system");
    let (kind, id) = (component.kind, component.id.clone());
    let loaded = load(&[component, system], &Environment::default());
    let whole = loaded.effective(kind, &id).expect("was loaded");
    let effective = match family {
        "system" | "component" => (**whole).clone(),
        "template" => {
            let transform = whole.get("transform").expect("a transform");
            let mut properties = transform
                .get("properties")
                .cloned()
                .unwrap_or_else(Json::object);
            properties.set(
                "type",
                transform.get("template").cloned().unwrap_or(Json::Null),
            );
            properties
        }
        family => whole.get(family).cloned().unwrap_or(Json::Null),
    };
    assert!(
        kind != Kind::Pipe
            || whole.get("source").is_some()
            || !crate::is_valid(loaded.diagnostics(kind, &id))
    );
    let problems = loaded.diagnostics(kind, &id);
    // Nothing writes the datasets of a pipe that is alone.
    let problems = problems
        .iter()
        .filter(|problem| problem.code != "unknown-dataset" || problem.level == Level::Error);
    (effective, problems.map(shown).collect())
}

fn file(minimal: &Json, effective: &Json, problems: &[String]) -> Json {
    let problems: Vec<Json> = problems
        .iter()
        .map(|problem| Json::from(problem.as_str()))
        .collect();
    Json::Object(vec![
        ("minimal".to_owned(), minimal.clone()),
        ("effective".to_owned(), effective.clone()),
        ("problems".to_owned(), Json::Array(problems)),
    ])
}

/// Asked while the test runs: what was compiled in another checkout may be used in this one.
fn folder() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    PathBuf::from(here).join("tests/golden")
}

fn compare(name: &str, found: &Json, bless: bool) {
    let path = folder().join(name);
    if bless {
        std::fs::create_dir_all(path.parent().expect("is below the folder")).unwrap();
        std::fs::write(&path, format!("{}\n", found.to_pretty())).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path)
        .unwrap_or_else(|problem| panic!("{name}: {problem}; SLUICE_BLESS=1 writes it"));
    assert_eq!(json(&expected).to_pretty(), found.to_pretty(), "{name}");
}

fn files() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for family in std::fs::read_dir(folder()).unwrap() {
        let family = family.unwrap();
        for file in std::fs::read_dir(family.path()).unwrap() {
            let file = file.unwrap();
            names.insert(format!(
                "{}/{}",
                family.file_name().to_string_lossy(),
                file.file_name().to_string_lossy()
            ));
        }
    }
    names
}
