//! What can be done to the nodes of a cluster, undone when the guard is dropped.

use super::Cluster;
use super::commands::output;
use anyhow::{Context, Result};
use std::path::PathBuf;

/// Undoes what was done to a node.
pub struct Broken<'a> {
    cluster: &'a Cluster,
    node: String,
    undo: Undo,
}

#[derive(Clone, Copy)]
enum Undo {
    /// A command of `cargo xtask cluster node`.
    Node(&'static str),
    Uncordon,
}

impl Cluster {
    /// Powers a node off.
    pub fn power_off(&self, node: &str) -> Result<Broken<'_>> {
        self.node(&["kill", node])?;
        Ok(self.broken(node, Undo::Node("start")))
    }

    /// Pulls its cable.
    pub fn disconnect(&self, node: &str) -> Result<Broken<'_>> {
        self.node(&["disconnect", node])?;
        Ok(self.broken(node, Undo::Node("connect")))
    }

    /// Stops all its processes where they are.
    pub fn freeze(&self, node: &str) -> Result<Broken<'_>> {
        self.node(&["freeze", node])?;
        Ok(self.broken(node, Undo::Node("thaw")))
    }

    /// Lets no more pods come to it.
    pub fn cordon(&self, node: &str) -> Result<Broken<'_>> {
        output(self.kubectl().args(["cordon", node]))?;
        Ok(self.broken(node, Undo::Uncordon))
    }

    fn broken(&self, node: &str, undo: Undo) -> Broken<'_> {
        Broken {
            cluster: self,
            node: node.to_owned(),
            undo,
        }
    }

    fn node(&self, arguments: &[&str]) -> Result<()> {
        output(self.command()?.arg("node").args(arguments)).map(drop)
    }

    /// The folder of a local volume, by its name `NODE-NUMBER`.
    pub fn volume(&self, name: &str) -> Result<PathBuf> {
        let (node, number) = name.rsplit_once('-').context("a volume of a node")?;
        let node = self.nodes.iter().find(|one| one.name == node);
        let folder = &node.context("a node of the cluster")?.folder;
        Ok(folder.join("volumes").join(number))
    }
}

impl Broken<'_> {
    /// As it was.
    pub fn mend(self) {}
}

impl Drop for Broken<'_> {
    fn drop(&mut self) {
        let undone = match self.undo {
            Undo::Node(command) => self.cluster.node(&[command, &self.node]),
            Undo::Uncordon => {
                let mut uncordon = self.cluster.kubectl();
                output(uncordon.args(["uncordon", &self.node])).map(drop)
            }
        };
        if let Err(error) = undone {
            println!("node {}: {error:#}", self.node);
        }
    }
}
