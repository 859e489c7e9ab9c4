//! The microservices of a storage node somewhere else, for the operator.

use super::ClientSettings;
use super::call::within;
use super::channel::Way;
use super::follow::Following;
use crate::wire::proto::{self, microservice_control_client::MicroserviceControlClient};
use crate::wire::{GatheredQuestions, to_end};
use crate::{
    Container, MicroserviceAnswer, MicroserviceControl, RequestId, Result, WaitingQuestion,
};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What tonic generated, over our way.
type Client = MicroserviceControlClient<Way>;

/// Microservice control behind a channel. A call is sent once: it is answered or fails.
pub struct RemoteMicroserviceControl {
    client: Client,
    settings: ClientSettings,
    /// What follows the waiting questions; it ends with this handle.
    tasks: Mutex<JoinSet<()>>,
}

impl RemoteMicroserviceControl {
    /// Connects when it is used.
    pub fn new(way: impl Into<Way>, settings: ClientSettings) -> Self {
        let most = settings.bounds.message_bytes();
        let client = MicroserviceControlClient::new(way.into())
            .max_decoding_message_size(most)
            .max_encoding_message_size(most);
        RemoteMicroserviceControl {
            client,
            settings,
            tasks: Mutex::default(),
        }
    }
}

#[async_trait]
impl MicroserviceControl for RemoteMicroserviceControl {
    async fn container(&self, operator_epoch: u64, system: &str) -> Result<Container> {
        let limit = within(self.settings.deadlines.look);
        let request = limit.request(proto::ContainerRequest {
            operator_epoch,
            system: system.to_owned(),
        });
        let mut client = self.client.clone();
        Ok(limit.answer(client.container(request)).await?.into())
    }

    /// Waits for the first state. Whatever happens to the watch, it is begun anew, until the storage node says that there is a
    /// later leader: then the receiver ends.
    async fn watch_questions(
        &self,
        operator_epoch: u64,
    ) -> Result<watch::Receiver<Arc<Vec<WaitingQuestion>>>> {
        let client = self.client.clone();
        let open = move || {
            let mut client = client.clone();
            let wanted = proto::WatchQuestionsRequest { operator_epoch };
            async move { client.watch_questions(wanted).await }
        };
        let mut following = Following::<GatheredQuestions, _>::new(
            "questions about microservices",
            self.settings,
            open,
        );
        let first = following.first().await?;
        let (published, watched) = watch::channel(Arc::new(first));
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let publish = |questions: Vec<WaitingQuestion>| {
                published.send_replace(Arc::new(questions));
                Ok(())
            };
            tokio::select! {
                () = following.run(publish, |error| error.reason == "stale-operator") => {}
                () = published.closed() => {}
            }
        });
        Ok(watched)
    }

    async fn answer_question(
        &self,
        operator_epoch: u64,
        request: &RequestId,
        answer: Result<MicroserviceAnswer>,
    ) -> Result<()> {
        let limit = within(self.settings.deadlines.change);
        let message = limit.request(to_end(operator_epoch, request, answer));
        let mut client = self.client.clone();
        let done = limit.answer(client.answer_question(message)).await?;
        let proto::QuestionAnswered {} = done;
        Ok(())
    }
}
