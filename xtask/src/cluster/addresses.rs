//! The addresses inside a cluster. Every cluster has the same: each lives in network namespaces of its own.

use std::net::{Ipv4Addr, SocketAddr};

/// What links control plane and nodes.
pub(super) const LAN_PREFIX: u8 = 24;
pub(super) const CONTROL_PLANE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
pub(super) const API_PORT: u16 = 6443;
pub(super) const PODS: &str = "10.78.0.0/16";
pub(super) const SERVICES: &str = "10.79.0.0/24";
/// The service `kubernetes`.
pub(super) const FIRST_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 79, 0, 1);
pub(super) const DNS: Ipv4Addr = Ipv4Addr::new(10, 79, 0, 10);
pub(super) const DOMAIN: &str = "cluster.local";
/// Nodes that fit into the addresses above.
pub(super) const MOST_NODES: u8 = 40;

/// The API server as the nodes see it.
pub(super) fn api_server() -> SocketAddr {
    (CONTROL_PLANE, API_PORT).into()
}

/// Where a node is; nodes are counted from one.
pub(super) fn node(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, 10 + number)
}

/// The pods of a node.
pub(super) fn pods(number: u8) -> String {
    format!("10.78.{number}.0/24")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_and_their_pods_have_addresses_of_their_own() {
        assert_eq!(node(1).to_string(), "10.77.0.11");
        assert_eq!(pods(2), "10.78.2.0/24");
        assert!(node(MOST_NODES) > node(1) && node(1) > CONTROL_PLANE);
    }
}
