//! What the operator asks of a storage node about microservices, as a service.

use super::ServerSettings;
use super::call::{Answer, Parts, asked, open};
use super::caller::Caller;
use super::watch::{end, states};
use crate::MicroserviceControl;
use crate::wire::proto::{self, microservice_control_server};
use crate::wire::{name, question_end, questions_parts};
use futures::StreamExt;
use std::sync::Arc;
use tonic::Request;

pub(super) struct Service<C: ?Sized> {
    pub(super) control: Arc<C>,
    pub(super) settings: ServerSettings,
}

#[tonic::async_trait]
impl<C: MicroserviceControl + ?Sized + 'static> microservice_control_server::MicroserviceControl
    for Service<C>
{
    type WatchQuestionsStream = Parts<proto::QuestionsPart>;

    async fn container(
        &self,
        request: Request<proto::ContainerRequest>,
    ) -> Answer<proto::ContainerReply> {
        let caller = Caller::of(&request);
        let (call, wanted) = open(request);
        call.answer(async {
            caller.must_be_operator()?;
            let system = asked(name(wanted.system, "system"))?;
            let container = self.control.container(wanted.operator_epoch, &system);
            Ok(container.await?.into())
        })
        .await
    }

    async fn watch_questions(
        &self,
        request: Request<proto::WatchQuestionsRequest>,
    ) -> Answer<Self::WatchQuestionsStream> {
        let (caller, end) = (Caller::of(&request), end(&request, &self.settings));
        let (call, wanted) = open(request);
        call.answer(async {
            caller.must_be_operator()?;
            let questions = self.control.watch_questions(wanted.operator_epoch).await?;
            let questions = states(questions, |questions| questions_parts(questions));
            Ok(questions.take_until(end).boxed())
        })
        .await
    }

    async fn answer_question(
        &self,
        request: Request<proto::AnswerQuestionRequest>,
    ) -> Answer<proto::QuestionAnswered> {
        let caller = Caller::of(&request);
        let (call, said) = open(request);
        call.answer(async {
            caller.must_be_operator()?;
            let (epoch, request, end) = asked(question_end(said))?;
            self.control.answer_question(epoch, &request, end).await?;
            Ok(proto::QuestionAnswered {})
        })
        .await
    }
}
