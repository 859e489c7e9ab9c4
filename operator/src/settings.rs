//! What an operator is started with.

use crate::lease::LeaseSettings;
use std::collections::BTreeMap;

/// Settings of an operator.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The namespaces whose resources it looks after; all where there are none.
    pub namespaces: Vec<String>,
    /// Image of hubs that name none.
    pub image: String,
    /// Storage nodes that are not where their Service is, by namespace and hub: `host:port`.
    pub storage_nodes: BTreeMap<(String, String), String>,
    /// By which one operator leads.
    pub lease: LeaseSettings,
}
