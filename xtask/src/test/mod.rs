//! `cargo xtask test [PART]`: everything that continuous integration runs, fast parts first.
//! A part that fails does not keep the others from running; the summary names it.

mod clusters;
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
    /// Run only this part; `full` is run only if it is named: what takes minutes on a cluster
    #[arg(value_parser = PARTS.iter().map(|part| part.name).collect::<Vec<_>>())]
    part: Option<String>,
}

struct Part {
    name: &'static str,
    check: fn(&Prepared) -> Result<Verdict>,
    /// A part that has to pass before.
    after: Option<&'static str>,
    /// It takes too long to be run unless it is named.
    is_long: bool,
}

/// How a part that did not fail has ended.
enum Verdict {
    Passed,
    /// Something that it needs cannot be had on this machine.
    Skipped(String),
}

const PARTS: &[Part] = &[
    part("format", |prepared| format(prepared).map(passed)),
    part("tidy", |_| tidy::check().map(passed)),
    part("layers", |_| layers::check().map(passed)),
    part("lint", |prepared| lint(prepared).map(passed)),
    part("codegen", |prepared| codegen::check(prepared).map(passed)),
    part(TESTS, |prepared| tests(prepared).map(passed)),
    part("deny", |prepared| deny::check_rules(prepared).map(passed)),
    part("fuzz", |prepared| {
        full_length::check_fuzz_targets(prepared).map(passed)
    }),
    // A cluster's programs take a quarter of an hour to build: not for something that has failed already.
    part("control-plane", clusters::control_plane).after(TESTS),
    part("cluster", clusters::full).after(TESTS),
    part("full", clusters::long).only_by_name(),
];

const TESTS: &str = "tests";

const fn part(name: &'static str, check: fn(&Prepared) -> Result<Verdict>) -> Part {
    Part {
        name,
        check,
        after: None,
        is_long: false,
    }
}

fn passed((): ()) -> Verdict {
    Verdict::Passed
}

/// What cannot be checked here is said loudly, and is a failure in continuous integration.
fn skip(why: String) -> Result<Verdict> {
    judge_skip(why, is_ci())
}

fn judge_skip(why: String, is_ci: bool) -> Result<Verdict> {
    if is_ci {
        bail!("{why}");
    }
    println!("!!! {why}");
    Ok(Verdict::Skipped(why))
}

/// Whether this is continuous integration, where nothing may be left out.
fn is_ci() -> bool {
    ["CI", "SLUICE_CI"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

pub(crate) fn test(options: &Options, choice: Choice) -> Result<()> {
    let prepared = setup::prepare(choice, Purpose::Test)?;
    let wanted = |part: &&Part| match &options.part {
        Some(name) => name == part.name,
        None => !part.is_long,
    };
    let mut outcomes: Vec<Outcome> = Vec::new();
    for part in PARTS.iter().filter(wanted) {
        let outcome = part.run(&prepared, &outcomes);
        outcomes.push(outcome);
    }
    summarise(&outcomes)
}

struct Outcome {
    name: &'static str,
    took: Duration,
    verdict: Result<Verdict>,
}

impl Part {
    const fn after(mut self, name: &'static str) -> Part {
        self.after = Some(name);
        self
    }

    const fn only_by_name(mut self) -> Part {
        self.is_long = true;
        self
    }

    fn run(&self, prepared: &Prepared, before: &[Outcome]) -> Outcome {
        println!("\n==> {}", self.name);
        let started = Instant::now();
        let mut earlier = before.iter().filter(|one| Some(one.name) == self.after);
        let verdict = match earlier.find(|one| one.verdict.is_err()) {
            Some(failed) => Err(anyhow::anyhow!("not run, because {} failed", failed.name)),
            None => (self.check)(prepared),
        };
        let outcome = Outcome {
            name: self.name,
            took: started.elapsed(),
            verdict,
        };
        if let Err(cause) = &outcome.verdict {
            println!("{cause:#}");
        }
        println!(
            "    {}: {} {}",
            self.name,
            outcome.word(),
            Took(outcome.took)
        );
        outcome
    }
}

impl Outcome {
    fn word(&self) -> &'static str {
        match &self.verdict {
            Ok(Verdict::Passed) => "passed in",
            Ok(Verdict::Skipped(_)) => "SKIPPED after",
            Err(_) => "FAILED after",
        }
    }
}

fn summarise(outcomes: &[Outcome]) -> Result<()> {
    println!("\n==> summary");
    for outcome in outcomes {
        println!(
            "    {:<13} {} {}",
            outcome.name,
            outcome.word(),
            Took(outcome.took)
        );
        if let Ok(Verdict::Skipped(why)) = &outcome.verdict {
            println!("    !!! {why}");
        }
    }
    let failed: Vec<&str> = outcomes
        .iter()
        .filter(|outcome| outcome.verdict.is_err())
        .map(|outcome| outcome.name)
        .collect();
    let is_skipped = |outcome: &&Outcome| matches!(outcome.verdict, Ok(Verdict::Skipped(_)));
    let skipped = outcomes.iter().filter(is_skipped).count();
    println!(
        "parts: {} passed, {} failed, {skipped} skipped",
        outcomes.len() - failed.len() - skipped,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(name: &'static str, verdict: Result<Verdict>) -> Outcome {
        Outcome {
            name,
            took: Duration::ZERO,
            verdict,
        }
    }

    #[test]
    fn what_cannot_be_checked_is_a_failure_in_continuous_integration_only() {
        let why = || "NO CLUSTER: no Go".to_owned();
        assert!(matches!(judge_skip(why(), false), Ok(Verdict::Skipped(said)) if said == why()));
        assert!(judge_skip(why(), true).is_err());
    }

    #[test]
    fn parts_that_were_skipped_do_not_fail_the_whole_and_those_that_failed_do() {
        let skipped = || outcome("cluster", Ok(Verdict::Skipped("NO CLUSTER".to_owned())));
        assert!(summarise(&[outcome("lint", Ok(Verdict::Passed)), skipped()]).is_ok());
        let failed = outcome("lint", Err(anyhow::anyhow!("a warning")));
        let said = summarise(&[failed, skipped()]).unwrap_err().to_string();
        assert!(said.contains("failed: lint"), "{said}");
    }
}
