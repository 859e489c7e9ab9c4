//! Owners that lose their pipes without hearing of it: whatever they do then has no effect beside the new owner's.
//!
//! * `effects` is what was done, as disks, object store and a target have it; `checker` says whether that can be one writer at a
//!   time.
//! * `logs`, `push_logs`, `target` (with `sockets`) and `owners` write it down.
//! * `line` is what is cut.

mod checker;
mod effects;
mod line;
mod logs;
mod owners;
mod push_logs;
mod sockets;
mod target;

use super::until;
use checker::{check, is_open_at};
use effects::{Disturbance, Effects, Micros, Pipe, Request, now};
use line::Line;
use owners::Owners;
use push_logs::PushLogs;
use serde_json::{Value, json};
use sluice_tests::roles::Roles;
use sockets::Sockets;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use target::Target;

const CHAINS: usize = 4;
/// Who push to each receiver at the same time.
const PUSHERS: usize = 2;
const LEASE: Micros = 3_000_000;
const WORKERS: [&str; 2] = [NEW, OLD];
/// Gets the pipes.
const NEW: &str = "w0";
/// Loses them. Between it and the storage node there is a line.
const OLD: &str = "w1";
/// What each receiver still has to acknowledge once the old owner is back.
const AFTERWARDS: usize = 20;

