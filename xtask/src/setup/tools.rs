//! Tools of cargo, compiled once into the cache folder with a pinned version.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::Prepared;
use crate::cache::Cache;
use crate::command::run;
use crate::steps::step;

impl Prepared {
    /// The folder in whose `bin` the tool lies; compiled now if this version is not there.
    pub(crate) fn tool(&self, name: &str, version: &str, options: &[&str]) -> Result<PathBuf> {
        let folder = self.cache.tool(name, version);
        let _held = self.cache.lock()?;
        if !folder.join("bin").join(name).is_file() {
            step(
                &format!("compile {name} {version} (once per machine)"),
                || {
                    let scratch = tempfile::tempdir().context("could not make a scratch folder")?;
                    let mut install = self.cargo();
                    install
                        .args(["install", "--locked", "--quiet", "--version", version, name])
                        .args(options);
                    // A target folder of its own: what it compiles is of no use to the workspace.
                    install
                        .arg("--root")
                        .arg(&folder)
                        .env("CARGO_TARGET_DIR", scratch.path());
                    run(&mut install)
                },
            )?;
        }
        Cache::mark_used(&folder)?;
        Ok(folder)
    }
}
