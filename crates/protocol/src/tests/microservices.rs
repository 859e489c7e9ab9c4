//! Microservices over the wire: what a container is given, what waits to be answered, and answers as they are.

use super::line::{Line, settings, soon};
use crate::client::{RemoteMicroserviceControl, RemoteStorageNode};
use crate::tests::fake_storage_node::FakeStorageNode;
use crate::wire::{self, Gather, proto};
use crate::*;
use async_trait::async_trait;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::watch;

/// Control that answers samples and remembers what it was told.
#[derive(Default)]
pub(crate) struct FakeMicroservices {
    pub(crate) told: Mutex<Vec<String>>,
    questions: watch::Sender<Arc<Vec<WaitingQuestion>>>,
}

#[async_trait]
impl MicroserviceControl for FakeMicroservices {
    async fn container(&self, operator_epoch: u64, system: &str) -> Result<Container> {
        self.told.lock().push(format!("container of {system}"));
        if operator_epoch == 0 {
            return Err(Error::new(Code::Conflict, "stale-operator", "replaced"));
        }
        Ok(container())
    }
    async fn watch_questions(&self, _: u64) -> Result<watch::Receiver<Arc<Vec<WaitingQuestion>>>> {
        self.told.lock().push("watch".to_owned());
        Ok(self.questions.subscribe())
    }
    async fn answer_question(
        &self,
        _: u64,
        request: &RequestId,
        answer: Result<MicroserviceAnswer>,
    ) -> Result<()> {
        let answer = answer.map_err(|error| error.reason);
        self.told.lock().push(format!("{request:?} {answer:?}"));
        Ok(())
    }
}

fn container() -> Container {
    Container {
        environment: [("KEY".to_owned(), "hush".to_owned())].into(),
        login: Some(("ann".to_owned(), "hush".to_owned())),
        digest: "d".to_owned(),
    }
}

fn waiting(question: MicroserviceQuestion) -> WaitingQuestion {
    WaitingQuestion {
        request: RequestId("r".to_owned()),
        system: "Ærø".to_owned(),
        user: "ann".to_owned(),
        question,
    }
}

fn questions() -> Vec<WaitingQuestion> {
    let logs = LogsWanted {
        since: Some(u64::MAX),
        lines: 1,
        bytes: 2,
    };
    let last = LogsWanted {
        since: None,
        ..logs
    };
    [
        MicroserviceQuestion::Status,
        MicroserviceQuestion::Logs(logs),
        MicroserviceQuestion::Logs(last),
        MicroserviceQuestion::Reload,
    ]
    .map(waiting)
    .into()
}

fn answers() -> [MicroserviceAnswer; 3] {
    let status = MicroserviceStatus {
        is_ready: true,
        reason: "Ready".to_owned(),
        message: "m".to_owned(),
        image: "i".to_owned(),
        image_id: Some("id".to_owned()),
        started: Some(1),
        restarts: 2,
    };
    [
        MicroserviceAnswer::Status(status),
        MicroserviceAnswer::Logs("a\nb".to_owned()),
        MicroserviceAnswer::Reloading,
    ]
}

#[tokio::test]
async fn the_operator_hears_questions_and_what_containers_are_given() {
    let far = Arc::new(FakeMicroservices::default());
    let line = Line::to(|routes, settings| {
        crate::server::add_microservice_control(routes, far.clone(), settings);
    });
    let control = RemoteMicroserviceControl::new(line.channel.clone(), settings());
    assert_eq!(soon(control.container(1, "a")).await.unwrap(), container());
    let stale = soon(control.container(0, "a")).await.unwrap_err();
    assert_eq!(stale.reason, "stale-operator");
    let nameless = soon(control.container(1, "")).await.unwrap_err();
    assert_eq!(nameless.reason, "damaged-message");
    let mut watched = soon(control.watch_questions(1)).await.unwrap();
    assert!(watched.borrow_and_update().is_empty());
    far.questions.send_replace(Arc::new(questions()));
    soon(watched.changed()).await.unwrap();
    assert_eq!(**watched.borrow(), questions());
    let request = RequestId("r".to_owned());
    for answer in answers() {
        let told = control.answer_question(1, &request, Ok(answer.clone()));
        soon(told).await.unwrap();
        let last = far.told.lock().last().cloned().unwrap();
        assert_eq!(last, format!("{request:?} {:?}", Ok::<_, ()>(answer)));
    }
    let failed = Err(Error::new(Code::Unavailable, "no-pod", "none"));
    soon(control.answer_question(1, &request, failed))
        .await
        .unwrap();
    assert!(
        far.told
            .lock()
            .last()
            .unwrap()
            .ends_with(r#"Err("no-pod")"#)
    );
}

#[tokio::test]
async fn a_hub_that_runs_no_containers_says_so_over_the_wire_too() {
    let line = Line::to_storage_node(Arc::new(FakeStorageNode::new()));
    let node = soon(RemoteStorageNode::connect(line.channel.clone(), settings())).await;
    for waiting in questions() {
        let asked = node.ask_microservice("a", waiting.question, "ann");
        let error = soon(asked).await.unwrap_err();
        let told = (error.code, &*error.reason);
        assert_eq!(told, (Code::NotFound, "no-container-runtime"));
    }
}

#[test]
fn no_value_is_printed_and_damage_is_named() {
    let reply = proto::ContainerReply::from(container());
    assert!(!format!("{reply:?} {:?}", container()).contains("hush"));
    let mut gathered = wire::GatheredQuestions::default();
    assert!(gathered.take(proto::QuestionsPart::default()).is_err());
    let unknown = proto::AnswerQuestionRequest::default();
    assert!(wire::question_end(unknown).is_err());
    assert!(wire::microservice_question(Some(proto::MicroserviceQuestion::default())).is_err());
    for status in [0, 99, 1000, u32::MAX] {
        let head = proto::Proxied {
            status,
            headers: Vec::new(),
        };
        assert!(wire::proxied(head).is_err(), "{status}");
    }
}
