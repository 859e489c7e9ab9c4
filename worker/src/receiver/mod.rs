//! Pushed data on its way into a dataset or out of a sink (SR6, JP3-JP5, R62, R63, R73, PB2).
//!
//! The answer comes when everything in the request is durable. Waiting requests share a sync.

mod body;
mod intake;
mod sequence;

use crate::answer;
use crate::blocking;
use crate::deployed::Deployed;
use crate::pipe::commit::Writes;
use crate::pipe::plan::Plan;
use crate::pipe::state::Record;
use crate::pipe::{approve, delete_some};
use crate::shared::Shared;
use crate::sink::{DatasetSink, Target};
use body::{Body, Entities, PIECE};
use bytes::Bytes;
use futures::StreamExt;
use intake::{Destination, Intake};
use sequence::{Active, Step};
use sluice_config::{SetInitialOffset, Sink as SinkSettings, Source as SourceSettings};
use sluice_dataset::{FullRun, WritableDataset};
use sluice_entity::{Limits, Numbers};
use sluice_protocol::{ByteStream, Code, Error, PushReply, PushRequest, Result};
use sluice_store::{Dataset, Durability};
use std::sync::Arc;
use tokio::sync::{RwLockReadGuard, RwLockWriteGuard};

/// Bounds of a push.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// A body up to this size is checked whole before anything is written (R73).
    pub whole: usize,
    /// Of one entity.
    pub limits: Limits,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            whole: 16 << 20,
            limits: Limits::default(),
        }
    }
}

/// Pushes into a receiver.
pub(crate) async fn push(
    shared: &Arc<Shared>,
    deployed: &Arc<Deployed>,
    bounds: &Bounds,
    request: PushRequest,
    body: ByteStream,
) -> Result<PushReply> {
    let settings = deployed.settings();
    let SourceSettings::HttpEndpoint(source) = &settings.source else {
        let message = format!(
            "pipe \"{}\" is no receiver: its source is not \"http_endpoint\"",
            deployed.id
        );
        return Err(Error::new(Code::NotFound, "unknown-receiver", message));
    };
    if let Err(reason) = deployed.check_runnable() {
        let message = format!("pipe \"{}\" takes no pushes: {reason}", deployed.id);
        return Err(Error::new(
            Code::FailedPrecondition,
            "pipe-not-runnable",
            message,
        ));
    }
    if let Some(reason) = deployed.waiting_for(shared) {
        let message = format!("pipe \"{}\" takes no pushes now: {reason}", deployed.id);
        return Err(Error::new(Code::Unavailable, "pipe-waits", message));
    }
    if source.validation_expression.is_some() {
        // Taking what nobody validated would be worse than taking nothing.
        let message = "this version cannot evaluate \"validation_expression\", so the receiver takes no pushes";
        return Err(Error::new(
            Code::NotInThisVersion,
            "not-in-this-version",
            message,
        ));
    }
    let numbers = Numbers {
        float_as_decimal: source.do_float_as_decimal,
        float_as_int: source.do_float_as_int,
    };
    let plan = Plan::new(&settings);
    let populated = match &settings.sink {
        SinkSettings::Dataset(sink) => sink.set_initial_offset,
        _ => SetInitialOffset::Never,
    };
    let destination = match plan.connect_target(shared).map_err(answer::write)? {
        Some(Target::Dataset(sink)) => {
            let dataset = shared.dataset(&sink.dataset).await?;
            Destination::Dataset { sink, dataset }
        }
        Some(Target::Outside(sink)) => {
            Destination::Outside(Arc::new(tokio::sync::Mutex::new(sink)))
        }
        None => {
            let message = format!("pipe \"{}\" has no sink that can be written", deployed.id);
            return Err(Error::new(
                Code::FailedPrecondition,
                "pipe-not-runnable",
                message,
            ));
        }
    };
    let intake = Intake {
        shared: shared.clone(),
        plan: Some(Arc::new(plan)),
        destination,
    };
    let receiver = Receiver {
        intake,
        owner: deployed.id.clone(),
        bounds,
        numbers,
        populated,
    };
    let result = receiver.take(&deployed.push_lock, request, body).await;
    shared
        .metrics
        .push_ended(result.as_ref().ok().map(|reply| reply.received));
    result
}

