//! Microservices: what the operator needs to run their containers, and what the API asks of them. Only the operator has them.
//!
//! ```text
//! API ── ask ──▶ storage node ◀── watch_questions, answer_question ── operator ──▶ pods
//!                             ◀── container: what their configuration says, secrets filled in
//! ```

use crate::{Error, RequestId, Result};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use tokio::sync::watch;

/// What a microservice's container is given, its secrets filled in. `Debug` shows no value.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// Its environment.
    pub environment: BTreeMap<String, String>,
    /// User name and password at the registry of its image.
    pub login: Option<(String, String)>,
    /// Another one for another environment or login. Made with a key of the hub: it tells nothing of what it is made of.
    pub digest: String,
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.environment.keys().collect::<Vec<_>>();
        f.debug_struct("Container")
            .field("environment", &names)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// What is asked of a microservice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MicroserviceQuestion {
    /// How is it?
    Status,
    /// What does it say?
    Logs(LogsWanted),
    /// Pull its image and begin anew.
    Reload,
}

/// Which lines of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogsWanted {
    /// Those after this moment, nanoseconds since 1970 UTC; the last ones where there is none.
    pub since: Option<u64>,
    /// At most so many where no moment is given.
    pub lines: u64,
    /// At most so many bytes.
    pub bytes: u64,
}

/// A question that waits for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingQuestion {
    /// Its name.
    pub request: RequestId,
    /// The system's `_id`.
    pub system: String,
    /// Who asks.
    pub user: String,
    /// What.
    pub question: MicroserviceQuestion,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MicroserviceAnswer {
    /// To `Status`.
    Status(MicroserviceStatus),
    /// To `Logs`: whole lines, each begun by its moment and a space.
    Logs(String),
    /// To `Reload`: it is begun.
    Reloading,
}

/// How a microservice is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MicroserviceStatus {
    /// It takes requests.
    pub is_ready: bool,
    /// One word.
    pub reason: String,
    /// For people.
    pub message: String,
    /// The image that was asked for.
    pub image: String,
    /// The image that runs, if one does.
    pub image_id: Option<String>,
    /// Since when it runs, microseconds since 1970 UTC.
    pub started: Option<u64>,
    /// How often it was started again.
    pub restarts: u64,
}

/// What the operator asks of a storage node about microservices. Over the network only the operator may (`operator-only`). A call
/// of an earlier leader is refused (`stale-operator`).
#[async_trait]
pub trait MicroserviceControl: Send + Sync {
    /// What the container of a system is given. `FailedPrecondition` (reason `unknown-secret`): it refers to a secret that nobody set.
    async fn container(&self, operator_epoch: u64, system: &str) -> Result<Container>;
    /// The questions that wait; the receiver sees every later state (only the newest matters).
    async fn watch_questions(
        &self,
        operator_epoch: u64,
    ) -> Result<watch::Receiver<Arc<Vec<WaitingQuestion>>>>;
    /// Answers one. One that is not known any more was given up.
    async fn answer_question(
        &self,
        operator_epoch: u64,
        request: &RequestId,
        answer: Result<MicroserviceAnswer>,
    ) -> Result<()>;
}

/// Where nobody runs containers.
pub fn no_containers(system: &str) -> Error {
    let message = format!(
        "this hub runs no containers, so it cannot look after the microservice \"{system}\": whoever started it can"
    );
    Error::new(crate::Code::NotFound, "no-container-runtime", message)
}
