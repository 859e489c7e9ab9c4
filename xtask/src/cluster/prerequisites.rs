//! What a cluster needs of the machine: said in one go and loudly, before anything is started.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::cgroups;
use super::state::Tier;
use crate::command::output;
use crate::setup::{Choice, Prerequisite, Programs};

/// Older ones do not build the pinned modules.
const OLDEST_GO: (u32, u32) = (1, 26);

/// Brings what can be brought and refuses when something is missing.
pub(super) fn provide(tier: Tier, choice: Choice) -> Result<Programs> {
    if let Some(missing) = missing(tier) {
        bail!("{missing}\nOr set KUBECONFIG to use a cluster of yours.");
    }
    let wanted = match tier {
        Tier::ControlPlane => Prerequisite::CONTROL_PLANE,
        Tier::Full => Prerequisite::NODES,
    };
    Programs::provide(choice, wanted)
}

/// What is missing that nobody but the user can bring; `None`: nothing.
pub(crate) fn missing(tier: Tier) -> Option<String> {
    let missing = list(tier);
    (!missing.is_empty()).then(|| {
        format!(
            "NO CLUSTER: this machine lacks what `--tier {}` needs:\n  {}",
            tier.name(),
            missing.join("\n  ")
        )
    })
}

fn list(tier: Tier) -> Vec<String> {
    let mut missing = Vec::new();
    if let Err(why) = go() {
        missing.push(why);
    }
    if tier == Tier::Full {
        if !rustix::process::geteuid().is_root() {
            missing.push("root: run it as root (`--tier control-plane` does without)".to_owned());
        }
        for program in ["nsenter", "unshare", "mount"] {
            if output(Command::new(program).arg("--version")).is_err() {
                missing.push(format!("{program} (package util-linux or mount)"));
            }
        }
        for hierarchy in cgroups::missing() {
            missing.push(format!(
                "the control group hierarchy {hierarchy} in version 1, mounted at {}",
                cgroups::MOUNTED_AT
            ));
        }
        if !Path::new("/proc/sys/net/bridge/bridge-nf-call-iptables").exists() {
            missing.push("the kernel's br_netfilter (try `modprobe br_netfilter`)".to_owned());
        }
    }
    missing
}

fn go() -> Result<(), String> {
    let (major, minor) = OLDEST_GO;
    let wanted = format!("Go {major}.{minor} or newer on the PATH");
    let printed = output(
        Command::new("go")
            .args(["env", "GOVERSION"])
            .env("GOTOOLCHAIN", "local"),
    )
    .map_err(|_| format!("{wanted}: there is none"))?;
    match version(printed.trim()) {
        Some(found) if found >= OLDEST_GO => Ok(()),
        _ => Err(format!("{wanted}: there is {}", printed.trim())),
    }
}

/// Of `go1.26.8`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix("go")?.split('.');
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?;
    let end = minor
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(minor.len());
    Some((major, minor[..end].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_go_are_compared_by_number() {
        assert_eq!(version("go1.26.8"), Some((1, 26)));
        assert_eq!(version("go1.27rc1"), Some((1, 27)));
        assert_eq!(version("devel"), None);
        assert!(version("go1.9.1") < Some(OLDEST_GO));
    }
}
