//! `sluice uninstall`: removes a hub from Kubernetes while its operator is there. What the chart runs before `helm uninstall`.

use super::say;
use anyhow::{Context, Result};
use clap::{Arg, ArgMatches, Command, value_parser};
use sluice_operator::Uninstall;
use sluice_telemetry::{LogFormat, Logs};
use std::process::ExitCode;
use std::time::Duration;

pub(crate) fn command() -> Command {
    let text = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name("NAME")
            .required(true)
            .help(help)
    };
    Command::new("uninstall")
        .about("Remove a hub from Kubernetes with its pools and workers, and print what is left of it: volumes and keys")
        .after_help("What becomes of volumes and keys stands in the deletionPolicy of the hub and its pools.")
        .args([
            text("namespace", "The hub's namespace"),
            text("hub", "The hub's name"),
            Arg::new("timeout")
                .long("timeout")
                .value_name("SECONDS")
                .default_value("240")
                .value_parser(value_parser!(u64).range(1..=3600))
                .help("How long the operator has for it; then the resources are let go without one"),
        ])
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode> {
    let text = |name| matches.get_one::<String>(name).cloned().unwrap_or_default();
    let wanted = Uninstall {
        namespace: text("namespace"),
        hub: text("hub"),
        patience: Duration::from_secs(matches.get_one::<u64>("timeout").copied().unwrap_or(240)),
    };
    let _logs = Logs::start("info", LogFormat::Text)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let left = runtime.block_on(sluice_operator::uninstall(&wanted))?;
    say(&format!("hub {} is gone\n", wanted.hub))?;
    for object in left {
        say(&format!("left: {object}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}
