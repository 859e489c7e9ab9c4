//! Nodes that are lost, cut off, frozen, emptied.

use super::hub::{PAIRS, SOON, test};
use super::load::Load;
use sluice_tests::kubernetes::until;
use std::time::{Duration, Instant};

/// A lease, a second, the restore.
const FAILOVER: Duration = Duration::from_secs(30);

#[test]
fn node_loss_standby_0_while_the_operator_is_absent() {
    test(|failing| async move {
        let hub = &failing.hub;
        let operator = failing.without_operator().await;
        let load = Load::begin(failing, "node");
        let (worker, pipes) = failing.busy_worker();
        let node = hub.pod(&worker).unwrap().node;
        let off = hub.cluster().power_off(&node).unwrap();
        let lost = Instant::now();
        failing.until_answers(&pipes, SOON).await;
        let away = lost.elapsed();
        println!(
            "{} pipes answered {:.1} s after their node was lost",
            pipes.len(),
            away.as_secs_f64()
        );
        assert!(away < FAILOVER, "{away:?}");
        let seen = load.end(failing).await;
        assert!(
            seen.pushes.len() > 1,
            "the node was lost: {:?}",
            seen.pushes
        );
        drop(operator);
        off.mend();
    });
}

#[test]
fn owner_that_was_cut_off_writes_nothing_any_more() {
    test(|failing| async move {
        let hub = &failing.hub;
        let load = Load::begin(failing, "cut");
        let (worker, pipes) = failing.busy_worker();
        let node = hub.pod(&worker).unwrap().node;
        let epochs: Vec<_> = pipes.iter().map(|pipe| failing.epoch(pipe)).collect();
        let cut = hub.cluster().disconnect(&node).unwrap();
        let lost = Instant::now();
        failing.until_answers(&pipes, SOON).await;
        println!(
            "{} pipes answered {:.1} s after their node was cut off",
            pipes.len(),
            lost.elapsed().as_secs_f64()
        );
        failing.push("elsewhere").await;
        failing.until_elsewhere(&pipes, &worker, &epochs).await;
        cut.mend();
        failing.until_whole().await;
        failing.push("together").await;
        load.end(failing).await;
    });
}

#[test]
fn two_writers() {
    test(|failing| async move {
        let hub = &failing.hub;
        let load = Load::begin(failing, "frozen");
        let (worker, pipes) = failing.busy_worker();
        let node = hub.pod(&worker).unwrap().node;
        let epochs: Vec<_> = pipes.iter().map(|pipe| failing.epoch(pipe)).collect();
        let frozen = hub.cluster().freeze(&node).unwrap();
        failing.until_answers(&pipes, SOON).await;
        failing.push("elsewhere").await;
        failing.until_elsewhere(&pipes, &worker, &epochs).await;
        frozen.mend();
        failing.until_whole().await;
        load.end(failing).await;
        // What the other owner was given is still there after the first one is back.
        for pipe in &pipes {
            let offsets = hub.offsets(pipe).await.unwrap();
            assert!(offsets.contains_key("elsewhere"), "{pipe}");
        }
    });
}

#[test]
fn drain() {
    test(|failing| async move {
        let hub = &failing.hub;
        let load = Load::begin(failing, "drain");
        let (worker, _) = failing.busy_worker();
        let node = hub.pod(&worker).unwrap().node;
        let cordoned = hub.cluster().cordon(&node).unwrap();
        let mut drain = hub.cluster().kubectl();
        drain.args([
            "drain",
            &node,
            "--ignore-daemonsets",
            "--delete-emptydir-data",
            "--force",
        ]);
        drain.args([
            "--timeout=120s",
            "--pod-selector=app.kubernetes.io/component=worker",
        ]);
        // A request waits for the whole of it.
        drain.arg("--request-timeout=0");
        let begun = Instant::now();
        assert!(drain.status().unwrap().success());
        println!(
            "the node was empty after {:.1} s",
            begun.elapsed().as_secs_f64()
        );
        until("no pipe is on the node", SOON, || async {
            let mut pipes = (0..PAIRS).flat_map(|n| [format!("in{n}"), format!("read{n}")]);
            pipes.find(|pipe| hub.worker_of(pipe).is_ok_and(|owner| owner == worker))
        })
        .await
        .unwrap();
        cordoned.mend();
        let seen = load.end(failing).await;
        assert_eq!(seen.reads.keys().collect::<Vec<_>>(), [&200]);
        assert!(
            seen.longest_pause < Duration::from_secs(10),
            "{:?}",
            seen.longest_pause
        );
    });
}
