//! The walk of the README on Kubernetes, as it stands there: install, apply, push and read, test, upgrade, uninstall.

use sluice_tests::child::binary;
use sluice_tests::kubernetes::{Cluster, definitions, until};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Until what ends has ended.
const LIMIT: Duration = Duration::from_secs(60);

/// What a user would type: the shell blocks below the heading, in their order.
fn script() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("README.md")).unwrap();
    let walk = page.split("## On Kubernetes").nth(1).unwrap();
    let walk = walk.split("\n## ").next().unwrap();
    let blocks = walk.split("```sh\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_walk_says_is_what_happens() {
    let _shared = crate::peace::shared();
    let cluster = Cluster::of_environment().unwrap();
    // As the walk does it; other tests need them at the same time.
    definitions(&cluster).await.unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in ["charts", "examples"] {
        std::os::unix::fs::symlink(root.join(name), folder.path().join(name)).unwrap();
    }
    let programs = folder.path().join("programs");
    std::fs::create_dir(&programs).unwrap();
    std::os::unix::fs::symlink(binary().unwrap(), programs.join("sluice")).unwrap();
    let script = format!(
        "set -euxo pipefail\ntrap 'kill $(jobs -p)' EXIT\n{}",
        script()
    );
    let mut bash = Command::new("timeout");
    bash.args(["--kill-after", "10", "420", "bash", "-c", &script])
        .current_dir(folder.path());
    cluster.environment(&mut bash, &[&programs]);
    let output = bash.output().unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.success(),
        "{}: {said}\n{}",
        output.status,
        cluster.report("hub")
    );
    for expected in [
        "ADA",
        "was read again",
        "hub-storage-node-1",
        "hub-token-key",
    ] {
        assert!(said.contains(expected), "{expected} in {said}");
    }
    // What was installed and made is gone; what the walk names is left.
    // Pods of a Deployment that is gone may still be ending.
    until("nothing is left", LIMIT, || async {
        let kinds = "pods,deployments,services,networkpolicies,roles,serviceaccounts,\
                     leases,datahubs,workerpools,workers";
        let get = ["--namespace", "hub", "get", kinds, "--output", "name"];
        let left = cluster.kubectl().args(get).output().unwrap();
        let left = String::from_utf8(left.stdout).unwrap();
        let left: Vec<&str> = left
            .lines()
            .filter(|name| *name != "serviceaccount/default")
            .collect();
        (!left.is_empty()).then(|| left.join(", "))
    })
    .await
    .unwrap();
}
