//! A hub in one process: the roles wired by direct calls instead of a network. Picks the wires and nothing else.
//!
//! ```text
//! lock the data folder ─ keys and certificate ─ storage node ─ worker ─ API ─ ready file
//!                                               └──────── again after /admin restart ───┘
//! ```
//!
//! Stopping goes backwards: the API finishes its requests, then runs end, then the stores close.

mod process;
mod roles;
mod serving;
mod steps;

#[cfg(test)]
mod tests;

use crate::process::ready_file;
use crate::settings::Settings;
use anyhow::{Context, Result};
use sluice_telemetry::{Logs, Shutdown};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running hub. Dropped without [`Hub::stop`] it stops by itself, unobserved.
pub struct Hub {
    address: SocketAddr,
    authority: Option<PathBuf>,
    shutdown: Shutdown,
    task: JoinHandle<Result<()>>,
}

/// What is known once requests are served.
struct Started {
    address: SocketAddr,
    authority: Option<PathBuf>,
}

impl Hub {
    /// Starts a hub; answers when it serves requests.
    pub async fn start(settings: Settings, logs: Logs) -> Result<Hub> {
        let shutdown = Shutdown::new();
        let (started, wait) = oneshot::channel();
        let task = tokio::spawn(serving::serve(settings, logs, shutdown.listen(), started));
        match wait.await {
            Ok(Started { address, authority }) => Ok(Hub {
                address,
                authority,
                shutdown,
                task,
            }),
            // It ended before it served: its outcome says why.
            Err(_) => Err(
                match task.await.context("starting the hub was interrupted")? {
                    Err(error) => error,
                    Ok(()) => anyhow::anyhow!("the hub ended before it served"),
                },
            ),
        }
    }

    /// Where it serves, for clients on this machine.
    pub fn url(&self) -> String {
        ready_file::url(self.address)
    }

    /// The certificate that clients have to trust; none with your own certificate.
    pub fn authority(&self) -> Option<&Path> {
        self.authority.as_deref()
    }

    /// Resolves when the hub ends by itself, which it only does after a failure.
    pub async fn ended(&mut self) -> Result<()> {
        (&mut self.task).await.context("the hub was interrupted")?
    }

    /// Stops it in good order and waits for the end.
    pub async fn stop(self) -> Result<()> {
        self.shutdown.ask();
        self.task
            .await
            .context("stopping the hub was interrupted")?
    }
}
