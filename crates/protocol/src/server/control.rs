//! What the operator asks of a storage node about configuration, as a service.

use super::ServerSettings;
use super::call::{Answer, Parts, asked, open};
use super::caller::Caller;
use super::watch::{end, states};
use crate::wire::proto::{self, configuration_control_server};
use crate::wire::{answer, name, writes_parts};
use crate::{ConfigurationControl, HandOver, HandedSecrets, RequestId};
use futures::StreamExt;
use std::sync::Arc;
use tonic::Request;

pub(super) struct Service<C: ?Sized> {
    pub(super) control: Arc<C>,
    pub(super) settings: ServerSettings,
}

#[tonic::async_trait]
impl<C: ConfigurationControl + ?Sized + 'static> configuration_control_server::ConfigurationControl
    for Service<C>
{
    type WatchWritesStream = Parts<proto::WritesPart>;

    async fn hand_over(
        &self,
        request: Request<proto::HandOverRequest>,
    ) -> Answer<proto::HandOverOutcome> {
        let caller = Caller::of(&request);
        let (call, handed) = open(request);
        call.answer(async {
            caller.must_be_operator()?;
            let handed = asked(HandOver::try_from(handed))?;
            Ok(self.control.hand_over(handed).await?.into())
        })
        .await
    }

    async fn hand_over_secrets(
        &self,
        request: Request<proto::HandOverSecretsRequest>,
    ) -> Answer<proto::ControlChanged> {
        let caller = Caller::of(&request);
        let (call, handed) = open(request);
        call.answer(async {
            caller.must_be_operator()?;
            let handed = asked(HandedSecrets::try_from(handed))?;
            self.control.hand_over_secrets(handed).await?;
            Ok(proto::ControlChanged {})
        })
        .await
    }

    async fn watch_writes(
        &self,
        request: Request<proto::WatchWritesRequest>,
    ) -> Answer<Self::WatchWritesStream> {
        let (caller, end) = (Caller::of(&request), end(&request, &self.settings));
        let (call, wanted) = open(request);
        call.answer(async {
            caller.must_be_operator()?;
            let writes = self.control.watch_writes(wanted.operator_epoch).await?;
            let writes = states(writes, |writes| writes_parts(writes));
            Ok(writes.take_until(end).boxed())
        })
        .await
    }

    async fn begin_write(
        &self,
        request: Request<proto::BeginWriteRequest>,
    ) -> Answer<proto::ControlChanged> {
        let caller = Caller::of(&request);
        let (call, begin) = open(request);
        call.answer(async {
            caller.must_be_operator()?;
            let write = RequestId(asked(name(begin.request, "request"))?);
            self.control
                .begin_write(begin.operator_epoch, &write)
                .await?;
            Ok(proto::ControlChanged {})
        })
        .await
    }

    async fn answer_write(
        &self,
        request: Request<proto::AnswerWriteRequest>,
    ) -> Answer<proto::ControlChanged> {
        let caller = Caller::of(&request);
        let (call, said) = open(request);
        call.answer(async {
            caller.must_be_operator()?;
            let (epoch, write, answer) = asked(answer(said))?;
            self.control.answer_write(epoch, &write, answer).await?;
            Ok(proto::ControlChanged {})
        })
        .await
    }
}
