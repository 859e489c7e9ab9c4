//! The command line: what can be asked for, and who does it.

use crate::commands::{
    certificates, check, dtl, print, process, roles, standalone, token, uninstall, verify,
};
use crate::settings::{self, Program};
use clap::{ArgMatches, Command};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

const ABOUT: &str = "Sluice, an open data hub: pipes read entities from sources, transform and join them, and write them to datasets and sinks.";

/// Runs one command with these arguments and environment variables; answers the exit code of the process: 0 done, 1 failed,
/// 2 not understood.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> ExitCode {
    let matches = match command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match dispatch(&matches, environment.into_iter().collect()) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

fn command() -> Command {
    Command::new("sluice")
        .about(ABOUT)
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(standalone::command())
        .subcommand(roles::storage_node())
        .subcommand(roles::worker())
        .subcommand(roles::aggregator())
        .subcommand(roles::operator())
        .subcommand(token::command())
        .subcommand(certificates::command())
        .subcommand(check::command())
        .subcommand(dtl::command())
        .subcommand(uninstall::command())
        .subcommand(verify::command())
        .subcommand(print::command())
}

fn dispatch(
    matches: &ArgMatches,
    environment: Vec<(OsString, OsString)>,
) -> anyhow::Result<ExitCode> {
    if let Some((name, matches)) = matches.subcommand()
        && let Some((_, role)) = roles::ROLES.iter().find(|(role, _)| *role == name)
    {
        return process::run(*role, matches, environment);
    }
    match matches.subcommand() {
        Some(("standalone", matches)) => process::run(Program::Standalone, matches, environment),
        Some(("token", matches)) => token::run(matches),
        Some(("certificates", matches)) => certificates::run(matches),
        Some(("check", matches)) => check::run(matches),
        Some(("dtl", matches)) => dtl::run(matches),
        Some(("uninstall", matches)) => uninstall::run(matches),
        Some(("verify", matches)) => verify::run(matches),
        Some(("print", matches)) => print::run(matches),
        _ => anyhow::bail!("this command is not known"),
    }
}

/// Says why it failed, with all causes, on standard error.
fn fail(error: &anyhow::Error) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "sluice: {error:#}");
    ExitCode::from(if error.is::<settings::Problems>() {
        2
    } else {
        1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed_and_every_part_explains_itself() {
        let mut command = command();
        command.build();
        command.clone().debug_assert();
        fn explained(command: &Command) {
            assert!(
                command.get_about().is_some(),
                "{} explains nothing",
                command.get_name()
            );
            for argument in command.get_arguments() {
                let is_explained = argument
                    .get_help()
                    .is_some_and(|help| !help.to_string().is_empty());
                assert!(is_explained, "{} {}", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(explained);
        }
        explained(&command);
    }
}