/// Writes straight into a dataset, made if there is none (AP8).
pub(crate) async fn write_dataset(
    shared: &Arc<Shared>,
    lock: &tokio::sync::RwLock<()>,
    bounds: &Bounds,
    name: &str,
    request: PushRequest,
    body: ByteStream,
) -> Result<PushReply> {
    let dataset = shared.dataset(name).await?;
    let destination = Destination::Dataset {
        sink: DatasetSink::plain(name),
        dataset,
    };
    let intake = Intake {
        shared: shared.clone(),
        plan: None,
        destination,
    };
    // No pipe has an id with a slash, so the sequences of datasets cannot meet those of pipes.
    let owner = format!("dataset/{name}");
    let populated = SetInitialOffset::IfSourcePopulated;
    let receiver = Receiver {
        intake,
        owner,
        bounds,
        numbers: Numbers::default(),
        populated,
    };
    receiver.take(lock, request, body).await
}

struct Receiver<'a> {
    intake: Intake,
    /// Whose record the sequence is.
    owner: String,
    bounds: &'a Bounds,
    numbers: Numbers,
    populated: SetInitialOffset,
}

/// Incremental pushes go side by side; the requests of a full one have the receiver to themselves (R63).
enum Turn<'a> {
    Shared(#[expect(dead_code, reason = "held until dropped")] RwLockReadGuard<'a, ()>),
    Alone(#[expect(dead_code, reason = "held until dropped")] RwLockWriteGuard<'a, ()>),
}

impl Receiver<'_> {
    async fn take(
        &self,
        lock: &tokio::sync::RwLock<()>,
        request: PushRequest,
        body: ByteStream,
    ) -> Result<PushReply> {
        let _turn = if request.is_full {
            Turn::Alone(lock.write().await)
        } else {
            Turn::Shared(lock.read().await)
        };
        let whole = self.bounds.whole;
        let announced = request
            .content_length
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or(whole);
        // Parsed entities take about what their text took.
        let _held = self
            .intake
            .shared
            .hold_bytes(2 * announced.min(whole).max(PIECE))
            .await;
        // Without a sequence there is nothing to compare.
        let active = if request.is_full || request.sequence_id.is_some() {
            self.active().await?
        } else {
            Active::default()
        };
        let step = active.step(&request)?;
        let body = Body::begin(body, request.content_length, whole).await?;
        let reply = match body {
            Body::Short(chunks) => self.take_whole(chunks, &step).await?,
            Body::Long(begun, rest) => self.take_in_pieces(begun, rest, &step).await?,
        };
        if request.is_full && request.is_last {
            return self.end_sequence(reply, &request).await;
        }
        Ok(reply)
    }

    async fn active(&self) -> Result<Active> {
        let (store, owner) = (self.intake.shared.store.clone(), self.owner.clone());
        blocking::run(move || Active::load(&store, &owner))
            .await
            .map_err(answer::dataset)
    }

    async fn take_whole(&self, chunks: Vec<Bytes>, step: &Step) -> Result<PushReply> {
        let mut entities = Entities::new(self.bounds.limits.clone(), self.numbers);
        let read = blocking::run(move || {
            let read = entities.of(&chunks, 0)?;
            entities.finish(0)?;
            Ok(read)
        })
        .await?;
        let received = read.len() as u64;
        let run = self.run(step).await?;
        let writes = self.records(step, Durability::Synced)?;
        let changed = self.intake.write(read, run.as_ref(), writes).await?;
        Ok(PushReply { received, changed })
    }

    /// What was written before a bad entity stays; the answer says how much that is.
    async fn take_in_pieces(
        &self,
        begun: Vec<Bytes>,
        mut rest: ByteStream,
        step: &Step,
    ) -> Result<PushReply> {
        let mut entities = Entities::new(self.bounds.limits.clone(), self.numbers);
        let mut reply = PushReply::default();
        let run = self.run(step).await?;
        let mut piece = begun;
        loop {
            let mut bytes: usize = piece.iter().map(Bytes::len).sum();
            let mut ended = false;
            while bytes < PIECE && !ended {
                match rest.next().await {
                    Some(chunk) => {
                        let chunk = chunk.map_err(|error| {
                            error.with("accepted", answer::number(reply.received))
                        })?;
                        bytes += chunk.len();
                        piece.push(chunk);
                    }
                    None => ended = true,
                }
            }
            let accepted = reply.received;
            let (back, read) = blocking::run(move || {
                let read = entities.of(&piece, accepted).and_then(|read| {
                    if ended {
                        entities.finish(accepted)?;
                    }
                    Ok(read)
                });
                (entities, read)
            })
            .await;
            entities = back;
            let read = read?;
            let count = read.len() as u64;
            let durability = if ended {
                Durability::Synced
            } else {
                Durability::Buffered
            };
            let writes = self.records(step, durability)?;
            let written = self.intake.write(read, run.as_ref(), writes).await;
            reply.changed +=
                written.map_err(|error| error.with("accepted", answer::number(accepted)))?;
            reply.received += count;
            if ended {
                return Ok(reply);
            }
            piece = Vec::new();
        }
    }

    /// The full run whose marks the entities get: of the sequence they belong to, or of the one they come between.
    async fn run(&self, step: &Step) -> Result<Option<FullRun>> {
        let Destination::Dataset { dataset, .. } = &self.intake.destination else {
            return Ok(None);
        };
        match step {
            Step::Incremental => Ok(dataset.run_under_way()),
            Step::Begins(sequence) => self.begin_run(dataset, &sequence.id).await.map(Some),
            Step::Continues(sequence) => match dataset
                .run_under_way()
                .filter(|run| run.token == sequence.id)
            {
                Some(run) => Ok(Some(run)),
                None => Err(Error::new(
                    Code::Conflict,
                    "sequence-replaced",
                    "the dataset was emptied or written by another full run; start again with a new sequence",
                )),
            },
        }
    }

    async fn begin_run(&self, dataset: &Dataset, token: &str) -> Result<FullRun> {
        let (dataset, token) = (dataset.clone(), token.to_owned());
        blocking::run(move || dataset.begin_run(&token))
            .await
            .map_err(answer::dataset)
    }

    /// What is written along with the entities: the sequence as it stands after this request, the populated flag.
    fn records(&self, step: &Step, durability: Durability) -> Result<Writes> {
        let mut writes = Writes {
            durability,
            ..Writes::default()
        };
        if let Step::Begins(sequence) | Step::Continues(sequence) = step {
            let active = Active {
                sequence: Some(sequence.clone()),
            };
            writes.records.push((
                Active::key(&self.owner).map_err(answer::dataset)?,
                Some(active.to_bytes()),
            ));
        }
        let at_once = matches!(
            self.populated,
            SetInitialOffset::Always | SetInitialOffset::Initially
        );
        if let (true, Destination::Dataset { dataset, .. }) = (at_once, &self.intake.destination) {
            writes.populated.push(dataset.clone());
        }
        Ok(writes)
    }

    /// JP5: the ids that the sequence did not bring are deleted, and the sequence is over.
    async fn end_sequence(&self, mut reply: PushReply, request: &PushRequest) -> Result<PushReply> {
        let shared = &self.intake.shared;
        let mut writes = Writes {
            durability: Durability::Synced,
            ..Writes::default()
        };
        if let Destination::Dataset { dataset, sink } = &self.intake.destination
            && let Some(run) = dataset.run_under_way()
        {
            if sink.deletion_tracking {
                reply.changed += self
                    .delete_unseen(dataset, &run, request.allow_mass_delete)
                    .await?;
            }
            writes.ended_run = Some((dataset.clone(), run));
            if self.populated == SetInitialOffset::IfSourcePopulated {
                writes.populated.push(dataset.clone());
            }
        }
        writes
            .records
            .push((Active::key(&self.owner).map_err(answer::dataset)?, None));
        shared.commit(writes).await.map_err(answer::dataset)?;
        Ok(reply)
    }

    async fn delete_unseen(
        &self,
        dataset: &Dataset,
        run: &FullRun,
        allow_mass_delete: bool,
    ) -> Result<u64> {
        let shared = &self.intake.shared;
        let refused = |failure: crate::pipe::RunFailure| {
            let code = match failure.reason.as_str() {
                "mass-delete" => return Error::new(Code::Conflict, "mass-delete", failure.message),
                "disk-full" => Code::StorageFull,
                _ => Code::Internal,
            };
            Error::new(code, "deletion-failed", failure.message)
        };
        let approval = approve(dataset, run, allow_mass_delete)
            .await
            .map_err(refused)?;
        let mut deleted = 0;
        loop {
            let progress = delete_some(&shared.store, dataset, &approval, shared.clock.now())
                .await
                .map_err(refused)?;
            deleted += progress.deleted;
            if progress.deleted > 0 {
                shared.signals.dataset_changed(dataset.name().as_str());
            }
            if progress.done {
                return Ok(deleted);
            }
        }
    }
}
