//! What holding something else means for each pipe. Pure; `take_up` does it.

use super::Held;
use super::held::HeldRecord;
use crate::durability::Source;
use sluice_protocol::{Duty, Epoch, Start};
use std::collections::BTreeMap;

/// What to do with one pipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Stop it and leave everything as it is: nobody said that it is somebody else's.
    Close,
    /// It is configured nowhere any more: stop it, forget what it remembers, give it back.
    Remove { epoch: Epoch },
    /// Another worker gets it: stop it, give it back, never write it under this epoch again.
    GiveBack { epoch: Epoch },
    /// It was given back, and that was not heard.
    SayAgain { epoch: Epoch },
    /// It goes on under another epoch.
    GoOn { epoch: Epoch, start: Start },
    /// It begins.
    Begin { epoch: Epoch, start: Start },
    /// Its state has to be brought here first.
    Bring { epoch: Epoch, source: Source },
    /// Its owner hands it over as soon as we say that we are ready.
    Follow,
    /// It cannot begin like that here.
    Refuse { epoch: Epoch, how: &'static str },
}

/// What is to be done, by pipe. `open` are the pipes that are open now with their epochs; `known` is what the disk remembers.
pub(crate) fn changes(
    held: &Held,
    open: &BTreeMap<String, Epoch>,
    known: &BTreeMap<String, HeldRecord>,
    is_configured: impl Fn(&str) -> bool,
    can_bring: bool,
) -> BTreeMap<String, Change> {
    let mut changes = BTreeMap::new();
    let keeps_all = held.session.is_none() || held.assigned.is_filling;
    for (pipe, epoch) in open {
        let epoch = *epoch;
        let change = match held.assigned.pipes.get(pipe) {
            _ if held.session.is_none() => Change::Close,
            Some(Duty::Own { .. }) if is_configured(pipe) => continue,
            Some(Duty::Release { epoch, .. }) => Change::GiveBack { epoch: *epoch },
            _ if keeps_all => Change::Close,
            _ if is_configured(pipe) => Change::GiveBack { epoch },
            _ => Change::Remove { epoch },
        };
        changes.insert(pipe.clone(), change);
    }
    for (pipe, duty) in &held.assigned.pipes {
        if let Some(change) =
            begun(pipe, duty, open, known, can_bring).filter(|_| is_configured(pipe))
        {
            changes.insert(pipe.clone(), change);
        }
    }
    // Removed while nobody was here to hear of it, or after it had moved away: doing so drops the record.
    let gone = known.iter().filter(|(pipe, _)| {
        let is_nowhere = !open.contains_key(*pipe) && !held.assigned.pipes.contains_key(*pipe);
        is_nowhere && !keeps_all && !is_configured(pipe)
    });
    for (pipe, record) in gone {
        let epoch = record.epoch;
        changes.insert(pipe.clone(), Change::Remove { epoch });
    }
    changes
}

fn begun(
    pipe: &str,
    duty: &Duty,
    open: &BTreeMap<String, Epoch>,
    known: &BTreeMap<String, HeldRecord>,
    can_bring: bool,
) -> Option<Change> {
    let refused = |epoch| Change::Refuse {
        epoch,
        how: "this worker has no object store, through which a pipe's state could come here",
    };
    // What was brought here lies on the disk under the epoch that it was brought for.
    let is_here = |epoch| known.get(pipe).is_some_and(|record| record.epoch == epoch);
    let released = known
        .get(pipe)
        .map_or(Epoch::NONE, |record| record.released);
    match duty {
        Duty::Own { epoch, .. } if *epoch <= released => Some(Change::SayAgain { epoch: *epoch }),
        Duty::Own { epoch, start } => match (open.get(pipe), start) {
            (Some(present), _) if present == epoch => None,
            (Some(_), Start::Local | Start::Fresh) => Some(Change::GoOn {
                epoch: *epoch,
                start: start.clone(),
            }),
            (None, Start::HandOver { .. } | Start::Restore { .. }) if is_here(*epoch) => {
                // Not as local state: the storage node may not have heard that it came.
                Some(Change::Begin {
                    epoch: *epoch,
                    start: start.clone(),
                })
            }
            (_, Start::HandOver { .. } | Start::Restore { .. }) if !can_bring => {
                Some(refused(*epoch))
            }
            (_, Start::HandOver { offset, .. }) => Some(Change::Bring {
                epoch: *epoch,
                source: Source::HandOver { offset: *offset },
            }),
            (_, Start::Restore { checkpoint }) => Some(Change::Bring {
                epoch: *epoch,
                source: Source::Checkpoint(*checkpoint),
            }),
            (_, start) => Some(Change::Begin {
                epoch: *epoch,
                start: start.clone(),
            }),
        },
        Duty::Follow { .. } if can_bring => Some(Change::Follow),
        Duty::Follow { .. } => Some(refused(Epoch::NONE)),
        Duty::Release { epoch, .. } if !open.contains_key(pipe) && *epoch <= released => {
            Some(Change::SayAgain { epoch: *epoch })
        }
        Duty::Release { epoch, .. } if !open.contains_key(pipe) => {
            Some(Change::GiveBack { epoch: *epoch })
        }
        Duty::Release { .. } => None,
    }
}

#[cfg(test)]
mod tests;
