//! Taking one request: its turn, its body whole or in pieces, its place in a sequence (R62, R63, R73, JP5).

use super::Bounds;
use super::body::{Body, Entities, PIECE};
use super::intake::{Destination, Intake};
use super::sequence::{Active, REPLACED, Step};
use crate::answer;
use crate::blocking;
use crate::deployed::Deployed;
use crate::durability::push_log::RECORDED;
use crate::operations;
use crate::pass_over::Habit;
use crate::pipe::RunFailure;
use crate::pipe::commit::Writes;
use crate::pipe::deletion::{self, Ending};
use crate::pipe::state::Record;
use crate::shared::BytesHeld;
use bytes::Bytes;
use futures::StreamExt;
use sluice_config::SetInitialOffset;
use sluice_dataset::{FullRun, WritableDataset};
use sluice_entity::Numbers;
use sluice_protocol::{ByteStream, Code, Error, PushReply, PushRequest, Result};
use sluice_store::{Dataset, Durability};
use std::sync::Arc;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Takes requests of one receiver or dataset.
pub(super) struct Receiver<'a> {
    /// What happens to the entities.
    pub intake: Intake,
    /// Whose record the sequence is.
    pub owner: String,
    /// The pipe, if it is one.
    pub pipe: Option<&'a Deployed>,
    /// Sizes.
    pub bounds: &'a Bounds,
    /// EM15.
    pub numbers: Numbers,
    /// When the dataset becomes populated (SK2).
    pub populated: SetInitialOffset,
    /// Whether comparing received bytes pays, where it is done.
    pub habit: Option<&'a Arc<Habit>>,
    /// Who sends the requests.
    pub origin: Origin,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Somebody pushes it.
    Client,
    /// It was taken before, as a part of the sequence of this number, and comes out of the push log.
    Log {
        /// `None`: of no sequence, or taken by a version that did not count them.
        sequence: Option<u64>,
    },
}

/// A request that was taken.
pub(super) struct Taken {
    pub reply: PushReply,
    /// The number of the sequence that it is a part of.
    pub sequence: Option<u64>,
    /// What its body takes, until it is recorded.
    #[expect(dead_code, reason = "held until dropped")]
    pub held: BytesHeld,
}

