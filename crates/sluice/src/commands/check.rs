//! `sluice check`: verify the data of a hub that does not run.

use super::say;
use crate::process::DataFolder;
use anyhow::Result;
use clap::{Arg, ArgMatches, Command, value_parser};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const ABOUT: &str = "Verify log, indexes, counters and configuration of a data folder against each other. Refuses while a hub runs on it";

pub(crate) fn command() -> Command {
    Command::new("check")
        .about(ABOUT)
        .after_help("Exit code: 0 all is well, 1 damage was found or it could not be checked")
        .arg(
            Arg::new("data")
                .value_name("DATA-FOLDER")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The hub's data folder"),
        )
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode> {
    let data = matches
        .get_one::<PathBuf>("data")
        .map_or(Path::new("."), PathBuf::as_path);
    // Held to the end: no hub may start meanwhile.
    let _folder = DataFolder::lock_existing(data)?;
    let configuration = sluice_storage_node::check(data)?;
    let datasets = sluice_worker::check(data)?;
    let mut text = String::new();
    for (part, report) in [("configuration", &configuration), ("datasets", &datasets)] {
        for problem in &report.problems {
            text.push_str(&format!("{part}: {}: {}\n", problem.place, problem.what));
        }
        if report.unlisted > 0 {
            text.push_str(&format!(
                "{part}: and {} further problems\n",
                report.unlisted
            ));
        }
    }
    let is_clean = configuration.is_clean() && datasets.is_clean();
    let counts = &datasets.counts;
    text.push_str(&format!(
        "{}: {} datasets, {} versions, {} ids, {} index entries, {} records of state\n",
        if is_clean { "all is well" } else { "DAMAGED" },
        counts.datasets,
        counts.versions,
        counts.ids,
        counts.index_entries,
        counts.states + configuration.counts.states,
    ));
    say(&text)?;
    Ok(if is_clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
