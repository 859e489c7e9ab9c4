//! `sluice dtl eval`: expressions and transforms without a hub.

use super::say;
use anyhow::{Context, Result};
use clap::{Arg, ArgAction, ArgMatches, Command};
use sluice_entity::{Json, Limits};
use std::io::Read;
use std::process::ExitCode;

const ABOUT: &str = "Evaluate an expression of the transform language, or a list of test vectors from standard input";

pub(crate) fn command() -> Command {
    let eval = Command::new("eval")
        .about(ABOUT)
        .arg(
            Arg::new("expression")
                .value_name("EXPRESSION")
                .required_unless_present("vectors")
                .conflicts_with("vectors")
                .help("An expression as JSON, for example '[\"upper\", \"_S.name\"]'; prints its result"),
        )
        .arg(
            Arg::new("source")
                .long("source")
                .value_name("ENTITY")
                .default_value("{}")
                .help("The source entity _S as JSON, for EXPRESSION"),
        )
        .arg(
            Arg::new("vectors")
                .long("vectors")
                .action(ArgAction::SetTrue)
                .help("Read a JSON array of vectors and print a JSON array with one object per vector, in order"),
        );
    Command::new("dtl")
        .about("Try the transform language")
        .subcommand_required(true)
        .subcommand(eval)
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode> {
    let Some(("eval", matches)) = matches.subcommand() else {
        anyhow::bail!("this dtl command is not known")
    };
    if matches.get_flag("vectors") {
        vectors()
    } else {
        expression(matches)
    }
}

/// Whatever is wrong with a vector is in its result: the exit code says only whether there was an array of vectors.
fn vectors() -> Result<ExitCode> {
    let mut text = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut text)
        .context("cannot read the vectors from standard input")?;
    let vectors =
        Json::parse(&text, &limits()).context("standard input holds no JSON array of vectors")?;
    anyhow::ensure!(
        vectors.as_array().is_some(),
        "standard input holds no JSON array of vectors"
    );
    say(&format!("{}\n", sluice_dtl::eval_vectors(&vectors)))?;
    Ok(ExitCode::SUCCESS)
}

fn expression(matches: &ArgMatches) -> Result<ExitCode> {
    let read = |name: &'static str| {
        let text = matches.get_one::<String>(name).map_or("", String::as_str);
        Json::parse(text.as_bytes(), &Limits::default())
            .with_context(|| format!("the {name} is no JSON"))
    };
    let vector = Json::Object(vec![
        ("id".into(), Json::from("expression")),
        ("expr".into(), read("expression")?),
        ("source".into(), read("source")?),
    ]);
    let results = sluice_dtl::eval_vectors(&Json::Array(vec![vector]));
    let result = results
        .as_array()
        .and_then(|results| results.first())
        .context("there is no result")?;
    if let Some(result) = result.get("result") {
        say(&format!("{}\n", result.to_pretty().trim_end()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let error = result.get("error").map(|error| {
        error
            .as_str()
            .map_or_else(|| error.to_string(), str::to_owned)
    });
    anyhow::bail!("{}", error.unwrap_or_default())
}

/// A file of vectors may be larger than one entity.
fn limits() -> Limits {
    Limits {
        entity_bytes: usize::MAX,
        depth: 1_000,
        ..Limits::default()
    }
}
