//! Which microservices a configuration wants to run. Pure.

use sluice_config::Microservice;
use sluice_entity::Json;
use sluice_protocol::{ComponentKind, ConfigurationSnapshot};
use std::collections::{BTreeMap, BTreeSet};

/// The microservices of a configuration, by system.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Those to run.
    pub(super) running: BTreeMap<String, Microservice>,
    /// Those that no pipe uses and that are not to run without.
    pub(super) unused: BTreeSet<String>,
}

/// Reads it.
pub(super) fn wanted(configuration: &ConfigurationSnapshot) -> Wanted {
    let mut wanted = Wanted::default();
    // Found where it is asked for first: most microservices run whether they are used or not.
    let mut used = None;
    for ((kind, id), component) in &configuration.components {
        if *kind != ComponentKind::System || !component.is_valid() {
            continue;
        }
        let Some(microservice) = Microservice::of(&component.effective) else {
            continue;
        };
        let runs = microservice.eager_load
            || used
                .get_or_insert_with(|| used_systems(configuration))
                .contains(id.as_str());
        if runs {
            wanted.running.insert(id.clone(), microservice);
        } else {
            wanted.unused.insert(id.clone());
        }
    }
    wanted
}

/// What pipes name as their systems.
fn used_systems(configuration: &ConfigurationSnapshot) -> BTreeSet<&str> {
    let mut used = BTreeSet::new();
    let components = configuration.components.values();
    for pipe in components.filter(|component| component.kind == ComponentKind::Pipe) {
        for part in ["source", "transform", "sink"] {
            if let Some(part) = pipe.effective.get(part) {
                find(part, &mut used);
            }
        }
    }
    used
}

fn find<'j>(json: &'j Json, used: &mut BTreeSet<&'j str>) {
    match json {
        Json::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(system) if name == "system" => {
                        used.insert(system);
                    }
                    _ => find(value, used),
                }
            }
        }
        Json::Array(list) => list.iter().for_each(|item| find(item, used)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_entity::Limits;
    use sluice_protocol::{Component, Diagnostic, Level};
    use std::sync::Arc;

    fn component(kind: ComponentKind, text: &str) -> ((ComponentKind, String), Component) {
        let json = Arc::new(Json::parse(text.as_bytes(), &Limits::default()).unwrap());
        let id = json.get("_id").and_then(Json::as_str).unwrap().to_owned();
        let component = Component {
            kind,
            id: id.clone(),
            group: "default".to_owned(),
            original: json.clone(),
            effective: json,
            diagnostics: Vec::new(),
        };
        ((kind, id), component)
    }

    #[test]
    fn a_lazy_one_runs_while_a_pipe_uses_it_and_one_with_errors_never() {
        let system = |id: &str, eager: bool| {
            let text = format!(
                r#"{{"_id": "{id}", "type": "system:microservice", "eager_load": {eager}, "docker": {{"image": "i", "port": 1}}}}"#
            );
            component(ComponentKind::System, &text)
        };
        let mut broken = system("broken", true);
        broken.1.diagnostics.push(Diagnostic {
            level: Level::Error,
            code: "x".to_owned(),
            message: String::new(),
            elements: Vec::new(),
        });
        let pipe = r#"{"_id": "p", "source": {"type": "conditional", "alternatives": {"a": {"type": "json", "system": "used"}}},
            "transform": [{"type": "dtl"}, {"system": 1}]}"#;
        let url = r#"{"_id": "url", "type": "system:url", "url_pattern": "x"}"#;
        let configuration = ConfigurationSnapshot {
            components: [
                system("eager", true),
                system("used", false),
                system("unused", false),
                broken,
                component(ComponentKind::System, url),
                component(ComponentKind::Pipe, pipe),
            ]
            .into(),
            ..ConfigurationSnapshot::default()
        };
        let wanted = wanted(&configuration);
        assert_eq!(wanted.running.keys().collect::<Vec<_>>(), ["eager", "used"]);
        assert_eq!(wanted.unused.iter().collect::<Vec<_>>(), ["unused"]);
    }
}
