//! Events of a pipe's execution log, `system:pump_execution:<pipe>` (EX1-EX5). Building only; the commit writes them.

mod operations;

pub(crate) use operations::{OffsetSet, offset_set, reposted, user_event};

use crate::clock::{Micros, iso};
use crate::pipe::{Figures, RunFailure, SyncType, complete_copy};
use crate::source::FailureKind;
use sluice_dataset::{DatasetName, NameError, PreparedEntity};
use sluice_entity::{Builder, Entity, HashKey};

/// An event may not carry more of an entity than this (EX8).
const LARGEST_ENTITY: usize = 10 << 20;
const PREFIX: &str = "system:pump_execution:";
const ALIAS: &str = "system:pump:";
/// What the ids of errors begin with; the rest tells one from another.
const READ_ERROR: &str = "read-error:";
const WRITE_ERROR: &str = "write-error:";

/// The log's dataset.
pub(crate) fn dataset_name(pipe: &str) -> Result<DatasetName, NameError> {
    DatasetName::internal(&format!("{PREFIX}{pipe}"))
}

/// The pipe whose log this dataset is, under its name or its alias.
pub(crate) fn pipe_of(dataset: &str) -> Option<&str> {
    dataset
        .strip_prefix(PREFIX)
        .or_else(|| dataset.strip_prefix(ALIAS))
}

/// What a dataset is called in the store: the alias of a log stands for the log.
pub(crate) fn stored_name(dataset: &str) -> String {
    dataset
        .strip_prefix(ALIAS)
        .map_or_else(|| dataset.to_owned(), |pipe| format!("{PREFIX}{pipe}"))
}

/// True for an event that there is one of, in many versions: what the pipe last did of its kind stays known.
pub(crate) fn is_fixed(id: &str) -> bool {
    !id.starts_with(READ_ERROR) && !id.starts_with(WRITE_ERROR)
}

/// An event in the making: a flat dict with a fixed beginning.
pub(crate) struct Event {
    builder: Builder,
}

impl Event {
    fn new(id: &str, kind: &str, pipe: &str) -> Self {
        let mut builder = Builder::new();
        builder.begin_dict();
        let mut event = Event { builder };
        event
            .text("_id", id)
            .text("event_type", kind)
            .text("pipe", pipe);
        event
    }

    fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.builder.name(name);
        self.builder.str(text);
        self
    }

    fn number(&mut self, name: &str, number: u64) -> &mut Self {
        self.builder.name(name);
        self.builder.int(i64::try_from(number).unwrap_or(i64::MAX));
        self
    }

    fn seconds(&mut self, name: &str, seconds: f64) -> &mut Self {
        self.builder.name(name);
        self.builder.float(seconds);
        self
    }

    fn flag(&mut self, name: &str, flag: bool) -> &mut Self {
        self.builder.name(name);
        self.builder.bool(flag);
        self
    }

    fn entity(&mut self, name: &str, entity: &Entity) -> &mut Self {
        if entity.encoded_len() > LARGEST_ENTITY {
            return self.text(name, "left out: larger than 10 MB");
        }
        self.builder.name(name);
        self.builder.value(complete_copy(entity).value());
        self
    }

    /// What went wrong in full, what lies below it, and the root of it.
    fn failure(&mut self, full: &str, causes: &[String]) -> &mut Self {
        self.text("traceback", full);
        match causes {
            [] => self.text("original_error_message", full),
            [.., root] => self
                .text("original_traceback", &causes.join("\ncaused by: "))
                .text("original_error_message", root),
        }
    }

    fn user(&mut self, user: Option<&str>) -> &mut Self {
        if let Some(user) = user {
            self.builder.name("user");
            self.builder.begin_dict();
            self.text("user_id", user);
            self.builder.end();
        }
        self
    }

    fn figures(&mut self, figures: &Figures) -> &mut Self {
        self.number("entities_succeeded", figures.succeeded)
            .number("entities_failed", figures.failed);
        self.builder.name("metrics");
        self.builder.begin_dict();
        self.builder.name("entities");
        self.builder.begin_dict();
        self.number("changes_last_run", figures.changes)
            .number("entities_last_run", figures.read)
            .number("read_errors_last_run", figures.read_errors)
            .number("write_errors_last_run", figures.write_errors)
            .number("retries_succeeded_last_run", figures.retries_succeeded)
            .number("number_of_failed_retries_last_run", figures.failed_retries)
            .number("number_of_dead_entities_last_run", figures.dead)
            .number(
                "retry_errors_last_run",
                figures.failed_retries + figures.dead,
            )
            .seconds("source_time", figures.source_time.as_secs_f64())
            .seconds("transform_time", figures.transform_time.as_secs_f64())
            .seconds("sink_time", figures.sink_time.as_secs_f64());
        self.builder.end();
        self.builder.name("hops");
        self.builder.begin_dict();
        self.number("max-cardinality", figures.hops.max_cardinality)
            .number("max-cardinality-last-run", figures.hops.max_cardinality)
            .number("total-rows-last-run", figures.hops.rows);
        self.builder.end();
        self.builder.name("memory");
        self.builder.begin_dict();
        self.number("batch-max-mem-size", figures.largest_batch)
            .number("total-peak", figures.most_in_flight);
        self.builder.end();
        self.builder.end();
        self
    }

    fn finish(mut self, key: &HashKey) -> PreparedEntity {
        self.builder.end();
        let entity = Entity::new(self.builder.finish()).expect("a dict was begun");
        PreparedEntity::new(&entity, key).expect("an event has an id")
    }
}

