//! Ids that a pipe has read of a replica and that its owner has lost since: the pipe reads each of them again as it is now, and as
//! deleted where it is not there any more, so that nothing stays downstream that has no origin.
//!
//! ```text
//! owner      name                              value
//! pipe:ID    revisit/DATASET 0 MARK id         -        the mark, 16 bytes, tells one loss from another
//! pipe:ID    revisit-to/DATASET 0 MARK         offset   up to where what the pipe has read is still so; 8 bytes, one more, 0: nowhere
//! ```
//!
//! An owner that was restored goes on at offsets that nobody has seen. One that lost its newest commits with the power does not:
//! so the pipe goes back to what was kept.

use super::state::{self, KeptSince, Progress};
use crate::blocking;
use crate::deployed::Deployed;
use crate::shared::Shared;
use crate::source::SinceValue;
use sluice_dataset::{Offset, Result};
use sluice_store::{Durability, StateKey, Store, Transaction};
use std::sync::Arc;
use uuid::Uuid;

const PREFIX: &str = "revisit/";
const BACK_TO: &str = "revisit-to/";
const MARK_BYTES: usize = 16;

/// A new name for one loss.
pub(crate) fn mark() -> Uuid {
    Uuid::now_v7()
}

/// Where an id waits.
pub(crate) fn key(pipe: &str, dataset: &str, mark: Uuid, id: &str) -> Result<StateKey> {
    put_together(pipe, PREFIX, dataset, mark, id)
}

/// Notes in a transaction up to where a pipe's readings of a dataset are kept.
pub(crate) fn put_back_to(
    transaction: &mut Transaction,
    pipe: &str,
    dataset: &str,
    mark: Uuid,
    kept: Option<Offset>,
) -> Result<()> {
    let key = put_together(pipe, BACK_TO, dataset, mark, "")?;
    let kept = kept.map_or(0, |kept| kept.saturating_add(1));
    transaction.put_state(&key, &kept.to_le_bytes());
    Ok(())
}

fn put_together(pipe: &str, prefix: &str, dataset: &str, mark: Uuid, id: &str) -> Result<StateKey> {
    let parts: [&[u8]; 5] = [
        prefix.as_bytes(),
        dataset.as_bytes(),
        &[0],
        mark.as_bytes(),
        id.as_bytes(),
    ];
    StateKey::new(&state::owner(pipe), parts.concat())
}

/// Dataset and id of a key.
fn parts_of(key: &StateKey, prefix: &str) -> Option<(String, String)> {
    let rest = key.name().strip_prefix(prefix.as_bytes())?;
    // No name of a dataset has a control character in it.
    let end = rest.iter().position(|byte| *byte == 0)?;
    let (dataset, rest) = rest.split_at(end);
    let id = rest.get(1 + MARK_BYTES..)?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    Some((text(dataset)?, text(id)?))
}

/// An id to look at again.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub key: StateKey,
    pub dataset: String,
    pub id: String,
}

/// The next ids behind `after`, at most so many. For blocking threads.
pub(crate) fn next(
    store: &Store,
    pipe: &str,
    after: Option<&StateKey>,
    limit: usize,
) -> Result<Vec<Waiting>> {
    let all = StateKey::new(&state::owner(pipe), PREFIX)?;
    let found = store.state_scan(&all, after, limit)?.into_iter();
    let waiting = found.map(|(key, _)| {
        let (dataset, id) = parts_of(&key, PREFIX).ok_or_else(|| damaged(pipe))?;
        Ok(Waiting { key, dataset, id })
    });
    waiting.collect()
}

fn damaged(pipe: &str) -> sluice_dataset::Error {
    sluice_dataset::Error::Damaged {
        place: format!("queue of pipe {pipe}"),
        what: "a record of unknown form".to_owned(),
    }
}

/// Up to where readings are kept.
#[derive(Debug)]
pub(crate) struct BackTo {
    pub key: StateKey,
    pub dataset: String,
    pub kept: Option<Offset>,
}

/// Where a pipe has to go back to.
pub(crate) async fn back_to(shared: &Arc<Shared>, pipe: &str) -> Result<Vec<BackTo>> {
    let (shared, pipe) = (shared.clone(), pipe.to_owned());
    blocking::run(move || {
        let all = StateKey::new(&state::owner(&pipe), BACK_TO)?;
        let found = shared.store.state_scan(&all, None, usize::MAX)?.into_iter();
        let back = found.map(|(key, value)| {
            let (dataset, _) = parts_of(&key, BACK_TO).ok_or_else(|| damaged(&pipe))?;
            let kept = <[u8; 8]>::try_from(&*value).map_err(|_| damaged(&pipe))?;
            let kept = u64::from_le_bytes(kept).checked_sub(1);
            Ok(BackTo { key, dataset, kept })
        });
        back.collect()
    })
    .await
}

