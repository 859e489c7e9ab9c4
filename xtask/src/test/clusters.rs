//! The parts that need a real Kubernetes: one cluster of each tier for all tests of it, started here, always taken down.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Verdict, conformance};
use crate::cluster::{self, Tier};
use crate::command::run;
use crate::fingerprint::fingerprint;
use crate::image;
use crate::moto;
use crate::setup::Prepared;
use crate::steps::step;

/// Names the cluster to the tests, which ask `cargo xtask cluster` for everything else.
const CLUSTER: &str = "SLUICE_CLUSTER";
/// The name of the hub's image in it.
const IMAGE: &str = "SLUICE_IMAGE";
/// The same hub as another version is: what it is upgraded to.
const NEXT_IMAGE: &str = "SLUICE_NEXT_IMAGE";
const NEXT: &str = "sluice.test/sluice:next";
/// It reads the next format too, and writes it when it is finalized.
const NEXT_FORMAT: &str = "SLUICE_TEST_NEXT_FORMAT=2";
/// The program of the tests that is a microservice in it, and its image there.
const ECHO: &str = "sluice-test-echo";
const ECHO_IMAGE: &str = "sluice.test/echo:1";

/// etcd and API server: what needs no pods.
pub(super) fn control_plane(prepared: &Prepared) -> Result<Verdict> {
    let targets = ["--test", "operator", "--test", "resources"];
    in_cluster(prepared, Tier::ControlPlane, &targets, &[], &["--audit"])
}

/// The tests of the same tier that take minutes each, one after the other.
pub(super) fn long(prepared: &Prepared) -> Result<Verdict> {
    let targets = ["--test", "resources"];
    let only = ["--ignored", "--test-threads", "1"];
    in_cluster(prepared, Tier::ControlPlane, &targets, &only, &["--audit"])
}

/// Nodes that run the hub's image.
pub(super) fn full(prepared: &Prepared) -> Result<Verdict> {
    let more = ["--audit", "--nodes", "3", "--volumes", "16"];
    in_cluster(prepared, Tier::Full, &["--test", "cluster"], &[], &more)
}

/// `only` are options of the test program, `more` those of `cluster up`.
fn in_cluster(
    prepared: &Prepared,
    tier: Tier,
    targets: &[&str],
    only: &[&str],
    more: &[&str],
) -> Result<Verdict> {
    if let Some(why) = cluster::missing(tier) {
        return super::skip(why);
    }
    let binary = prepared.hub_binary()?;
    let id = id(&prepared.root, tier);
    let scratch = tempfile::tempdir().context("could not make a scratch folder")?;
    let mut up = ours(&id, &["up", "--tier", tier.name()])?;
    up.args(more);
    let mut program = cargo_test(prepared, targets)?;
    match only {
        // A few at a time: each has processes of its own.
        [] => program.args(["--test-threads", "4"]),
        only => program.args(only),
    };
    program.env("SLUICE_BINARY", &binary).env(CLUSTER, &id);
    if tier == Tier::Full {
        let archive = scratch.path().join("sluice.tar");
        image::pack(&binary, image::DEFAULT_NAME, &[], &archive)?;
        up.arg("--image").arg(&archive);
        let next = scratch.path().join("next.tar");
        image::pack(&binary, NEXT, &[NEXT_FORMAT.to_owned()], &next)?;
        up.arg("--image").arg(&next);
        program.env(NEXT_IMAGE, NEXT);
        let echo = scratch.path().join("echo.tar");
        image::pack(&prepared.binary(ECHO)?, ECHO_IMAGE, &[], &echo)?;
        up.arg("--image").arg(&echo);
        program.env(IMAGE, image::DEFAULT_NAME);
        program.env(moto::VARIABLE, moto::server(prepared)?);
    }
    // Of a run that was interrupted.
    run(&mut ours(&id, &["down"])?)?;
    let tested = run(&mut up).and_then(|()| step("tests", || run(&mut program)));
    let down = run(&mut ours(&id, &["down"])?);
    match (tested, down) {
        (Ok(()), Ok(())) => Ok(Verdict::Passed),
        (Ok(()), Err(cause)) => Err(cause.context("the cluster was not taken down in order")),
        (Err(cause), Ok(())) => Err(cause),
        (Err(cause), Err(also)) => bail!("{cause:#}; and the cluster was not taken down: {also:#}"),
    }
}

/// Cargo with the packages of the part `tests`: with others, dependencies have other features and everything is compiled again.
fn cargo_test(prepared: &Prepared, targets: &[&str]) -> Result<Command> {
    let mut program = prepared.cargo();
    program
        .args(["test", "--workspace", "--locked", "--no-fail-fast"])
        .args(targets)
        .args(["--", "--nocapture"])
        .env("SLUICE_XTASK", ourselves()?);
    if let Some(folder) = conformance::folder(&prepared.root)? {
        program.env(conformance::VARIABLE, folder);
    }
    Ok(program)
}

/// Each checkout has clusters of its own.
fn id(root: &Path, tier: Tier) -> String {
    let letter = match tier {
        Tier::ControlPlane => 'c',
        Tier::Full => 'f',
    };
    let checkout = fingerprint(&[&root.to_string_lossy()]);
    format!("test-{checkout:08x}-{letter}")
}

fn ourselves() -> Result<std::path::PathBuf> {
    std::env::current_exe().context("could not find our own program")
}

/// `cargo xtask cluster` as a process: a cluster that the user has chosen is none for tests that break things.
fn ours(id: &str, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(ourselves()?);
    command
        .args(["cluster", "--id", id])
        .args(arguments)
        .env_remove("KUBECONFIG");
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_of_two_tiers_and_two_checkouts_have_names_of_their_own() {
        let (here, there) = (Path::new("/a"), Path::new("/b"));
        let ids = [
            id(here, Tier::Full),
            id(here, Tier::ControlPlane),
            id(there, Tier::Full),
        ];
        assert!(ids[0] != ids[1] && ids[0] != ids[2]);
        assert!(ids.iter().all(|id| id.len() <= 20), "{ids:?}");
    }
}
