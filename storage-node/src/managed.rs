//! What is written elsewhere cannot be written through the API: it would come back.

use crate::contents::Contents;
use sluice_entity::Json;
use sluice_protocol::{Code, Error, Result, SecretScope};

/// Refuses a variable that a custom resource sets.
pub(crate) fn variable(contents: &Contents, name: &str) -> Result<()> {
    let handed = contents.handed_variables.as_ref();
    match handed.filter(|handed| handed.values.contains_key(name)) {
        Some(handed) => Err(elsewhere("variable", name, &handed.origin.name)),
        None => Ok(()),
    }
}

/// Refuses a secret whose value is in a Kubernetes Secret.
pub(crate) fn secret(contents: &Contents, scope: &SecretScope, name: &str) -> Result<()> {
    match contents.kept_in(scope, name) {
        Some(secret) => Err(elsewhere("secret", name, &format!("Secret/{secret}"))),
        None => Ok(()),
    }
}

fn elsewhere(what: &str, name: &str, manager: &str) -> Error {
    let message = format!("the {what} \"{name}\" is set by {manager}: change it there");
    Error::new(Code::Conflict, "managed-elsewhere", message)
        .with("manager", Json::from(manager))
        .with("id", Json::from(name))
}
