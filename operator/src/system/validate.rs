//! A system's resource → the component that it is. Everything inside its own configuration is judged by the storage node.

use crate::configuration::{Unusable, read};
use crate::crd::System;
use sluice_entity::Json;

/// The system's configuration, exact.
pub(crate) fn validate(object: &System) -> Result<Json, Unusable> {
    read(object.written(), &object.id(), None)
}