/// Incremental pushes go side by side, where each id may have any number of versions; the requests of a full one have the receiver
/// to themselves (R63).
enum Turn<'a> {
    Shared(#[expect(dead_code, reason = "held until dropped")] RwLockReadGuard<'a, ()>),
    Alone(#[expect(dead_code, reason = "held until dropped")] RwLockWriteGuard<'a, ()>),
}

impl Receiver<'_> {
    /// What it takes stays here: nobody else has it.
    pub(super) fn is_kept(&self) -> bool {
        matches!(self.intake.destination, Destination::Dataset { .. })
    }

    pub(super) async fn take(
        &self,
        lock: &RwLock<()>,
        request: PushRequest,
        body: ByteStream,
    ) -> Result<Taken> {
        let whole = self.bounds.whole;
        let announced = request
            .content_length
            .and_then(|bytes| usize::try_from(bytes).ok());
        // Parsed entities take about what their text took; of a long body only pieces are here at a time.
        let bytes = match announced {
            Some(announced) if announced > whole => PIECE,
            announced => announced.unwrap_or(whole),
        };
        let is_long = announced.is_some_and(|announced| announced > whole);
        let recorded = match self.origin {
            Origin::Client if is_long && self.intake.shared.durability.is_some() => RECORDED,
            _ => 0,
        };
        let held = self.intake.shared.hold_bytes(2 * bytes + recorded).await;
        // A short body is read before it is the request's turn: a slow client keeps nobody waiting.
        let body = Body::begin(body, request.content_length, whole).await?;
        let _turn = if request.is_full || self.intake.looks_first() {
            Turn::Alone(lock.write().await)
        } else {
            Turn::Shared(lock.read().await)
        };
        // Who had to wait for the turn may find the pipe given back to another worker.
        if let Some(pipe) = self.pipe.filter(|pipe| pipe.is_removing()) {
            return Err(operations::gone(&pipe.id));
        }
        // Without a sequence there is nothing to compare.
        let has_sequence = request.is_full || request.sequence_id.is_some();
        let active = if has_sequence {
            self.active().await?
        } else {
            Active::default()
        };
        let mut step = match self.origin {
            Origin::Client => active.step(&request)?,
            Origin::Log { sequence } => active.step_again(&request, sequence)?,
        };
        let mut reply = match body {
            Body::Short(chunks) => self.take_whole(chunks, &mut step).await?,
            Body::Long(begun, rest) => self.take_in_pieces(begun, rest, &mut step).await?,
        };
        if request.is_full && request.is_last {
            reply = self.end_sequence(reply, &request, &step).await?;
        }
        let sequence = step.sequence().map(|sequence| sequence.number);
        Ok(Taken {
            reply,
            sequence,
            held,
        })
    }

    async fn active(&self) -> Result<Active> {
        let (store, owner) = (self.intake.shared.store.clone(), self.owner.clone());
        blocking::run(move || Active::load(&store, &owner))
            .await
            .map_err(answer::dataset)
    }

    fn entities(&self) -> Entities {
        let (limits, numbers) = (self.bounds.limits, self.numbers);
        let pass_over = self.intake.pass_over(self.habit, limits, numbers);
        Entities::new(limits, numbers, pass_over)
    }

    async fn take_whole(&self, chunks: Vec<Bytes>, step: &mut Step) -> Result<PushReply> {
        let mut entities = self.entities();
        let read = blocking::run(move || {
            let read = entities.of(chunks, 0)?;
            entities.finish(0)?;
            Ok(read)
        })
        .await?;
        let received = read.count();
        let run = self.run(step).await?;
        let writes = self.records(step, Durability::Synced)?;
        let written = self.intake.write(read, run.as_ref(), writes).await;
        let changed = written.map_err(|error| error.with("accepted", answer::number(0)))?;
        Ok(PushReply { received, changed })
    }

    /// What was written before a bad entity stays; the answer says how much that is.
    async fn take_in_pieces(
        &self,
        begun: Vec<Bytes>,
        mut rest: ByteStream,
        step: &mut Step,
    ) -> Result<PushReply> {
        let mut entities = self.entities();
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
                let read = entities.of(piece, accepted).and_then(|read| {
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
            let count = read.count();
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
    async fn run(&self, step: &mut Step) -> Result<Option<FullRun>> {
        let Destination::Dataset { dataset, .. } = &self.intake.destination else {
            return Ok(None);
        };
        match step {
            Step::Incremental => Ok(dataset.run_under_way()),
            Step::Begins(sequence) => {
                let run = self.begin_run(dataset, &sequence.id).await?;
                let begun = sequence.measure.begin(dataset, &run);
                begun.map_err(answer::dataset).map(|()| Some(run))
            }
            Step::Continues(sequence) => match dataset
                .run_under_way()
                .filter(|run| run.token == sequence.id)
            {
                Some(run) => Ok(Some(run)),
                None => Err(Error::new(
                    Code::Conflict,
                    REPLACED,
                    "the dataset was emptied or written by another full run; start again with a new sequence",
                )),
            },
        }
    }

    async fn begin_run(&self, dataset: &Dataset, token: &str) -> Result<FullRun> {
        let (dataset, token) = (dataset.clone(), token.to_owned());
        let lease = self.intake.shared.assignment.lease.clone();
        let begun = blocking::run(move || {
            lease.check()?;
            dataset.begin_run(&token)
        });
        begun.await.map_err(answer::dataset)
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
                begun: sequence.number,
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
    async fn end_sequence(
        &self,
        mut reply: PushReply,
        request: &PushRequest,
        step: &Step,
    ) -> Result<PushReply> {
        let shared = &self.intake.shared;
        let mut writes = Writes {
            durability: Durability::Synced,
            ..Writes::default()
        };
        if let Destination::Dataset { dataset, sink } = &self.intake.destination
            && let Some(run) = dataset.run_under_way()
        {
            if sink.deletion_tracking {
                let ending = Ending {
                    dataset,
                    run: &run,
                    measure: step
                        .sequence()
                        .map(|sequence| sequence.measure.clone())
                        .unwrap_or_default(),
                    // What comes out of the log was allowed before.
                    allow_mass_delete: request.allow_mass_delete || self.origin != Origin::Client,
                    marks_deletes: sink.marks_deletes,
                };
                reply.changed += self.delete_unseen(&ending).await?;
            }
            writes.ended_run = Some((dataset.clone(), run));
            if self.populated == SetInitialOffset::IfSourcePopulated {
                writes.populated.push(dataset.clone());
            }
        }
        // How many there were stays: the push log names them by their numbers.
        let ended = Active {
            sequence: None,
            begun: step.sequence().map_or(0, |sequence| sequence.number),
        };
        writes.records.push((
            Active::key(&self.owner).map_err(answer::dataset)?,
            Some(ended.to_bytes()),
        ));
        shared.commit(writes).await.map_err(answer::dataset)?;
        Ok(reply)
    }

    async fn delete_unseen(&self, ending: &Ending<'_>) -> Result<u64> {
        let shared = &self.intake.shared;
        let refused = |failure: RunFailure| {
            let code = match failure.reason.as_str() {
                "mass-delete" => return Error::new(Code::Conflict, "mass-delete", failure.message),
                "disk-full" => Code::StorageFull,
                _ => Code::Internal,
            };
            Error::new(code, "deletion-failed", failure.message)
        };
        let approval = deletion::approve(ending).await.map_err(refused)?;
        let mut deleted = 0;
        loop {
            let now = shared.clock.now();
            let step = deletion::delete_some(shared, ending.dataset, &approval, now).await;
            let progress = step.map_err(refused)?;
            deleted += progress.deleted;
            if progress.deleted > 0 {
                shared
                    .signals
                    .dataset_changed(ending.dataset.name().as_str());
            }
            if progress.done {
                return Ok(deleted);
            }
        }
    }
}
