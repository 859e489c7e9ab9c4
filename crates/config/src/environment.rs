//! What a configuration is loaded against: variables, names of secrets, limits.

use sluice_entity::Json;
use std::collections::{BTreeMap, BTreeSet};

/// What surrounds the components. The same components in the same environment always give the same configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Environment {
    /// Variables of `$ENV(name)`, any JSON (EV1).
    pub variables: BTreeMap<String, Json>,
    /// Names of the secrets of `$SECRET(name)`; values never come here.
    pub secret_names: SecretNames,
    /// Bounds.
    pub limits: ConfigurationLimits,
}

/// Names of secrets (EV2).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SecretNames {
    /// Global ones.
    pub global: BTreeSet<String>,
    /// Per system.
    pub systems: BTreeMap<String, BTreeSet<String>>,
}

impl SecretNames {
    /// Whether `name` is a secret for `system`, or for everyone.
    pub fn knows(&self, system: Option<&str>, name: &str) -> bool {
        self.global.contains(name)
            || system
                .and_then(|system| self.systems.get(system))
                .is_some_and(|own| own.contains(name))
    }
}

/// Bounds on what is loaded. Beyond them a component is kept, flagged, and not looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationLimits {
    /// Nesting of a component.
    pub depth: usize,
    /// Size of one component as JSON text, bytes; also of one with its variables filled in.
    pub component_bytes: usize,
    /// Number of components.
    pub components: usize,
}

impl Default for ConfigurationLimits {
    fn default() -> Self {
        ConfigurationLimits {
            depth: 100,
            component_bytes: 16 << 20,
            components: 100_000,
        }
    }
}
