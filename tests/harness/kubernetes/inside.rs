//! What a pod can reach, tried from its own network: nothing has to be in its image for that.

use super::Cluster;
use super::commands::output;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Seconds that a connection may take. What is denied takes them all.
const PATIENCE: &str = "1";

impl Cluster {
    /// Whether a pod of this node, by its uid, can connect to this address and port.
    pub fn connects_from(&self, node: &str, uid: &str, address: &str, port: u16) -> Result<bool> {
        let process = self.process_of(node, uid)?;
        let connect = format!("exec 3<>/dev/tcp/{address}/{port}");
        let status = Command::new("nsenter")
            .arg(format!("--net=/proc/{process}/ns/net"))
            .args(["timeout", PATIENCE, "bash", "-c", &connect])
            .stderr(std::process::Stdio::null())
            .status()
            .context("entering the network of a pod")?;
        Ok(status.success())
    }

    /// The id, on this machine, of a process of a pod.
    pub fn process_of(&self, node: &str, uid: &str) -> Result<u32> {
        let pods = Path::new("/sys/fs/cgroup/pids")
            .join(format!("sluice-{}", self.id))
            .join(node);
        let mut find = Command::new("find");
        find.arg(&pods)
            .args(["-path", &format!("*pod{uid}/*"), "-name", "cgroup.procs"]);
        for file in output(&mut find)?.lines().map(PathBuf::from) {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if let Some(process) = text.lines().find_map(|line| line.parse().ok()) {
                return Ok(process);
            }
        }
        bail!("no process of pod {uid} below {}", pods.display())
    }
}
