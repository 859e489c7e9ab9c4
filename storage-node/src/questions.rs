//! What the API asks of microservices: it waits here for the operator, which has them. Nothing of it is kept.

use crate::change::new_request;
use parking_lot::Mutex;
use sluice_protocol::{
    Code, Error, MicroserviceAnswer, MicroserviceQuestion, RequestId, Result, WaitingQuestion,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Questions that wait at the same time.
const MOST: usize = 64;

/// The questions that wait for the operator, in order.
pub(crate) struct Questions {
    /// How long one waits for its answer.
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Waiting>,
    shown: watch::Sender<Arc<Vec<WaitingQuestion>>>,
}

struct Waiting {
    question: WaitingQuestion,
    answered: oneshot::Sender<Result<MicroserviceAnswer>>,
}

impl State {
    fn show(&self) {
        let questions = self.waiting.iter().map(|one| one.question.clone());
        self.shown.send_replace(Arc::new(questions.collect()));
    }

    fn take(&mut self, request: &RequestId) -> Option<Waiting> {
        let mut waiting = self.waiting.iter();
        let index = waiting.position(|one| one.question.request == *request)?;
        let taken = self.waiting.remove(index);
        self.show();
        Some(taken)
    }
}

/// A question that somebody waits for: taken back when that ends.
struct Asked<'q> {
    questions: &'q Questions,
    request: RequestId,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.questions.state.lock().take(&self.request);
    }
}

impl Questions {
    /// None yet.
    pub(crate) fn new(patience: Duration) -> Self {
        Questions {
            patience,
            state: Mutex::default(),
        }
    }

    /// For the operator.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<Vec<WaitingQuestion>>> {
        self.state.lock().shown.subscribe()
    }

    /// Asks, and waits for the answer.
    pub(crate) async fn ask(
        &self,
        system: &str,
        question: MicroserviceQuestion,
        user: &str,
    ) -> Result<MicroserviceAnswer> {
        let (answered, mut answer) = oneshot::channel();
        let request = new_request()?;
        {
            let mut state = self.state.lock();
            if state.waiting.len() >= MOST {
                let message = "too many questions about microservices wait; try again";
                return Err(Error::new(Code::ResourceExhausted, "busy", message));
            }
            let question = WaitingQuestion {
                request: request.clone(),
                system: system.to_owned(),
                user: user.to_owned(),
                question,
            };
            state.waiting.push(Waiting { question, answered });
            state.show();
        }
        let _asked = Asked {
            questions: self,
            request,
        };
        match tokio::time::timeout(self.patience, &mut answer).await {
            Ok(answered) => answered.unwrap_or_else(|_| Err(no_operator())),
            Err(_) => Err(no_operator()),
        }
    }

    /// Answers one, if somebody still waits for it.
    pub(crate) fn answer(&self, request: &RequestId, answer: Result<MicroserviceAnswer>) {
        let taken = self.state.lock().take(request);
        if let Some(taken) = taken {
            // Whoever asked may be gone this very moment.
            let _ = taken.answered.send(answer);
        }
    }
}

fn no_operator() -> Error {
    let message =
        "the operator, which runs the microservices, is not there now or did not answer in time";
    Error::new(Code::Unavailable, "no-operator", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_question_waits_for_its_answer_and_goes_with_whoever_asked() {
        let questions = Arc::new(Questions::new(Duration::from_secs(20)));
        let mut shown = questions.watch();
        let asking = {
            let questions = questions.clone();
            tokio::spawn(async move {
                let question = MicroserviceQuestion::Reload;
                questions.ask("a", question, "ann").await
            })
        };
        shown.wait_for(|waiting| !waiting.is_empty()).await.unwrap();
        let waiting = shown.borrow().first().cloned().unwrap();
        assert_eq!((&*waiting.system, &*waiting.user), ("a", "ann"));
        questions.answer(&waiting.request, Ok(MicroserviceAnswer::Reloading));
        let answer = asking.await.unwrap().unwrap();
        assert_eq!(answer, MicroserviceAnswer::Reloading);
        assert!(shown.borrow_and_update().is_empty());
        // An answer that nobody waits for any more changes nothing.
        questions.answer(&waiting.request, Ok(MicroserviceAnswer::Reloading));

        let given_up = tokio::time::timeout(
            Duration::ZERO,
            questions.ask("a", MicroserviceQuestion::Status, "ann"),
        );
        assert!(given_up.await.is_err());
        assert!(shown.borrow_and_update().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_operator_a_question_is_refused_in_time_and_too_many_at_once() {
        let questions = Arc::new(Questions::new(Duration::from_secs(10)));
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..=MOST {
            let questions = questions.clone();
            let question = MicroserviceQuestion::Status;
            asking.spawn(async move { questions.ask("a", question, "ann").await });
        }
        let all = asking.join_all().await;
        let reasons: Vec<_> = all.into_iter().map(|end| end.unwrap_err().reason).collect();
        assert_eq!(reasons.iter().filter(|reason| *reason == "busy").count(), 1);
        assert_eq!(
            reasons
                .iter()
                .filter(|reason| *reason == "no-operator")
                .count(),
            MOST
        );
        assert!(questions.state.lock().waiting.is_empty());
    }
}
