//! Whom one side of a connection lets the other be.

use crate::{Identity, PeerRefused, Role};
use std::fmt;
use std::sync::Arc;

/// Whom a client wants at the other end: a role of its own hub, or one instance of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    role: Role,
    id: Option<Arc<str>>,
}

impl Expected {
    /// Any instance of this role.
    pub fn any(role: Role) -> Self {
        Expected { role, id: None }
    }

    /// This instance and no other.
    pub fn exactly(role: Role, id: &str) -> Self {
        Expected {
            role,
            id: Some(id.into()),
        }
    }

    pub(super) fn check(&self, hub: &str, peer: &Identity) -> Result<(), PeerRefused> {
        same_hub(hub, peer)?;
        let fits = peer.role() == self.role && self.id.as_deref().is_none_or(|id| id == peer.id());
        if fits {
            return Ok(());
        }
        Err(PeerRefused::NotExpected {
            peer: peer.clone(),
            expected: self.to_string(),
        })
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "the {} \"{id}\"", self.role),
            None => write!(f, "a role {}", self.role),
        }
    }
}

/// Which roles of its own hub a server lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission(Vec<Role>);

impl Admission {
    /// These roles and no others.
    pub fn of(roles: impl IntoIterator<Item = Role>) -> Self {
        Admission(roles.into_iter().collect())
    }

    pub(super) fn check(&self, hub: &str, peer: &Identity) -> Result<(), PeerRefused> {
        same_hub(hub, peer)?;
        if self.0.contains(&peer.role()) {
            return Ok(());
        }
        Err(PeerRefused::NotAdmitted {
            peer: peer.clone(),
            admitted: self.to_string(),
        })
    }
}

impl fmt::Display for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, role) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            write!(f, "{separator}{role}")?;
        }
        Ok(())
    }
}

fn same_hub(hub: &str, peer: &Identity) -> Result<(), PeerRefused> {
    if peer.hub() == hub {
        return Ok(());
    }
    Err(PeerRefused::OtherHub {
        peer: peer.clone(),
        hub: hub.to_owned(),
    })
}
