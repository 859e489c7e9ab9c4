//! Configuration that users write through the API, written into custom resources.
//!
//! ```text
//! begin ─► plan ─► everything with dry run ─► everything ─► hand over ─► answer
//!           └─ somebody else manages it ─┴─► refused, nothing changed
//! ```
//!
//! It may be done again from the beginning at any point: what is so already stays so.

mod apply;
mod form;
mod managers;
mod names;
mod plan;
mod refusal;

use crate::Result;
use crate::configuration::{Key, METADATA, Round, origin};
use crate::tries::next_pause;
use apply::{Failed, Outcome, apply};
use sluice_protocol::{HandOver, RemovedComponent, RequestId, WriteAnswer, WriteIntent};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// The field manager of what users write through the API.
pub const MANAGER: &str = "sluice-api";

/// How long a write is tried that the API server does not take. Then it is answered, so that others have their turn.
const PATIENCE: Duration = Duration::from_secs(30);

/// A write that was begun, how often it was tried, and what came of that.
pub(crate) struct Begun {
    request: RequestId,
    since: Instant,
    failures: u32,
    /// Ids of components that tries before have written.
    written: BTreeSet<String>,
    /// Ids of which nobody knows, and that were not written since.
    unclear: BTreeSet<String>,
}

impl Begun {
    /// Of this write, in the place of that of another one.
    pub(crate) fn of<'b>(known: &'b mut Option<Begun>, write: &WriteIntent) -> &'b mut Begun {
        if known
            .as_ref()
            .is_some_and(|known| known.request != write.request)
        {
            *known = None;
        }
        known.get_or_insert_with(|| Begun {
            request: write.request.clone(),
            since: Instant::now(),
            failures: 0,
            written: BTreeSet::new(),
            unclear: BTreeSet::new(),
        })
    }

    /// One more failure; when it is tried again.
    pub(crate) fn failed(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        next_pause(self.failures).min(PATIENCE / 3)
    }

    /// One try has written these, and does not know of those.
    fn note(&mut self, written: &[String], unclear: Vec<String>) {
        self.unclear.extend(unclear);
        for id in written {
            self.unclear.remove(id);
            self.written.insert(id.clone());
        }
    }

    fn is_given_up(&self) -> bool {
        self.since.elapsed() >= PATIENCE
    }
}

/// Does a write to its end. An error: it could not be done now, and waits.
pub(crate) async fn write(
    round: &mut Round,
    intent: &WriteIntent,
    tries: &mut Begun,
) -> Result<()> {
    let (control, epoch) = (round.link.control.clone(), round.link.operator_epoch);
    let begun = control.begin_write(epoch, &intent.request).await;
    if let Err(error) = begun {
        if error.reason == "unknown-write" {
            round.answered(intent);
            return Ok(());
        }
        return Err(round.hub.failed("begin a write")(error));
    }
    let answer = match carry_out(round, intent, tries).await? {
        Ok(()) => WriteAnswer::Applied,
        Err(refused) => WriteAnswer::Refused(refused),
    };
    let is_applied = matches!(answer, WriteAnswer::Applied);
    let answered = control.answer_write(epoch, &intent.request, answer).await;
    answered.map_err(round.hub.failed("answer a write"))?;
    round.answered(intent);
    let outcome = if is_applied { "applied" } else { "refused" };
    round.hub.metrics.wrote(outcome);
    tracing::info!(
        request = intent.request.0,
        put = intent.put.len(),
        removed = intent.remove.len(),
        is_applied,
        "a write through the API has ended"
    );
    Ok(())
}

/// Makes the custom resources say it, and hands over what they say then; or says why not.
async fn carry_out(
    round: &mut Round,
    intent: &WriteIntent,
    tries: &mut Begun,
) -> Result<std::result::Result<(), sluice_protocol::Error>> {
    let steps = match plan::plan(&round.resources, &round.hub, intent) {
        Ok(steps) => steps,
        Err(refused) => return Ok(Err(said(refused, tries))),
    };
    let tried = apply(&round.hub, &steps, true).await;
    if let Some(failed) = tried.failed {
        return judge(failed, tries);
    }
    let mut outcome = apply(&round.hub, &steps, false).await;
    let failed = outcome.failed.take();
    let unclear = std::mem::take(&mut outcome.unclear);
    let written = note(round, outcome);
    tries.note(&written.ids, unclear);
    if let Some(failed) = failed {
        // What was written stays: it is handed over with the next round, like what anybody else writes.
        return judge(failed, tries);
    }
    hand_over(round, intent, written).await?;
    Ok(Ok(()))
}

