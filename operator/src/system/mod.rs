//! `System` resources: what they say to the hub, the Secrets that they name, and what the hub says to them. They build no objects.

mod dereference;
mod status;
mod validate;

pub(crate) use dereference::{Dereferenced, secrets};
pub(crate) use status::{Found, status};
pub(crate) use validate::validate;