/// What the events of one run have in common.
#[derive(Clone, Debug)]
pub(crate) struct RunEvents {
    /// The pipe.
    pub pipe: String,
    /// Full, partial, incremental.
    pub sync_type: SyncType,
    /// Start of the run.
    pub started: Micros,
    /// Who asked for it, if somebody did.
    pub user: Option<String>,
    /// Key of the content hash.
    pub hash_key: HashKey,
}

/// How a run went, for its last event.
pub(crate) struct Outcome<'a> {
    /// Counts and times.
    pub figures: &'a Figures,
    /// End of the run.
    pub ended: Micros,
    /// Seconds until the next planned run.
    pub next_interval: Option<f64>,
    /// Offset of `pump-started`.
    pub started_location: Option<u64>,
    /// Entities wait for another try.
    pub retries_exist: bool,
}

impl RunEvents {
    fn event(&self, kind: &str) -> Event {
        let mut event = Event::new(kind, kind, &self.pipe);
        event
            .text("pump_definition", &self.pipe)
            .text("sync_type", self.sync_type.as_str());
        event
            .text("start_time", &iso(self.started))
            .user(self.user.as_deref());
        event
    }

    /// `pump-started`
    pub(crate) fn started(&self) -> PreparedEntity {
        self.event("pump-started").finish(&self.hash_key)
    }

    /// `pump-completed`, with why the target was not told what is gone, if it was not.
    pub(crate) fn completed(
        &self,
        outcome: &Outcome<'_>,
        deletes_withheld: Option<&str>,
    ) -> PreparedEntity {
        let mut event = self.event("pump-completed");
        self.outcome(&mut event, outcome);
        if let Some(why) = deletes_withheld {
            event.text("deletes_withheld", why);
        }
        event.finish(&self.hash_key)
    }

    /// `pump-failed`
    pub(crate) fn failed(&self, outcome: &Outcome<'_>, failure: &RunFailure) -> PreparedEntity {
        let mut event = self.event("pump-failed");
        self.outcome(&mut event, outcome);
        event
            .text("reason_why_stopped", &failure.message)
            .text("reason", &failure.reason)
            .failure(&failure.full_text(), &failure.causes);
        if let Some(entity) = &failure.entity {
            event.entity("exception_entity", entity);
        }
        event.builder.name("node_build_info");
        event.builder.begin_dict();
        event.text("version", env!("CARGO_PKG_VERSION"));
        event.builder.end();
        event.finish(&self.hash_key)
    }

    fn outcome(&self, event: &mut Event, outcome: &Outcome<'_>) {
        event
            .text("end_time", &iso(outcome.ended))
            .seconds(
                "total_time",
                outcome.ended.saturating_sub(self.started) as f64 / 1e6,
            )
            .flag("retry_entities_exist", outcome.retries_exist)
            .figures(outcome.figures);
        if let Some(seconds) = outcome.next_interval {
            event.seconds("next_interval", seconds);
        }
        if let Some(location) = outcome.started_location {
            event.number("pump_started_location", location);
        }
    }

    /// `read-error:<guid>`
    pub(crate) fn read_error(
        &self,
        kind: FailureKind,
        now: Micros,
        message: &str,
        causes: &[String],
    ) -> PreparedEntity {
        let id = format!("{READ_ERROR}{}", uuid::Uuid::new_v4());
        let mut event = Event::new(&id, "read-error", &self.pipe);
        event
            .number("error_code", kind.code().unsigned_abs())
            .text("event_time", &iso(now))
            .failure(message, causes);
        event.finish(&self.hash_key)
    }

    /// `write-error:<entity id>`, new or with another standing.
    pub(crate) fn write_error(&self, error: &WriteErrorEvent<'_>) -> PreparedEntity {
        let mut event = Event::new(
            &format!("{WRITE_ERROR}{}", error.entity_id),
            "write-error",
            &self.pipe,
        );
        event
            .number("error_code", error.kind.code().unsigned_abs())
            .text("event_time", &iso(error.now))
            .number("retry_attempts", error.attempts)
            .flag("retryable", error.standing == Standing::Retryable)
            .flag("resolved", error.standing == Standing::Resolved)
            .flag("dead", error.standing == Standing::Dead)
            .failure(error.message, error.causes);
        if let Some(entity) = error.entity {
            event.entity("entity", entity);
        }
        if let Some(entity) = error.resolved_entity {
            event.entity("resolved_entity", entity);
        }
        event.finish(&self.hash_key)
    }
}

/// Where a write error stands (R33).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Will be tried again.
    Retryable,
    /// Written after all, or overtaken by a newer version.
    Resolved,
    /// Given up.
    Dead,
    /// Not tried again: retries are off.
    Final,
}

/// One `write-error`.
pub(crate) struct WriteErrorEvent<'a> {
    /// Id of the entity.
    pub entity_id: &'a str,
    /// What could not be written.
    pub entity: Option<&'a Entity>,
    /// What resolved it, if it is another version.
    pub resolved_entity: Option<&'a Entity>,
    /// Communication or entity.
    pub kind: FailureKind,
    /// Tries after the first.
    pub attempts: u64,
    /// Where it stands.
    pub standing: Standing,
    /// What went wrong, with its causes.
    pub message: &'a str,
    /// The causes, outermost first.
    pub causes: &'a [String],
    /// Now.
    pub now: Micros,
}