/// What a failure means for whoever asked: an answer that says what was changed, or another try.
fn judge(failed: Failed, tries: &Begun) -> Result<std::result::Result<(), sluice_protocol::Error>> {
    let refused = refusal::of(failed.word, &failed.id, &failed.error);
    let refused = match refused {
        None if !tries.is_given_up() => return Err(failed.into_error()),
        None => refusal::given_up(failed.word, &failed.id, &failed.error),
        Some(refused) => refused,
    };
    Ok(Err(said(refused, tries)))
}

/// A refusal with what all tries together have changed.
fn said(refused: sluice_protocol::Error, tries: &Begun) -> sluice_protocol::Error {
    let list = |ids: &'_ BTreeSet<String>| ids.iter().cloned().collect::<Vec<_>>();
    refusal::with_what_is_written(refused, &list(&tries.written), &list(&tries.unclear))
}

/// What was written.
#[derive(Default)]
struct Written {
    /// Names of resources with their kinds.
    touched: Vec<String>,
    removed: Vec<RemovedComponent>,
    /// Of the components, for people.
    ids: Vec<String>,
}

/// Takes what was written into what is known, before the API server tells of it.
fn note(round: &mut Round, outcome: Outcome) -> Written {
    let Outcome {
        pipes,
        systems,
        hub,
        deleted,
        ..
    } = outcome;
    let (mut touched, mut ids) = (Vec::new(), Vec::new());
    for pipe in pipes {
        ids.push(pipe.id());
        touched.push(origin(&pipe).name);
        round.resources.pipes.written(pipe);
    }
    for system in systems {
        ids.push(system.id());
        touched.push(origin(&system).name);
        round.resources.systems.written(system);
    }
    if let Some(hub) = hub {
        ids.push(METADATA.to_owned());
        touched.push(origin(&hub).name);
        round.resources.hubs.written(hub);
    }
    let mut removed: Vec<RemovedComponent> = Vec::new();
    for gone in deleted {
        round.resources.deleted(gone.kind, &gone.name);
        ids.push(gone.id.clone());
        removed.push(RemovedComponent {
            kind: gone.kind,
            id: gone.id,
            uid: gone.uid,
        });
    }
    Written {
        touched,
        removed,
        ids,
    }
}

async fn hand_over(round: &mut Round, intent: &WriteIntent, written: Written) -> Result<()> {
    let Written {
        touched, removed, ..
    } = written;
    let wanted = round.wanted();
    let changed = wanted.components.into_values();
    let changed = changed.filter(|one| touched.contains(&one.origin.name));
    let is_put = |key: &Key| {
        let mut put = intent.put.iter();
        put.any(|one| one.kind == key.0 && one.id == key.1)
    };
    let changed = changed.filter(|one| is_put(&(one.kind, one.id.clone())));
    let handed = HandOver {
        operator_epoch: round.link.operator_epoch,
        request: Some(intent.request.clone()),
        changed: changed.collect(),
        removed,
        variables: None,
    };
    round.hand(handed).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_protocol::Code;

    #[tokio::test]
    async fn a_later_try_that_fails_says_what_an_earlier_one_has_written() {
        let mut begun = Begun {
            request: RequestId("r".to_owned()),
            since: Instant::now(),
            failures: 0,
            written: BTreeSet::new(),
            unclear: BTreeSet::new(),
        };
        let refused = || sluice_protocol::Error::new(Code::Unavailable, "away", "away");
        assert!(
            said(refused(), &begun)
                .message
                .contains("nothing was changed")
        );
        begun.note(&["a".to_owned()], vec!["b".to_owned(), "c".to_owned()]);
        begun.note(&["b".to_owned()], Vec::new());
        let answer = said(refused(), &begun);
        assert!(!answer.message.contains("nothing was changed"));
        let members: Vec<String> = answer
            .members
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(members, [r#"written=["a","b"]"#, r#"unclear=["c"]"#]);
    }
}
