//! The end of a run: deletes of what a full run did not see, the populated flag, the offset, the last event.

use super::Outcome;
use super::commit::Writes;
use super::course::Course;
use super::deletion::{self, Ending};
use super::failure::RunFailure;
use super::figures::Figures;
use super::reader::End;
use super::state::Ended;
use super::sync_type::SyncType;
use super::writer::{Destination, Writer};
use crate::execution_log;
use crate::reprocessing::FeedRead;
use crate::source::Strategy;
use sluice_config::{IfEmpty, SetInitialOffset, Sink as SinkSettings};
use sluice_store::Dataset;

/// After the source was read to its end: everything that only a complete run may do.
pub(super) async fn complete(
    course: &mut Course,
    writer: &mut Writer,
    mut end: End,
) -> Result<(), RunFailure> {
    if course.decision.sync_type == SyncType::Partial && writer.figures.read == 0 {
        // It began further back (PU7) and found nothing there: the pipe is where it was.
        end.since = None;
    }
    writer.figures.source_time = end.source_time;
    check_not_empty(course, writer)?;
    let withheld = withheld_deletes(course, writer);
    if let Destination::Outside(sink) = &mut writer.destination {
        sink.finish(writer.undelivered.is_empty())
            .await
            .map_err(|error| RunFailure::from(&error))?;
    }
    if writer.strategy == Strategy::Chronological {
        writer.note_since(end.since.clone());
    }
    delete_unseen(course, writer).await?;
    writer.forget_unproduced()?;
    let populated = becomes_populated(course, writer, end.populated);
    let is_logged = is_logged(course, writer).await?;
    note_success(course, writer, &end, withheld.as_deref());
    if is_logged {
        log_completed(course, writer, withheld.as_deref());
    }
    let ended_run = match &writer.destination {
        Destination::Dataset {
            dataset,
            run: Some(run),
            ..
        } => Some((dataset.clone(), run.clone())),
        _ => None,
    };
    writer
        .ledger
        .commit(Writes {
            populated,
            ended_run,
            ..Writes::default()
        })
        .await
        .map(|_| ())
}

/// R27: a target outside that did not get everything must not conclude anything from a full run.
fn withheld_deletes(course: &Course, writer: &Writer) -> Option<String> {
    let is_outside = matches!(writer.destination, Destination::Outside(_));
    let is_full = course.decision.sync_type == SyncType::Full;
    let undelivered = writer.undelivered.len();
    if !is_outside || !is_full || undelivered == 0 {
        return None;
    }
    tracing::warn!(pipe = %course.deployed.id, undelivered, "deletes at the target are withheld: a full run could not write everything");
    Some(format!(
        "deletes at the target were withheld: {undelivered} of the entities could not be written"
    ))
}

/// SR20: nothing from a source that must not be empty.
fn check_not_empty(course: &Course, writer: &Writer) -> Result<(), RunFailure> {
    let must_not = course.plan.pipe.source.if_source_empty() == IfEmpty::Fail;
    let is_resumed = course.decision.since.is_some();
    if must_not
        && course.decision.sync_type == SyncType::Full
        && writer.figures.read == 0
        && !is_resumed
    {
        return Err(RunFailure::new(
            "source-empty",
            "the source is empty and \"if_source_empty\" is \"fail\"",
        ));
    }
    Ok(())
}

/// DE1, R26, R27.
async fn delete_unseen(course: &mut Course, writer: &mut Writer) -> Result<(), RunFailure> {
    let Destination::Dataset {
        dataset,
        run: Some(run),
        ..
    } = &writer.destination
    else {
        return Ok(());
    };
    let (dataset, run) = (dataset.clone(), run.clone());
    let approval = deletion::approve(&Ending {
        dataset: &dataset,
        run: &run,
        measure: course
            .decision
            .full
            .as_ref()
            .map(|full| full.measure.clone())
            .unwrap_or_default(),
        allow_mass_delete: course.asked.allow_mass_delete,
        marks_deletes: course
            .sink
            .as_ref()
            .is_some_and(|(sink, _)| sink.marks_deletes),
    })
    .await?;
    loop {
        let now = course.shared.clock.now();
        let progress = deletion::delete_some(&course.shared, &dataset, &approval, now).await?;
        writer.figures.changes += progress.deleted;
        writer.figures.deleted_unseen += progress.deleted;
        if progress.deleted > 0 {
            course
                .shared
                .signals
                .dataset_changed(dataset.name().as_str());
        }
        if progress.done {
            return Ok(());
        }
    }
}

/// SK2, R56.
fn becomes_populated(course: &Course, writer: &Writer, source_populated: bool) -> Vec<Dataset> {
    use sluice_dataset::Dataset as _;
    let (Destination::Dataset { dataset, .. }, SinkSettings::Dataset(settings)) =
        (&writer.destination, &course.plan.pipe.sink)
    else {
        return Vec::new();
    };
    let becomes = match settings.set_initial_offset {
        SetInitialOffset::IfSourcePopulated => source_populated,
        SetInitialOffset::Always | SetInitialOffset::Initially | SetInitialOffset::Onload => true,
        SetInitialOffset::Never => false,
    };
    let already = dataset.status().is_ok_and(|status| status.populated);
    if becomes && !already {
        vec![dataset.clone()]
    } else {
        Vec::new()
    }
}

