//! The roles of a hub as processes of their own, which know each other only over gRPC with mutual TLS.
//!
//! ```text
//! storage node   keeps configuration and topology, signs certificates; everybody watches it
//! worker         opens a session at the storage node, runs its pipes, serves them to aggregators and workers
//! aggregator     serves the API; goes to the workers that the topology names
//! ```
//!
//! A process that cannot reach the storage node waits for it: the order in which they start does not matter.

mod aggregator;
mod certificate;
mod link;
mod operator;
mod port;
mod reach;
mod signer;
mod storage_node;
mod worker;

use crate::settings::{Program, Settings};
use anyhow::{Context, Result, bail};
use sluice_telemetry::{Logs, Shutdown, Stop};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running role. Dropped without [`Instance::stop`] it stops by itself, unobserved.
pub(crate) struct Instance {
    greeting: String,
    shutdown: Shutdown,
    task: JoinHandle<Result<()>>,
}

/// What a role is started with.
struct Start {
    settings: Settings,
    logs: Logs,
    stop: Stop,
    /// Hears what the process is and where, when it serves.
    started: oneshot::Sender<String>,
}

impl Instance {
    /// Starts a role; answers when it serves.
    pub(crate) async fn start(
        program: Program,
        settings: Settings,
        logs: Logs,
    ) -> Result<Instance> {
        let shutdown = Shutdown::new();
        let (started, wait) = oneshot::channel();
        let start = Start {
            settings,
            logs,
            stop: shutdown.listen(),
            started,
        };
        let task = match program {
            Program::StorageNode => tokio::spawn(storage_node::run(start)),
            Program::Worker => tokio::spawn(worker::run(start)),
            Program::Aggregator => tokio::spawn(aggregator::run(start)),
            Program::Operator => tokio::spawn(operator::run(start)),
            Program::Standalone => bail!("a whole hub is no single role"),
        };
        match wait.await {
            Ok(greeting) => Ok(Instance {
                greeting,
                shutdown,
                task,
            }),
            // It ended before it served: its outcome says why.
            Err(_) => Err(match task.await.context("starting was interrupted")? {
                Err(error) => error,
                Ok(()) => anyhow::anyhow!("the process ended before it served"),
            }),
        }
    }

    /// What it is and where it is served.
    pub(crate) fn greeting(&self) -> &str {
        &self.greeting
    }

    /// Resolves when it ends by itself, which it only does after a failure.
    pub(crate) async fn ended(&mut self) -> Result<()> {
        (&mut self.task)
            .await
            .context("the process was interrupted")?
    }

    /// Stops it in good order and waits for the end.
    pub(crate) async fn stop(self) -> Result<()> {
        self.shutdown.ask();
        self.task.await.context("stopping was interrupted")?
    }
}
