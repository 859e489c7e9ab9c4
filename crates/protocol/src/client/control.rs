//! The configuration of a storage node somewhere else, for the operator.

use super::ClientSettings;
use super::call::{answered, within};
use super::channel::Way;
use super::follow::Following;
use crate::wire::proto::{self, configuration_control_client::ConfigurationControlClient};
use crate::wire::{GatheredWrites, to_answer};
use crate::{
    ConfigurationControl, HandOver, HandOverOutcome, HandedSecrets, RequestId, Result, WriteAnswer,
    WriteIntent,
};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What tonic generated, over our way.
type Client = ConfigurationControlClient<Way>;

/// Configuration control behind a channel. A call is sent once: it is answered or fails.
pub struct RemoteConfigurationControl {
    client: Client,
    settings: ClientSettings,
    /// What follows the waiting writes; it ends with this handle.
    tasks: Mutex<JoinSet<()>>,
}

impl RemoteConfigurationControl {
    /// Connects when it is used.
    pub fn new(way: impl Into<Way>, settings: ClientSettings) -> Self {
        let most = settings.bounds.message_bytes();
        let client = ConfigurationControlClient::new(way.into())
            .max_decoding_message_size(most)
            .max_encoding_message_size(most);
        RemoteConfigurationControl {
            client,
            settings,
            tasks: Mutex::default(),
        }
    }

    fn client(&self) -> Client {
        self.client.clone()
    }
}

#[async_trait]
impl ConfigurationControl for RemoteConfigurationControl {
    async fn hand_over(&self, handed: HandOver) -> Result<HandOverOutcome> {
        let limit = within(self.settings.deadlines.change);
        let request = limit.request(proto::HandOverRequest::from(handed));
        let outcome = limit.answer(self.client().hand_over(request)).await?;
        answered(outcome.try_into())
    }

    async fn hand_over_secrets(&self, handed: HandedSecrets) -> Result<()> {
        let limit = within(self.settings.deadlines.change);
        let request = limit.request(proto::HandOverSecretsRequest::from(handed));
        let mut client = self.client();
        let done = limit.answer(client.hand_over_secrets(request)).await?;
        let proto::ControlChanged {} = done;
        Ok(())
    }

    /// Waits for the first state. Whatever happens to the watch, it is begun anew, until the storage node says that there is a
    /// later leader: then the receiver ends.
    async fn watch_writes(
        &self,
        operator_epoch: u64,
    ) -> Result<watch::Receiver<Arc<Vec<WriteIntent>>>> {
        let client = self.client();
        let open = move || {
            let mut client = client.clone();
            let wanted = proto::WatchWritesRequest { operator_epoch };
            async move { client.watch_writes(wanted).await }
        };
        let mut following =
            Following::<GatheredWrites, _>::new("the waiting writes", self.settings, open);
        let first = following.first().await?;
        let (published, watched) = watch::channel(Arc::new(first));
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let publish = |writes: Vec<WriteIntent>| {
                published.send_replace(Arc::new(writes));
                Ok(())
            };
            tokio::select! {
                () = following.run(publish, |error| error.reason == "stale-operator") => {}
                () = published.closed() => {}
            }
        });
        Ok(watched)
    }

    async fn begin_write(&self, operator_epoch: u64, request: &RequestId) -> Result<()> {
        let limit = within(self.settings.deadlines.change);
        let message = limit.request(proto::BeginWriteRequest {
            operator_epoch,
            request: request.0.clone(),
        });
        let done = limit.answer(self.client().begin_write(message)).await?;
        let proto::ControlChanged {} = done;
        Ok(())
    }

    async fn answer_write(
        &self,
        operator_epoch: u64,
        request: &RequestId,
        answer: WriteAnswer,
    ) -> Result<()> {
        let limit = within(self.settings.deadlines.change);
        let message = limit.request(to_answer(operator_epoch, request, &answer));
        let done = limit.answer(self.client().answer_write(message)).await?;
        let proto::ControlChanged {} = done;
        Ok(())
    }
}