fn note_success(course: &Course, writer: &mut Writer, end: &End, withheld: Option<&str>) {
    let is_full = course.decision.sync_type == SyncType::Full;
    let progress = &mut writer.ledger.progress;
    progress.full = None;
    if writer.strategy != Strategy::None
        && let Some(since) = &end.since
    {
        progress.since = Some(since.into());
    }
    progress.runs_since_full = if is_full {
        0
    } else {
        progress.runs_since_full + 1
    };
    let is_incremental = course.decision.sync_type == SyncType::Incremental;
    progress.runs_since_partial = if is_incremental {
        progress.runs_since_partial + 1
    } else {
        0
    };
    if let Some(now) = &end.feed {
        let read = FeedRead {
            now,
            since: course.decision.since.as_ref(),
            started_over: end.started_over,
            is_full,
        };
        read.note(progress);
    }
    progress.inputs = Some(course.inputs.clone());
    if is_full || progress.configuration.is_none() {
        progress.configuration = Some(course.plan.pipe.content_hash.clone());
    }
    let figures = &writer.figures;
    let mut message = format!("{} read, {} changed", figures.read, figures.changes);
    if let Some(withheld) = withheld {
        message.push_str(&format!("; {withheld}"));
    }
    let finished = course.shared.clock.now();
    progress.ended(Ended {
        started: course.started,
        finished,
        success: true,
        message,
        reason: None,
    });
}

/// Whether the run is worth a line in the log (PU15); if so its beginning is written, so that the end can say where it stands.
async fn is_logged(course: &mut Course, writer: &mut Writer) -> Result<bool, RunFailure> {
    let pump = &course.plan.pipe.pump;
    let now = course.shared.clock.now();
    let silence =
        now.saturating_sub(writer.ledger.progress.last_logged.unwrap_or(0)) / crate::clock::SECOND;
    let is_noop = writer
        .figures
        .is_noop(pump.log_events_noop_runs_changes_only);
    let is_due = silence > pump.notification_granularity;
    let is_worth_it = !is_noop || pump.log_events_noop_runs || is_due || writer.ledger.is_logged();
    if is_worth_it {
        writer.ledger.flush_started().await?;
    }
    Ok(is_worth_it)
}

fn log_completed(course: &Course, writer: &mut Writer, withheld: Option<&str>) {
    let now = course.shared.clock.now();
    writer.ledger.progress.last_logged = Some(now);
    let outcome = log_outcome(course, writer, now);
    let event = writer.ledger.events.completed(&outcome, withheld);
    writer.ledger.log(event);
}

fn log_outcome<'a>(course: &Course, writer: &'a Writer, ended: u64) -> execution_log::Outcome<'a> {
    execution_log::Outcome {
        figures: &writer.figures,
        ended,
        next_interval: course
            .deployed
            .next_run()
            .map(|next| next.saturating_sub(ended) as f64 / 1e6),
        started_location: writer.ledger.started_location,
        retries_exist: writer.queue.waiting() > 0,
    }
}

/// After everything: writes how a failed run ended, and answers.
pub(super) async fn conclude(mut course: Course, result: Result<(), RunFailure>) -> Outcome {
    let Err(failure) = result else {
        let figures = course
            .writer
            .map(|writer| writer.figures)
            .unwrap_or_default();
        course.shared.metrics.run_ended(true, &figures);
        return Outcome {
            figures,
            failure: None,
        };
    };
    tracing::info!(pipe = %course.deployed.id, reason = failure.reason, message = failure.message, "the run failed");
    let now = course.shared.clock.now();
    let figures = course
        .writer
        .as_ref()
        .map(|writer| writer.figures.clone())
        .unwrap_or_default();
    let retries_exist = course
        .writer
        .as_ref()
        .is_some_and(|writer| writer.queue.waiting() > 0);
    let next_interval = course
        .deployed
        .next_run()
        .map(|next| next.saturating_sub(now) as f64 / 1e6);
    let started = course.started;
    let ledger = course.ledger();
    // A store that takes nothing is met again below, where it is dealt with.
    let _ = ledger.flush_started().await;
    let started_location = ledger.started_location;
    let outcome = execution_log::Outcome {
        figures: &figures,
        ended: now,
        next_interval,
        started_location,
        retries_exist,
    };
    let event = ledger.events.failed(&outcome, &failure);
    ledger.log(event);
    ledger.progress.ended(Ended {
        started,
        finished: now,
        success: false,
        message: failure.message.clone(),
        reason: Some(failure.reason.clone()),
    });
    if let Err(unwritten) = ledger.flush().await {
        // The store does not take it (a full disk): memory at least shows it.
        tracing::warn!(pipe = %course.deployed.id, reason = unwritten.reason, "cannot write how the run ended");
        let progress = course.ledger().progress.clone();
        course.deployed.progress.lock().last_run = progress.last_run;
    }
    course.shared.metrics.run_ended(false, &figures);
    Outcome {
        figures: Figures { ..figures },
        failure: Some(failure),
    }
}