/// How an owner loses its pipes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Frozen,
    CutOff,
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_frozen_past_its_lease_and_thawed_has_no_effect_beside_the_new_one() {
    one_writer_through(Way::Frozen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_cut_off_from_the_storage_node_alone_has_no_effect_beside_the_new_one() {
    one_writer_through(Way::CutOff).await;
}

async fn one_writer_through(way: Way) {
    let (effects, moved) = effects_of(way).await;
    is_worth_checking(&effects, &moved);
    let violations = check(&effects);
    assert!(violations.is_empty(), "{violations:#?}");
}

/// Receivers, each read by a pipe whose dataset another one calls the target with.
fn configuration(target: &str) -> Value {
    let system =
        json!({"_id": "target", "type": "system:url", "url_pattern": format!("{target}/%s")});
    let chains = (0..CHAINS).flat_map(|n| {
        let receiver =
            json!({"_id": format!("in{n}"), "type": "pipe", "source": {"type": "http_endpoint"}});
        let reader = json!({"_id": format!("read{n}"), "type": "pipe",
            "source": {"type": "dataset", "dataset": format!("in{n}")},
            "transform": {"type": "dtl", "rules": {"default": [["copy", "*"], ["add", "read", true]]}},
            "pump": {"schedule_interval": 0.2}});
        let caller = json!({"_id": format!("out{n}"), "type": "pipe",
            "source": {"type": "dataset", "dataset": format!("read{n}")},
            "sink": {"type": "json", "system": "target", "url": format!("out{n}")},
            "pump": {"schedule_interval": 0.2}});
        [receiver, reader, caller]
    });
    [system].into_iter().chain(chains).collect()
}

fn pipes() -> impl Iterator<Item = Pipe> {
    (0..CHAINS).flat_map(|n| [format!("in{n}"), format!("read{n}"), format!("out{n}")])
}

/// What was answered 2xx: the receiver and the id.
type Acknowledged = Mutex<BTreeSet<(String, String)>>;

/// Disturbs a hub that is pushed to, and gathers what it has done; also answers the pipes that changed hands.
async fn effects_of(way: Way) -> (Effects, Vec<Pipe>) {
    let mut hub = Roles::start_with_objects(1, "3s", "1s").await.unwrap();
    let line = Line::to(hub.storage_node_address()).await;
    hub.add_worker_over(&line.address).await.unwrap();
    let processes = WORKERS.iter().zip(&hub.workers);
    let processes =
        processes.map(|(worker, process)| ((*worker).to_owned(), process.as_ref().unwrap().id()));
    let target = Target::start(Sockets(processes.collect())).await;
    let push_logs = PushLogs::watch(&hub.data("objects"), pipes());
    let owners = Owners::follow(&hub).await;
    until("both workers take pipes", || async {
        WORKERS.iter().all(|worker| owners.is_live(worker))
    })
    .await;
    let configuration = configuration(&target.url);
    hub.api.put("/config", &configuration).await.unwrap();

    let (acknowledged, stop) = (Acknowledged::default(), AtomicBool::new(false));
    let scene = Scene {
        hub: &hub,
        line: &line,
        target: &target,
        owners: &owners,
        acknowledged: &acknowledged,
    };
    let pushers = (0..CHAINS * PUSHERS).map(|pusher| push_on(&hub, pusher, &stop, &acknowledged));
    let disturbing = async {
        let disturbed = scene.disturb(way).await;
        stop.store(true, Ordering::Relaxed);
        disturbed
    };
    let (_, (disturbance, moved)) = tokio::join!(futures::future::join_all(pushers), disturbing);
    let acknowledged = acknowledged.into_inner().unwrap();
    until("all that was acknowledged came to the target", || async {
        has_come(&target, &acknowledged)
    })
    .await;

    for worker in &mut hub.workers {
        worker.as_mut().unwrap().kill().unwrap();
    }
    hub.storage_node.as_mut().unwrap().kill().unwrap();
    hub.api.kill().unwrap();
    let logs = WORKERS.iter().flat_map(|worker| {
        let logs = logs::read(&hub.data(worker).join("datasets")).unwrap();
        let logs = logs.into_iter();
        logs.map(|(dataset, log)| ((dataset, (*worker).to_owned()), log))
    });
    let effects = Effects {
        logs: logs.collect(),
        pushes: push_logs.end(),
        requests: target.requests(),
        acknowledged,
        owners: owners.seen(),
        disturbance,
    };
    (effects, moved)
}

/// Pushes one entity after the other until stopped.
async fn push_on(hub: &Roles, pusher: usize, stop: &AtomicBool, acknowledged: &Acknowledged) {
    let receiver = format!("in{}", pusher % CHAINS);
    let path = format!("/receivers/{receiver}/entities");
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let id = format!("{pusher}-{number}");
        let push = hub.api.request(reqwest::Method::POST, &path);
        // A push to the frozen owner is not waited for: the new one is to be pushed to while the old one is away.
        let push = push
            .json(&json!([{"_id": id}]))
            .timeout(Duration::from_secs(2));
        let is_taken = push
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success());
        if is_taken {
            let acknowledgement = (receiver.clone(), id);
            acknowledged.lock().unwrap().insert(acknowledgement);
        }
        // All the time, and yet not as fast as two cores can.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn has_come(target: &Target, acknowledged: &BTreeSet<(String, String)>) -> bool {
    let requests = target.requests();
    let ids = requests.iter().flat_map(|request| {
        let receiver = request.pipe.replace("out", "in");
        let ids = request.ids.iter();
        ids.map(move |id| (receiver.clone(), id.clone()))
    });
    acknowledged.is_subset(&ids.collect())
}

/// A hub that runs, and all that looks at it.
struct Scene<'a> {
    hub: &'a Roles,
    line: &'a Line,
    target: &'a Target,
    owners: &'a Owners,
    acknowledged: &'a Acknowledged,
}

