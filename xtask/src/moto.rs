//! moto, which speaks S3: the object store of tests. Installed once per machine, with all that it needs pinned.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::cache::Cache;
use crate::command::run;
use crate::fingerprint::fingerprint;
use crate::setup::Prepared;
use crate::steps::step;

const REQUIREMENTS: &str = include_str!("../moto/requirements.txt");
/// Names its server to the tests.
pub(crate) const VARIABLE: &str = "SLUICE_MOTO";

/// Its server, installed now if it is not there.
pub(crate) fn server(prepared: &Prepared) -> Result<PathBuf> {
    let version = format!("{:08x}", fingerprint(&[REQUIREMENTS]));
    let folder = prepared.cache.tool("moto", &version);
    let _held = prepared.cache.lock()?;
    // An environment cannot be moved, so it is made where it stays, and this says that it is whole.
    let whole = folder.join("whole");
    if !whole.is_file() {
        step("install moto (once per machine)", || {
            if folder.exists() {
                fs::remove_dir_all(&folder)
                    .with_context(|| format!("could not remove {}", folder.display()))?;
            }
            run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
            let requirements = folder.join("requirements.txt");
            fs::write(&requirements, REQUIREMENTS)
                .with_context(|| format!("could not write {}", requirements.display()))?;
            let mut install = Command::new(folder.join("bin/pip"));
            install.args([
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--requirement",
            ]);
            run(install.arg(&requirements))?;
            fs::write(&whole, "").with_context(|| format!("could not write {}", whole.display()))
        })?;
    }
    Cache::mark_used(&folder)?;
    Ok(folder.join("bin").join("moto_server"))
}
