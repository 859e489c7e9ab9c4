//! `cargo xtask codegen [--check]`: pages and schemas that the hub's binary prints of itself, committed and never edited.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::command::output;
use crate::setup::{self, Choice, Prepared, Purpose};

#[derive(Args)]
pub(crate) struct Options {
    /// Write nothing; fail where a file is not current
    #[arg(long)]
    check: bool,
}

/// What `sluice print NAME` prints and where it is kept.
const GENERATED: &[(&str, &str)] = &[
    ("openapi", "docs/openapi.json"),
    ("config-schema", "docs/config-schema.json"),
    ("dtl-reference", "docs/dtl-functions.md"),
    ("crds", "crds/sluice.dev.yaml"),
    // A chart holds everything that it installs.
    ("crds", "charts/sluice-crds/files/sluice.dev.yaml"),
];

pub(crate) fn codegen(options: &Options, choice: Choice) -> Result<()> {
    let prepared = setup::prepare(choice, Purpose::Build)?;
    if options.check {
        check(&prepared)
    } else {
        write(&prepared)
    }
}

/// Fails on a file that differs from what the binary prints now.
pub(crate) fn check(prepared: &Prepared) -> Result<()> {
    let mut stale = Vec::new();
    for (path, text) in print_all(prepared)? {
        let kept = fs::read_to_string(prepared.root.join(path)).unwrap_or_default();
        if kept != text {
            stale.push(path);
        }
    }
    if stale.is_empty() {
        println!("    {} generated files are current", GENERATED.len());
        return Ok(());
    }
    bail!(
        "not current: {}; `cargo xtask codegen` writes them",
        stale.join(", ")
    )
}

fn write(prepared: &Prepared) -> Result<()> {
    for (path, text) in print_all(prepared)? {
        let path = prepared.root.join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("")))
            .and_then(|()| fs::write(&path, text))
            .with_context(|| format!("could not write {}", path.display()))?;
        println!("    wrote {}", path.display());
    }
    Ok(())
}

fn print_all(prepared: &Prepared) -> Result<Vec<(&'static str, String)>> {
    let binary = prepared.hub_binary()?;
    let print = |name: &str| output(Command::new(&binary).args(["print", name]));
    GENERATED
        .iter()
        .map(|(name, path)| Ok((*path, print(name)?)))
        .collect()
}
