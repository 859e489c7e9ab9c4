//! The Kubernetes cluster that `cargo xtask test` has started for these tests: who it is, and what may be done with it.
//!
//! A cluster is shared by all tests of its tier; each test works in a [`Namespace`] of its own and leaves nothing else behind.

mod charts;
pub(crate) mod commands;
mod forward;
mod hub;
mod inside;
mod moto;
mod namespace;
mod nodes;
pub mod policies;

pub use charts::{Helm, chart, objects};
pub use commands::until;
pub use forward::Forward;
pub use hub::{InstalledHub, Pod, definitions};
pub use moto::{ADDRESS as MOTO_ADDRESS, Moto};
pub use namespace::Namespace;

use anyhow::{Context, Result};
use commands::output;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `cargo xtask cluster status` tells.
#[derive(Clone, Debug, Deserialize)]
pub struct Cluster {
    /// Its name.
    pub id: String,
    /// For kubectl, helm and clients.
    pub kubeconfig: PathBuf,
    /// The folder of kubectl and helm.
    programs: PathBuf,
    /// Where its components log to; `audit.log` says who asked what of the API server.
    pub logs: PathBuf,
    /// Its nodes; none where there are no pods.
    pub nodes: Vec<Node>,
}

/// A node that runs pods.
#[derive(Clone, Debug, Deserialize)]
pub struct Node {
    /// As Kubernetes knows it.
    pub name: String,
    /// Inside the cluster.
    pub address: String,
    /// Its network namespace.
    pub namespace: PathBuf,
    /// What it keeps.
    pub folder: PathBuf,
}

impl Cluster {
    /// The cluster that the environment names. Tests that need one run by `cargo xtask test` only.
    pub fn of_environment() -> Result<Cluster> {
        let id = variable("SLUICE_CLUSTER")?;
        let text = output(Self::xtask(&id)?.args(["status", "--output", "json"]))?;
        serde_json::from_str(&text).with_context(|| format!("the status of cluster {id}"))
    }

    /// The name of the hub's image on its nodes.
    pub fn image(&self) -> Result<String> {
        variable("SLUICE_IMAGE")
    }

    /// `cargo xtask cluster`, to be given a command: `node kill n1`, `forward 10.0.0.1:80`.
    pub fn command(&self) -> Result<Command> {
        Self::xtask(&self.id)
    }

    fn xtask(id: &str) -> Result<Command> {
        let mut command = Command::new(variable("SLUICE_XTASK")?);
        command.args(["cluster", "--id", id]);
        Ok(command)
    }

    /// kubectl, to be given a command.
    pub fn kubectl(&self) -> Command {
        let mut command = self.program("kubectl");
        command.arg("--request-timeout=30s");
        command
    }

    /// A program of the cluster, which knows its kubeconfig and keeps its caches with the cluster.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        self.environment(&mut command, &[]);
        command
    }

    /// Gives a program what kubectl and helm need: they are on its path, after these folders, and keep their caches with the
    /// cluster.
    pub fn environment(&self, command: &mut Command, folders: &[&Path]) {
        let home = self.logs.with_file_name("data").join("tests");
        let present = std::env::var_os("PATH").unwrap_or_default();
        let present = std::env::split_paths(&present);
        let first = folders.iter().map(|folder| folder.to_path_buf());
        let all = first.chain([self.programs.clone()]).chain(present);
        // A folder with a colon in its name cannot be on a path: then there is what was there.
        if let Ok(path) = std::env::join_paths(all) {
            command.env("PATH", path);
        }
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", &home)
            .env("KUBECACHEDIR", home.join("kubectl"));
        for (name, folder) in [
            ("HELM_CACHE_HOME", "cache"),
            ("HELM_CONFIG_HOME", "config"),
            ("HELM_DATA_HOME", "data"),
        ] {
            command.env(name, home.join("helm").join(folder));
        }
    }

    /// What there is in a namespace and what happened, for the message of a failed test.
    pub fn report(&self, namespace: &str) -> String {
        let ask = |arguments: &[&str]| {
            let mut command = self.kubectl();
            output(command.args(["--namespace", namespace]).args(arguments))
                .unwrap_or_else(|error| error.to_string())
        };
        let pods = "pods,datahubs,workerpools,workers,pipes,jobs,pvc";
        let logs = [
            "logs",
            "--selector",
            "app.kubernetes.io/name=sluice",
            "--all-containers",
            "--prefix",
            "--tail=40",
        ];
        [
            ask(&["get", pods, "--output", "wide"]),
            ask(&["get", "events"]),
            ask(&logs),
        ]
        .join("\n")
    }
}

fn variable(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| {
        format!("{name} is not set: run `cargo xtask test control-plane` or `cluster`")
    })
}
