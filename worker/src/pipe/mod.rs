//! One run of one pipe. [`run`] is the story; each step is a file.

mod again;
pub(crate) mod commit;
mod complete_copy;
mod course;
pub(crate) mod deletion;
mod failure;
mod figures;
mod finish;
mod ledger;
pub(crate) mod plan;
mod reader;
pub(crate) mod retry_queue;
pub(crate) mod revisit;
mod run_loop;
pub(crate) mod single_versions;
pub(crate) mod state;
pub(crate) mod step;
mod stepper;
mod sync_type;
mod write_errors;
mod writer;

pub(crate) use complete_copy::complete_copy;
pub(crate) use course::open_dead_letters;
pub(crate) use failure::RunFailure;
pub(crate) use figures::Figures;
pub(crate) use sync_type::SyncType;

use crate::deployed::Deployed;
use crate::shared::Shared;
use crate::source::Looked;
use course::Course;
use sluice_store::StateKey;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What a run is asked to do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Read everything again (PU6, `start-rescan`).
    pub rescan: bool,
    /// Let a mass delete through, once (R27).
    pub allow_mass_delete: bool,
    /// Who asked; `None` for the scheduler.
    pub user: Option<String>,
}

/// How a run went.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Counts and times.
    pub figures: Figures,
    /// Why it stopped before its end; `None`: it completed.
    pub failure: Option<RunFailure>,
}

impl Outcome {
    /// True if it completed.
    pub(crate) fn is_success(&self) -> bool {
        self.failure.is_none()
    }
}

/// Runs a pipe once, with the configuration it has now. The caller holds the pipe's run lock and has looked at its gates.
pub(crate) async fn run(
    shared: &Arc<Shared>,
    deployed: &Arc<Deployed>,
    asked: Asked,
    stop: CancellationToken,
) -> Outcome {
    let started = shared.clock.now();
    let mut course = Course::new(shared, deployed, asked, started, stop);
    let result = execute(&mut course).await;
    finish::conclude(course, result).await
}

async fn execute(course: &mut Course) -> Result<(), RunFailure> {
    let back = course.go_back().await?;
    course.reset_if_out_of_sync();
    let looked = Looked::default();
    let mut source = course.connect_source(&looked)?;
    let mut writer = course.open_writer(source.continuation().strategy()).await?;
    course.pass_over(&mut *source);
    let result = async {
        writer.retry_queued().await?;
        let end = run_loop::pump(course, source, &mut writer).await?;
        finish::complete(course, &mut writer, end).await?;
        let looked = std::mem::take(&mut *looked.lock());
        let keys: Vec<StateKey> = looked.into_iter().chain(back).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let done = revisit::done(&course.shared, &course.deployed, keys).await;
        done.map_err(|source| RunFailure::store("end a second look", source))
    }
    .await;
    course.writer = Some(writer);
    result
}
