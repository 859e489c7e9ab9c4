//! `sluice print`: descriptions that the binary makes of itself, for documentation and tools.

use super::say;
use anyhow::Result;
use clap::{Arg, ArgMatches, Command};
use std::process::ExitCode;

/// Name, what it is, how it is made.
type Printable = (&'static str, &'static str, fn() -> String);

/// What can be printed.
const PRINTABLE: &[Printable] = &[
    ("openapi", "the API as an OpenAPI document", openapi),
    (
        "config-schema",
        "the JSON schema of pipes, systems and node metadata",
        config_schema,
    ),
    (
        "dtl-reference",
        "the functions and transforms of the transform language",
        sluice_dtl::print_reference,
    ),
    (
        "crds",
        "the custom resource definitions for Kubernetes, as YAML",
        sluice_operator::crd::print,
    ),
];

pub(crate) fn command() -> Command {
    let names: Vec<&str> = PRINTABLE.iter().map(|(name, ..)| *name).collect();
    let help: Vec<String> = PRINTABLE
        .iter()
        .map(|(name, what, _)| format!("{name}: {what}"))
        .collect();
    Command::new("print")
        .about("Print a description of this version: its API, its configuration, its transform language")
        .arg(Arg::new("what").required(true).value_parser(names).help(help.join("; ")))
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode> {
    let what = matches.get_one::<String>("what").map_or("", String::as_str);
    if let Some((_, _, make)) = PRINTABLE.iter().find(|(name, ..)| *name == what) {
        say(&format!("{}\n", make().trim_end()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn openapi() -> String {
    format!("{:#}", sluice_aggregator::openapi())
}

fn config_schema() -> String {
    sluice_config::schema().to_pretty()
}
