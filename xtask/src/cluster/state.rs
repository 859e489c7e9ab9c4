//! What is known about a cluster between commands: a small file in its folder.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::folder::{Folder, Id};

/// How much of Kubernetes there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Tier {
    /// etcd and the API server: resources, validation, conflicts, no pods
    ControlPlane,
    /// Also controllers, scheduler, DNS and nodes that run pods
    Full,
}

impl Tier {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Tier::ControlPlane => "control-plane",
            Tier::Full => "full",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) id: String,
    pub(super) tier: Tier,
    /// Whether its start came to an end.
    pub(super) complete: bool,
    /// The folder of the cluster's programs.
    pub(super) programs: PathBuf,
    /// Starts containers; none without nodes.
    pub(super) runc: Option<PathBuf>,
    /// What the programs need in their environment.
    pub(super) variables: Vec<(String, String)>,
    /// Where the machine reaches the API server.
    pub(super) api: SocketAddr,
    /// Local volumes per node.
    pub(super) volumes: u16,
    pub(super) nodes: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) number: u8,
    pub(super) powered: bool,
    pub(super) connected: bool,
    pub(super) frozen: bool,
}

impl Node {
    pub(super) fn new(number: u8) -> Self {
        Self {
            name: format!("n{number}"),
            number,
            powered: true,
            connected: true,
            frozen: false,
        }
    }

    /// Whether packets that it is to pass on arrive.
    pub(super) fn passes_packets(&self) -> bool {
        // A frozen node passes them too: that is the kernel's work.
        self.powered && self.connected
    }
}

impl State {
    pub(super) fn read(folder: &Folder) -> Result<Option<Self>> {
        let path = folder.state();
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path)
            .with_context(|| format!("could not read {}", path.display()))?;
        serde_json::from_str(&text)
            .map(Some)
            .with_context(|| format!("could not understand {}", path.display()))
    }

    /// The state of a cluster whose supervisor lives, complete or not.
    pub(super) fn of_supervised(folder: &Folder) -> Result<Option<Self>> {
        if folder.exists() && folder.is_supervised()? {
            return Self::read(folder);
        }
        Ok(None)
    }

    /// The state of a cluster that runs.
    pub(super) fn of_running(id: &Id) -> Result<(Folder, Self)> {
        let folder = Folder::of(id)?;
        match Self::of_supervised(&folder)? {
            Some(state) if state.complete => Ok((folder, state)),
            Some(_) => bail!("cluster {id} is being started, or its start was interrupted"),
            None => bail!("no cluster {id} runs: start it with `cargo xtask cluster up --id {id}`"),
        }
    }

    /// As [`State::of_running`], where pods can run.
    pub(super) fn of_full(id: &Id) -> Result<(Folder, Self)> {
        let (folder, state) = Self::of_running(id)?;
        if state.tier != Tier::Full {
            bail!("cluster {id} has no nodes: it was started with --tier control-plane");
        }
        Ok((folder, state))
    }

    pub(super) fn write(&self, folder: &Folder) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("could not print the state")?;
        write_whole(&folder.state(), &text)
    }

    pub(super) fn node(&self, name: &str) -> Result<&Node> {
        let found = self.nodes.iter().find(|node| node.name == name);
        found.with_context(|| self.no_node(name))
    }

    pub(super) fn node_mut(&mut self, name: &str) -> Result<&mut Node> {
        let complaint = self.no_node(name);
        let found = self.nodes.iter_mut().find(|node| node.name == name);
        found.context(complaint)
    }

    fn no_node(&self, name: &str) -> String {
        let names: Vec<&str> = self.nodes.iter().map(|node| node.name.as_str()).collect();
        format!(
            "cluster {} has no node {name}, but {}",
            self.id,
            names.join(", ")
        )
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// `sluice-<id>`: begins every name of this cluster that the whole machine shares.
    pub(super) fn prefix(&self) -> String {
        format!("sluice-{}", self.id)
    }
}

/// Nobody finds half a file.
pub(super) fn write_whole(path: &Path, text: &str) -> Result<()> {
    let partial = path.with_extension("partial");
    fs::write(&partial, text).with_context(|| format!("could not write {}", partial.display()))?;
    fs::rename(&partial, path).with_context(|| format!("could not rename {}", partial.display()))
}

#[cfg(test)]
pub(super) fn sample() -> State {
    State {
        id: "x".to_owned(),
        tier: Tier::Full,
        complete: true,
        programs: "/programs".into(),
        runc: Some("/usr/sbin/runc".into()),
        variables: Vec::new(),
        api: super::ANY_LOOPBACK_PORT,
        volumes: 2,
        nodes: vec![Node::new(1), Node::new(2)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_read_as_it_was_written() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = Folder::at(scratch.path());
        assert!(State::read(&folder).unwrap().is_none());
        sample().write(&folder).unwrap();
        assert_eq!(State::read(&folder).unwrap(), Some(sample()));
    }

    #[test]
    fn unknown_node_is_answered_with_the_known_ones() {
        let text = sample().node("n3").unwrap_err().to_string();
        assert!(text.contains("n3") && text.contains("n1, n2"), "{text}");
    }
}
