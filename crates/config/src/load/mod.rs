//! All components of a hub → everything validated. The story of this crate.

mod computed;
mod cross;
mod fill;
mod loader;
mod microservice;
mod node;
mod paging;
mod parts;
mod pipe;
mod problems;
mod resolve;
mod secret_use;
mod shape;
mod size;
mod system;
mod transforms;

#[cfg(test)]
mod tests;

use crate::tables::{DESCRIPTIVE, METADATA};
use crate::{Code, Component, Diagnostic, Environment, Kind, Metadata, Pipe, System};
use fill::Filler;
use node::{Node, Place, Tree};
use problems::Problems;
use secret_use::SecretUse;
use sluice_entity::Json;
use std::collections::BTreeMap;
use std::sync::Arc;

pub use loader::Loader;
pub use pipe::content_hash;

/// Everything that is configured.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// By id.
    pub pipes: BTreeMap<String, Arc<Pipe>>,
    /// By id.
    pub systems: BTreeMap<String, Arc<System>>,
    /// The node metadata, or its defaults.
    pub metadata: Metadata,
    /// Components that are in none of the above, by their index in what was loaded: second ones of a kind and id, and those
    /// beyond the number allowed.
    pub refused: BTreeMap<usize, Vec<Diagnostic>>,
}

impl Configuration {
    /// The problems of a component.
    pub fn diagnostics(&self, kind: Kind, id: &str) -> &[Diagnostic] {
        match kind {
            Kind::Pipe => self.pipes.get(id).map_or(&[], |pipe| &pipe.diagnostics),
            Kind::System => self
                .systems
                .get(id)
                .map_or(&[], |system| &system.diagnostics),
            Kind::Metadata => &self.metadata.diagnostics,
        }
    }

    /// The effective configuration of a component; `None` when there is no such component.
    pub fn effective(&self, kind: Kind, id: &str) -> Option<&Arc<Json>> {
        match kind {
            Kind::Pipe => self.pipes.get(id).map(|pipe| &pipe.effective),
            Kind::System => self.systems.get(id).map(|system| &system.effective),
            Kind::Metadata => Some(&self.metadata.effective),
        }
    }
}

/// Validates all components of a hub together. Pure: the same input gives the same output. Never fails: problems are
/// diagnostics of the components they are about, and a component with problems does not keep others from being loaded.
pub fn load(components: &[Component], environment: &Environment) -> Configuration {
    Loader::default().load(components, environment)
}

/// The components that count, and the problems of the others.
fn admitted<'c>(
    components: &'c [Component],
    environment: &Environment,
) -> (Vec<&'c Component>, BTreeMap<usize, Vec<Diagnostic>>) {
    let mut seen = std::collections::BTreeSet::new();
    let mut admitted = Vec::new();
    let mut refused = BTreeMap::new();
    let mut refuse = |index, code, message: String| {
        let mut problems = Problems::default();
        problems.error(&Place::default().key("_id"), code, message);
        refused.insert(index, problems.0);
    };
    for (index, component) in components.iter().enumerate() {
        let most = environment.limits.components;
        if admitted.len() >= most {
            refuse(
                index,
                Code::LimitExceeded,
                format!("a hub has at most {most} components"),
            );
        } else if !seen.insert((component.kind, component.id.as_str())) {
            refuse(
                index,
                Code::DuplicateComponent,
                format!(
                    "there is another component \"{}\"; the first one counts",
                    component.id
                ),
            );
        } else {
            admitted.push(component);
        }
    }
    (admitted, refused)
}

/// A component within the limits, resolved, and what fills it in.
type Prepared<'a> = Result<(Node, Filler<'a>), Diagnostic>;

fn prepare<'a>(
    component: &'a Component,
    environment: &'a Environment,
    node_wide: &'a Json,
) -> Prepared<'a> {
    let limits = &environment.limits;
    let mut problems = Problems::default();
    let root = Place::default();
    if !size::is_shallow(&component.original, limits.depth) {
        let message = format!("a component is nested at most {} levels deep", limits.depth);
        problems.error(&root, Code::LimitExceeded, message);
    } else if size::size_of_json(&component.original) > limits.component_bytes {
        let message = format!("a component has at most {} bytes", limits.component_bytes);
        problems.error(&root, Code::LimitExceeded, message);
    }
    if let Some(problem) = problems.0.pop() {
        return Err(problem);
    }
    let node = resolve::resolve(
        component.kind,
        &component.original,
        environment,
        &mut problems,
    );
    let system = (component.kind == Kind::System).then_some(component.id.as_str());
    let secrets = SecretUse {
        known: &environment.secret_names,
        system,
    };
    Ok((
        node,
        Filler {
            problems,
            node_wide,
            secrets,
        },
    ))
}

fn load_metadata(component: Option<&Component>, environment: &Environment) -> Metadata {
    let nothing = Json::object();
    let original = component.map(|component| Arc::clone(&component.original));
    let rows = || METADATA.iter().chain(DESCRIPTIVE);
    let defaults = |problem: Option<Diagnostic>| {
        let node = Node {
            place: Place::default(),
            tree: Tree::Dict(Vec::new()),
        };
        let secrets = SecretUse {
            known: &environment.secret_names,
            system: None,
        };
        let mut filler = Filler {
            problems: Problems::default(),
            node_wide: &nothing,
            secrets,
        };
        let mut members = vec![
            ("_id".to_owned(), Json::from("node")),
            ("type".to_owned(), Json::from("metadata")),
        ];
        members.extend(
            filler
                .object(&node, rows)
                .into_iter()
                .filter(|(key, _)| key != "_id"),
        );
        (
            Json::Object(members),
            problem.into_iter().collect::<Vec<_>>(),
        )
    };
    let (effective, diagnostics) =
        match component.map(|component| prepare(component, environment, &nothing)) {
            None => defaults(None),
            Some(Err(problem)) => defaults(Some(problem)),
            Some(Ok((node, mut filler))) => {
                (Json::Object(filler.object(&node, rows)), filler.problems.0)
            }
        };
    Metadata::read(original, effective, diagnostics)
}
