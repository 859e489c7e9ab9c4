//! An operator for one namespace, as a process of this machine that asks the cluster's API server.

use super::Namespace;
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use sluice_tests::child::binary;
use std::process::{Child, Command, Stdio};

/// A running operator, which ends in good order with this.
pub(crate) struct Operator {
    process: Child,
    /// Who it is among operators.
    pub(crate) id: String,
}

impl Operator {
    /// Starts one that looks after this namespace and leads there.
    pub(crate) fn start(namespace: &Namespace) -> Result<Operator> {
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let id = format!("operator-{}", &unique[..8]);
        let process = Command::new(binary()?)
            .args([
                "operator",
                "--image",
                "sluice.test/sluice:test",
                "--id",
                &id,
            ])
            .args([
                "--namespace",
                &namespace.name,
                "--namespaces",
                &namespace.name,
            ])
            .env("KUBECONFIG", &namespace.cluster.kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("starting an operator")?;
        Ok(Operator { process, id })
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.process.id())
            .ok()
            .and_then(Pid::from_raw)
        {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.process.wait();
    }
}
