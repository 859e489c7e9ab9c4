//! Who is who among the roles: `spiffe://<hub>/<role>/<id>`, and whom one side lets the other be.

use crate::{Error, Result};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Longest hub name and longest id, in bytes: as long as a name in Kubernetes may be.
const MOST_BYTES: usize = 253;

/// A role that has a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Keeps configuration and topology; signs the certificates of the others.
    StorageNode,
    /// Runs pipes.
    Worker,
    /// Serves the public API.
    Aggregator,
    /// Looks after the Kubernetes side.
    Operator,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 4] = [
        Role::StorageNode,
        Role::Worker,
        Role::Aggregator,
        Role::Operator,
    ];

    /// The name in an identity, e.g. `storage-node`.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::StorageNode => "storage-node",
            Role::Worker => "worker",
            Role::Aggregator => "aggregator",
            Role::Operator => "operator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let role = Role::ALL.into_iter().find(|role| role.as_str() == text);
        role.ok_or_else(|| {
            let known = Role::ALL.map(Role::as_str).join(", ");
            unusable("the role", text, format!("it is none of {known}"))
        })
    }
}

/// The name of one instance of a role in one hub. Certificates carry it as their only alternative name. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    hub: Arc<str>,
    role: Role,
    id: Arc<str>,
}

impl Identity {
    /// An identity of these parts. A hub's name has small letters, digits, `-`, `_` and `.`; an id capital letters too.
    ///
    /// # Errors
    /// [`Error::Unusable`] says which part cannot be used and why.
    pub fn new(hub: &str, role: Role, id: &str) -> Result<Self> {
        check_hub(hub)?;
        check_id(id)?;
        Ok(Identity {
            hub: hub.into(),
            role,
            id: id.into(),
        })
    }

    /// The hub it belongs to.
    pub fn hub(&self) -> &str {
        &self.hub
    }

    /// What it does there.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Which one of its role.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spiffe://{}/{}/{}", self.hub, self.role, self.id)
    }
}

impl FromStr for Identity {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Option<Vec<&str>> = text
            .strip_prefix("spiffe://")
            .map(|rest| rest.split('/').collect());
        let Some([hub, role, id]) = parts.as_deref() else {
            let problem = "it is not of the form spiffe://<hub>/<role>/<id>";
            return Err(unusable("the identity", text, problem.to_owned()));
        };
        Identity::new(hub, role.parse()?, id)
    }
}

pub(crate) fn check_hub(hub: &str) -> Result<()> {
    check("the hub's name", hub, |byte| !byte.is_ascii_uppercase())
}

pub(crate) fn check_id(id: &str) -> Result<()> {
    check("the id", id, |_| true)
}

fn check(what: &'static str, text: &str, also: impl Fn(u8) -> bool) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let problem = if text.is_empty() || text.len() > MOST_BYTES {
        format!("it has {} bytes, not 1 to {MOST_BYTES}", text.len())
    } else if matches!(text, "." | "..") {
        "it is a step in a path".to_owned()
    } else if let Some(odd) = text
        .chars()
        .find(|char| !char.is_ascii() || !plain(*char as u8) || !also(*char as u8))
    {
        format!("it has the character {odd:?}")
    } else {
        return Ok(());
    };
    Err(unusable(what, text, problem))
}

fn unusable(what: &'static str, value: &str, problem: String) -> Error {
    Error::Unusable {
        what,
        value: value.to_owned(),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_reads_what_it_prints() {
        let identity = Identity::new("hub-1.example", Role::StorageNode, "node_A.0").unwrap();
        assert_eq!(
            identity.to_string(),
            "spiffe://hub-1.example/storage-node/node_A.0"
        );
        assert_eq!(identity.to_string().parse::<Identity>().unwrap(), identity);
    }

    #[test]
    fn every_role_reads_what_it_prints() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse::<Role>().unwrap(), role);
        }
        assert!("Worker".parse::<Role>().is_err());
    }

    #[test]
    fn odd_identities_are_refused_with_the_part_that_is_wrong() {
        let long = format!("spiffe://hub/worker/{}", "x".repeat(254));
        for (text, part) in [
            ("", "not of the form"),
            ("https://hub/worker/a", "not of the form"),
            ("spiffe://hub/worker", "not of the form"),
            ("spiffe://hub/worker/a/b", "not of the form"),
            ("spiffe://hub/worker/a?x", "the id"),
            ("spiffe://hub/worker/%61", "the id"),
            ("spiffe://hub/worker/..", "the id"),
            ("spiffe://hub/worker/", "the id"),
            (&long, "the id"),
            ("spiffe://Hub/worker/a", "the hub's name"),
            ("spiffe://me@hub/worker/a", "the hub's name"),
            ("spiffe://hub:1/worker/a", "the hub's name"),
            ("spiffe:///worker/a", "the hub's name"),
            ("spiffe://hub/Worker/a", "the role"),
            ("spiffe://hub/pirate/a", "the role"),
        ] {
            let problem = text.parse::<Identity>().unwrap_err().to_string();
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }
}
