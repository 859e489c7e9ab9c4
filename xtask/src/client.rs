//! `cargo xtask client --client CHECKOUT`: the existing command line client against a fresh hub: its own two tests,
//! then its commands on the sample. Prints a table and fails if a row failed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::command::run;
use crate::hub::{Hub, tail};
use crate::setup::{self, Choice, Purpose};
use crate::steps::{Took, step};
use crate::stop_signal::StopSignal;

#[derive(Args)]
pub(crate) struct Options {
    /// The client's sources: a work tree, or a git repository without one
    #[arg(long)]
    client: PathBuf,
}

/// The client's own tests, each a script that runs in its folder.
const OWN_TESTS: &[&str] = &["fair_weather_test", "embedded_conversion_test"];

/// What the client's own tests print when a call failed and they try again: here that is a failure.
const TRIED_AGAIN: &str = "Command failed. Attempt";

/// The client's commands on the sample, in order, and what each says when all is well: `status` ends well also when
/// configurations differ. The first `verify` is against the files of this tree, the second against those that `update` wrote.
const COMMANDS: &[(&str, &str)] = &[
    ("upload", "Config uploaded successfully"),
    ("status", "Sesam config is up-to-date with local config!"),
    ("run", "Successfully ran all pipes to completion"),
    ("verify", "All tests passed! Ran 4 tests."),
    ("update", "4 tests updated!"),
    ("verify", "All tests passed! Ran 4 tests."),
    ("test", "Test was successful!"),
    ("dump", "Total run time"),
    ("reset", "Successfully reset target node!"),
];

struct Row {
    name: String,
    took: Duration,
    log: PathBuf,
    passed: bool,
}

pub(crate) fn client(options: &Options, choice: Choice) -> Result<()> {
    let mut stop = StopSignal::catch()?;
    let prepared = setup::prepare(choice, Purpose::Client)?;
    let binary = prepared.hub_binary()?;
    let scratch = prepared.cache.client_run()?;
    let client = step("the client and its Python environment", || {
        Client::install(&options.client, &scratch)
    })?;
    let mut rows = own_tests(&binary, &client, &scratch, &mut stop)?;
    rows.extend(commands_on_the_sample(
        &prepared.root,
        &binary,
        &client,
        &scratch,
        &mut stop,
    )?);
    summarise(&rows)
}

/// An installed client.
struct Client {
    python: PathBuf,
    sources: PathBuf,
}

impl Client {
    fn install(checkout: &Path, scratch: &Path) -> Result<Self> {
        let sources = scratch.join("client");
        copy_sources(checkout, &sources)?;
        let environment = scratch.join("venv");
        run(Command::new("python3")
            .args(["-m", "venv"])
            .arg(&environment))?;
        let python = environment.join("bin/python");
        let requirements = sources.join("requirements.txt");
        run(Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "-r"])
            .arg(requirements))?;
        Ok(Self { python, sources })
    }

    fn program(&self) -> String {
        format!(
            "{} {}",
            self.python.display(),
            self.sources.join("sesam.py").display()
        )
    }
}

/// A copy that the tests may change. A repository without a work tree is read with git.
fn copy_sources(checkout: &Path, sources: &Path) -> Result<()> {
    fs::create_dir_all(sources).with_context(|| format!("could not make {}", sources.display()))?;
    if checkout.join("sesam.py").is_file() {
        return run(Command::new("cp")
            .arg("-R")
            .arg(checkout.join("."))
            .arg(sources));
    }
    let archive = sources.with_extension("tar");
    run(Command::new("git")
        .arg("-C")
        .arg(checkout)
        .args(["archive", "--format", "tar", "--output"])
        .arg(&archive)
        .arg("HEAD"))?;
    run(Command::new("tar")
        .arg("-xf")
        .arg(&archive)
        .arg("-C")
        .arg(sources))
}

