//! Whether a process does what it is there for, for probes: asked when a probe asks, never remembered.

use crate::Stop;
use parking_lot::RwLock;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How long the process may think about it: a probe waits for the answer.
const PATIENCE: Duration = Duration::from_secs(2);

type Answer = Pin<Box<dyn Future<Output = Option<String>> + Send>>;
type Question = Arc<dyn Fn() -> Answer + Send + Sync>;

/// Says why a process is not ready, if it is not. Clones speak of the same process.
#[derive(Clone)]
pub struct Readiness {
    state: Arc<RwLock<State>>,
    stop: Stop,
}

enum State {
    Starting(&'static str),
    Serving(Question),
}

impl Readiness {
    /// Of a process that starts, and that ends with `stop`.
    pub fn new(stop: Stop) -> Self {
        let state = State::Starting("it starts");
        Readiness {
            state: Arc::new(RwLock::new(state)),
            stop,
        }
    }

    /// What the start waits for now.
    pub fn waits_for(&self, what: &'static str) {
        *self.state.write() = State::Starting(what);
    }

    /// From now on it serves, unless this gives a reason why it does not.
    pub fn serves<F: Future<Output = Option<String>> + Send + 'static>(
        &self,
        unless: impl Fn() -> F + Send + Sync + 'static,
    ) {
        *self.state.write() = State::Serving(Arc::new(move || Box::pin(unless())));
    }

    /// Why it is not ready; `None`: it is.
    pub async fn problem(&self) -> Option<String> {
        if self.stop.is_asked() {
            return Some("it is about to end".to_owned());
        }
        let question = match &*self.state.read() {
            State::Starting(what) => return Some((*what).to_owned()),
            State::Serving(question) => question.clone(),
        };
        match tokio::time::timeout(PATIENCE, question()).await {
            Ok(problem) => problem,
            Err(_) => Some(format!("it does not answer within {PATIENCE:?}")),
        }
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Readiness").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shutdown;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[tokio::test]
    async fn a_process_is_ready_between_start_and_end_while_nothing_speaks_against_it() {
        let shutdown = Shutdown::new();
        let readiness = Readiness::new(shutdown.listen());
        assert_eq!(readiness.problem().await.as_deref(), Some("it starts"));
        readiness.waits_for("it waits for somebody");
        let problem = readiness.problem().await;
        assert_eq!(problem.as_deref(), Some("it waits for somebody"));
        let is_well = Arc::new(AtomicBool::new(false));
        let looked_at = is_well.clone();
        readiness.serves(move || {
            let is_well = looked_at.load(Ordering::Relaxed);
            async move { (!is_well).then(|| "the store is full".to_owned()) }
        });
        let problem = readiness.problem().await;
        assert_eq!(problem.as_deref(), Some("the store is full"));
        is_well.store(true, Ordering::Relaxed);
        assert_eq!(readiness.clone().problem().await, None);
        shutdown.ask();
        let problem = readiness.problem().await;
        assert_eq!(problem.as_deref(), Some("it is about to end"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_does_not_answer_is_not_ready() {
        let shutdown = Shutdown::new();
        let readiness = Readiness::new(shutdown.listen());
        readiness.serves(std::future::pending);
        let problem = readiness.problem().await.unwrap();
        assert!(problem.contains("does not answer"), "{problem}");
    }
}
