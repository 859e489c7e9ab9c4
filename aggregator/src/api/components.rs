//! Adding and changing single components: what pipes and systems have in common.

use super::call::Call;
use super::error::{Problem, number};
use sluice_entity::Json;
use sluice_protocol::ComponentKind;

fn noun(kind: ComponentKind) -> &'static str {
    match kind {
        ComponentKind::Pipe => "pipe",
        ComponentKind::System => "system",
        ComponentKind::Metadata => "metadata",
    }
}

/// Adds the posted components, all or none; their ids. One that exists already is a conflict.
pub(crate) async fn add(call: &mut Call, kind: ComponentKind) -> Result<Vec<String>, Problem> {
    let components = match call.json().await? {
        Json::Array(components) => components,
        component => vec![component],
    };
    let mut ids: Vec<String> = Vec::with_capacity(components.len());
    for (index, component) in components.iter().enumerate() {
        let id = component
            .get("_id")
            .and_then(Json::as_str)
            .filter(|id| !id.is_empty())
            .ok_or_else(|| {
                Problem::body(format!("a {} is a JSON object with an \"_id\"", noun(kind)))
                    .with("index", number(index as u64))
            })?;
        if ids.iter().any(|known| known == id) {
            return Err(
                Problem::body(format!("two components have the id \"{id}\""))
                    .with("index", number(index as u64)),
            );
        }
        ids.push(id.to_owned());
    }
    let configuration = call.hub.configuration();
    if let Some(id) = ids.iter().find(|id| {
        configuration
            .components
            .contains_key(&(kind, (*id).clone()))
    }) {
        return Err(Problem::exists(noun(kind), id));
    }
    let outcome = call
        .hub
        .storage
        .add_components(kind, components, call.boolean("force"), &call.user)
        .await?;
    if !outcome.applied {
        return Err(Problem::rejected(&outcome.rejected));
    }
    call.hub.deployed().await?;
    Ok(ids)
}

/// Puts the posted component in the place of the one with this id, which must exist.
pub(crate) async fn put(call: &mut Call, kind: ComponentKind, id: &str) -> Result<(), Problem> {
    let mut component = call.json().await?;
    if component.as_object().is_none() {
        return Err(Problem::body(format!("a {} is a JSON object", noun(kind))));
    }
    match component.get("_id") {
        None => component.set("_id", Json::from(id)),
        Some(Json::String(posted)) if posted == id => {}
        Some(_) => {
            return Err(Problem::body(format!(
                "the \"_id\" of the component is not \"{id}\" as in the path"
            )));
        }
    }
    if !call
        .hub
        .configuration()
        .components
        .contains_key(&(kind, id.to_owned()))
    {
        let reason = if kind == ComponentKind::Pipe {
            "unknown-pipe"
        } else {
            "unknown-system"
        };
        return Err(Problem::not_found(reason, noun(kind), id));
    }
    let outcome = call
        .hub
        .storage
        .put_component(kind, component, call.boolean("force"), &call.user)
        .await?;
    if !outcome.applied {
        return Err(Problem::rejected(&outcome.rejected));
    }
    Ok(call.hub.deployed().await?)
}
