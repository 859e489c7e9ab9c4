//! Systems: list, add, show, change, remove, status.

use super::answer;
use super::call::Call;
use super::components;
use super::diagnostics::{ConfigError, config_errors};
use super::error::Problem;
use super::exact::Exact;
use super::microservices::{self, Microservice};
use super::node::Configs;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use sluice_entity::Json;
use sluice_protocol::{Component, ComponentKind, ConfigurationSnapshot};
use std::sync::Arc;

/// A system.
#[derive(Serialize, JsonSchema)]
pub(crate) struct System {
    #[serde(rename = "_id")]
    id: String,
    /// e.g. `system:url`
    r#type: String,
    config: Configs,
    runtime: SystemRuntime,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct SystemRuntime {
    is_valid_config: bool,
    config_errors: Vec<ConfigError>,
}

/// Whether a system was reached.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SystemStatus {
    #[serde(rename = "_id")]
    id: String,
    /// At the latest use; null before the first.
    reachable: Option<bool>,
    message: Option<String>,
    /// Of a microservice that the hub runs.
    microservice: Option<Microservice>,
}

impl System {
    fn new(component: &Component) -> Self {
        System {
            id: component.id.clone(),
            r#type: component
                .original
                .get("type")
                .and_then(Json::as_str)
                .unwrap_or_default()
                .to_owned(),
            config: Configs {
                original: Exact(Arc::clone(&component.original)),
                effective: Exact(Arc::clone(&component.effective)),
            },
            runtime: SystemRuntime {
                is_valid_config: component.is_valid(),
                config_errors: config_errors(&component.diagnostics),
            },
        }
    }
}

/// The system with this id.
pub(crate) fn component<'a>(
    configuration: &'a ConfigurationSnapshot,
    id: &str,
) -> Result<&'a Component, Problem> {
    let found = configuration
        .components
        .get(&(ComponentKind::System, id.to_owned()));
    found.ok_or_else(|| Problem::not_found("unknown-system", "system", id))
}

pub(crate) async fn list(call: Call) -> Result<Response, Problem> {
    let configuration = call.hub.configuration();
    let systems: Vec<Component> = configuration
        .components
        .values()
        .filter(|component| component.kind == ComponentKind::System)
        .cloned()
        .collect();
    Ok(answer::list(systems, |system| System::new(&system)))
}

pub(crate) async fn add(mut call: Call) -> Result<Response, Problem> {
    let ids = components::add(&mut call, ComponentKind::System).await?;
    let configuration = call.hub.configuration();
    let systems: Result<Vec<System>, Problem> = ids
        .iter()
        .map(|id| component(&configuration, id).map(System::new))
        .collect();
    answer::created(&systems?)
}

pub(crate) async fn show(call: Call) -> Result<Response, Problem> {
    answer::json(&System::new(component(
        &call.hub.configuration(),
        call.text("system_id"),
    )?))
}

pub(crate) async fn delete(call: Call) -> Result<Response, Problem> {
    let id = call.text("system_id");
    let system = System::new(component(&call.hub.configuration(), id)?);
    call.hub
        .storage
        .delete_component(ComponentKind::System, id, &call.user)
        .await?;
    call.hub.deployed().await?;
    answer::json(&system)
}

pub(crate) async fn config(call: Call) -> Result<Response, Problem> {
    let configuration = call.hub.configuration();
    answer::json(&Exact(Arc::clone(
        &component(&configuration, call.text("system_id"))?.original,
    )))
}

pub(crate) async fn put_config(mut call: Call) -> Result<Response, Problem> {
    let id = call.text("system_id").to_owned();
    components::put(&mut call, ComponentKind::System, &id).await?;
    answer::json(&System::new(component(&call.hub.configuration(), &id)?))
}

pub(crate) async fn status(call: Call) -> Result<Response, Problem> {
    let id = call.text("system_id");
    let configuration = call.hub.configuration();
    let component = component(&configuration, id)?;
    let microservice = match microservices::is_one(component) {
        true => microservices::status(&call, component).await?,
        false => None,
    };
    let used = call
        .hub
        .worker
        .systems()
        .await?
        .into_iter()
        .find(|system| system.id == id);
    answer::json(&match used {
        Some(system) => SystemStatus {
            id: system.id,
            reachable: system.reachable,
            message: system.message,
            microservice,
        },
        None => SystemStatus {
            id: id.to_owned(),
            reachable: None,
            message: None,
            microservice,
        },
    })
}
