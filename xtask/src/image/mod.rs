//! `cargo xtask image`: packs the hub's binary, and what it needs to run, into a container image without a container
//! engine. What is in the image stands in `image/` at the top of the repository, which the Dockerfile uses too.

pub(crate) mod archive;
pub(crate) mod layout;
mod rootfs;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::setup::{self, Choice, Purpose};
use crate::steps::step;
use crate::workspace;

#[derive(Args)]
pub(crate) struct Options {
    /// The hub's binary; without it the hub is compiled
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// The image's full name, with a tag that is not `latest`
    #[arg(long, default_value = DEFAULT_NAME)]
    name: String,
    /// Where the archive is written
    #[arg(long, value_name = "FILE.tar")]
    output: PathBuf,
    /// A variable of its environment; an image of the next version, for tests of upgrades, has SLUICE_TEST_NEXT_FORMAT
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
}

/// Of the image, where nobody names it.
pub(crate) const DEFAULT_NAME: &str = concat!("sluice.test/sluice:", env!("CARGO_PKG_VERSION"));

pub(crate) fn image(options: &Options, choice: Choice) -> Result<()> {
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => setup::prepare(choice, Purpose::Build)?.hub_binary()?,
    };
    if !binary.is_file() {
        bail!(
            "{} is no file: give the hub's binary, or leave --binary out",
            binary.display()
        );
    }
    pack(&binary, &options.name, &options.env, &options.output)
}

/// Packs a stripped copy of the binary, and says which image it became.
pub(crate) fn pack(binary: &Path, name: &str, env: &[String], output: &Path) -> Result<()> {
    let digest = step("pack the image", || assemble(binary, name, env, output))?;
    println!("    {name} {digest} in {}", output.display());
    Ok(())
}

fn assemble(binary: &Path, name: &str, env: &[String], output: &Path) -> Result<String> {
    let scratch = tempfile::tempdir().context("could not make a scratch folder")?;
    let stripped = scratch.path().join("sluice");
    crate::command::run(Command::new("strip").arg("-o").arg(&stripped).arg(binary))
        .context("could not strip a copy of the binary (is binutils installed?)")?;
    let root = scratch.path().join("root");
    rootfs::assemble(&workspace::root()?, &stripped, &root)?;
    let image = layout::Image {
        name: name.to_owned(),
        entrypoint: vec!["/usr/bin/sluice".to_owned()],
        user: "65532:65532".to_owned(),
        env: env.to_vec(),
    };
    layout::write(&image, &rootfs::entries(&root)?, output)
}
