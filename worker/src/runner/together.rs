//! A run of several workers: what one of them reads another may yet write, so that nobody is done before all are at rest.
//!
//! A worker's part is *quiet* in a pass before which its replicas had everything of their owners, and which changed nothing. All are
//! at rest once everybody has had a quiet pass that began and ended while nobody changed anything: seen when between two looks no
//! worker has changed anything and each has had two more quiet passes, of which the second began after the first look.

use super::Run;
use crate::replicas::Replicas;
use futures::future::join_all;
use sluice_protocol::{Code, Error, Result, RunRest, RunTogether, WorkerId};
use std::collections::BTreeMap;
use std::time::Duration;

/// Between two looks at the others.
const PAUSE: Duration = Duration::from_millis(100);

/// What the others said.
type Seen = BTreeMap<WorkerId, RunRest>;

/// The other workers of a run.
pub(super) struct Others<'a> {
    replicas: &'a Replicas,
    run: &'a Run,
    together: &'a RunTogether,
    first_look: Option<Seen>,
}

impl<'a> Others<'a> {
    /// `None` where nobody else has a part of the run.
    pub(super) fn of(replicas: &'a Replicas, run: &'a Run) -> Option<Self> {
        let together = run.together.as_ref()?;
        let is_other = |worker: &&WorkerId| *worker != replicas.me();
        together.workers.iter().find(is_other)?;
        Some(Others {
            replicas,
            run,
            together,
            first_look: None,
        })
    }

    /// Waits until everybody has begun: has emptied what was to be emptied.
    pub(super) async fn begun(&self) {
        while self.ask().await.is_none() {
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether everybody is at rest; asked after each quiet pass of this worker. It waits a little where they are not.
    pub(super) async fn are_at_rest(&mut self) -> bool {
        let seen = self.ask().await;
        let (Some(before), Some(now)) = (&self.first_look, &seen) else {
            self.first_look = seen;
            tokio::time::sleep(PAUSE).await;
            return false;
        };
        match compare(before, now) {
            Rest::All => return true,
            Rest::NotYet => {}
            Rest::Changed => self.first_look = seen,
        }
        tokio::time::sleep(PAUSE).await;
        false
    }

    /// This worker has changed something: what was seen before does not count.
    pub(super) fn changed(&mut self) {
        self.first_look = None;
    }

    /// What each of the others says; `None` unless everybody has begun and answers.
    async fn ask(&self) -> Option<Seen> {
        let others = self.together.workers.iter();
        let others = others.filter(|worker| *worker != self.replicas.me());
        let asked = others.map(|worker| async move { (worker, self.ask_one(worker).await) });
        let mut seen = Seen::new();
        for (worker, answer) in join_all(asked).await {
            match answer {
                Ok(Some(rest)) => {
                    seen.insert(worker.clone(), rest);
                }
                Ok(None) => return None,
                Err(error) => {
                    let text = format!("worker {worker} does not say how far it is: {error}");
                    self.run.log.line("DEBUG", text);
                    return None;
                }
            }
        }
        Some(seen)
    }

    async fn ask_one(&self, worker: &WorkerId) -> Result<Option<RunRest>> {
        let place = self.replicas.find(worker).ok_or_else(|| {
            let message = format!("nobody knows where worker {worker} is");
            Error::new(Code::Unavailable, "unreachable-worker", message)
        })?;
        let worker = self.replicas.worker(&place)?;
        worker.run_all_rest(&self.together.run).await
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Rest {
    All,
    NotYet,
    Changed,
}

fn compare(before: &Seen, now: &Seen) -> Rest {
    let pairs = || {
        now.iter().map(|(worker, now)| {
            let before = before.get(worker).copied().unwrap_or_default();
            (before, *now)
        })
    };
    if pairs().any(|(before, now)| before.changes != now.changes) {
        return Rest::Changed;
    }
    match pairs().all(|(before, now)| now.ended || now.quiet >= before.quiet + 2) {
        true => Rest::All,
        false => Rest::NotYet,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(workers: &[(u64, u64, bool)]) -> Seen {
        let rests = workers.iter().enumerate();
        rests
            .map(|(number, (changes, quiet, ended))| {
                let rest = RunRest {
                    changes: *changes,
                    quiet: *quiet,
                    ended: *ended,
                };
                (WorkerId(format!("w{number}")), rest)
            })
            .collect()
    }

    #[test]
    fn all_are_at_rest_after_two_quiet_passes_of_everybody() {
        let before = seen(&[(5, 1, false), (7, 0, false)]);
        for (now, expected) in [
            ([(5, 1, false), (7, 0, false)], Rest::NotYet),
            ([(5, 3, false), (7, 1, false)], Rest::NotYet),
            ([(5, 3, false), (7, 2, false)], Rest::All),
            ([(5, 3, false), (7, 0, true)], Rest::All),
            ([(5, 9, false), (8, 4, false)], Rest::Changed),
            ([(6, 0, true), (7, 9, true)], Rest::Changed),
        ] {
            assert_eq!(compare(&before, &seen(&now)), expected, "{now:?}");
        }
    }
}
