//! The benchmarks: what docs/benchmarks.md reports, each against a peer or a raw limit in the same run, then the crates' own.
//! Thin on purpose: the programs under tests/peers own what is measured and how.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use crate::setup::{self, Choice, Prepared, Purpose};
use crate::steps::step;

#[derive(Args)]
pub(crate) struct BenchOptions {
    /// Only this one: transform, ingest, feed, push, look-up, hops, memory, crates; or large-push, which takes minutes and is
    /// left out of a run of all
    only: Option<String>,
    /// Leave out the comparison with VRL, which takes some minutes to compile
    #[arg(long)]
    without_peers: bool,
    /// Rounds of each comparison; the median of their ratios counts
    #[arg(long, default_value_t = 7)]
    rounds: usize,
}

/// A program of the workspace of peers.
struct Program {
    package: &'static str,
    /// Profile of cargo, which is also the folder's name.
    profile: &'static str,
    name: &'static str,
}

const TRANSFORM: Program = Program {
    package: "sluice-peers-transform",
    profile: "release",
    name: "transform",
};
const STORED: Program = Program {
    package: "sluice-peers-store",
    profile: "hub",
    name: "stored",
};
const SERVED: Program = Program {
    package: "sluice-peers-hub",
    profile: "hub",
    name: "served",
};

/// Entities in the comparisons that hold all of them in memory.
const ENTITIES: &str = "50000";

/// The comparisons, then the crates' own benchmarks, which find what made a comparison worse.
pub(crate) fn bench(options: &BenchOptions, choice: Choice) -> Result<()> {
    let prepared = setup::prepare(choice, Purpose::Build)?;
    let is_wanted = |name: &str| options.only.as_deref().is_none_or(|only| only == name);
    let rounds = options.rounds.to_string();
    if is_wanted("transform") && !options.without_peers {
        let program = build(&prepared, &TRANSFORM)?;
        measure(&prepared, &program, &["20000", &rounds])?;
    }
    let by_the_store = ["ingest", "feed", "push"];
    let by_the_hub = ["push", "feed", "look-up", "hops", "memory"];
    if by_the_store.into_iter().any(is_wanted) {
        let program = build(&prepared, &STORED)?;
        for name in by_the_store.into_iter().filter(|name| is_wanted(name)) {
            measure(&prepared, &program, &[name, ENTITIES, &rounds])?;
        }
    }
    let is_large_push = options.only.as_deref() == Some("large-push");
    if by_the_hub.into_iter().any(is_wanted) || is_large_push {
        let program = build(&prepared, &SERVED)?;
        if is_large_push {
            measure(&prepared, &program, &["large-push"])?;
        }
        for name in by_the_hub.into_iter().filter(|name| is_wanted(name)) {
            measure(&prepared, &program, &[name, &rounds])?;
        }
    }
    if is_wanted("crates") {
        crates(&prepared)?;
    }
    Ok(())
}

/// Compiles the program's package and gives the program's path. Peers have a target folder of their own: what they pull in
/// must not make the product compile again.
fn build(prepared: &Prepared, program: &Program) -> Result<PathBuf> {
    let target = Path::new(prepared.variable("CARGO_TARGET_DIR")?).with_file_name("peers");
    step(&format!("compile {}", program.package), || {
        let mut build = prepared.cargo();
        build
            .args(["build", "--locked", "--profile", program.profile])
            .args(["--package", program.package, "--manifest-path"])
            .arg(prepared.root.join("tests/peers/Cargo.toml"))
            .env("CARGO_TARGET_DIR", &target);
        crate::command::run(&mut build)
    })?;
    Ok(target.join(program.profile).join(program.name))
}

fn measure(prepared: &Prepared, program: &Path, arguments: &[&str]) -> Result<()> {
    step(&arguments.join(" "), || {
        let mut run = prepared.program(std::process::Command::new(program));
        // The hub is compiled beside the program that measures it.
        run.args(arguments)
            .env("SLUICE_BINARY", program.with_file_name("sluice"));
        crate::command::run(&mut run)
    })
}

fn crates(prepared: &Prepared) -> Result<()> {
    step("benchmarks of the crates", || {
        let mut bench = prepared.cargo();
        bench.args(["bench", "--locked"]);
        for (package, name) in [
            ("sluice-entity", "entity"),
            ("sluice-dtl", "transform"),
            ("sluice-store", "ingest_and_feed"),
        ] {
            bench.args(["--package", package, "--bench", name]);
        }
        crate::command::run(&mut bench)
    })
}
