//! When a pod is exchanged, what is told meanwhile, and whose turn it is.

use super::*;
use serde_json::{Value, json};
use sluice_protocol::{DiskId, Liveness, WorkerFacts};

const NOON: i64 = 1_800_000_000;

fn minutes_after_noon(minutes: i64) -> Timestamp {
    Timestamp::from_second(NOON + 60 * minutes).unwrap()
}

/// A worker that has been exchanging since noon, for this reason.
fn worker(number: u32, exchanging: Option<&str>) -> Worker {
    let since = Timestamp::from_second(NOON).unwrap().to_string();
    let status = |reason: &str| match reason {
        "Waits" => "False",
        "NeedsAnother" => "Unknown",
        _ => "True",
    };
    let condition = |reason: &str| json!({"type": EXCHANGING, "status": status(reason), "reason": reason, "message": "", "lastTransitionTime": since});
    let conditions: Vec<Value> = exchanging.map(condition).into_iter().collect();
    serde_json::from_value(json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "Worker",
        "metadata": {"name": format!("main-abcde-{number}")},
        "spec": {"hubRef": {"name": "hub"}, "poolRef": "main", "template": {"storage": {"size": "1Gi"}}},
        "status": {"conditions": conditions},
    }))
    .unwrap()
}

fn pod(ready: &str, argument: &str) -> DynamicObject {
    serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "w"},
        "spec": {"containers": [{"args": ["worker", argument]}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
    }))
    .unwrap()
}

/// A worker of several that serves, with so many pipes, and an object store.
fn found(standing: Standing, pipes: usize) -> Found {
    Found {
        pod: Some(pod("True", "--object-store=s3://bucket/hub")),
        facts: Some(WorkerFacts {
            address: "10.0.0.1:7001".to_owned(),
            disk: DiskId("d".to_owned()),
            liveness: Liveness::Live,
            standing,
        }),
        pipes,
        takers: 2,
        may_replace: true,
        ..Found::default()
    }
}

#[track_caller]
fn decides(worker: &Worker, found: &Found, minutes: i64, expected: Exchange) {
    let decided = decide(worker, found, true, minutes_after_noon(minutes));
    assert_eq!(decided, expected);
}

#[test]
fn pipes_move_before_the_pod_is_exchanged_and_not_after_it() {
    let fresh = worker(0, None);
    decides(&fresh, &found(Standing::Active, 3), 0, Exchange::Drains);
    let draining = worker(0, Some("Draining"));
    let moving = |left| Found {
        moving: left,
        ..found(Standing::Draining, left)
    };
    decides(&draining, &moving(3), 1, Exchange::Drains);
    decides(&draining, &moving(0), 1, Exchange::Now);
    let still = moving(0);
    assert_eq!(
        standing(&draining, &still, Exchange::Now),
        Some(Standing::Draining),
        "nothing comes back before the pod has gone"
    );
    // Nothing is wanted of a pod that is as it is to be.
    let decided = decide(&draining, &moving(3), false, minutes_after_noon(1));
    assert_eq!(decided, Exchange::No);
    assert_eq!(standing(&draining, &moving(3), decided), None);
    assert_eq!(told(&draining, decided, false)[0].reason, "Restarting");
    assert!(told(&draining, decided, true).is_empty());
}

#[test]
fn a_pod_that_does_not_serve_or_whose_pipes_cannot_move_is_exchanged_at_once() {
    let fresh = worker(0, None);
    let away = Found {
        pod: Some(pod("False", "--object-store=s3://bucket/hub")),
        ..found(Standing::Active, 3)
    };
    decides(&fresh, &away, 0, Exchange::No);
    let without = Found {
        pod: Some(pod("True", "--log=debug")),
        ..found(Standing::Active, 3)
    };
    decides(&fresh, &without, 0, Exchange::Now);
    assert!(told(&fresh, Exchange::Now, true).is_empty());
    decides(&fresh, &found(Standing::Active, 0), 0, Exchange::Now);
}

