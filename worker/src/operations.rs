//! What people can do to a pump (PU16, EX4, R29, R34, R36).

use crate::answer;
use crate::blocking;
use crate::deployed::Deployed;
use crate::execution_log::{self, OffsetSet};
use crate::pipe::commit::{Append, Writes};
use crate::pipe::state::{Control, KeptSince, Progress, Record};
use crate::pipe::{Asked, retry_queue};
use crate::runs::{NotStarted, Runs};
use crate::shared::Shared;
use crate::source::SinceValue;
use sluice_config::{Mode, Pipe, Sink as SinkSettings};
use sluice_dataset::{Dataset as _, PreparedEntity};
use sluice_entity::{Json, Limits};
use sluice_protocol::{Code, Error, OperationKind, PumpRequest, Result};
use sluice_store::{Durability, StateKey};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long `stop` waits for the run to end before it answers.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// The operations a pump takes, in a fixed order; none for receivers and publishers.
pub(crate) fn supported(settings: &Pipe) -> Vec<OperationKind> {
    if !settings.pump.exists() {
        return Vec::new();
    }
    let takes = |kind: &OperationKind| match kind {
        OperationKind::Start | OperationKind::StartRescan => settings.pump.mode != Mode::Off,
        OperationKind::UpdateLastSeen => !settings.disable_set_last_seen,
        OperationKind::SetLastSeenToEnd => {
            !settings.disable_set_last_seen && !settings.inputs.is_empty()
        }
        OperationKind::Repost => settings.sink_dataset.is_some(),
        _ => true,
    };
    OperationKind::ALL
        .iter()
        .map(|(kind, _)| *kind)
        .filter(takes)
        .collect()
}

/// Does what was asked.
pub(crate) async fn operate(
    shared: &Arc<Shared>,
    runs: &Arc<Runs>,
    pipe: &Arc<Deployed>,
    request: PumpRequest,
) -> Result<()> {
    let settings = pipe.settings();
    let kind = request.operation.kind;
    if !supported(&settings).contains(&kind) {
        let message = format!(
            "the pump of pipe \"{}\" doesn't support the operation \"{}\"",
            pipe.id,
            kind.as_str()
        );
        return Err(Error::invalid("unsupported-operation", message));
    }
    let operation = Operation {
        shared,
        pipe,
        settings: &settings,
        user: &request.user,
        parameters: &request.operation.parameters,
    };
    match kind {
        OperationKind::Start => operation.start(runs, false),
        OperationKind::StartRescan => operation.start(runs, true),
        OperationKind::Stop => operation.stop().await,
        OperationKind::Enable => operation.set_disabled(false).await,
        OperationKind::Disable => operation.set_disabled(true).await,
        OperationKind::UpdateLastSeen => operation.update_last_seen().await,
        OperationKind::SetLastSeenToEnd => operation.set_last_seen_to_end().await,
        OperationKind::DiscardRetries => operation.discard_retries().await,
        OperationKind::Repost => operation.repost().await,
    }
}

/// The pipe left this worker while something was asked of it.
pub(crate) fn gone(pipe: &str) -> Error {
    let message = format!("pipe \"{pipe}\" has left this worker; try again");
    Error::new(Code::Unavailable, "not-here", message)
}

struct Operation<'a> {
    shared: &'a Arc<Shared>,
    pipe: &'a Arc<Deployed>,
    settings: &'a Pipe,
    user: &'a str,
    parameters: &'a BTreeMap<String, String>,
}

