//! The async loop of a run: pull, step, push, commit. Stages run side by side, with a bound on what is between them.

use super::course::Course;
use super::failure::RunFailure;
use super::reader::{End, Reader};
use super::stepper::{Failed, Made, MadeBatch, Stepper};
use super::writer::Writer;
use crate::source::{ReadError, Source};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

/// Batches between source and sink at the same time.
const PLACES: usize = 8;
/// Messages between two stages.
const BETWEEN: usize = 4;

/// Pumps the source to its end. Everything that was made before a failure is written.
pub(super) async fn pump(
    course: &mut Course,
    source: Box<dyn Source>,
    writer: &mut Writer,
) -> Result<End, RunFailure> {
    let mut stages = start_stages(course, source, writer);
    let mut group: Vec<MadeBatch> = Vec::new();
    loop {
        let made = if group.is_empty() {
            tokio::select! {
                made = stages.made.recv() => made,
                () = course.stop.cancelled() => return Err(stopped(writer).await?),
            }
        } else {
            // Whatever is ready joins the group; nobody waits for more.
            stages.made.try_recv().ok()
        };
        match made {
            Some(Made::Batch(batch)) => {
                group.push(batch);
                if writer.takes_more(&group) {
                    continue;
                }
            }
            None if !group.is_empty() => {}
            Some(other) => {
                write_group(writer, &mut group).await?;
                if let Some(end) = after(other, course, writer)? {
                    return Ok(end);
                }
                continue;
            }
            None => return Err(RunFailure::new("stopped", "the worker is stopping")),
        }
        write_group(writer, &mut group).await?;
    }
}

struct Stages {
    made: mpsc::Receiver<Made>,
    _reader: AbortOnDropHandle<()>,
    _stepper: AbortOnDropHandle<()>,
}

fn start_stages(course: &Course, source: Box<dyn Source>, writer: &Writer) -> Stages {
    let places = if course.plan.is_lockstep { 1 } else { PLACES };
    let pump = &course.plan.pipe.pump;
    let reader = Reader {
        shared: course.shared.clone(),
        source,
        since: course.decision.since.clone(),
        strategy: writer.strategy,
        batch_size: course.plan.batch_size(),
        places: Arc::new(Semaphore::new(places)),
        max_retries: pump.max_read_retries,
        retry_delay: Duration::from_secs_f64(pump.read_retry_delay.clamp(0.0, 86_400.0)),
    };
    let stepper = Stepper {
        shared: course.shared.clone(),
        plan: course.plan.clone(),
        sink: course.sink.clone(),
    };
    let (read, to_step) = mpsc::channel(BETWEEN);
    let (stepped, made) = mpsc::channel(BETWEEN);
    let reader = tokio::spawn(reader.run(read).instrument(tracing::debug_span!("reader")));
    let stepper = tokio::spawn(
        stepper
            .run(to_step, stepped)
            .instrument(tracing::debug_span!("stepper")),
    );
    Stages {
        made,
        _reader: AbortOnDropHandle::new(reader),
        _stepper: AbortOnDropHandle::new(stepper),
    }
}

async fn write_group(writer: &mut Writer, group: &mut Vec<MadeBatch>) -> Result<(), RunFailure> {
    if group.is_empty() {
        return Ok(());
    }
    writer.write(std::mem::take(group)).await
}

/// What is not a batch.
fn after(made: Made, course: &Course, writer: &mut Writer) -> Result<Option<End>, RunFailure> {
    match made {
        Made::End(end) => Ok(Some(end)),
        Made::Retried(error) => {
            note_read_error(&error, course, writer);
            Ok(None)
        }
        Made::Failed(Failed::Read(error)) => {
            note_read_error(&error, course, writer);
            Err((&error).into())
        }
        Made::Failed(Failed::Step(failure)) => Err(failure),
        Made::Batch(_) => Ok(None),
    }
}

fn note_read_error(error: &ReadError, course: &Course, writer: &mut Writer) {
    writer.figures.read_errors += 1;
    let failure = RunFailure::from(error);
    let now = course.shared.clock.now();
    let event =
        writer
            .ledger
            .events
            .read_error(error.kind, now, &failure.full_text(), &failure.causes);
    writer.ledger.log(event);
}

async fn stopped(writer: &mut Writer) -> Result<RunFailure, RunFailure> {
    writer.save().await?;
    Ok(RunFailure::new("stopped", "the run was stopped"))
}
