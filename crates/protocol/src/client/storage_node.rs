//! A storage node somewhere else.

use super::ClientSettings;
use super::call::{answered, within};
use super::channel::Way;
use super::watch::Watch;
use crate::wire::proto::{self, storage_node_client::StorageNodeClient};
use crate::wire::{hash_key, to_history, to_scope, to_variables};
use crate::{
    ComponentKind, ConfigurationSnapshot, FormatReport, HistoryEntry, HistorySummary,
    MicroserviceAnswer, MicroserviceQuestion, PutConfiguration, PutOutcome, Result, SecretScope,
    SecretValues, StorageNode,
};
use async_trait::async_trait;
use sluice_dataset::ReadOptions;
use sluice_entity::{HashKey, Json};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::watch;
use tonic::{Response, Status};

/// What tonic generated, over our way.
pub(super) type Client = StorageNodeClient<Way>;

/// A storage node behind a channel. It watches the configuration for as long as it lives: through interruptions the last snapshot
/// stays, and the newest comes as soon as the node is there again. A change is answered when its configuration has arrived here.
pub struct RemoteStorageNode {
    client: Client,
    watch: Watch,
    settings: ClientSettings,
}

impl RemoteStorageNode {
    /// Waits for the first configuration, however long that takes: a role cannot begin without.
    pub async fn connect(channel: impl Into<Way>, settings: ClientSettings) -> Self {
        let most = settings.bounds.message_bytes();
        let client = StorageNodeClient::new(channel.into())
            .max_decoding_message_size(most)
            .max_encoding_message_size(most);
        let watch = Watch::start(client.clone(), settings).await;
        RemoteStorageNode {
            client,
            watch,
            settings,
        }
    }

    fn client(&self) -> Client {
        self.client.clone()
    }

    async fn reach(&self, revision: u64) -> Result<()> {
        let limit = self.settings.deadlines.change;
        self.watch.reach(revision, limit).await
    }

    /// A small change, and its configuration here.
    async fn change<M, C>(
        &self,
        message: M,
        call: impl FnOnce(Client, tonic::Request<M>) -> C,
    ) -> Result<()>
    where
        C: Future<Output = Result<Response<proto::Changed>, Status>>,
    {
        let limit = within(self.settings.deadlines.change);
        let request = limit.request(message);
        let changed = limit.answer(call(self.client(), request)).await?;
        self.reach(changed.revision).await
    }

    /// An upload, and its configuration here.
    async fn put<M, C>(
        &self,
        message: M,
        call: impl FnOnce(Client, tonic::Request<M>) -> C,
    ) -> Result<PutOutcome>
    where
        C: Future<Output = Result<Response<proto::PutOutcome>, Status>>,
    {
        let limit = within(self.settings.deadlines.change);
        let request = limit.request(message);
        let outcome = limit.answer(call(self.client(), request)).await?;
        let outcome = answered(PutOutcome::try_from(outcome))?;
        self.reach(outcome.revision).await?;
        Ok(outcome)
    }
}

#[async_trait]
impl StorageNode for RemoteStorageNode {
    fn watch(&self) -> watch::Receiver<Arc<ConfigurationSnapshot>> {
        self.watch.subscribe()
    }

    async fn put_configuration(&self, put: PutConfiguration) -> Result<PutOutcome> {
        let message = proto::PutConfigurationRequest::from(&put);
        self.put(message, async |mut client, put| {
            client.put_configuration(put).await
        })
        .await
    }

    async fn put_component(
        &self,
        expected_kind: ComponentKind,
        component: Json,
        force: bool,
        user: &str,
    ) -> Result<PutOutcome> {
        let message = proto::PutComponentRequest {
            expected_kind: proto::ComponentKind::from(expected_kind).into(),
            component: component.to_string(),
            force,
            user: user.to_owned(),
        };
        self.put(message, async |mut client, put| {
            client.put_component(put).await
        })
        .await
    }

    async fn add_components(
        &self,
        expected_kind: ComponentKind,
        components: Vec<Json>,
        force: bool,
        user: &str,
    ) -> Result<PutOutcome> {
        let message = proto::AddComponentsRequest {
            expected_kind: proto::ComponentKind::from(expected_kind).into(),
            components: components.iter().map(Json::to_string).collect(),
            force,
            user: user.to_owned(),
        };
        self.put(message, async |mut client, put| {
            client.add_components(put).await
        })
        .await
    }

    async fn delete_component(&self, kind: ComponentKind, id: &str, user: &str) -> Result<()> {
        let message = proto::DeleteComponentRequest {
            kind: proto::ComponentKind::from(kind).into(),
            id: id.to_owned(),
            user: user.to_owned(),
        };
        self.change(message, async |mut client, delete| {
            client.delete_component(delete).await
        })
        .await
    }

