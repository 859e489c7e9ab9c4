//! Node metadata and variables of a `DataHub`. Pure.

use super::component::{Unusable, read};
use super::wanted::{Wanted, origin};
use crate::crd::{DataHub, Written};
use sluice_entity::Json;
use sluice_protocol::{ComponentKind, HandedVariables};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The id of the only metadata component.
pub(crate) const METADATA: &str = "node";

/// Adds what a hub's resource says about configuration.
pub(crate) fn add(wanted: &mut Wanted, object: &DataHub) {
    if let Some(read) = metadata(object) {
        let read = read.map(Arc::new);
        wanted.add(ComponentKind::Metadata, object, METADATA.to_owned(), read);
    }
    match variables(object) {
        Ok(values) => {
            let origin = origin(object);
            wanted.variables = Some(HandedVariables { origin, values });
        }
        Err(problem) => wanted.unusable_variables = Some(problem),
    }
}

/// The node metadata that a hub's resource has.
pub(crate) fn metadata(object: &DataHub) -> Option<Result<Json, Unusable>> {
    let spec = &object.spec;
    let metadata = Written::of(spec.metadata.as_ref(), spec.metadata_text.as_deref());
    let metadata = metadata.map(Some)?;
    Some(read(metadata, METADATA, Some("metadata")))
}

fn variables(object: &DataHub) -> Result<BTreeMap<String, Json>, Unusable> {
    let spec = &object.spec;
    let written = Written::of(spec.variables.as_ref(), spec.variables_text.as_deref());
    let Some(written) = written else {
        return Ok(BTreeMap::new());
    };
    let json = Json::parse(written.to_text().as_bytes(), &super::component::limits());
    match json {
        Ok(Json::Object(members)) => Ok(members.into_iter().collect()),
        Ok(_) => Err(Unusable::new(
            "NotJson",
            "variablesText holds no JSON object",
        )),
        Err(error) => Err(Unusable::new("NotJson", format!("variablesText: {error}"))),
    }
}
