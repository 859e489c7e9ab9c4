//! The project's own commands: `cargo xtask COMMAND`. This file is the table of contents; one file or folder per command.
//! Links none of the project's crates: what it needs to know of the hub it asks the hub's binary.
#![cfg_attr(test, allow(clippy::unwrap_used))]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks to its caller on standard output"
)]

mod advisories;
mod bench;
mod cache;
mod client;
mod cluster;
mod codegen;
mod command;
mod deny;
mod fingerprint;
mod full_length;
mod hub;
mod image;
mod layers;
mod moto;
mod run;
mod sample;
mod setup;
mod steps;
mod stop_signal;
mod test;
mod tidy;
mod wait;
mod workspace;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Builds, runs and tests the hub. `run` and `test` are all that is needed.",
    disable_help_subcommand = true
)]
struct Arguments {
    /// Install no Debian package, even as root: unpack what is missing into the cache folder
    #[arg(long, global = true, env = "SLUICE_NO_INSTALL", value_parser = clap::builder::FalseyValueParser::new())]
    no_install: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a hub on this machine with the sample on real data
    Run(run::Options),
    /// Run everything that continuous integration runs, or one part of it
    Test(test::Options),
    /// Put what building needs into place, and nothing else
    Setup,
    /// Run cargo itself with the folders and variables of these commands: `cargo xtask cargo test -p sluice-dtl`
    Cargo {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        arguments: Vec<OsString>,
    },
    /// Check which crate depends on which
    Layers,
    /// Check file headers, sizes, links, metrics and words
    Tidy,
    /// Write the generated pages, or check that they are current
    Codegen(codegen::Options),
    /// Check the dependencies against the database of security advisories (needs network)
    Advisories,
    /// Run the existing command line client against a fresh hub
    Client(client::Options),
    /// Measure against the peers and raw limits of docs/benchmarks.md
    Bench(bench::BenchOptions),
    /// The crash test in full length
    Crash(full_length::RoundOptions),
    /// The power loss test in full length
    PowerLoss(full_length::RoundOptions),
    /// Run the fuzz targets (needs a nightly toolchain and cargo-fuzz)
    Fuzz(full_length::FuzzOptions),
    /// Pack the hub into a container image, without a container engine
    Image(image::Options),
    /// A real Kubernetes on this machine, for tests and for trying
    Cluster(cluster::Options),
    /// Serve the sample's tables and nothing else, until stopped
    SampleServer(sample::Options),
    /// Empty the cache folder
    Clean,
}

fn main() -> ExitCode {
    match execute() {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            // Printed here rather than returned: a backtrace of this tool would hide what went wrong below it.
            eprintln!("error: {cause:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute() -> Result<()> {
    let arguments = Arguments::parse();
    let setup = setup::Choice {
        install: !arguments.no_install,
    };
    match arguments.command {
        Command::Run(options) => run::run(&options, setup),
        Command::Test(options) => test::test(&options, setup),
        Command::Setup => setup::prepare(setup, setup::Purpose::Test).map(drop),
        Command::Cargo { arguments } => {
            let prepared = setup::prepare(setup, setup::Purpose::Build)?;
            command::run(prepared.cargo().args(arguments))
        }
        Command::Layers => layers::check(),
        Command::Tidy => tidy::check(),
        Command::Codegen(options) => codegen::codegen(&options, setup),
        Command::Advisories => advisories::check(setup),
        Command::Client(options) => client::client(&options, setup),
        Command::Bench(options) => bench::bench(&options, setup),
        Command::Crash(options) => full_length::crash(&options, setup),
        Command::PowerLoss(options) => full_length::power_loss(&options, setup),
        Command::Fuzz(options) => full_length::fuzz(&options, setup),
        Command::Image(options) => image::image(&options, setup),
        Command::Cluster(options) => cluster::cluster(options, setup),
        Command::SampleServer(options) => sample::serve_until_stopped(&options, setup),
        Command::Clean => cache::Cache::open()?.clean(),
    }
}
