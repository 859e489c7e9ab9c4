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

    /// SIGKILL to everything in the containers of a pod but the process that keeps its network.
    pub fn kill_container(&self, node: &str, uid: &str) -> Result<()> {
        let mut killed = 0;
        for process in self.processes_of(node, uid)? {
            let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
            if name.trim() == "sluice" {
                let process = rustix::process::Pid::from_raw(i32::try_from(process)?);
                let process = process.context("a process has an id")?;
                rustix::process::kill_process(process, rustix::process::Signal::KILL)?;
                killed += 1;
            }
        }
        if killed == 0 {
            bail!("no process of the hub in pod {uid}");
        }
        Ok(())
    }

    /// Removes everything in a local volume: what is there then is a blank disk.
    pub fn empty_volume(&self, name: &str) -> Result<()> {
        let folder = self.volume(name)?;
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            match path.is_dir() {
                true => std::fs::remove_dir_all(&path)?,
                false => std::fs::remove_file(&path)?,
            }
        }
        Ok(())
    }

    /// The id, on this machine, of a process of a pod.
    pub fn process_of(&self, node: &str, uid: &str) -> Result<u32> {
        let processes = self.processes_of(node, uid)?;
        let first = processes.first().copied();
        first.with_context(|| format!("no process of pod {uid} on {node}"))
    }

    fn processes_of(&self, node: &str, uid: &str) -> Result<Vec<u32>> {
        let pods = Path::new("/sys/fs/cgroup/pids")
            .join(format!("sluice-{}", self.id))
            .join(node);
        let mut find = Command::new("find");
        find.arg(&pods)
            .args(["-path", &format!("*pod{uid}/*"), "-name", "cgroup.procs"]);
        let mut processes = Vec::new();
        for file in output(&mut find)?.lines().map(PathBuf::from) {
            // A container that has just ended takes its file with it.
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            processes.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
        }
        Ok(processes)
    }
}