/// Puts a pipe's offsets back.
pub(crate) fn go_back(progress: &mut Progress, back: &[BackTo], token: impl Fn() -> String) {
    for BackTo { dataset, kept, .. } in back {
        let since = progress.since.as_ref().map(KeptSince::value);
        let put_back = match since {
            Some(SinceValue::Offset(offset)) if Some(offset) > *kept => {
                Some(kept.map_or_else(SinceValue::nowhere, SinceValue::Offset))
            }
            Some(SinceValue::Datasets(offsets)) if offsets.get(dataset).copied() > *kept => {
                let mut offsets = (*offsets).clone();
                match kept {
                    Some(kept) => offsets.insert(dataset.clone(), *kept),
                    None => offsets.remove(dataset),
                };
                Some(SinceValue::Datasets(Arc::new(offsets)))
            }
            _ => None,
        };
        if let Some(since) = put_back {
            progress.since = Some((&since).into());
        }
        let inputs = progress.inputs.as_mut();
        let seen = inputs.and_then(|inputs| inputs.get_mut(dataset));
        if let Some(seen) = seen.filter(|seen| !seen.hop) {
            // That it is shorter now is no news any more (AR1).
            seen.max_offset = seen.max_offset.min(*kept);
        }
        if let Some(full) = &mut progress.full {
            // What it saw of what is lost does not count as seen.
            full.since = None;
            full.token = token();
        }
    }
}

/// Whether any id waits. For blocking threads.
pub(crate) fn any(store: &Store, pipe: &str) -> Result<bool> {
    let back = StateKey::new(&state::owner(pipe), BACK_TO)?;
    Ok(!next(store, pipe, None, 1)?.is_empty() || !store.state_scan(&back, None, 1)?.is_empty())
}

/// A run that looked at these has ended well: they wait no more.
pub(crate) async fn done(
    shared: &Arc<Shared>,
    pipe: &Arc<Deployed>,
    keys: Vec<StateKey>,
) -> Result<()> {
    let (shared, pipe) = (shared.clone(), pipe.clone());
    blocking::run(move || {
        if !keys.is_empty() {
            let mut transaction = shared.store.transaction(&[])?;
            keys.iter().for_each(|key| transaction.delete_state(key));
            let lease = &shared.assignment.lease;
            lease.commit(transaction, Durability::Buffered)?;
        }
        // First the flag, then the look: what comes in between sets it again.
        pipe.set_revisits(false);
        if any(&shared.store, &pipe.id)? {
            pipe.set_revisits(true);
        }
        Ok(())
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_apart_again() {
        for (dataset, id) in [("people", "a"), ("system:x", ""), ("Ærø", "a\0b/ø")] {
            let one = key("pipe", dataset, mark(), id).unwrap();
            let parts = parts_of(&one, PREFIX);
            assert_eq!(parts, Some((dataset.to_owned(), id.to_owned())));
            assert_ne!(one, key("pipe", dataset, mark(), id).unwrap());
        }
        let other = StateKey::new("pipe:a", "revisit/short").unwrap();
        assert_eq!(parts_of(&other, PREFIX), None);
    }

    #[test]
    fn offsets_go_back_and_never_forward() {
        let back = |dataset: &str, kept| BackTo {
            key: StateKey::new("pipe:a", "").unwrap(),
            dataset: dataset.to_owned(),
            kept,
        };
        for (since, kept, expected) in [
            ("7", Some(4), "4"),
            ("4", Some(4), "4"),
            ("3", Some(4), "3"),
            ("0", None, "{}"),
            (r#"{"a":7,"b":7}"#, Some(4), r#"{"a":4,"b":7}"#),
            (r#"{"a":7,"b":7}"#, None, r#"{"b":7}"#),
            (r#"{"b":7}"#, Some(4), r#"{"b":7}"#),
        ] {
            let mut progress = Progress {
                since: Some((&SinceValue::from_text(since)).into()),
                ..Progress::default()
            };
            go_back(&mut progress, &[back("a", kept)], String::new);
            let since_after = progress.since.unwrap().value().to_json().to_string();
            assert_eq!(since_after, expected, "{since} {kept:?}");
        }
        let mut progress = Progress::default();
        go_back(&mut progress, &[back("a", None)], String::new);
        assert!(progress.since.is_none());
    }
}
