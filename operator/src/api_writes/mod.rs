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
use crate::configuration::{Key, Round, origin};
use apply::{Outcome, apply};
use sluice_protocol::{HandOver, RemovedComponent, WriteAnswer, WriteIntent};

/// The field manager of what users write through the API.
pub const MANAGER: &str = "sluice-api";

/// Does a write to its end. An error: it could not be done now, and waits.
pub(crate) async fn write(round: &mut Round, intent: &WriteIntent) -> Result<()> {
    let (control, epoch) = (round.link.control.clone(), round.link.operator_epoch);
    let begun = control.begin_write(epoch, &intent.request).await;
    if let Err(error) = begun {
        if error.reason == "unknown-write" {
            round.answered(intent);
            return Ok(());
        }
        return Err(round.hub.failed("begin a write")(error));
    }
    let answer = match carry_out(round, intent).await? {
        Ok(()) => WriteAnswer::Applied,
        Err(refused) => WriteAnswer::Refused(refused),
    };
    let is_applied = matches!(answer, WriteAnswer::Applied);
    let answered = control.answer_write(epoch, &intent.request, answer).await;
    answered.map_err(round.hub.failed("answer a write"))?;
    round.answered(intent);
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
) -> Result<std::result::Result<(), sluice_protocol::Error>> {
    let steps = match plan::plan(&round.resources, &round.hub, intent) {
        Ok(steps) => steps,
        Err(refused) => return Ok(Err(refused)),
    };
    for is_dry in [true, false] {
        let outcome = match apply(&round.hub, &steps, is_dry).await? {
            Ok(outcome) => outcome,
            Err(refused) => return Ok(Err(refused)),
        };
        if !is_dry {
            hand_over(round, intent, outcome).await?;
        }
    }
    Ok(Ok(()))
}

async fn hand_over(round: &mut Round, intent: &WriteIntent, outcome: Outcome) -> Result<()> {
    let Outcome {
        pipes,
        systems,
        hub,
        deleted,
    } = outcome;
    let mut touched: Vec<String> = Vec::new();
    for pipe in pipes {
        touched.push(origin(&pipe).name);
        round.resources.pipes.written(pipe);
    }
    for system in systems {
        touched.push(origin(&system).name);
        round.resources.systems.written(system);
    }
    if let Some(hub) = hub {
        touched.push(origin(&hub).name);
        round.resources.hubs.written(hub);
    }
    let mut removed: Vec<RemovedComponent> = Vec::new();
    for gone in deleted {
        round.resources.deleted(gone.kind, &gone.name);
        removed.push(RemovedComponent {
            kind: gone.kind,
            id: gone.id,
            uid: gone.uid,
        });
    }
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
