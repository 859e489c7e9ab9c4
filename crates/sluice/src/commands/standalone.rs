//! `sluice standalone`: a whole hub in this process, until it is told to stop.

use super::say;
use crate::settings::{self, Layered};
use crate::standalone::Hub;
use anyhow::{Context, Result};
use clap::{Arg, ArgAction, ArgMatches, Command, parser::ValueSource, value_parser};
use sluice_telemetry::Logs;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};

const ABOUT: &str = "Run a whole hub in one process: one data folder, one HTTPS port";
const MORE: &str = "\
Every setting may also stand in the configuration file (--config, TOML, the same names) or in the environment (SLUICE_ and the
name in capitals with underscores). Flags win over the environment, which wins over the file. --print-config shows the result.

The first start makes the data folder with a certificate authority (DIR/tls/ca.pem, for clients) and keys. Nothing is reachable
without a token: `sluice token create --data DIR --name ME` prints one. SIGTERM or Ctrl-C stops in good order; a second one at
once.

Exit code: 0 stopped, 1 failed, 2 the settings cannot be used.";

pub(crate) fn command() -> Command {
    Command::new("standalone")
        .about(ABOUT)
        .after_help(MORE)
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Configuration file (TOML); also SLUICE_CONFIG"),
        )
        .arg(
            Arg::new("print-config")
                .long("print-config")
                .action(ArgAction::SetTrue)
                .help("Print the settings that would be used, with their meaning and origin, and do nothing"),
        )
        .args(settings::arguments())
}

pub(crate) fn run(
    matches: &ArgMatches,
    environment: Vec<(OsString, OsString)>,
) -> Result<ExitCode> {
    let file = matches.get_one::<PathBuf>("config");
    let layered = settings::load(file.map(PathBuf::as_path), &environment, &flags(matches))?;
    if matches.get_flag("print-config") {
        say(&layered.to_file())?;
        return Ok(ExitCode::SUCCESS);
    }
    let logs = Logs::start(&layered.settings.log, layered.settings.log_format)?;
    for name in &layered.unknown_variables {
        tracing::info!(name, "this environment variable is no setting");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let outcome = runtime.block_on(serve(layered, logs));
    // Whatever still runs on a blocking thread has had its time.
    runtime.shutdown_background();
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn serve(layered: Layered, logs: Logs) -> Result<()> {
    // From here on a signal is noticed, also while the hub starts.
    let mut signals = Signals::listen()?;
    let data = layered.settings.data.clone();
    let mut hub = tokio::select! {
        hub = Hub::start(layered.settings, logs) => hub?,
        () = signals.next() => return Ok(()),
    };
    let authority = hub
        .authority()
        .map(|path| format!(", trusted through {}", path.display()))
        .unwrap_or_default();
    say(&format!(
        "Sluice serves {} with the data in {}{authority}\n",
        hub.url(),
        data.display()
    ))?;
    tokio::select! {
        outcome = hub.ended() => return outcome,
        () = signals.next() => tracing::info!("asked to stop"),
    }
    tokio::select! {
        outcome = hub.stop() => outcome,
        () = signals.next() => {
            tracing::warn!("asked to stop twice: stopping at once");
            Ok(())
        }
    }
}

/// The flags that were given, by the name of their setting.
fn flags(matches: &ArgMatches) -> BTreeMap<&'static str, String> {
    let given = |name: &&str| matches.value_source(name) == Some(ValueSource::CommandLine);
    let value = |name| Some((name, matches.get_one::<String>(name)?.clone()));
    settings::names().filter(given).filter_map(value).collect()
}

/// What asks a process to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Signals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
