//! What is kept → the snapshot everybody sees: effective configuration and diagnostics of every component, by sluice-config; and
//! what placement has to know of the pipes.

use crate::assignments::PipeSpec;
use crate::contents::{ComponentKey, Contents};
use crate::placements::Configured;
use sluice_config::{Environment, Loader, SecretNames};
use sluice_entity::Json;
use sluice_protocol::{
    Component, ComponentKind, ConfigurationSnapshot, Diagnostic, Level, Offered, PathElement,
    SecretScope,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One revision, as it is seen.
pub(crate) struct Validated {
    /// By everybody.
    pub(crate) snapshot: ConfigurationSnapshot,
    /// By placement.
    pub(crate) configured: Configured,
}

/// Validates everything together. Takes time with many components: not for an async thread. What did not change since the last
/// time with this `loader` takes little.
pub(crate) fn validate(contents: &Contents, loader: &mut Loader) -> Validated {
    let posted: Vec<sluice_config::Component> = contents
        .components
        .iter()
        .map(|((kind, id), kept)| sluice_config::Component {
            kind: kind_to(*kind),
            id: id.clone(),
            original: Arc::clone(&kept.original),
        })
        .collect();
    let configuration = loader.load(&posted, &environment(contents));
    let looked_at =
        |(kind, id): &ComponentKey| -> Option<(Arc<Json>, Vec<sluice_config::Diagnostic>)> {
            Some(match kind {
                ComponentKind::Pipe => {
                    let pipe = configuration.pipes.get(id)?;
                    (Arc::clone(&pipe.effective), pipe.diagnostics.clone())
                }
                ComponentKind::System => {
                    let system = configuration.systems.get(id)?;
                    (Arc::clone(&system.effective), system.diagnostics.clone())
                }
                ComponentKind::Metadata => {
                    let metadata = &configuration.metadata;
                    (
                        Arc::clone(&metadata.effective),
                        metadata.diagnostics.clone(),
                    )
                }
            })
        };
    let components = contents
        .components
        .iter()
        .map(|(key, kept)| {
            let (effective, diagnostics) =
                looked_at(key).unwrap_or_else(|| (Arc::clone(&kept.original), Vec::new()));
            let component = Component {
                kind: key.0,
                id: key.1.clone(),
                group: kept.group.clone(),
                original: Arc::clone(&kept.original),
                effective,
                diagnostics: diagnostics.into_iter().map(diagnostic_from).collect(),
            };
            (key.clone(), component)
        })
        .collect();
    let (secret_names, system_secret_names) = secret_names(contents);
    let revision = contents.counters.revision;
    let pipes = configuration.pipes.iter();
    let pipes = pipes.map(|(id, pipe)| (id.clone(), spec(pipe))).collect();
    Validated {
        snapshot: ConfigurationSnapshot {
            revision,
            components,
            variables: contents.all_variables(),
            secret_names,
            system_secret_names,
            offered: offered(contents),
        },
        configured: Configured { revision, pipes },
    }
}

/// What decides about where a pipe is. One with errors has its place too: it is shown there.
fn spec(pipe: &sluice_config::Pipe) -> PipeSpec {
    PipeSpec {
        reads: pipe
            .inputs
            .iter()
            .chain(&pipe.hop_datasets)
            .cloned()
            .collect(),
        writes: pipe.sink_dataset.clone(),
        is_pushed_to: pipe.is_receiver(),
    }
}

fn environment(contents: &Contents) -> Environment {
    let (global, systems) = secret_names(contents);
    let systems = systems
        .into_iter()
        .map(|(system, names)| (system, names.into_iter().collect()))
        .collect();
    Environment {
        variables: contents.all_variables(),
        secret_names: SecretNames {
            global: global.into_iter().collect(),
            systems,
        },
        ..Environment::default()
    }
}

/// Names of the global secrets, and of each system's.
fn secret_names(contents: &Contents) -> (Vec<String>, BTreeMap<String, Vec<String>>) {
    let mut global = Vec::new();
    let mut systems: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (scope, name) in contents.all_sealed_secrets().into_keys() {
        let names = match scope {
            SecretScope::Global => &mut global,
            SecretScope::System(id) => systems.entry(id.clone()).or_default(),
        };
        names.push(name.to_owned());
    }
    (global, systems)
}

/// Where components come from. What is refused is said by whoever refused it.
fn offered(contents: &Contents) -> BTreeMap<ComponentKey, Offered> {
    let offers = contents.offers.iter().map(|(key, offer)| {
        let offered = Offered {
            origin: offer.origin.clone(),
            refused: None,
        };
        (key.clone(), offered)
    });
    offers.collect()
}

/// The same kind in the other crate's words.
pub(crate) fn kind_from(kind: sluice_config::Kind) -> ComponentKind {
    match kind {
        sluice_config::Kind::Pipe => ComponentKind::Pipe,
        sluice_config::Kind::System => ComponentKind::System,
        sluice_config::Kind::Metadata => ComponentKind::Metadata,
    }
}

fn kind_to(kind: ComponentKind) -> sluice_config::Kind {
    match kind {
        ComponentKind::Pipe => sluice_config::Kind::Pipe,
        ComponentKind::System => sluice_config::Kind::System,
        ComponentKind::Metadata => sluice_config::Kind::Metadata,
    }
}

/// The same diagnostic as it travels.
pub(crate) fn diagnostic_from(diagnostic: sluice_config::Diagnostic) -> Diagnostic {
    let elements = diagnostic
        .elements
        .into_iter()
        .map(|element| match element {
            sluice_config::PathElement::Key(key) => PathElement::Key(key),
            sluice_config::PathElement::Index(index) => PathElement::Index(index),
        });
    Diagnostic {
        level: match diagnostic.level {
            sluice_config::Level::Warning => Level::Warning,
            sluice_config::Level::Error => Level::Error,
        },
        code: diagnostic.code.to_owned(),
        message: diagnostic.message,
        elements: elements.collect(),
    }
}
