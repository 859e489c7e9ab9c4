//! cargo-deny: which dependencies, licences and sources are allowed (deny.toml). Compiled once into the cache folder.

use std::process::Command;

use anyhow::Result;

use crate::setup::Prepared;

const VERSION: &str = "0.20.2";

/// Checks bans, licences and sources; needs no network once the sources of the dependencies are there.
pub(crate) fn check_rules(prepared: &Prepared) -> Result<()> {
    run(prepared, &["bans", "licenses", "sources"])
}

/// Checks the database of advisories, which is fetched.
pub(crate) fn check_advisories(prepared: &Prepared) -> Result<()> {
    run(prepared, &["advisories"])
}

fn run(prepared: &Prepared, checks: &[&str]) -> Result<()> {
    // Unoptimised: compiling it is most of what it costs.
    let folder = prepared.tool("cargo-deny", VERSION, &["--debug"])?;
    let mut deny = prepared.program(Command::new(folder.join("bin/cargo-deny")));
    crate::command::run(
        deny.args(["--workspace", "--locked", "check", "--hide-inclusion-graph"])
            .args(checks),
    )
}
