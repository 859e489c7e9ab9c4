//! Secrets (EV2), global or of one system: written, listed by name, removed. Values never leave.

use super::answer;
use super::call::Call;
use super::error::Problem;
use super::systems;
use axum::response::Response;
use sluice_entity::Json;
use sluice_protocol::SecretScope;
use std::collections::BTreeMap;

pub(crate) async fn show(call: Call) -> Result<Response, Problem> {
    names(&call, &SecretScope::Global)
}
pub(crate) async fn replace(call: Call) -> Result<Response, Problem> {
    write(call, SecretScope::Global, true).await
}
pub(crate) async fn add(call: Call) -> Result<Response, Problem> {
    write(call, SecretScope::Global, false).await
}
pub(crate) async fn delete(call: Call) -> Result<Response, Problem> {
    remove(call, SecretScope::Global).await
}

pub(crate) async fn show_of_system(call: Call) -> Result<Response, Problem> {
    let scope = system(&call)?;
    names(&call, &scope)
}
pub(crate) async fn replace_of_system(call: Call) -> Result<Response, Problem> {
    let scope = system(&call)?;
    write(call, scope, true).await
}
pub(crate) async fn add_of_system(call: Call) -> Result<Response, Problem> {
    let scope = system(&call)?;
    write(call, scope, false).await
}
pub(crate) async fn delete_of_system(call: Call) -> Result<Response, Problem> {
    let scope = system(&call)?;
    remove(call, scope).await
}

/// The scope of the system in the path, which must exist.
fn system(call: &Call) -> Result<SecretScope, Problem> {
    let id = call.text("system_id");
    systems::component(&call.hub.configuration(), id)?;
    Ok(SecretScope::System(id.to_owned()))
}

fn names(call: &Call, scope: &SecretScope) -> Result<Response, Problem> {
    let configuration = call.hub.configuration();
    let names = match scope {
        SecretScope::Global => configuration.secret_names.clone(),
        SecretScope::System(id) => configuration
            .system_secret_names
            .get(id)
            .cloned()
            .unwrap_or_default(),
    };
    answer::json(&names)
}

async fn write(mut call: Call, scope: SecretScope, replace: bool) -> Result<Response, Problem> {
    let secrets = read(call.json().await?)?;
    call.hub
        .storage
        .put_secrets(scope.clone(), secrets, replace, &call.user)
        .await?;
    call.hub.deployed().await?;
    names(&call, &scope)
}

/// An object whose values are strings. A refusal names the secret, never its value.
fn read(body: Json) -> Result<BTreeMap<String, String>, Problem> {
    let Json::Object(members) = body else {
        return Err(Problem::body(
            "secrets are given as a JSON object of names and texts",
        ));
    };
    members
        .into_iter()
        .map(|(name, value)| match value {
            Json::String(text) if !name.is_empty() => Ok((name, text)),
            _ if name.is_empty() => Err(Problem::body("a secret needs a name")),
            _ => Err(Problem::body("the value of a secret is a text").with("secret", name)),
        })
        .collect()
}

async fn remove(call: Call, scope: SecretScope) -> Result<Response, Problem> {
    call.hub
        .storage
        .delete_secret(scope.clone(), call.text("secret"), &call.user)
        .await?;
    call.hub.deployed().await?;
    names(&call, &scope)
}
