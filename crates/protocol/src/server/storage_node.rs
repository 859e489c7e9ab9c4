//! The storage node as a service.

use super::ServerSettings;
use super::call::{Answer, Parts, asked, open_for};
use super::watch::{end, states};
use crate::wire::proto::{self, storage_node_server};
use crate::wire::{
    SnapshotParts, component_kind, history, json, microservice_question, name, parts, posted,
    scope, to_hash_key, variables,
};
use crate::{PutConfiguration, StorageNode};
use futures::StreamExt;
use sluice_identity::Role;
use std::sync::Arc;
use tonic::{Request, Response};

/// Who speaks for users.
const USERS: [Role; 2] = [Role::Aggregator, Role::Operator];
/// Who needs what only workers may have.
const WORKERS: [Role; 1] = [Role::Worker];

pub(super) struct Service<S: ?Sized> {
    pub(super) node: Arc<S>,
    pub(super) settings: ServerSettings,
}

impl<S: StorageNode + ?Sized> Service<S> {
    /// A revision that has everything in it that was changed until now.
    fn changed(&self, (): ()) -> proto::Changed {
        proto::Changed {
            revision: self.node.watch().borrow().revision,
        }
    }
}

#[tonic::async_trait]
impl<S: StorageNode + ?Sized + 'static> storage_node_server::StorageNode for Service<S> {
    type WatchStream = Parts<proto::SnapshotPart>;
    type HistoryStream = Parts<proto::HistoryPart>;

    async fn watch(&self, request: Request<proto::WatchRequest>) -> Answer<Self::WatchStream> {
        let page_bytes = self.settings.bounds.page_bytes;
        let end = end(&request, &self.settings);
        let differences = request.into_inner().differences;
        let mut parts = SnapshotParts::new(page_bytes);
        let snapshots = states(self.node.watch(), move |snapshot| {
            if !differences {
                parts = SnapshotParts::new(page_bytes);
            }
            parts.next(snapshot)
        });
        Ok(Response::new(snapshots.take_until(end).boxed()))
    }

    async fn put_configuration(
        &self,
        request: Request<proto::PutConfigurationRequest>,
    ) -> Answer<proto::PutOutcome> {
        let (call, put) = open_for(request, &USERS)?;
        call.answer(async {
            let put = asked(PutConfiguration::try_from(put))?;
            let outcome = self.node.put_configuration(put).await?;
            Ok((&outcome).into())
        })
        .await
    }

    async fn put_component(
        &self,
        request: Request<proto::PutComponentRequest>,
    ) -> Answer<proto::PutOutcome> {
        let (call, put) = open_for(request, &USERS)?;
        call.answer(async {
            let kind = asked(component_kind(put.expected_kind))?;
            let component = asked(json(&put.component, "component"))?;
            let outcome = self
                .node
                .put_component(kind, component, put.force, &put.user);
            Ok((&outcome.await?).into())
        })
        .await
    }

    async fn add_components(
        &self,
        request: Request<proto::AddComponentsRequest>,
    ) -> Answer<proto::PutOutcome> {
        let (call, put) = open_for(request, &USERS)?;
        call.answer(async {
            let kind = asked(component_kind(put.expected_kind))?;
            let components = asked(posted(&put.components))?;
            let outcome = self
                .node
                .add_components(kind, components, put.force, &put.user);
            Ok((&outcome.await?).into())
        })
        .await
    }

    async fn delete_component(
        &self,
        request: Request<proto::DeleteComponentRequest>,
    ) -> Answer<proto::Changed> {
        let (call, delete) = open_for(request, &USERS)?;
        call.answer(async {
            let kind = asked(component_kind(delete.kind))?;
            let deleted = self.node.delete_component(kind, &delete.id, &delete.user);
            deleted.await.map(|done| self.changed(done))
        })
        .await
    }

    async fn history(
        &self,
        request: Request<proto::HistoryRequest>,
    ) -> Answer<Self::HistoryStream> {
        let (call, wanted) = open_for(request, &USERS)?;
        call.answer_parts(async {
            let (kind, options) = asked(history(&wanted))?;
            let id = wanted.id.as_deref();
            let entries = self.node.history(kind, id, &options).await?;
            let entries = entries.iter().map(proto::HistoryEntry::from);
            let parts = parts(entries, self.settings.bounds.page_bytes);
            Ok(parts
                .into_iter()
                .map(|entries| proto::HistoryPart { entries })
                .collect())
        })
        .await
    }

    async fn history_summary(
        &self,
        request: Request<proto::HistorySummaryRequest>,
    ) -> Answer<proto::HistorySummary> {
        let (call, _) = open_for(request, &USERS)?;
        call.answer(async { self.node.history_summary().await.map(Into::into) })
            .await
    }

    async fn put_variables(
        &self,
        request: Request<proto::PutVariablesRequest>,
    ) -> Answer<proto::Changed> {
        let (call, put) = open_for(request, &USERS)?;
        call.answer(async {
            let variables = asked(variables(put.variables))?;
            let done = self.node.put_variables(variables, put.replace, &put.user);
            done.await.map(|done| self.changed(done))
        })
        .await
    }

    async fn delete_variable(
        &self,
        request: Request<proto::DeleteVariableRequest>,
    ) -> Answer<proto::Changed> {
        let (call, delete) = open_for(request, &USERS)?;
        call.answer(async {
            let deleted = self.node.delete_variable(&delete.name, &delete.user);
            deleted.await.map(|done| self.changed(done))
        })
        .await
    }

    async fn put_secrets(
        &self,
        request: Request<proto::PutSecretsRequest>,
    ) -> Answer<proto::Changed> {
        let (call, put) = open_for(request, &USERS)?;
        call.answer(async {
            let scope = asked(scope(put.scope))?;
            let done = self
                .node
                .put_secrets(scope, put.secrets, put.replace, &put.user);
            done.await.map(|done| self.changed(done))
        })
        .await
    }

    async fn delete_secret(
        &self,
        request: Request<proto::DeleteSecretRequest>,
    ) -> Answer<proto::Changed> {
        let (call, delete) = open_for(request, &USERS)?;
        call.answer(async {
            let scope = asked(scope(delete.scope))?;
            let deleted = self.node.delete_secret(scope, &delete.name, &delete.user);
            deleted.await.map(|done| self.changed(done))
        })
        .await
    }

    async fn secret_values(
        &self,
        request: Request<proto::SecretValuesRequest>,
    ) -> Answer<proto::SecretValues> {
        let (call, _) = open_for(request, &WORKERS)?;
        call.answer(async {
            self.node
                .secret_values()
                .await
                .map(proto::SecretValues::from)
        })
        .await
    }

    async fn hash_key(
        &self,
        request: Request<proto::HashKeyRequest>,
    ) -> Answer<proto::HashKeyReply> {
        let (call, _) = open_for(request, &WORKERS)?;
        call.answer(async { self.node.hash_key().await.map(to_hash_key) })
            .await
    }

    async fn dataset_number(
        &self,
        request: Request<proto::DatasetNumberRequest>,
    ) -> Answer<proto::DatasetNumberReply> {
        let (call, wanted) = open_for(request, &WORKERS)?;
        call.answer(async {
            let number = self.node.dataset_number(&wanted.name).await?;
            Ok(proto::DatasetNumberReply { number })
        })
        .await
    }

    async fn ask_microservice(
        &self,
        request: Request<proto::AskMicroserviceRequest>,
    ) -> Answer<proto::MicroserviceAnswer> {
        let (call, wanted) = open_for(request, &USERS)?;
        call.answer(async {
            let system = asked(name(wanted.system, "system"))?;
            let question = asked(microservice_question(wanted.question))?;
            let answer = self.node.ask_microservice(&system, question, &wanted.user);
            Ok(answer.await?.into())
        })
        .await
    }

    async fn format(&self, request: Request<proto::FormatRequest>) -> Answer<proto::FormatReport> {
        let (call, proto::FormatRequest {}) = open_for(request, &USERS)?;
        call.answer(async { self.node.format().await.map(Into::into) })
            .await
    }

    async fn finalize(
        &self,
        request: Request<proto::FinalizeRequest>,
    ) -> Answer<proto::FormatReport> {
        let (call, wanted) = open_for(request, &USERS)?;
        call.answer(async { self.node.finalize(&wanted.user).await.map(Into::into) })
            .await
    }

    async fn reset(
        &self,
        request: Request<proto::ResetStorageNodeRequest>,
    ) -> Answer<proto::Changed> {
        let (call, _) = open_for(request, &USERS)?;
        call.answer(async { self.node.reset().await.map(|done| self.changed(done)) })
            .await
    }
}
