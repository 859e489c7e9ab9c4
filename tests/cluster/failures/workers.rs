//! A worker that dies, and one whose disk is blank.

use super::hub::{GAP, SOON, test};
use super::load::Load;
use sluice_tests::kubernetes::until;
use std::time::{Duration, Instant};

#[test]
fn worker_kill_9() {
    test(|failing| async move {
        let hub = &failing.hub;
        let load = Load::begin(failing, "kill");
        let (worker, pipes) = failing.busy_worker();
        let pod = hub.pod(&worker).unwrap();
        hub.cluster().kill_container(&pod.node, &pod.uid).unwrap();
        until("the container was started again", SOON, || async {
            let present = hub.pod(&worker).unwrap();
            (present.restarts == pod.restarts).then(|| format!("{present:?}"))
        })
        .await
        .unwrap();
        let started = Instant::now();
        until("it reads again", SOON, || async {
            hub.offsets(&pipes[0])
                .await
                .err()
                .map(|error| error.to_string())
        })
        .await
        .unwrap();
        let took = started.elapsed();
        println!(
            "it read again {:.1} s after it was started again",
            took.as_secs_f64()
        );
        assert!(took < Duration::from_secs(5), "{took:?}");
        assert_eq!(hub.worker_of(&pipes[0]).unwrap(), worker);
        load.end(failing).await;
    });
}

#[test]
fn blank_disk_under_old_name() {
    test(|failing| async move {
        let hub = &failing.hub;
        failing.push("before").await;
        failing.until_level(SOON).await;
        let (worker, _) = failing.busy_worker();
        let before = failing.until_checkpoints().await;
        // No checkpoint has it: only the push log does.
        failing.push("late").await;
        let pod = hub.pod(&worker).unwrap();
        let claim = hub.place.get(&format!("pvc/{worker}")).unwrap();
        let volume = claim["spec"]["volumeName"].as_str().unwrap().to_owned();
        // The folder goes from under the process, which dies of it or is killed.
        hub.cluster().empty_volume(&volume).unwrap();
        hub.cluster().kill_container(&pod.node, &pod.uid).unwrap();
        let lost = Instant::now();
        failing.until_level(SOON).await;
        println!(
            "every pipe was back {:.1} s after the loss",
            lost.elapsed().as_secs_f64()
        );
        failing.push("after").await;
        failing.until_level(SOON).await;
        let after = failing.offsets().await;
        for (dataset, before) in &before {
            let after = &after[dataset];
            for (id, offset) in before {
                assert_eq!(after[id], *offset, "{dataset} {id}");
            }
            assert!(after.contains_key("late"), "{dataset}");
        }
        // Nothing that a lost tail may have had is given again: this loss has made a gap, whatever others did before.
        let restored = after.iter().filter(|(dataset, after)| {
            let highest = before[*dataset].values().max();
            highest.is_some_and(|highest| after["after"] >= highest + GAP)
        });
        assert!(restored.count() > 0, "nothing was restored");
    });
}
