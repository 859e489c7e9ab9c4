//! Events that say what was done to a pipe from outside its runs (EX4).

use super::Event;
use crate::clock::{Micros, iso};
use crate::source::SinceValue;
use sluice_dataset::PreparedEntity;
use sluice_entity::HashKey;

/// The offset of a pipe was set.
pub(crate) struct OffsetSet<'a> {
    /// What it was.
    pub before: Option<SinceValue>,
    /// What it is.
    pub after: Option<SinceValue>,
    /// The pipe starts over.
    pub is_reset: bool,
    /// Who did it; `None`: the pipe itself, for these reasons.
    pub user: Option<&'a str>,
    /// Why the pipe did it itself (AR1).
    pub reasons: &'a [String],
    /// Now.
    pub now: Micros,
}

/// `pump-offset-set`
pub(crate) fn offset_set(pipe: &str, set: &OffsetSet<'_>, key: &HashKey) -> PreparedEntity {
    let text = |since: &Option<SinceValue>| {
        let since = since.as_ref().filter(|since| !since.is_nowhere());
        since.map(SinceValue::to_text).unwrap_or_default()
    };
    let mut event = Event::new("pump-offset-set", "pump-offset-set", pipe);
    event
        .text("event_time", &iso(set.now))
        .user(set.user)
        .text("pipe_offset", &text(&set.after))
        .text("original_pipe_offset", &text(&set.before))
        .flag("is_reset", set.is_reset);
    if !set.reasons.is_empty() {
        event.text("reason", &set.reasons.join("; "));
    }
    event.finish(key)
}

/// An event that somebody caused (EX4): `kind` is its id too.
pub(crate) fn user_event(
    kind: &str,
    pipe: &str,
    user: &str,
    now: Micros,
    texts: &[(&str, &str)],
    key: &HashKey,
) -> PreparedEntity {
    let mut event = Event::new(kind, kind, pipe);
    event.text("event_time", &iso(now)).user(Some(user));
    for (name, text) in texts {
        event.text(name, text);
    }
    event.finish(key)
}

/// `entities-reposted`: ids with the offset they had.
pub(crate) fn reposted(
    pipe: &str,
    user: &str,
    now: Micros,
    entities: &[(String, bool, u64)],
    key: &HashKey,
) -> PreparedEntity {
    let mut event = Event::new("entities-reposted", "entities-reposted", pipe);
    event
        .text("event_time", &iso(now))
        .user(Some(user))
        .text("pipe_id", pipe)
        .number("num_entities", entities.len() as u64);
    event.builder.name("entities");
    event.builder.begin_list();
    for (id, deleted, updated) in entities {
        event.builder.begin_dict();
        event
            .text("_id", id)
            .flag("_deleted", *deleted)
            .number("_updated", *updated);
        event.builder.end();
    }
    event.builder.end();
    event.finish(key)
}
