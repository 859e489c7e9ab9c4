//! Where the workspace is and what cargo says about it. Reads only.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The folder of the root manifest.
pub(crate) fn root() -> Result<PathBuf> {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let root = manifest.parent().context("xtask has no parent folder")?;
    Ok(root.to_path_buf())
}

/// The pinned toolchain, as `rust-toolchain.toml` names it: `1.95.0`.
pub(crate) fn toolchain(root: &Path) -> Result<String> {
    #[derive(Deserialize)]
    struct File {
        toolchain: Toolchain,
    }
    #[derive(Deserialize)]
    struct Toolchain {
        channel: String,
    }
    let path = root.join("rust-toolchain.toml");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("could not read {}", path.display()))?;
    let file: File = toml::from_str(&text)
        .with_context(|| format!("could not understand {}", path.display()))?;
    Ok(file.toolchain.channel)
}

/// The cargo that started us, or the one on the path.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The part of `cargo metadata` that is used here.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) workspace_members: Vec<String>,
    pub(crate) resolve: Option<Resolve>,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A dependency as declared in a manifest.
#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// None is a normal one; else `dev` or `build`.
    pub(crate) kind: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Resolve {
    pub(crate) nodes: Vec<Node>,
}

#[derive(Deserialize)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) deps: Vec<NodeDependency>,
}

#[derive(Deserialize)]
pub(crate) struct NodeDependency {
    pub(crate) pkg: String,
    pub(crate) dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
pub(crate) struct DependencyKind {
    pub(crate) kind: Option<String>,
}

impl Metadata {
    /// Asks cargo; fetches the sources of the dependencies where they are missing.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let text = crate::command::output(cargo().current_dir(root).args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
        ]))?;
        serde_json::from_str(&text).context("could not understand `cargo metadata`")
    }

    /// The only package of that name in the lock file.
    pub(crate) fn package(&self, name: &str) -> Result<&Package> {
        let mut found = self.packages.iter().filter(|package| package.name == name);
        match (found.next(), found.next()) {
            (Some(package), None) => Ok(package),
            (None, _) => anyhow::bail!("the lock file has no package {name}"),
            (Some(_), Some(_)) => {
                anyhow::bail!("the lock file has {name} in more than one version")
            }
        }
    }
}

impl Package {
    /// The folder of the package's sources.
    pub(crate) fn folder(&self) -> Result<&Path> {
        self.manifest_path
            .parent()
            .with_context(|| format!("{} has no folder", self.manifest_path.display()))
    }
}
