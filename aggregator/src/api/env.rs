//! Environment variables (EV1): any JSON by name.

use super::answer;
use super::call::Call;
use super::error::Problem;
use super::exact::Exact;
use axum::response::Response;
use sluice_entity::Json;
use std::collections::BTreeMap;

pub(crate) async fn show(call: Call) -> Result<Response, Problem> {
    show_all(&call)
}

fn show_all(call: &Call) -> Result<Response, Problem> {
    let variables = call.hub.configuration().variables.clone();
    answer::json(&Exact::from(Json::Object(variables.into_iter().collect())))
}

/// Replaces all variables.
pub(crate) async fn replace(call: Call) -> Result<Response, Problem> {
    write(call, true).await
}

/// Adds to them.
pub(crate) async fn add(call: Call) -> Result<Response, Problem> {
    write(call, false).await
}

async fn write(mut call: Call, replace: bool) -> Result<Response, Problem> {
    let variables = read(call.json().await?)?;
    call.hub
        .storage
        .put_variables(variables, replace, &call.user)
        .await?;
    call.hub.deployed().await?;
    show_all(&call)
}

/// An object, or a list of objects.
fn read(body: Json) -> Result<BTreeMap<String, Json>, Problem> {
    let objects = match body {
        Json::Array(objects) => objects,
        object => vec![object],
    };
    let mut variables = BTreeMap::new();
    for object in objects {
        let Json::Object(members) = object else {
            return Err(Problem::body(
                "variables are given as a JSON object, or a list of such objects",
            ));
        };
        for (name, value) in members {
            if name.is_empty() {
                return Err(Problem::body("a variable needs a name"));
            }
            variables.insert(name, value);
        }
    }
    Ok(variables)
}

pub(crate) async fn delete(call: Call) -> Result<Response, Problem> {
    call.hub
        .storage
        .delete_variable(call.text("variable"), &call.user)
        .await?;
    call.hub.deployed().await?;
    show_all(&call)
}
