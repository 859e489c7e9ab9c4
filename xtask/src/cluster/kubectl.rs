//! What the harness asks the API server, through kubectl.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::control::Supervisor;
use super::folder::Folder;
use super::state::State;
use crate::command::output;
use crate::wait::{self, Look};

pub(super) struct Kubectl<'a> {
    folder: &'a Folder,
    state: &'a State,
}

impl<'a> Kubectl<'a> {
    pub(super) fn of(folder: &'a Folder, state: &'a State) -> Self {
        Self { folder, state }
    }

    /// What kubectl prints.
    pub(super) fn ask(&self, arguments: &[&str]) -> Result<String> {
        self.ask_within("--request-timeout=20s", arguments)
    }

    fn ask_within(&self, limit: &str, arguments: &[&str]) -> Result<String> {
        output(
            Command::new(self.state.program("kubectl"))
                .arg("--kubeconfig")
                .arg(self.folder.kubeconfig())
                .arg(limit)
                // Its own place for it is the user's home.
                .arg("--cache-dir")
                .arg(self.folder.component("kubectl"))
                .args(arguments),
        )
    }

    /// Applies a manifest, which is kept beside the others under that name.
    pub(super) fn apply(&self, name: &str, manifest: &str) -> Result<()> {
        let file = self.folder.config(name);
        fs::write(&file, manifest)
            .with_context(|| format!("could not write {}", file.display()))?;
        self.ask(&[
            "apply",
            "--server-side",
            "--force-conflicts",
            "--filename",
            &file.display().to_string(),
        ])
        .map(drop)
    }

    /// Waits until kubectl prints what is wanted. A component that ends meanwhile ends the waiting.
    pub(super) fn wait(
        &self,
        what: &str,
        limit: Duration,
        question: &[&str],
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<()> {
        // Asked again soon, so that a component that ends is noticed soon.
        let ask = || self.ask_within("--request-timeout=2s", question);
        self.wait_until(what, limit, || match ask() {
            Ok(answer) if is_wanted(answer.trim()) => Look::There(()),
            Ok(answer) => Look::NotYet(format!("it is {}", answer.trim())),
            Err(cause) => Look::NotYet(format!("{cause:#}")),
        })
    }

    /// As [`wait::until`], but a component that ends meanwhile ends the waiting, with the end of its log.
    pub(super) fn wait_until<T>(
        &self,
        what: &str,
        limit: Duration,
        mut look: impl FnMut() -> Look<T>,
    ) -> Result<T> {
        let supervisor = Supervisor::of(self.folder);
        wait::until(what, limit, || {
            supervisor.complain_of_dead()?;
            Ok(look())
        })
    }

    pub(super) fn wait_for_node(&self, name: &str, limit: Duration) -> Result<()> {
        let ready = r#"jsonpath={.status.conditions[?(@.type=="Ready")].status}"#;
        self.wait(
            &format!("node {name} to be ready"),
            limit,
            &["get", "node", name, "--output", ready],
            |status| status == "True",
        )
        .with_context(|| format!("the logs are in {}", self.folder.logs().display()))
    }

    /// When a node last said that it lives.
    pub(super) fn last_sign_of(&self, name: &str) -> Result<String> {
        let renewed = "jsonpath={.spec.renewTime}";
        let namespace = "--namespace=kube-node-lease";
        self.ask(&["get", "lease", name, namespace, "--output", renewed])
    }

    /// The version of the server, `v1.36.3`.
    pub(super) fn server_version(&self) -> Result<String> {
        let text = self.ask(&["get", "--raw", "/version"])?;
        let version: serde_json::Value =
            serde_json::from_str(&text).context("could not understand the server's version")?;
        match version["gitVersion"].as_str() {
            Some(version) => Ok(version.to_owned()),
            None => bail!("the server tells no version: {text}"),
        }
    }
}
