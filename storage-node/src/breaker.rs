//! The circuit breaker of the configuration: an upload that takes away too much is refused until somebody insists (CB5). Pure.

use crate::contents::Contents;
use sluice_entity::Json;
use sluice_protocol::{Code, ComponentKind, ConfigurationSnapshot, Error, Result};

/// So many components may always go.
const FEW: usize = 10;
/// And so many of a hundred.
const PERCENT: usize = 10;

/// Whether the present metadata asks for it.
pub(crate) fn is_on(present: &ConfigurationSnapshot) -> bool {
    let metadata = present
        .components
        .values()
        .find(|component| component.kind == ComponentKind::Metadata);
    let setting = metadata.and_then(|metadata| {
        let defaults = metadata.effective.get("global_defaults")?;
        defaults.get("use_config_circuit_breaker")
    });
    setting.and_then(Json::as_bool) == Some(true)
}

/// An error if `after` lacks too many of the components before it.
pub(crate) fn check(before: &Contents, after: &Contents) -> Result<()> {
    let all = before.components.len();
    let gone = before
        .components
        .keys()
        .filter(|key| !after.components.contains_key(*key))
        .count();
    if gone <= FEW || gone * 100 <= all * PERCENT {
        return Ok(());
    }
    let message = format!(
        "the upload would remove {gone} of {all} components; with \"force\" it does, without \"use_config_circuit_breaker\" too"
    );
    let error = Error::new(Code::Conflict, "config-circuit-breaker", message);
    Err(error.with(
        "removed",
        Json::from(i64::try_from(gone).unwrap_or(i64::MAX)),
    ))
}
