//! A pool and its workers → which there are to be: pure.

use crate::crd::conditions::is_true;
use crate::crd::{Worker, WorkerPool, WorkerStanding};
use crate::objects::SURGE;
use crate::worker::{is_exchanging, needs_another};
use kube::{Resource, ResourceExt};
use std::collections::BTreeSet;

/// No more than this many are made at a time.
const AT_ONCE: usize = 20;

/// Which workers there are to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// They stay.
    pub(super) keep: Vec<String>,
    /// They go, when their pipes are elsewhere.
    pub(super) retire: Vec<String>,
    /// They are new.
    pub(super) make: Vec<String>,
    /// Those of all these that are there only while the pod of the pool's one worker is exchanged.
    pub(super) surge: BTreeSet<String>,
    /// Of the worker after those.
    pub(super) next_number: u32,
}

/// The number at the end of a worker's name.
pub(crate) fn number(name: &str) -> u32 {
    name.rsplit('-')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

/// What stands between the name of a pool and the number: another pool of the same name has another, so that no id comes twice.
pub(super) fn mark(pool: &WorkerPool) -> String {
    let uid = pool.uid().unwrap_or_default();
    uid.chars()
        .filter(char::is_ascii_alphanumeric)
        .take(5)
        .collect()
}

/// Plans. A worker on a lost node is not counted: another one takes its place. If it comes back there is one too many, and one of
/// those that do not serve goes, else the youngest.
///
/// A worker that has nobody to give its pipes to while its pod is exchanged, as the only one, gets one more beside it as long as that
/// takes.
///
/// `reserved` are numbers that were written down and are nobody's yet: they come before others.
pub(super) fn plan(pool: &WorkerPool, workers: &[Worker], reserved: &BTreeSet<u32>) -> Plan {
    let there: Vec<&Worker> = workers
        .iter()
        .filter(|worker| worker.meta().deletion_timestamp.is_none())
        .collect();
    let (retired, staying): (Vec<&Worker>, Vec<&Worker>) = there
        .into_iter()
        .partition(|worker| worker.spec.standing == WorkerStanding::Retired);
    let (lost, mut counted): (Vec<&Worker>, Vec<&Worker>) =
        staying.into_iter().partition(|worker| is_lost(worker));
    let wanted = usize::try_from(pool.spec.replicas).unwrap_or_default();
    let has_another = counted.iter().any(|worker| is_surge(worker));
    let is_helped = |worker: &&Worker| {
        let goes_on = has_another && is_exchanging(worker);
        !is_surge(worker) && (goes_on || needs_another(worker))
    };
    let surges = counted.iter().any(is_helped);
    let wanted = wanted + usize::from(surges);
    counted.sort_by_key(|worker| {
        let is_temporary = !surges && is_surge(worker);
        (is_temporary, !is_ready(worker), number(&worker.name_any()))
    });
    let excess = counted.split_off(wanted.min(counted.len()));
    let missing = wanted.saturating_sub(counted.len()).min(AT_ONCE);
    let highest = workers
        .iter()
        .map(|worker| number(&worker.name_any()) + 1)
        .max()
        .unwrap_or_default();
    let first = pool
        .status
        .as_ref()
        .map_or(0, |status| status.next_number)
        .max(highest);
    let is_free = |number: &u32| {
        let mut names = workers.iter().map(ResourceExt::name_any);
        !names.any(|name| self::number(&name) == *number)
    };
    let kept = reserved.iter().copied().filter(is_free);
    let mut numbers: Vec<u32> = kept.take(missing).collect();
    let more = u32::try_from(missing - numbers.len()).unwrap_or_default();
    let next_number = first + more;
    numbers.extend(first..next_number);
    // A lost node may come back with its disk; a lost disk does not.
    let (gone, lost): (Vec<&Worker>, Vec<&Worker>) = lost
        .into_iter()
        .partition(|worker| has_reason(worker, "DiskLost"));
    let names = |workers: Vec<&Worker>| {
        workers
            .into_iter()
            .map(ResourceExt::name_any)
            .collect::<Vec<_>>()
    };
    let make: Vec<String> = numbers
        .into_iter()
        .map(|number| format!("{}-{}-{number}", pool.name_any(), mark(pool)))
        .collect();
    // One that stays for good is one like any other.
    let were = workers.iter().filter(|worker| is_surge(worker));
    let is_kept = |worker: &&Worker| {
        counted
            .iter()
            .any(|kept| kept.name_any() == worker.name_any())
    };
    let mut surge: BTreeSet<String> = were
        .filter(|worker| surges || !is_kept(worker))
        .map(ResourceExt::name_any)
        .collect();
    if surges {
        surge.extend(make.iter().cloned());
    }
    let (mut keep, mut retire) = (names(counted), names(retired));
    keep.extend(names(lost));
    keep.sort_by_key(|name| number(name));
    retire.extend(names(gone));
    retire.extend(names(excess));
    Plan {
        keep,
        retire,
        make,
        surge,
        next_number,
    }
}

/// Whether its node is lost, or its disk.
pub(crate) fn is_lost(worker: &Worker) -> bool {
    has_reason(worker, "NodeLost") || has_reason(worker, "DiskLost")
}

/// Whether it was made for as long as another one's pod is exchanged.
fn is_surge(worker: &Worker) -> bool {
    worker.labels().contains_key(SURGE)
}

fn has_reason(worker: &Worker, reason: &str) -> bool {
    let conditions = worker.status.iter().flat_map(|status| &status.conditions);
    conditions
        .into_iter()
        .any(|condition| condition.type_ == "Ready" && condition.reason == reason)
}

/// Whether it takes pipes.
pub(super) fn is_ready(worker: &Worker) -> bool {
    worker
        .status
        .as_ref()
        .is_some_and(|status| is_true(&status.conditions, "Ready"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pool(replicas: i32, next: u32) -> WorkerPool {
        serde_json::from_value(json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "WorkerPool",
            "metadata": {"name": "main", "uid": "ab-cdefgh"},
            "spec": {"hubRef": {"name": "hub"}, "replicas": replicas, "template": {"storage": {"size": "1Gi"}}},
            "status": {"nextNumber": next},
        }))
        .unwrap()
    }

    fn worker(number: u32, reason: &str) -> Worker {
        let status = if reason == "Ready" { "True" } else { "False" };
        serde_json::from_value(json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "Worker",
            "metadata": {"name": format!("main-abcde-{number}")},
            "spec": {"hubRef": {"name": "hub"}, "poolRef": "main", "template": {"storage": {"size": "1Gi"}}},
            "status": {"conditions": [{"type": "Ready", "status": status, "reason": reason, "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
        }))
        .unwrap()
    }

    fn plan(pool: &WorkerPool, workers: &[Worker]) -> Plan {
        super::plan(pool, workers, &BTreeSet::new())
    }

    fn numbers(names: &[String]) -> Vec<u32> {
        names.iter().map(|name| number(name)).collect()
    }

    #[test]
    fn numbers_are_never_given_again() {
        let first = plan(&pool(2, 0), &[]);
        assert_eq!(first.make, ["main-abcde-0", "main-abcde-1"]);
        assert_eq!(first.next_number, 2);
        // All were retired since.
        assert_eq!(plan(&pool(1, 2), &[]).make, ["main-abcde-2"]);
        // The status was lost: what is there still counts.
        assert_eq!(
            plan(&pool(2, 0), &[worker(6, "Ready")]).make,
            ["main-abcde-7"]
        );
    }

    #[test]
    fn numbers_that_were_written_down_and_not_used_come_first() {
        let reserved = BTreeSet::from([3, 4, 5]);
        let again = super::plan(&pool(2, 6), &[worker(3, "Ready")], &reserved);
        assert_eq!(
            (again.make.as_slice(), again.next_number),
            (&["main-abcde-4".to_owned()][..], 6)
        );
        let more = super::plan(&pool(4, 6), &[], &reserved);
        assert_eq!(
            (numbers(&more.make), more.next_number),
            (vec![3, 4, 5, 6], 7)
        );
    }

    #[test]
    fn youngest_go_and_before_them_those_that_do_not_serve() {
        let workers = [
            worker(0, "Starting"),
            worker(1, "Ready"),
            worker(2, "Ready"),
        ];
        let two = plan(&pool(2, 3), &workers);
        assert_eq!(
            (numbers(&two.keep), numbers(&two.retire)),
            (vec![1, 2], vec![0])
        );
        let one = plan(&pool(1, 3), &workers);
        assert_eq!((numbers(&one.keep), one.make.len()), (vec![1], 0));
        let none = plan(&pool(0, 3), &workers);
        assert_eq!(none.retire.len(), 3);
    }

    #[test]
    fn another_worker_takes_the_place_of_one_on_a_lost_node() {
        let lost = plan(&pool(2, 2), &[worker(0, "NodeLost"), worker(1, "Ready")]);
        assert_eq!(
            (numbers(&lost.keep), numbers(&lost.make)),
            (vec![0, 1], vec![2])
        );
        let back = plan(
            &pool(2, 3),
            &[worker(0, "Ready"), worker(1, "Ready"), worker(2, "Ready")],
        );
        assert_eq!(
            (numbers(&back.keep), numbers(&back.retire)),
            (vec![0, 1], vec![2])
        );
    }

    #[test]
    fn retired_worker_stays_retired_when_the_pool_grows_again() {
        let mut retired = worker(1, "Ready");
        retired.spec.standing = WorkerStanding::Retired;
        let grown = plan(&pool(2, 2), &[worker(0, "Ready"), retired]);
        assert_eq!(
            (numbers(&grown.retire), numbers(&grown.make)),
            (vec![1], vec![2])
        );
    }

    #[test]
    fn the_one_worker_of_a_pool_has_another_beside_it_while_its_pod_is_exchanged() {
        let exchanging = |ready: &str, reason: &str| {
            let mut exchanging = worker(0, ready);
            let status = exchanging.status.as_mut().unwrap();
            let mut condition = status.conditions[0].clone();
            condition.type_ = "Exchanging".to_owned();
            condition.status = "True".to_owned();
            condition.reason = reason.to_owned();
            status.conditions.push(condition);
            exchanging
        };
        let surge = |reason: &str| {
            let mut surge = worker(1, reason);
            surge
                .labels_mut()
                .insert(SURGE.to_owned(), "true".to_owned());
            surge
        };
        let first = plan(&pool(1, 1), &[exchanging("Ready", "NeedsAnother")]);
        assert_eq!(
            (numbers(&first.keep), numbers(&first.make)),
            (vec![0], vec![1])
        );
        assert!(first.surge.contains("main-abcde-1"));
        // Whatever of the two does not serve for a while, both stay until it is done.
        for (one, other) in [("Ready", "Starting"), ("Starting", "Ready")] {
            let both = plan(&pool(1, 2), &[exchanging(one, "Restarting"), surge(other)]);
            assert_eq!(numbers(&both.keep), [0, 1]);
            assert!(both.retire.is_empty() && both.make.is_empty());
        }
        let done = plan(&pool(1, 2), &[worker(0, "Ready"), surge("Ready")]);
        assert_eq!(
            (numbers(&done.keep), numbers(&done.retire)),
            (vec![0], vec![1])
        );
        assert!(done.surge.contains("main-abcde-1"));
        // It takes the place of one that is lost, or of one more that is asked for.
        let lost = plan(&pool(1, 2), &[worker(0, "NodeLost"), surge("Ready")]);
        assert_eq!((numbers(&lost.keep), lost.surge.len()), (vec![0, 1], 0));
        let grown = plan(&pool(2, 2), &[worker(0, "Ready"), surge("Ready")]);
        assert_eq!((numbers(&grown.keep), grown.surge.len()), (vec![0, 1], 0));
        // Of several too, where the others may be given nothing.
        let two = [exchanging("Ready", "NeedsAnother"), worker(1, "Ready")];
        assert_eq!(numbers(&plan(&pool(2, 2), &two).make), [2]);
        // One whose pipes others take needs nobody.
        for reason in ["Waits", "Draining"] {
            let one = plan(&pool(1, 1), &[exchanging("Ready", reason)]);
            assert!(one.make.is_empty(), "{reason}");
        }
    }
}