    async fn history(
        &self,
        kind: Option<ComponentKind>,
        id: Option<&str>,
        options: &ReadOptions,
    ) -> Result<Vec<HistoryEntry>> {
        let message = to_history(kind, id, options);
        let limit = within(self.settings.deadlines.look);
        let request = limit.request(message);
        let mut client = self.client();
        limit
            .gather(
                client.history(request),
                |part| part.entries,
                HistoryEntry::try_from,
            )
            .await
    }

    async fn history_summary(&self) -> Result<HistorySummary> {
        let limit = within(self.settings.deadlines.look);
        let request = limit.request(proto::HistorySummaryRequest {});
        let mut client = self.client();
        let summary = limit.answer(client.history_summary(request)).await?;
        Ok(summary.into())
    }

    async fn put_variables(
        &self,
        variables: BTreeMap<String, Json>,
        replace: bool,
        user: &str,
    ) -> Result<()> {
        let message = proto::PutVariablesRequest {
            variables: to_variables(&variables),
            replace,
            user: user.to_owned(),
        };
        self.change(message, async |mut client, put| {
            client.put_variables(put).await
        })
        .await
    }

    async fn delete_variable(&self, name: &str, user: &str) -> Result<()> {
        let message = proto::DeleteVariableRequest {
            name: name.to_owned(),
            user: user.to_owned(),
        };
        self.change(message, async |mut client, delete| {
            client.delete_variable(delete).await
        })
        .await
    }

    async fn put_secrets(
        &self,
        scope: SecretScope,
        secrets: BTreeMap<String, String>,
        replace: bool,
        user: &str,
    ) -> Result<()> {
        let message = proto::PutSecretsRequest {
            scope: to_scope(scope),
            secrets,
            replace,
            user: user.to_owned(),
        };
        self.change(message, async |mut client, put| {
            client.put_secrets(put).await
        })
        .await
    }

    async fn delete_secret(&self, scope: SecretScope, name: &str, user: &str) -> Result<()> {
        let message = proto::DeleteSecretRequest {
            scope: to_scope(scope),
            name: name.to_owned(),
            user: user.to_owned(),
        };
        self.change(message, async |mut client, delete| {
            client.delete_secret(delete).await
        })
        .await
    }

    async fn secret_values(&self) -> Result<SecretValues> {
        let limit = within(self.settings.deadlines.look);
        let request = limit.request(proto::SecretValuesRequest {});
        let mut client = self.client();
        let values = limit.answer(client.secret_values(request)).await?;
        Ok(values.into())
    }

    async fn hash_key(&self) -> Result<HashKey> {
        let limit = within(self.settings.deadlines.look);
        let request = limit.request(proto::HashKeyRequest {});
        let mut client = self.client();
        let reply = limit.answer(client.hash_key(request)).await?;
        answered(hash_key(&reply))
    }

    async fn dataset_number(&self, name: &str) -> Result<u64> {
        let limit = within(self.settings.deadlines.change);
        let request = limit.request(proto::DatasetNumberRequest {
            name: name.to_owned(),
        });
        let mut client = self.client();
        let reply = limit.answer(client.dataset_number(request)).await?;
        Ok(reply.number)
    }

    async fn ask_microservice(
        &self,
        system: &str,
        question: MicroserviceQuestion,
        user: &str,
    ) -> Result<MicroserviceAnswer> {
        let limit = within(self.settings.deadlines.change);
        let request = limit.request(proto::AskMicroserviceRequest {
            system: system.to_owned(),
            user: user.to_owned(),
            question: Some((&question).into()),
        });
        let answer = limit
            .answer(self.client().ask_microservice(request))
            .await?;
        answered(answer.try_into())
    }

    async fn format(&self) -> Result<FormatReport> {
        let limit = within(self.settings.deadlines.look);
        let request = limit.request(proto::FormatRequest {});
        let report = limit.answer(self.client().format(request)).await?;
        answered(report.try_into())
    }

    async fn finalize(&self, user: &str) -> Result<FormatReport> {
        let limit = within(self.settings.deadlines.change);
        let request = limit.request(proto::FinalizeRequest {
            user: user.to_owned(),
        });
        let report = limit.answer(self.client().finalize(request)).await?;
        answered(report.try_into())
    }

    async fn reset(&self) -> Result<()> {
        let limit = within(self.settings.deadlines.long);
        let request = limit.request(proto::ResetStorageNodeRequest {});
        let mut client = self.client();
        let changed = limit.answer(client.reset(request)).await?;
        self.reach(changed.revision).await
    }
}
