//! The cluster that the environment names, a namespace in it for each test, and the operator as a process beside it.

mod commands;
mod namespace;
mod operator;

pub(crate) use commands::until;
pub(crate) use namespace::Namespace;
pub(crate) use operator::Operator;

use anyhow::{Context, Result};
use commands::output;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What `cargo xtask cluster status` tells.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Cluster {
    /// For kubectl and clients.
    pub(crate) kubeconfig: PathBuf,
    /// The folder of kubectl.
    programs: PathBuf,
    /// Where its components log to.
    logs: PathBuf,
}

impl Cluster {
    /// The cluster whose name is in `SLUICE_CLUSTER`, as the xtask in `SLUICE_XTASK` knows it.
    pub(crate) fn of_environment() -> Result<Cluster> {
        let id = variable("SLUICE_CLUSTER")?;
        let mut command = Command::new(variable("SLUICE_XTASK")?);
        let text = output(command.args(["cluster", "--id", &id, "status", "--output", "json"]))?;
        serde_json::from_str(&text).with_context(|| format!("the status of cluster {id}"))
    }

    /// kubectl, which knows its kubeconfig and keeps its caches with the cluster.
    fn kubectl(&self) -> Command {
        let home = self.logs.with_file_name("data").join("tests");
        let mut command = Command::new(self.programs.join("kubectl"));
        command
            .arg("--request-timeout=30s")
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", &home)
            .env("KUBECACHEDIR", home.join("kubectl"));
        command
    }
}

fn variable(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set: see docs/kubernetes.md"))
}

/// Tells the API server of our resources; every test does, since nobody knows which is first.
pub(crate) async fn definitions(namespace: &Namespace) -> Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .with_file_name("crds")
        .join("sluice.dev.yaml");
    namespace.apply(&std::fs::read_to_string(file)?)?;
    for kind in ["datahubs", "pipes", "systems", "workers", "workerpools"] {
        let definition = format!("customresourcedefinition/{kind}.sluice.dev");
        let limit = Duration::from_secs(30);
        namespace
            .wait_for(&definition, "Established", limit)
            .await?;
    }
    Ok(())
}