impl Scene<'_> {
    /// Takes the pipes of the old owner away without its knowledge, lets it come back, and sees the new one go on.
    async fn disturb(&self, way: Way) -> (Disturbance, Vec<Pipe>) {
        until("every chain reaches the target", || async {
            (0..CHAINS).all(|n| self.calls(&format!("out{n}"), None))
        })
        .await;
        until("every pipe has a checkpoint", || self.have_checkpoints()).await;
        // So that nothing of what it did is replaced by what it is given later.
        self.owners.cordon(OLD).await;
        let moved = self.owners.pipes_of(OLD);
        let callers: Vec<&Pipe> = moved
            .iter()
            .filter(|pipe| pipe.starts_with("out"))
            .collect();
        assert!(!callers.is_empty(), "{moved:?}");
        // One of its pipes is caught in the middle of a request, the others wherever they are.
        self.target.hold(callers[0], OLD);
        until("a request waits for its answer", || async {
            self.target.holds()
        })
        .await;

        let process = self.hub.workers[1].as_ref().unwrap();
        match way {
            Way::Frozen => process.freeze().unwrap(),
            Way::CutOff => self.line.cut(),
        }
        let at = now();
        if way == Way::Frozen {
            // The answer is there when it is thawed.
            self.target.let_go();
        }
        until("all pipes have another owner", || async {
            self.owners.pipes_of(NEW).len() == pipes().count()
        })
        .await;
        // Whoever was cut off gets its answer when its lease is over.
        self.target.let_go();
        for caller in callers {
            until("the new owner calls", || async {
                self.calls(caller, Some((NEW, at)))
            })
            .await;
        }
        match way {
            Way::Frozen => process.thaw().unwrap(),
            Way::CutOff => self.line.mend(),
        }
        until("the old owner has a session again", || async {
            self.owners.is_live(OLD)
        })
        .await;
        let before = self.taken();
        until("pushes go on", || async {
            let taken = self.taken().into_iter().zip(&before);
            taken
                .into_iter()
                .all(|(taken, before)| taken >= before + AFTERWARDS)
        })
        .await;
        let disturbance = Disturbance {
            worker: OLD.to_owned(),
            at,
            lease_ended: at + LEASE,
            froze: way == Way::Frozen,
        };
        (disturbance, moved)
    }

    /// Whether a pipe has brought something to the target: anybody at any time, or this worker after this moment.
    fn calls(&self, pipe: &str, by: Option<(&str, Micros)>) -> bool {
        let is_it = |request: &Request| {
            let is_by = by.is_none_or(|(worker, after)| {
                request.caller.as_deref() == Some(worker) && request.began > after
            });
            request.pipe == pipe && is_by && !request.ids.is_empty()
        };
        self.target.requests().iter().any(is_it)
    }

    /// Whether every pipe has a checkpoint that the storage node knows of: before that nobody else could go on.
    async fn have_checkpoints(&self) -> bool {
        let pipes = self.hub.api.get("/pipes").await.unwrap();
        let mut pipes = pipes.as_array().unwrap().iter();
        pipes.all(|pipe| pipe["runtime"]["checkpoint"]["age"].is_number())
    }

    /// How many pushes each receiver has acknowledged.
    fn taken(&self) -> [usize; CHAINS] {
        let mut taken = [0; CHAINS];
        for (receiver, _) in self.acknowledged.lock().unwrap().iter() {
            let chain: usize = receiver.trim_start_matches("in").parse().unwrap();
            taken[chain] += 1;
        }
        taken
    }
}

/// Whether both owners have done what could be wrong.
fn is_worth_checking(effects: &Effects, moved: &[Pipe]) {
    let at = effects.disturbance.at;
    let is_old = |request: &&Request| request.caller.as_deref() == Some(OLD);
    let mut common = 0;
    for pipe in moved {
        if pipe.starts_with("out") {
            let requests = || {
                effects
                    .requests
                    .iter()
                    .filter(|request| request.pipe == *pipe)
            };
            let before = requests().filter(is_old);
            assert!(before.count() > 0, "{pipe}");
            let after = requests().filter(|request| !is_old(request) && request.began > at);
            assert!(after.count() > 0, "{pipe}");
            continue;
        }
        let log = |worker: &str| &effects.logs[&(pipe.clone(), worker.to_owned())];
        assert_eq!(log(OLD).generation, log(NEW).generation, "{pipe}");
        let (old, new) = (&log(OLD).entries, &log(NEW).entries);
        let last = old.last().unwrap().epoch;
        assert!(last > 0, "{pipe}");
        assert!(new.iter().any(|entry| entry.epoch > last), "{pipe}");
        common += new.iter().filter(|entry| old.contains(entry)).count();
        if pipe.starts_with("in") {
            let objects = &effects.pushes[pipe];
            assert!(objects.iter().any(|object| object.is_take_over), "{pipe}");
        }
    }
    assert!(common > 0, "nothing was restored");
    let open = effects.requests.iter().filter(is_old);
    let open = open.filter(|request| is_open_at(request, at)).count();
    assert!(open > 0, "no request was caught");
    let pushes: usize = effects.pushes.values().map(Vec::len).sum();
    let entries: usize = effects.logs.values().map(|log| log.entries.len()).sum();
    println!(
        "{} pushes acknowledged, {} objects of push logs, {entries} entries of logs ({common} on both disks), {} requests ({open} without an answer at the disturbance)",
        effects.acknowledged.len(),
        pushes,
        effects.requests.len(),
    );
}
