//! NetworkPolicies, enforced: the test clusters' network accepts them and does nothing. This turns policies and pods into nft
//! rules in the namespaces of the nodes, so that tests can see what is denied.
//!
//! ```text
//! select   policies + pods + namespaces → what each isolated pod may do     pure
//! nft      that → one table per node                                       pure
//! enforce  loads the table into every node, and reads its counters
//! ```
//!
//! Every node has the rules of all pods: a packet between nodes passes two of them, which agree. Probes come from the node itself
//! and pass no such rule. Ports by name are refused: the charts name none.

mod enforce;
mod nft;
mod select;

#[cfg(test)]
mod tests;

pub use enforce::Enforced;
