//! `sluice certificates`: the authorities of a hub whose roles run as processes of their own without Kubernetes, where the
//! operator makes them.

use super::say;
use anyhow::{Context, Result};
use clap::{Arg, ArgMatches, Command, value_parser};
use jiff::Timestamp;
use sluice_identity::{Bootstrap, RootAuthority, replace_private};
use std::io::ErrorKind;
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
    let bootstrap = Command::new("bootstrap")
        .about("Make a secret that lets instances of a role have their first certificate, and print it")
        .args([
            Arg::new("role")
                .long("role")
                .value_name("ROLE")
                .required(true)
                .help("worker, aggregator or operator"),
            Arg::new("ids")
                .long("ids")
                .value_name("ID")
                .required(true)
                .help("Whom it is for: an id, or all that begin with something: pool-a-*"),
            Arg::new("add-to")
                .long("add-to")
                .value_name("FILE")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("Gets a line that the storage node knows the secret by (--bootstraps); the secret is not in it"),
        ]);
    Command::new("certificates")
        .about("Make the authorities behind the certificates that roles show each other")
        .subcommand_required(true)
        .subcommands([root, intermediate, bootstrap])
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode> {
    match matches.subcommand() {
        Some(("root", matches)) => say(&root(matches)?.certificate_pem())?,
        Some(("intermediate", matches)) => {
            let files = root(matches)?.intermediate(Timestamp::now())?;
            files.save(path(matches, "out"))?;
        }
        Some(("bootstrap", matches)) => {
            let text = |name| matches.get_one::<String>(name).map_or("", String::as_str);
            let (known, secret) = Bootstrap::generate(text("role").parse()?, text("ids"))?;
            let file = path(matches, "add-to");
            let mut lines = match std::fs::read_to_string(file) {
                Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
                read => read.with_context(|| format!("cannot read {}", file.display()))?,
            };
            lines.push_str(&serde_json::to_string(&known)?);
            lines.push('\n');
            replace_private(file, lines.as_bytes())?;
            say(&format!("{}\n", secret.as_str()))?;
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
