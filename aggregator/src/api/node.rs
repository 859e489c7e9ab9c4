//! The hub as a whole: `/`, ping, licence, namespaces, service metadata, status, reset and restart.

use super::answer::{self, Message};
use super::call::Call;
use super::diagnostics::{ConfigError, config_errors, object};
use super::error::Problem;
use super::exact::Exact;
use super::time;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use sluice_entity::Json;
use sluice_protocol::{Component, ComponentKind, ConfigurationSnapshot};

/// The one metadata component has this id.
const NODE: &str = "node";
/// Seconds that a run going on gets to end before a reset.
const STOP_SECONDS: u64 = 30;

/// The hub.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Hub {
    status: HubStatus,
}

#[derive(Serialize, JsonSchema)]
struct HubStatus {
    product: &'static str,
    version: String,
    /// Whether the calls that destroy or run everything are allowed.
    developer_mode: bool,
    /// Changes with every start, reset and restart.
    node_start_time: String,
}

pub(crate) async fn root(call: Call) -> Result<Response, Problem> {
    let hub = &call.hub;
    answer::json(&Hub {
        status: HubStatus {
            product: "sluice",
            version: hub.settings.version.clone(),
            developer_mode: hub.settings.developer_mode,
            node_start_time: time::text(hub.started()),
        },
    })
}

/// Where the hub stands.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Status {
    /// Changes with every start, reset and restart.
    node_start_time: String,
    version: String,
    /// Facts of the worker: numbers and identifiers.
    worker: Exact,
}

pub(crate) async fn status(call: Call) -> Result<Response, Problem> {
    let facts = call.hub.worker.facts().await?;
    answer::json(&Status {
        node_start_time: time::text(call.hub.started()),
        version: call.hub.settings.version.clone(),
        worker: facts.into(),
    })
}

pub(crate) async fn administer(call: Call) -> Result<Response, Problem> {
    match call.text("operation") {
        "reset" => reset(call).await,
        _ => {
            // The start time changes when the restarted hub serves, not before: clients wait for it and then go on.
            call.hub.process.restart().await?;
            answer::json(&Message::OK)
        }
    }
}

/// Empties configuration, variables, secrets, datasets and offsets. Keys, tokens and certificate stay.
async fn reset(call: Call) -> Result<Response, Problem> {
    call.needs_developer_mode()?;
    let hub = &call.hub;
    hub.worker.stop_run_all(STOP_SECONDS).await?;
    hub.storage.reset().await?;
    hub.deployed().await?;
    hub.worker.reset().await?;
    hub.starts_anew();
    tracing::warn!(user = %call.user, "the hub was reset");
    answer::json(&Message::OK)
}

/// Alive.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Ping {
    status: &'static str,
}

pub(crate) async fn ping(_: Call) -> Result<Response, Problem> {
    answer::json(&Ping { status: "running" })
}

/// What a licence would say.
#[derive(Serialize, JsonSchema)]
pub(crate) struct License {
    needed: bool,
    message: &'static str,
}

pub(crate) async fn license(_: Call) -> Result<Response, Problem> {
    answer::json(&License {
        needed: false,
        message: "no licence key is needed",
    })
}

pub(crate) async fn namespaces(call: Call) -> Result<Response, Problem> {
    let configuration = call.hub.configuration();
    let namespaces = metadata_of(&configuration)
        .and_then(|metadata| metadata.effective.get("namespaces").cloned());
    answer::json(&Exact::from(namespaces.unwrap_or(object([]))))
}

/// The service metadata (CF3), as posted and with every default.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Metadata {
    #[serde(rename = "_id")]
    id: &'static str,
    r#type: &'static str,
    config: Configs,
    runtime: MetadataRuntime,
}

/// A component as posted and as it works (CF5).
#[derive(Serialize, JsonSchema)]
pub(crate) struct Configs {
    pub(crate) original: Exact,
    pub(crate) effective: Exact,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct MetadataRuntime {
    is_valid_config: bool,
    config_errors: Vec<ConfigError>,
}

fn metadata_of(configuration: &ConfigurationSnapshot) -> Option<&Component> {
    configuration
        .components
        .get(&(ComponentKind::Metadata, NODE.to_owned()))
}

pub(crate) async fn metadata(call: Call) -> Result<Response, Problem> {
    show_metadata(&call)
}

fn show_metadata(call: &Call) -> Result<Response, Problem> {
    let configuration = call.hub.configuration();
    let (config, runtime) = match metadata_of(&configuration) {
        Some(metadata) => (
            Configs {
                original: Exact(metadata.original.clone()),
                effective: Exact(metadata.effective.clone()),
            },
            MetadataRuntime {
                is_valid_config: metadata.is_valid(),
                config_errors: config_errors(&metadata.diagnostics),
            },
        ),
        None => {
            let none = object([("_id", Json::from(NODE)), ("type", Json::from("metadata"))]);
            let defaults =
                sluice_config::load(&[], &sluice_config::Environment::default()).metadata;
            (
                Configs {
                    original: none.into(),
                    effective: Exact(defaults.effective),
                },
                MetadataRuntime {
                    is_valid_config: true,
                    config_errors: Vec::new(),
                },
            )
        }
    };
    answer::json(&Metadata {
        id: NODE,
        r#type: "metadata",
        config,
        runtime,
    })
}

pub(crate) async fn put_metadata(mut call: Call) -> Result<Response, Problem> {
    let mut metadata = call.json().await?;
    if metadata.as_object().is_none() {
        return Err(Problem::body("service metadata is a JSON object"));
    }
    for (name, value) in [("_id", NODE), ("type", "metadata")] {
        if metadata.get(name).is_none() {
            metadata.set(name, Json::from(value));
        }
    }
    let outcome = call
        .hub
        .storage
        .put_component(
            ComponentKind::Metadata,
            metadata,
            call.boolean("force"),
            &call.user,
        )
        .await?;
    if !outcome.applied {
        return Err(Problem::rejected(&outcome.rejected));
    }
    call.hub.deployed().await?;
    show_metadata(&call)
}

pub(crate) async fn delete_metadata(call: Call) -> Result<Response, Problem> {
    if metadata_of(&call.hub.configuration()).is_some() {
        call.hub
            .storage
            .delete_component(ComponentKind::Metadata, NODE, &call.user)
            .await?;
        call.hub.deployed().await?;
    }
    show_metadata(&call)
}
