//! The protobuf messages and services, as generated from `proto/`. Private to this crate: roles see our own types.
#![allow(unreachable_pub, clippy::all)]

use std::fmt;

tonic::include_proto!("sluice.v1");

impl fmt::Debug for Bootstrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bootstrap({} {}, secret)", self.role, self.id)
    }
}