impl Operation<'_> {
    fn start(&self, runs: &Arc<Runs>, rescan: bool) -> Result<()> {
        if let Some(reason) = self.pipe.waiting_for(self.shared) {
            let message = format!("pipe \"{}\" cannot run now: {reason}", self.pipe.id);
            return Err(Error::new(Code::FailedPrecondition, "pipe-waits", message));
        }
        let allow_mass_delete = self.flag("allow-mass-delete");
        let asked = Asked {
            rescan,
            allow_mass_delete,
            user: Some(self.user.to_owned()),
        };
        runs.start(self.pipe, asked)
            .map(|_| ())
            .map_err(|error| match error {
                NotStarted::Running => {
                    Error::new(Code::Conflict, "already-running", error.to_string())
                }
                NotStarted::Stopping => {
                    Error::new(Code::Unavailable, "stopping", error.to_string())
                }
                NotStarted::Gone => gone(&self.pipe.id),
            })
    }

    fn flag(&self, name: &str) -> bool {
        self.parameters
            .get(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }

    async fn stop(&self) -> Result<()> {
        if self.pipe.stop() {
            // The run ends after its batch; whoever asks in the meantime sees it running.
            let _ = tokio::time::timeout(STOP_PATIENCE, self.pipe.run_lock.lock()).await;
        }
        Ok(())
    }

    async fn set_disabled(&self, disabled: bool) -> Result<()> {
        let control = Control {
            disabled,
            ..self.pipe.control.lock().clone()
        };
        let kind = if disabled {
            "pump-disabled"
        } else {
            "pump-enabled"
        };
        let comment = self.parameters.get("comment").map_or("", String::as_str);
        let texts: &[(&str, &str)] = if comment.is_empty() {
            &[]
        } else {
            &[("comment", comment)]
        };
        let record = (
            Control::key(&self.pipe.id).map_err(answer::dataset)?,
            Some(control.to_bytes()),
        );
        self.write(kind, texts, vec![record]).await?;
        self.pipe.control.lock().disabled = disabled;
        Ok(())
    }

    async fn update_last_seen(&self) -> Result<()> {
        let text = self.parameters.get("last-seen").map_or("", String::as_str);
        let since = (!text.is_empty()).then(|| SinceValue::from_text(text));
        if let Some(since) = &since {
            self.check_fits(since)?;
        }
        self.set_since(since).await
    }

    /// A pipe that reads datasets goes on at offsets, and nowhere else.
    fn check_fits(&self, since: &SinceValue) -> Result<()> {
        let fits = match (self.settings.inputs.as_slice(), since) {
            ([], _) => true,
            ([_], SinceValue::Offset(_)) => true,
            (inputs, SinceValue::Datasets(offsets)) => {
                offsets.keys().all(|dataset| inputs.contains(dataset))
            }
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let message =
            "\"last-seen\" is no offset of the pipe's input, or no object of offsets by dataset";
        Err(Error::invalid("invalid-last-seen", message))
    }

    async fn set_last_seen_to_end(&self) -> Result<()> {
        let mut newest = BTreeMap::new();
        for name in &self.settings.inputs {
            if let Some(dataset) = self.shared.readable(name) {
                let status = dataset.status().map_err(answer::dataset)?;
                newest.extend(status.max_offset.map(|offset| (name.clone(), offset)));
            }
        }
        let reads_several = !matches!(self.settings.source, sluice_config::Source::Dataset(_));
        let since = match newest.values().next() {
            None => None,
            Some(offset) if !reads_several => Some(SinceValue::Offset(*offset)),
            Some(_) => Some(SinceValue::Datasets(Arc::new(newest))),
        };
        self.set_since(since).await
    }

    /// R29: without a value everything is forgotten but the data.
    async fn set_since(&self, since: Option<SinceValue>) -> Result<()> {
        let Ok(_no_run) = self.pipe.run_lock.try_lock() else {
            let message = format!("pipe \"{}\" is running; stop it first", self.pipe.id);
            return Err(Error::new(Code::Conflict, "already-running", message));
        };
        let is_reset = since.is_none();
        let mut progress = self.pipe.progress.lock().clone();
        let value = |since: &Option<KeptSince>| since.as_ref().map(KeptSince::value);
        let before = value(&progress.since);
        progress.reset();
        progress.since = since.as_ref().map(KeptSince::from);
        let set = OffsetSet {
            before,
            after: since,
            is_reset,
            user: Some(self.user),
            reasons: &[],
            now: self.shared.clock.now(),
        };
        if is_reset {
            self.drop_retries().await?;
        }
        let record = (
            Progress::key(&self.pipe.id).map_err(answer::dataset)?,
            Some(progress.to_bytes()),
        );
        let event = execution_log::offset_set(&self.pipe.id, &set, self.shared.store.hash_key());
        self.write_event(event, vec![record]).await?;
        *self.pipe.progress.lock() = progress;
        Ok(())
    }

    async fn discard_retries(&self) -> Result<()> {
        let Ok(_no_run) = self.pipe.run_lock.try_lock() else {
            let message = format!("pipe \"{}\" is running; stop it first", self.pipe.id);
            return Err(Error::new(Code::Conflict, "already-running", message));
        };
        self.drop_retries().await?;
        self.write("pump-discard-retries", &[], Vec::new()).await
    }

    async fn drop_retries(&self) -> Result<()> {
        let (shared, id) = (self.shared.clone(), self.pipe.id.clone());
        let dropped = blocking::run(move || {
            let mut transaction = shared.store.transaction(&[])?;
            transaction.delete_state_range(&retry_queue::all(&id)?);
            shared
                .assignment
                .lease
                .commit(transaction, Durability::Synced)
        });
        dropped.await.map(|_| ()).map_err(answer::dataset)
    }

    /// DS11: appends chosen entities once more, so that readers see them again.
    async fn repost(&self) -> Result<()> {
        let SinkSettings::Dataset(sink) = &self.settings.sink else {
            return Ok(());
        };
        let ids = self.entity_ids()?;
        let dataset = self.shared.existing(&sink.dataset);
        let dataset =
            dataset.ok_or_else(|| Error::not_found("unknown-dataset", "dataset", &sink.dataset))?;
        let shared = self.shared.clone();
        let now = shared.clock.now();
        let name = dataset.name().to_string();
        let reposted = blocking::run(move || {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let known = dataset.get_many(&ids)?.into_iter().zip(&ids);
            let known: Vec<(String, bool, u64)> = known
                .filter_map(|(version, id)| {
                    version
                        .map(|version| ((*id).to_owned(), version.is_deleted(), version.offset()))
                })
                .collect();
            let mut transaction = shared.store.transaction(&[&dataset])?;
            shared.assignment.stamp(&mut transaction, &dataset)?;
            transaction.repost(&dataset, &ids, now)?;
            shared
                .assignment
                .lease
                .commit(transaction, Durability::Synced)?;
            Ok(known)
        });
        let reposted = reposted.await.map_err(answer::dataset)?;
        self.shared.signals.dataset_changed(&name);
        let key = self.shared.store.hash_key();
        let event = execution_log::reposted(&self.pipe.id, self.user, now, &reposted, key);
        self.write_event(event, Vec::new()).await
    }

    /// `entity-ids`: a JSON list of texts, or one id.
    fn entity_ids(&self) -> Result<Vec<String>> {
        let Some(text) = self
            .parameters
            .get("entity-ids")
            .filter(|text| !text.is_empty())
        else {
            return Err(Error::invalid(
                "missing-entity-ids",
                "\"entity-ids\" names no entity",
            ));
        };
        match Json::parse(text.as_bytes(), &Limits::default()) {
            Ok(Json::Array(ids)) => ids
                .iter()
                .map(|id| id.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| {
                    Error::invalid("invalid-entity-ids", "\"entity-ids\" is a list of texts")
                }),
            _ => Ok(vec![text.clone()]),
        }
    }

    async fn write(
        &self,
        kind: &str,
        texts: &[(&str, &str)],
        records: Vec<(StateKey, Option<Vec<u8>>)>,
    ) -> Result<()> {
        let (now, key) = (self.shared.clock.now(), self.shared.store.hash_key());
        let event = execution_log::user_event(kind, &self.pipe.id, self.user, now, texts, key);
        self.write_event(event, records).await
    }

    async fn write_event(
        &self,
        event: PreparedEntity,
        records: Vec<(StateKey, Option<Vec<u8>>)>,
    ) -> Result<()> {
        if self.pipe.is_removing() {
            return Err(gone(&self.pipe.id));
        }
        let log = self
            .shared
            .internal_dataset(execution_log::dataset_name(&self.pipe.id))
            .await?;
        let appends = vec![Append::new(&log, vec![event])];
        let writes = Writes {
            appends,
            records,
            durability: Durability::Synced,
            ..Writes::default()
        };
        self.shared
            .commit(writes)
            .await
            .map(|_| ())
            .map_err(answer::dataset)
    }
}
