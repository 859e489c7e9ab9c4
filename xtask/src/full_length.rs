//! The long runs: the same tests and benchmarks that `test` runs in small, with their numbers turned up.
//! Thin on purpose: the tests own what is done, this file owns how often.

use std::ffi::OsString;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::setup::{self, Choice, Prepared, Purpose};
use crate::steps::step;
use crate::workspace;

#[derive(Args)]
pub(crate) struct RoundOptions {
    /// How often the hub is killed, or the power cut (crash: 400, power loss: 200)
    #[arg(long)]
    rounds: Option<u32>,
    /// Repeat the run that printed this number
    #[arg(long)]
    seed: Option<u64>,
}

/// The crash test: SIGKILL at random instants, then a comparison with a model.
pub(crate) fn crash(options: &RoundOptions, choice: Choice) -> Result<()> {
    system_test(options, choice, "crash", "SLUICE_CRASH_ROUNDS", 400)
}

/// The power loss test: a file system that forgets what was not synced.
pub(crate) fn power_loss(options: &RoundOptions, choice: Choice) -> Result<()> {
    system_test(options, choice, "power_loss", "SLUICE_POWER_ROUNDS", 200)
}

fn system_test(
    options: &RoundOptions,
    choice: Choice,
    name: &str,
    variable: &str,
    full: u32,
) -> Result<()> {
    let prepared = setup::prepare(choice, Purpose::Test)?;
    let binary = prepared.hub_binary()?;
    let rounds = options.rounds.unwrap_or(full);
    step(&format!("{name}: {rounds} rounds"), || {
        let mut test = prepared.cargo();
        test.args([
            "test",
            "--locked",
            "--package",
            "sluice-tests",
            "--test",
            "store",
            "--",
            "--nocapture",
        ]);
        test.arg(format!("{name}::"))
            .env(variable, rounds.to_string())
            .env("SLUICE_BINARY", binary);
        if let Some(seed) = options.seed {
            test.env("SLUICE_SEED", seed.to_string());
        }
        crate::command::run(&mut test)
    })
}

#[derive(Args)]
pub(crate) struct FuzzOptions {
    /// Only this target
    target: Option<String>,
    /// Minutes for each target
    #[arg(long, default_value_t = 10)]
    minutes: u64,
}

/// Runs every fuzz target for some minutes. The sanitizer that finds their errors exists on nightly only.
pub(crate) fn fuzz(options: &FuzzOptions, choice: Choice) -> Result<()> {
    let prepared = setup::prepare(choice, Purpose::Build)?;
    let tool = cargo_fuzz(&prepared)?;
    let targets = match &options.target {
        Some(target) => vec![target.clone()],
        None => fuzz_targets(&prepared)?,
    };
    let seconds = Duration::from_secs(options.minutes * 60).as_secs();
    for target in targets {
        step(
            &format!("fuzz {target} for {} min", options.minutes),
            || {
                let mut fuzz = nightly(&prepared, &tool);
                fuzz.args([
                    "fuzz",
                    "run",
                    &target,
                    "--",
                    &format!("-max_total_time={seconds}"),
                ]);
                crate::command::run(&mut fuzz)
            },
        )?;
    }
    Ok(())
}

const CARGO_FUZZ_VERSION: &str = "0.13.2";

fn cargo_fuzz(prepared: &Prepared) -> Result<OsString> {
    let folder = prepared.tool("cargo-fuzz", CARGO_FUZZ_VERSION, &[])?;
    Ok(folder.join("bin/cargo-fuzz").into_os_string())
}

/// A subcommand of cargo, run with the nightly toolchain through rustup.
fn nightly(prepared: &Prepared, subcommand: &OsString) -> Command {
    let mut command = prepared.program(Command::new(subcommand));
    // The pinned toolchain reached us through these; nightly is to be found instead. Its artefacts are its own.
    command
        .env_remove("CARGO")
        .env_remove("RUSTC")
        .env("RUSTUP_TOOLCHAIN", "nightly")
        .env_remove("CARGO_TARGET_DIR");
    command
}

fn fuzz_targets(prepared: &Prepared) -> Result<Vec<String>> {
    let manifest = prepared.root.join("fuzz/Cargo.toml");
    let text = std::fs::read_to_string(&manifest)
        .with_context(|| format!("could not read {}", manifest.display()))?;
    let manifest: toml::Table = text
        .parse()
        .context("could not understand the manifest of the fuzz targets")?;
    let binaries = manifest
        .get("bin")
        .and_then(toml::Value::as_array)
        .cloned()
        .unwrap_or_default();
    let names: Vec<String> = binaries
        .iter()
        .filter_map(|one| one.get("name")?.as_str().map(str::to_owned))
        .collect();
    if names.is_empty() {
        bail!("fuzz/Cargo.toml names no target");
    }
    Ok(names)
}

/// Compiles the fuzz targets with the pinned toolchain, so that they cannot rot.
pub(crate) fn check_fuzz_targets(prepared: &Prepared) -> Result<()> {
    let manifest = prepared.root.join("fuzz/Cargo.toml");
    if !manifest.is_file() {
        bail!("{} is not there", manifest.display());
    }
    let mut check = prepared.program(workspace::cargo());
    check
        .args(["check", "--bins", "--manifest-path"])
        .arg(manifest);
    crate::command::run(&mut check)
}
