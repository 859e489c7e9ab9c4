//! `sluice certificates`: the authorities of a hub whose roles run as processes of their own without Kubernetes, where the
//! operator makes them.

use super::say;
use anyhow::{Context, Result};
use clap::{Arg, ArgMatches, Command, value_parser};
use jiff::Timestamp;
use sluice_identity::RootAuthority;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(crate) fn command() -> Command {
    let hub = || {
        Arg::new("hub")
            .long("hub")
            .value_name("NAME")
            .required(true)
            .help("The hub's name, which is part of every role's identity")
    };
    let folder = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name("DIR")
            .required(true)
            .value_parser(value_parser!(PathBuf))
            .help(help)
    };
    let keep = "Where the root authority and its key are kept; for you only";
    let root = Command::new("root")
        .about(
            "Print the certificate that all roles trust. The first time, make the root authority",
        )
        .args([hub(), folder("dir", keep)]);
    let intermediate = Command::new("intermediate")
        .about("Make an authority of 30 days for the storage node, which signs the roles' certificates with it")
        .args([
            hub(),
            folder("dir", keep),
            folder("out", "Gets tls.crt, tls.key and ca.crt; for the storage node only"),
        ]);
    Command::new("certificates")
        .about("Make the authorities behind the certificates that roles show each other")
        .subcommand_required(true)
        .subcommands([root, intermediate])
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode> {
    match matches.subcommand() {
        Some(("root", matches)) => say(&root(matches)?.certificate_pem())?,
        Some(("intermediate", matches)) => {
            let files = root(matches)?.intermediate(Timestamp::now())?;
            files.save(path(matches, "out"))?;
        }
        _ => anyhow::bail!("this certificates command is not known"),
    }
    Ok(ExitCode::SUCCESS)
}

fn root(matches: &ArgMatches) -> Result<RootAuthority> {
    let hub = matches.get_one::<String>("hub").map_or("", String::as_str);
    RootAuthority::open_or_create(path(matches, "dir"), hub, Timestamp::now())
        .context("there is no root authority to work with")
}

fn path<'a>(matches: &'a ArgMatches, name: &str) -> &'a Path {
    matches
        .get_one::<PathBuf>(name)
        .map_or(Path::new("."), PathBuf::as_path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_identity::{CertificateIssuer, IntermediateFiles};

    fn run_with(arguments: &[&str]) -> Result<ExitCode> {
        run(&command().get_matches_from(arguments))
    }

    #[test]
    fn storage_node_gets_an_authority_under_the_hubs_one_root() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (dir, first, second) = (at("root"), at("first"), at("second"));
        for out in [&first, &second] {
            let words = ["certificates", "intermediate", "--hub", "hub"];
            run_with(&[&words[..], &["--dir", &dir, "--out", out]].concat()).unwrap();
        }
        run_with(&["certificates", "root", "--hub", "hub", "--dir", &dir]).unwrap();
        let trust = |out: &str| {
            let files = IntermediateFiles::load(Path::new(out)).unwrap();
            let life = CertificateIssuer::LIFETIME;
            let issuer = CertificateIssuer::new("hub", &files, None, life).unwrap();
            issuer.trust().clone()
        };
        assert_eq!(trust(&first), trust(&second));
    }

    #[test]
    fn odd_name_of_a_hub_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().to_str().unwrap();
        let refused = run_with(&["certificates", "root", "--hub", "My Hub", "--dir", dir]);
        assert!(format!("{:#}", refused.unwrap_err()).contains("the hub's name \"My Hub\""));
    }
}
