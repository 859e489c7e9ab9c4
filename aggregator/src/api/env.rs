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

/// Variables by name: an object, or a list of objects that each bring at least one. Only an empty object means none at all,
/// so that a list made from nothing does not remove every variable.
fn read(body: Json) -> Result<BTreeMap<String, Json>, Problem> {
    let Json::Array(objects) = body else {
        return members(body).map(BTreeMap::from_iter);
    };
    if objects.is_empty() {
        return Err(Problem::body("a list of variables must not be empty"));
    }
    let mut variables = BTreeMap::new();
    for object in objects {
        let members = members(object)?;
        if members.is_empty() {
            return Err(Problem::body(
                "an object in a list of variables must not be empty",
            ));
        }
        variables.extend(members);
    }
    Ok(variables)
}

/// Names and values of one object. `_id` would make it an entity, whose shape says nothing about variables.
fn members(object: Json) -> Result<Vec<(String, Json)>, Problem> {
    let Json::Object(members) = object else {
        return Err(Problem::body(
            "variables are given as a JSON object, or a list of such objects",
        ));
    };
    match members
        .iter()
        .find(|(name, _)| name.is_empty() || name == "_id")
    {
        Some((name, _)) if name.is_empty() => Err(Problem::body("a variable needs a name")),
        Some(_) => Err(Problem::body(
            "variables are given as {\"name\": value}, not as entities with _id",
        )),
        None => Ok(members),
    }
}

pub(crate) async fn delete(call: Call) -> Result<Response, Problem> {
    call.hub
        .storage
        .delete_variable(call.text("variable"), &call.user)
        .await?;
    call.hub.deployed().await?;
    show_all(&call)
}
