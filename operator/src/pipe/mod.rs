//! `Pipe` resources: what they say to the hub, and what the hub says to them. They build no objects.

mod status;
mod validate;

pub(crate) use status::{Found, status};
pub(crate) use validate::validate;