fn own_tests(
    binary: &Path,
    client: &Client,
    scratch: &Path,
    stop: &mut StopSignal,
) -> Result<Vec<Row>> {
    let hub = start_hub(binary, scratch, "own-tests", stop)?;
    let mut rows = Vec::new();
    for name in OWN_TESTS {
        let mut script = Command::new("bash");
        script
            .arg("run_test.sh")
            .current_dir(client.sources.join("tests").join(name));
        script
            .env("SESAM_CLIENT", client.program())
            .env("NODE_URL", hub.url())
            .env("PUBLIC_CI_TOKEN", hub.token());
        let at_once = |said: &str| !said.contains(TRIED_AGAIN);
        rows.push(attempt(name, &mut script, at_once, &hub, scratch)?);
    }
    Ok(rows)
}

fn commands_on_the_sample(
    root: &Path,
    binary: &Path,
    client: &Client,
    scratch: &Path,
    stop: &mut StopSignal,
) -> Result<Vec<Row>> {
    let hub = start_hub(binary, scratch, "sample", stop)?;
    let sample = scratch.join("countries");
    run(Command::new("cp")
        .arg("-R")
        .arg(root.join("examples/countries"))
        .arg(&sample))?;
    let mut rows = Vec::new();
    for (number, (name, good_news)) in COMMANDS.iter().enumerate() {
        let mut command = Command::new(&client.python);
        command
            .arg(client.sources.join("sesam.py"))
            .arg("-v")
            .arg(name)
            .current_dir(&sample);
        command.env("NODE", hub.url()).env("JWT", hub.token());
        let row = format!("{name} ({} of {})", number + 1, COMMANDS.len());
        let is_well = |said: &str| said.contains(good_news);
        rows.push(attempt(&row, &mut command, is_well, &hub, scratch)?);
    }
    Ok(rows)
}

fn start_hub(binary: &Path, scratch: &Path, name: &str, stop: &mut StopSignal) -> Result<Hub> {
    step(&format!("a fresh hub for {name}"), || {
        Hub::start(
            binary,
            &scratch.join(format!("hub-{name}")),
            "127.0.0.1:0",
            stop,
        )
    })
}

/// Runs one of the client's programs; it passes if it ends well and `is_well` agrees with what it said.
fn attempt(
    name: &str,
    command: &mut Command,
    is_well: impl Fn(&str) -> bool,
    hub: &Hub,
    scratch: &Path,
) -> Result<Row> {
    println!("==> {name}");
    let log = scratch.join(format!("{}.log", name.replace([' ', '(', ')'], "-")));
    let output = File::create(&log).with_context(|| format!("could not make {}", log.display()))?;
    let errors = output
        .try_clone()
        .with_context(|| format!("could not share {}", log.display()))?;
    command
        .env("REQUESTS_CA_BUNDLE", hub.ca())
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors);
    let started = Instant::now();
    let status = command
        .status()
        .with_context(|| format!("could not start {name}"))?;
    let took = started.elapsed();
    let said =
        fs::read_to_string(&log).with_context(|| format!("could not read {}", log.display()))?;
    let row = Row {
        name: name.to_owned(),
        took,
        log,
        passed: status.success() && is_well(&said),
    };
    println!("    {name}: {} {}", row.verdict(), Took(row.took));
    if !row.passed {
        println!("{}", tail(&row.log));
    }
    Ok(row)
}

impl Row {
    fn verdict(&self) -> &'static str {
        if self.passed {
            "passed in"
        } else {
            "FAILED after"
        }
    }
}

fn summarise(rows: &[Row]) -> Result<()> {
    println!("\n==> summary");
    for row in rows {
        println!("    {:<28} {} {}", row.name, row.verdict(), Took(row.took));
    }
    let failed: Vec<String> = rows
        .iter()
        .filter(|row| !row.passed)
        .map(|row| format!("{} ({})", row.name, row.log.display()))
        .collect();
    println!(
        "client: {} passed, {} failed",
        rows.len() - failed.len(),
        failed.len()
    );
    if failed.is_empty() {
        return Ok(());
    }
    bail!("failed: {}", failed.join(", "))
}
