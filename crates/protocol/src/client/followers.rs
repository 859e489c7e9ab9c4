//! Connections for what is followed: such a stream stays open for as long as a replica is kept, and a connection has room for so
//! many streams only. They have connections of their own, so that they never hold up other calls.

use super::channel::Way;
use super::worker::{Client, client};
use super::{ClientSettings, feed};
use crate::wire::proto;
use crate::{FollowStream, Result};
use futures::StreamExt;
use parking_lot::Mutex;
use std::sync::Arc;

/// Streams on one connection; a port allows twice as many.
const STREAMS: usize = 512;

/// The connections to one worker.
pub(super) struct Followers {
    way: Way,
    lanes: Mutex<Vec<Lane>>,
}

struct Lane {
    client: Client,
    /// Each stream has a clone.
    open: Arc<()>,
}

impl Lane {
    fn streams(&self) -> usize {
        Arc::strong_count(&self.open) - 1
    }
}

impl Followers {
    pub(super) fn new(way: Way) -> Self {
        Followers {
            way,
            lanes: Mutex::default(),
        }
    }

    pub(super) async fn follow(
        &self,
        settings: ClientSettings,
        wanted: proto::FollowDataset,
    ) -> Result<FollowStream> {
        let (client, place) = self.place(settings);
        let followed = feed::follow(client, wanted).await?;
        // The place is taken for as long as the stream is there.
        Ok(followed
            .map(move |next| {
                let _ = &place;
                next
            })
            .boxed())
    }

    /// A connection with room.
    fn place(&self, settings: ClientSettings) -> (Client, Arc<()>) {
        let mut lanes = self.lanes.lock();
        lanes.retain(|lane| lane.streams() > 0);
        if let Some(lane) = lanes.iter().find(|lane| lane.streams() < STREAMS) {
            return (lane.client.clone(), lane.open.clone());
        }
        let lane = Lane {
            client: client(self.way.another(), settings),
            open: Arc::default(),
        };
        let place = (lane.client.clone(), lane.open.clone());
        lanes.push(lane);
        place
    }
}
