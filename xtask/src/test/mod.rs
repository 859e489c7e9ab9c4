//! `cargo xtask test [PART]`: everything that continuous integration runs, fast parts first.
//! A part that fails does not keep the others from running; the summary names it.

mod conformance;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::command::run;
use crate::setup::{self, Choice, Prepared, Purpose};
use crate::steps::Took;
use crate::{codegen, deny, full_length, layers, tidy};

#[derive(Args)]
pub(crate) struct Options {
    /// Run only this part
    #[arg(value_parser = PARTS.iter().map(|part| part.name).collect::<Vec<_>>())]
    part: Option<String>,
}

struct Part {
    name: &'static str,
    check: fn(&Prepared) -> Result<()>,
}

const PARTS: &[Part] = &[
    Part {
        name: "format",
        check: format,
    },
    Part {
        name: "tidy",
        check: |_| tidy::check(),
    },
    Part {
        name: "layers",
        check: |_| layers::check(),
    },
    Part {
        name: "lint",
        check: lint,
    },
    Part {
        name: "codegen",
        check: codegen::check,
    },
    Part {
        name: "tests",
        check: tests,
    },
    Part {
        name: "deny",
        check: deny::check_rules,
    },
    Part {
        name: "fuzz",
        check: full_length::check_fuzz_targets,
    },
];

pub(crate) fn test(options: &Options, choice: Choice) -> Result<()> {
    let prepared = setup::prepare(choice, Purpose::Test)?;
    let wanted = |part: &&Part| options.part.as_ref().is_none_or(|name| name == part.name);
    let outcomes: Vec<Outcome> = PARTS
        .iter()
        .filter(wanted)
        .map(|part| part.run(&prepared))
        .collect();
    summarise(&outcomes)
}

struct Outcome {
    name: &'static str,
    took: Duration,
    failure: Option<anyhow::Error>,
}

impl Part {
    fn run(&self, prepared: &Prepared) -> Outcome {
        println!("\n==> {}", self.name);
        let started = Instant::now();
        let failure = (self.check)(prepared).err();
        let outcome = Outcome {
            name: self.name,
            took: started.elapsed(),
            failure,
        };
        if let Some(cause) = &outcome.failure {
            println!("{cause:#}");
        }
        println!(
            "    {}: {} {}",
            self.name,
            outcome.verdict(),
            Took(outcome.took)
        );
        outcome
    }
}

impl Outcome {
    fn verdict(&self) -> &'static str {
        if self.failure.is_some() {
            "FAILED after"
        } else {
            "passed in"
        }
    }
}

fn summarise(outcomes: &[Outcome]) -> Result<()> {
    println!("\n==> summary");
    for outcome in outcomes {
        println!(
            "    {:<8} {} {}",
            outcome.name,
            outcome.verdict(),
            Took(outcome.took)
        );
    }
    let failed: Vec<&str> = outcomes
        .iter()
        .filter(|outcome| outcome.failure.is_some())
        .map(|outcome| outcome.name)
        .collect();
    println!(
        "parts: {} passed, {} failed",
        outcomes.len() - failed.len(),
        failed.len()
    );
    if failed.is_empty() {
        return Ok(());
    }
    bail!(
        "failed: {} (run one alone with `cargo xtask test {}`)",
        failed.join(", "),
        failed[0]
    )
}

fn format(prepared: &Prepared) -> Result<()> {
    run(prepared.cargo().args(["fmt", "--all", "--check"]))
}

fn lint(prepared: &Prepared) -> Result<()> {
    run(prepared.cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "--deny",
        "warnings",
    ]))
}

/// Unit, documentation and system tests. The system tests start the hub, and us as the server of the sample's tables, as
/// processes of their own.
fn tests(prepared: &Prepared) -> Result<()> {
    let binary = prepared.hub_binary()?;
    let ourselves = std::env::current_exe().context("could not find our own program")?;
    let mut tests = prepared.cargo();
    tests
        .args(["test", "--workspace", "--locked", "--no-fail-fast"])
        .env("SLUICE_BINARY", binary)
        .env("SLUICE_XTASK", ourselves);
    if let Some(folder) = conformance::folder(&prepared.root)? {
        tests.env(conformance::VARIABLE, folder);
    }
    run(&mut tests)
}
