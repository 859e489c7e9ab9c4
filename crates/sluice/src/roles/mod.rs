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
use anyhow::{Context, Result};
use sluice_telemetry::{Admin, Logs, Metrics, Readiness, Shutdown, Stop};
use std::net::SocketAddr;
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
    readiness: Readiness,
    metrics: Metrics,
    /// Where these two are told to who asks.
    admin: Option<SocketAddr>,
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
        let (readiness, metrics) = (Readiness::new(shutdown.listen()), Metrics::new());
        // Before anything else: who asks while the process starts gets an answer.
        let admin = match settings.admin_listen {
            Some(address) => Some(
                Admin::serve(address, readiness.clone(), metrics.clone())
                    .await
                    .with_context(|| format!("cannot listen on {address}"))?,
            ),
            None => None,
        };
        let start = Start {
            settings,
            logs,
            stop: shutdown.listen(),
            readiness,
            metrics,
            admin: admin.as_ref().map(Admin::address),
            started,
        };
        let task = tokio::spawn(async move {
            let outcome = match program {
                Program::StorageNode => storage_node::run(start).await,
                Program::Worker => worker::run(start).await,
                Program::Aggregator => aggregator::run(start).await,
                Program::Operator => operator::run(start).await,
                Program::Standalone => Err(anyhow::anyhow!("a whole hub is no single role")),
            };
            // To the end it says that the process lives, and that it is not ready.
            drop(admin);
            outcome
        });
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
