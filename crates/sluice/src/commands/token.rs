//! `sluice token`: make, take back and list the tokens of a hub, running or not.

use super::say;
use anyhow::Result;
use clap::{Arg, ArgMatches, Command, value_parser};
use jiff::Timestamp;
use sluice_identity::{IssuedToken, Lifetime, Revoked, TokenAuthority};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(crate) fn command() -> Command {
    let data = || {
        let help = "The hub's data folder";
        Arg::new("data")
            .long("data")
            .value_name("DIR")
            .required(true)
            .value_parser(value_parser!(PathBuf))
            .help(help)
    };
    let create = Command::new("create")
        .about("Print a new token and nothing else. Works while the hub runs")
        .arg(data())
        .arg(
            Arg::new("name")
                .long("name")
                .required(true)
                .help("Who or what the token is for; shown in logs and histories"),
        )
        .arg(
            Arg::new("expires")
                .long("expires")
                .value_name("TIME")
                .default_value("90d")
                .value_parser(|text: &str| text.parse::<Lifetime>())
                .help("How long it is valid: 30d, 12h, 1y"),
        );
    let revoke = Command::new("revoke")
        .about("Take a token back. A running hub refuses it within a second")
        .arg(data())
        .arg(
            Arg::new("jti")
                .value_name("ID")
                .required(true)
                .help("The token's id, see `sluice token list`"),
        );
    let list = Command::new("list")
        .about("List the tokens that were made: id, state, end, name")
        .arg(data());
    Command::new("token")
        .about("Make, take back and list the tokens that callers of the API need")
        .subcommand_required(true)
        .subcommands([create, revoke, list])
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode> {
    match matches.subcommand() {
        Some(("create", matches)) => {
            let lifetime = matches
                .get_one::<Lifetime>("expires")
                .copied()
                .unwrap_or(Lifetime::DEFAULT);
            let token =
                authority(matches).create(text(matches, "name"), lifetime, Timestamp::now())?;
            say(&format!("{token}\n"))?;
        }
        Some(("revoke", matches)) => {
            let jti = text(matches, "jti");
            if authority(matches).revoke(jti, Timestamp::now())? == Revoked::NotOnRecord {
                let note = format!(
                    "sluice: no token with the id {jti} was made in this folder; if there is one, it is refused now"
                );
                let _ = writeln!(std::io::stderr(), "{note}");
            }
        }
        Some(("list", matches)) => {
            let now = Timestamp::now().as_second();
            let lines = authority(matches)
                .list()?
                .iter()
                .map(|token| line(token, now))
                .collect::<String>();
            say(&lines)?;
        }
        _ => anyhow::bail!("this token command is not known"),
    }
    Ok(ExitCode::SUCCESS)
}

fn line(token: &IssuedToken, now: i64) -> String {
    let state = match token {
        _ if token.revoked => "revoked",
        _ if token.exp <= now => "expired",
        _ => "valid",
    };
    let end = Timestamp::from_second(token.exp)
        .map(|end| end.to_string())
        .unwrap_or_default();
    format!("{}  {state:7}  {end}  {}\n", token.jti, token.sub)
}

fn authority(matches: &ArgMatches) -> TokenAuthority {
    TokenAuthority::new(
        matches
            .get_one::<PathBuf>("data")
            .map_or(Path::new("."), PathBuf::as_path),
    )
}

fn text<'a>(matches: &'a ArgMatches, name: &str) -> &'a str {
    matches.get_one::<String>(name).map_or("", String::as_str)
}
