//! An address of the cluster, made reachable on this machine's loopback.

use super::Cluster;
use super::commands::until;
use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::time::Duration;

/// Until the forwarder listens.
const LIMIT: Duration = Duration::from_secs(20);

/// A forwarder, which ends with this.
pub struct Forward {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Forward {
    /// To an address and port inside the cluster: of a service, a pod, a node.
    pub async fn to(cluster: &Cluster, target: &str) -> Result<Forward> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("address");
        let process = cluster
            .command()?
            .args(["forward", target, "--address-file"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("starting the forwarder")?;
        let mut forward = Forward {
            process,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            _folder: folder,
        };
        until("the forwarder listens", LIMIT, || async {
            match std::fs::read_to_string(&file) {
                Ok(_) => None,
                Err(error) => Some(error.to_string()),
            }
        })
        .await?;
        let text = std::fs::read_to_string(&file)?;
        forward.address = text.trim().parse().context("the forwarder's address")?;
        Ok(forward)
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
