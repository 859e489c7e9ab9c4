//! A hub's storage node, as the operator reaches it.

use sluice_protocol::{
    ConfigurationControl, ConfigurationSnapshot, MicroserviceControl, PlacementControl, Topology,
};
use std::sync::Arc;
use tokio::sync::watch;

/// What looking after the configuration of a hub takes.
#[derive(Clone)]
pub struct Link {
    /// Of this leadership.
    pub operator_epoch: u64,
    /// Where configuration is handed over, and writes come from.
    pub control: Arc<dyn ConfigurationControl>,
    /// What the hub has.
    pub configuration: watch::Receiver<Arc<ConfigurationSnapshot>>,
    /// Where its pipes are.
    pub topology: watch::Receiver<Arc<Topology>>,
    /// Where pipes may be, and what becomes of lost ones.
    pub placement: Arc<dyn PlacementControl>,
    /// What microservices are given, and what is asked of them.
    pub microservices: Arc<dyn MicroserviceControl>,
}
