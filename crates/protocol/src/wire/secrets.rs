//! Secrets. Messages that hold their values print names only.

use super::damaged::{Damaged, required};
use super::proto;
use crate::{SecretScope, SecretValues};
use sluice_entity::HashKey;
use std::fmt;

/// A scope going out.
pub(crate) fn to_scope(scope: SecretScope) -> Option<proto::SecretScope> {
    let scope = match scope {
        SecretScope::Global => proto::secret_scope::Scope::Global(proto::GlobalSecrets {}),
        SecretScope::System(id) => proto::secret_scope::Scope::System(id),
    };
    Some(proto::SecretScope { scope: Some(scope) })
}

/// A scope as it arrives.
pub(crate) fn scope(scope: Option<proto::SecretScope>) -> Result<SecretScope, Damaged> {
    let scope = required(scope.and_then(|scope| scope.scope), "scope")?;
    Ok(match scope {
        proto::secret_scope::Scope::Global(proto::GlobalSecrets {}) => SecretScope::Global,
        proto::secret_scope::Scope::System(id) => SecretScope::System(id),
    })
}

impl From<SecretValues> for proto::SecretValues {
    fn from(values: SecretValues) -> Self {
        let systems = values
            .systems
            .into_iter()
            .map(|(system, secrets)| (system, proto::SecretsByName { secrets }));
        proto::SecretValues {
            global: values.global,
            systems: systems.collect(),
        }
    }
}

impl From<proto::SecretValues> for SecretValues {
    fn from(values: proto::SecretValues) -> Self {
        let systems = values
            .systems
            .into_iter()
            .map(|(system, named)| (system, named.secrets));
        SecretValues {
            global: values.global,
            systems: systems.collect(),
        }
    }
}

/// The key of content hashes as it goes out.
pub(crate) fn to_hash_key(key: HashKey) -> proto::HashKeyReply {
    proto::HashKeyReply {
        words: key.0.to_vec(),
    }
}

/// The key of content hashes as it arrives.
pub(crate) fn hash_key(reply: &proto::HashKeyReply) -> Result<HashKey, Damaged> {
    let words = <[u64; 4]>::try_from(reply.words.as_slice());
    let wrong = |_| Damaged::new("words", format!("{} instead of 4", reply.words.len()));
    words.map(HashKey).map_err(wrong)
}

impl fmt::Debug for proto::HashKeyReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKeyReply(secret)")
    }
}

impl fmt::Debug for proto::Bootstrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bootstrap({} {}, secret)", self.role, self.id)
    }
}

impl fmt::Debug for proto::PutSecretsRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PutSecretsRequest")
            .field("scope", &self.scope)
            .field("secrets", &self.secrets.keys().collect::<Vec<_>>())
            .field("replace", &self.replace)
            .field("user", &self.user)
            .finish()
    }
}

impl fmt::Debug for proto::SecretsByName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.secrets.keys()).finish()
    }
}

impl fmt::Debug for proto::SecretValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretValues")
            .field("global", &self.global.keys().collect::<Vec<_>>())
            .field("systems", &self.systems)
            .finish()
    }
}