#[test]
fn it_waits_for_others_and_while_the_storage_node_is_away() {
    let fresh = worker(0, None);
    for change in [
        |found: &mut Found| found.may_replace = false,
        |found: &mut Found| found.is_anothers_turn = true,
        |found: &mut Found| found.is_unheard = true,
    ] {
        let mut waits = found(Standing::Draining, 3);
        change(&mut waits);
        decides(&fresh, &waits, 0, Exchange::Waits);
        assert_eq!(standing(&fresh, &waits, Exchange::Waits), None);
    }
}

#[test]
fn a_worker_that_is_alone_waits_for_another_one_but_not_for_ever() {
    let alone = Found {
        takers: 0,
        ..found(Standing::Active, 3)
    };
    decides(&worker(0, None), &alone, 0, Exchange::NeedsAnother);
    let waiting = worker(0, Some("NeedsAnother"));
    decides(&waiting, &alone, 4, Exchange::NeedsAnother);
    decides(&waiting, &alone, 6, Exchange::Now);
    decides(&waiting, &found(Standing::Active, 3), 4, Exchange::Drains);
}

#[test]
fn pipes_that_do_not_move_hold_it_up_for_some_time_only() {
    let draining = worker(0, Some("Draining"));
    let with = |moving| Found {
        moving,
        ..found(Standing::Draining, 3)
    };
    decides(&draining, &with(0), 6, Exchange::Drains);
    decides(&draining, &with(0), 8, Exchange::Now);
    decides(&draining, &with(1), 8, Exchange::Drains);
    decides(&draining, &with(1), 61, Exchange::Now);
}

#[test]
fn of_two_that_began_together_one_goes_on() {
    let (fresh, waits) = (worker(1, None), worker(2, Some("Waits")));
    let (first, second) = (worker(0, Some("Draining")), worker(10, Some("Draining")));
    assert!(goes_before(&fresh, &waits));
    assert!(!goes_before(&fresh, &first));
    assert!(goes_before(&first, &second));
    assert!(!goes_before(&second, &first));
    // A pod that has gone is not brought back.
    assert!(!goes_before(&first, &worker(10, Some("Restarting"))));
}

#[test]
fn the_time_of_a_step_is_its_own() {
    use crate::crd::conditions::merge;
    let at = |minute| minutes_after_noon(minute);
    let mut status = Vec::new();
    let steps = [
        (Exchange::Waits, 0, 0),
        (Exchange::Waits, 30, 0),
        (Exchange::NeedsAnother, 40, 40),
        (Exchange::Drains, 44, 44),
        (Exchange::Drains, 50, 44),
    ];
    for (exchange, minute, since) in steps {
        let told = told(&worker(0, None), exchange, true);
        status = merge(&status, told, None, at(minute));
        assert_eq!(status[0].last_transition_time.0, at(since), "{exchange:?}");
    }
}

#[test]
fn a_worker_that_lost_its_lease_for_a_moment_keeps_its_pod() {
    let lapsed = |minute: i64| -> DynamicObject {
        let at = |minute| minutes_after_noon(minute).to_string();
        let mut pod = pod("False", "--object-store=s3://bucket/hub");
        pod.data["status"]["conditions"][0]["lastTransitionTime"] = at(minute).into();
        pod.data["status"]["containerStatuses"] =
            json!([{"state": {"running": {"startedAt": at(-60)}}}]);
        pod
    };
    let away = Found {
        pod: Some(lapsed(0)),
        may_replace: false,
        ..found(Standing::Active, 3)
    };
    decides(&worker(0, None), &away, 1, Exchange::Waits);
    // Long after, and with a storage node that could give it a lease, there is nothing to wait for.
    decides(&worker(0, None), &away, 3, Exchange::Now);
    let unheard = Found {
        is_unheard: true,
        pod: Some(lapsed(0)),
        ..found(Standing::Active, 3)
    };
    decides(&worker(0, None), &unheard, 30, Exchange::Waits);
}

#[test]
fn a_storage_node_that_has_not_heard_of_a_worker_yet_is_waited_for() {
    let mut known = worker(0, None);
    let unknown = Found {
        facts: None,
        ..found(Standing::Active, 0)
    };
    decides(&known, &unknown, 0, Exchange::Now);
    known.status.as_mut().unwrap().disk = Some("d".to_owned());
    decides(&known, &unknown, 0, Exchange::Waits);
}
