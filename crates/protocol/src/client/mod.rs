//! The roles as clients of a channel: whoever holds the trait does not see the network.

mod assignments;
mod call;
mod channel;
mod control;
mod feed;
mod follow;
mod followers;
mod gathering;
mod microservices;
mod pause;
mod placement_control;
mod proxy;
mod push;
mod storage_node;
mod watch;
mod worker;

use crate::Deadlines;
use crate::wire::MessageBounds;
use std::time::Duration;

pub use assignments::RemoteAssignments;
pub use channel::Way;
pub use control::RemoteConfigurationControl;
pub use microservices::RemoteMicroserviceControl;
pub use placement_control::RemotePlacementControl;
pub use storage_node::RemoteStorageNode;
pub use worker::RemoteWorker;

/// How a client treats the far side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientSettings {
    /// How large messages may be.
    pub bounds: MessageBounds,
    /// How long calls may take.
    pub deadlines: Deadlines,
    /// The longest wait before the first new try to watch; doubled with each failure. A part of each wait is left to chance.
    pub shortest_pause: Duration,
    /// The longest wait between two tries.
    pub longest_pause: Duration,
}

impl Default for ClientSettings {
    fn default() -> Self {
        ClientSettings {
            bounds: MessageBounds::default(),
            deadlines: Deadlines::default(),
            shortest_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(5),
        }
    }
}
