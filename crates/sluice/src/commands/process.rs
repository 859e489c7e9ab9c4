//! A process that runs until it is told to stop: settings, log, signals, and the end in good order.

use super::say;
use crate::roles::Instance;
use crate::settings::{self, Layered, Program, Settings};
use crate::standalone::Hub;
use anyhow::{Context, Result};
use clap::{Arg, ArgAction, ArgMatches, Command, parser::ValueSource, value_parser};
use sluice_telemetry::Logs;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How settings are given, for the help of every such command.
const SETTINGS: &str = "\
Every setting may also stand in the configuration file (--config, TOML, the same names) or in the environment (SLUICE_ and the
name in capitals with underscores). Flags win over the environment, which wins over the file. --print-config shows the result.";
/// How it ends.
const END: &str = "\
SIGTERM or Ctrl-C stops in good order; a second one at once.

Exit code: 0 stopped, 1 failed, 2 the settings cannot be used.";

/// The command of a program; `more` is said in its help.
pub(crate) fn command(
    program: Program,
    name: &'static str,
    about: &'static str,
    more: &str,
) -> Command {
    Command::new(name)
        .about(about)
        .after_help(format!("{SETTINGS}\n\n{more}\n\n{END}"))
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
        .args(settings::arguments(program))
}

/// Runs a program with the settings that its command line and the layers below give.
pub(crate) fn run(
    program: Program,
    matches: &ArgMatches,
    environment: Vec<(OsString, OsString)>,
) -> Result<ExitCode> {
    let file = matches.get_one::<PathBuf>("config");
    let layered = settings::load(
        program,
        file.map(PathBuf::as_path),
        &environment,
        &flags(program, matches),
    )?;
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
    let outcome = runtime.block_on(serve(program, layered, logs));
    // Whatever still runs on a blocking thread has had its time.
    runtime.shutdown_background();
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn serve(program: Program, layered: Layered, logs: Logs) -> Result<()> {
    // From here on a signal is noticed, also while the process starts.
    let mut signals = Signals::listen()?;
    let mut running = tokio::select! {
        running = Running::start(program, layered.settings, logs) => running?,
        () = signals.next() => return Ok(()),
    };
    say(&format!("{}\n", running.greeting()))?;
    tokio::select! {
        outcome = running.ended() => return outcome,
        () = signals.next() => tracing::info!("asked to stop"),
    }
    tokio::select! {
        outcome = running.stop() => outcome,
        () = signals.next() => {
            tracing::warn!("asked to stop twice: stopping at once");
            Ok(())
        }
    }
}

/// What runs.
enum Running {
    Hub { hub: Hub, data: PathBuf },
    Role(Instance),
}

impl Running {
    async fn start(program: Program, settings: Settings, logs: Logs) -> Result<Running> {
        let data = settings.data.clone();
        Ok(match program {
            Program::Standalone => Running::Hub {
                hub: Hub::start(settings, logs).await?,
                data,
            },
            role => Running::Role(Instance::start(role, settings, logs).await?),
        })
    }

    fn greeting(&self) -> String {
        match self {
            Running::Hub { hub, data } => {
                let authority = hub.authority();
                let trusted = authority.map(|path| format!(", trusted through {}", path.display()));
                format!(
                    "Sluice serves {} with the data in {}{}",
                    hub.url(),
                    data.display(),
                    trusted.unwrap_or_default()
                )
            }
            Running::Role(instance) => instance.greeting().to_owned(),
        }
    }

    async fn ended(&mut self) -> Result<()> {
        match self {
            Running::Hub { hub, .. } => hub.ended().await,
            Running::Role(instance) => instance.ended().await,
        }
    }

    async fn stop(self) -> Result<()> {
        match self {
            Running::Hub { hub, .. } => hub.stop().await,
            Running::Role(instance) => instance.stop().await,
        }
    }
}

/// The flags that were given, by the name of their setting.
fn flags(program: Program, matches: &ArgMatches) -> BTreeMap<&'static str, String> {
    let given = |name: &&str| matches.value_source(name) == Some(ValueSource::CommandLine);
    let value = |name| Some((name, matches.get_one::<String>(name)?.clone()));
    settings::names(program)
        .filter(given)
        .filter_map(value)
        .collect()
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
