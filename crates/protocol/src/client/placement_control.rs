//! Placement of a storage node somewhere else, for whoever looks after the workers.

use super::ClientSettings;
use super::call::{answered, within};
use super::channel::Way;
use crate::wire::proto::{self, placement_control_client::PlacementControlClient};
use crate::{Isolation, Permit, PermitRequest, PlacementControl, Result, Standing, WorkerId};
use async_trait::async_trait;
use std::future::Future;
use tonic::{Request, Response, Status};

/// What tonic generated, over our way.
type Client = PlacementControlClient<Way>;

/// Placement control behind a channel. A call is sent once: it is answered or fails.
pub struct RemotePlacementControl {
    client: Client,
    settings: ClientSettings,
}

impl RemotePlacementControl {
    /// Connects when it is used.
    pub fn new(way: impl Into<Way>, settings: ClientSettings) -> Self {
        let most = settings.bounds.message_bytes();
        let client = PlacementControlClient::new(way.into())
            .max_decoding_message_size(most)
            .max_encoding_message_size(most);
        RemotePlacementControl { client, settings }
    }

    async fn change<M, C>(
        &self,
        message: M,
        call: impl FnOnce(Client, Request<M>) -> C,
    ) -> Result<()>
    where
        C: Future<Output = Result<Response<proto::PlacementChanged>, Status>>,
    {
        let limit = within(self.settings.deadlines.change);
        let request = limit.request(message);
        let changed = limit.answer(call(self.client.clone(), request)).await?;
        let proto::PlacementChanged {} = changed;
        Ok(())
    }
}

#[async_trait]
impl PlacementControl for RemotePlacementControl {
    async fn set_standing(&self, worker: &WorkerId, standing: Standing) -> Result<()> {
        let message = proto::SetStandingRequest {
            worker: worker.0.clone(),
            standing: proto::Standing::from(standing).into(),
        };
        self.change(message, async |mut client, set| {
            client.set_standing(set).await
        })
        .await
    }

    async fn set_isolation(&self, pipe: &str, isolation: Isolation) -> Result<()> {
        let message = proto::SetIsolationRequest {
            pipe: pipe.to_owned(),
            isolation: proto::Isolation::from(isolation).into(),
        };
        self.change(message, async |mut client, set| {
            client.set_isolation(set).await
        })
        .await
    }

    async fn permit(&self, request: PermitRequest) -> Result<Permit> {
        let limit = within(self.settings.deadlines.change);
        let request = limit.request(proto::PermitRequest::from(request));
        let mut client = self.client.clone();
        let permit = limit.answer(client.permit(request)).await?;
        answered(permit.try_into())
    }

    async fn start_over(&self, pipe: &str) -> Result<()> {
        let message = proto::StartOverPipeRequest {
            pipe: pipe.to_owned(),
        };
        self.change(message, async |mut client, start| {
            client.start_over_pipe(start).await
        })
        .await
    }

    async fn filled(&self) -> Result<()> {
        self.change(proto::FilledRequest {}, async |mut client, filled| {
            client.filled(filled).await
        })
        .await
    }
}
