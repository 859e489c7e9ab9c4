//! What operator, storage node and API say to each other about microservices.

use super::damaged::{Damaged, Within, name, required};
use super::proto::{self, answer_question_request::End};
use super::whole::Gather;
use crate::{
    Container, Error, LogsWanted, MicroserviceAnswer, MicroserviceQuestion, MicroserviceStatus,
    RequestId, Result, WaitingQuestion,
};
use std::fmt;

impl From<Container> for proto::ContainerReply {
    fn from(container: Container) -> Self {
        let login = container
            .login
            .map(|(username, password)| proto::RegistryLogin { username, password });
        proto::ContainerReply {
            environment: container.environment,
            login,
            digest: container.digest,
        }
    }
}

impl From<proto::ContainerReply> for Container {
    fn from(reply: proto::ContainerReply) -> Self {
        Container {
            environment: reply.environment,
            login: reply.login.map(|login| (login.username, login.password)),
            digest: reply.digest,
        }
    }
}

impl fmt::Debug for proto::ContainerReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContainerReply({})", self.digest)
    }
}

impl fmt::Debug for proto::RegistryLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RegistryLogin(..)")
    }
}

impl From<&MicroserviceQuestion> for proto::MicroserviceQuestion {
    fn from(question: &MicroserviceQuestion) -> Self {
        use proto::microservice_question::Question;
        let question = match question {
            MicroserviceQuestion::Status => Question::Status(proto::AskStatus {}),
            MicroserviceQuestion::Logs(wanted) => Question::Logs(proto::AskLogs {
                since: wanted.since,
                lines: wanted.lines,
                bytes: wanted.bytes,
            }),
            MicroserviceQuestion::Reload => Question::Reload(proto::AskReload {}),
        };
        proto::MicroserviceQuestion {
            question: Some(question),
        }
    }
}

/// A question as it arrives.
pub(crate) fn microservice_question(
    asked: Option<proto::MicroserviceQuestion>,
) -> Result<MicroserviceQuestion, Damaged> {
    use proto::microservice_question::Question;
    let asked = asked.and_then(|asked| asked.question);
    Ok(match required(asked, "question")? {
        Question::Status(_) => MicroserviceQuestion::Status,
        Question::Logs(wanted) => MicroserviceQuestion::Logs(LogsWanted {
            since: wanted.since,
            lines: wanted.lines,
            bytes: wanted.bytes,
        }),
        Question::Reload(_) => MicroserviceQuestion::Reload,
    })
}

impl From<MicroserviceAnswer> for proto::MicroserviceAnswer {
    fn from(answer: MicroserviceAnswer) -> Self {
        use proto::microservice_answer::Answer;
        let answer = match answer {
            MicroserviceAnswer::Status(status) => Answer::Status(proto::MicroserviceStatus {
                is_ready: status.is_ready,
                reason: status.reason,
                message: status.message,
                image: status.image,
                image_id: status.image_id,
                started: status.started,
                restarts: status.restarts,
            }),
            MicroserviceAnswer::Logs(text) => Answer::Logs(text),
            MicroserviceAnswer::Reloading => Answer::Reloading(proto::Reloading {}),
        };
        proto::MicroserviceAnswer {
            answer: Some(answer),
        }
    }
}

impl TryFrom<proto::MicroserviceAnswer> for MicroserviceAnswer {
    type Error = Damaged;

    fn try_from(answer: proto::MicroserviceAnswer) -> Result<Self, Damaged> {
        use proto::microservice_answer::Answer;
        Ok(match required(answer.answer, "answer")? {
            Answer::Status(status) => MicroserviceAnswer::Status(MicroserviceStatus {
                is_ready: status.is_ready,
                reason: status.reason,
                message: status.message,
                image: status.image,
                image_id: status.image_id,
                started: status.started,
                restarts: status.restarts,
            }),
            Answer::Logs(text) => MicroserviceAnswer::Logs(text),
            Answer::Reloading(_) => MicroserviceAnswer::Reloading,
        })
    }
}

/// How a question ended, going out.
pub(crate) fn to_end(
    operator_epoch: u64,
    request: &RequestId,
    end: Result<MicroserviceAnswer>,
) -> proto::AnswerQuestionRequest {
    proto::AnswerQuestionRequest {
        operator_epoch,
        request: request.0.clone(),
        end: Some(match end {
            Ok(answer) => End::Answer(answer.into()),
            Err(error) => End::Failed((&error).into()),
        }),
    }
}

/// How a question ended, as it arrives.
pub(crate) fn question_end(
    said: proto::AnswerQuestionRequest,
) -> Result<(u64, RequestId, Result<MicroserviceAnswer>), Damaged> {
    let end = match required(said.end, "end")? {
        End::Answer(answer) => Ok(answer.try_into().within("answer")?),
        End::Failed(error) => Err(Error::try_from(error).within("failed")?),
    };
    let request = RequestId(name(said.request, "request")?);
    Ok((said.operator_epoch, request, end))
}

/// The waiting questions as parts of one each; there is always one, and the last says so.
pub(crate) fn questions_parts(questions: &[WaitingQuestion]) -> Vec<proto::QuestionsPart> {
    let parts = questions.iter().map(|waiting| proto::QuestionsPart {
        question: Some(proto::WaitingQuestion {
            request: waiting.request.0.clone(),
            system: waiting.system.clone(),
            user: waiting.user.clone(),
            question: Some((&waiting.question).into()),
        }),
        last: false,
    });
    let end = proto::QuestionsPart {
        question: None,
        last: true,
    };
    parts.chain([end]).collect()
}

/// The waiting questions on their way in.
#[derive(Default)]
pub(crate) struct GatheredQuestions(Vec<WaitingQuestion>);

impl Gather for GatheredQuestions {
    type Part = proto::QuestionsPart;
    type Whole = Vec<WaitingQuestion>;

    fn take(&mut self, part: proto::QuestionsPart) -> Result<Option<Self::Whole>, Damaged> {
        if let Some(waiting) = part.question {
            self.0.push(WaitingQuestion {
                request: RequestId(name(waiting.request, "request").within("question")?),
                system: name(waiting.system, "system").within("question")?,
                user: waiting.user,
                question: microservice_question(waiting.question).within("question")?,
            });
        } else if !part.last {
            required(None::<()>, "question")?;
        }
        Ok(part.last.then(|| std::mem::take(&mut self.0)))
    }
}
