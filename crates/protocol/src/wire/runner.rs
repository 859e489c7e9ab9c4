//! Running everything: what is asked, how it stands, its log.

use super::damaged::{Damaged, required};
use super::proto;
use crate::{RunAll, RunRest, RunTogether, RunnerLogLine, RunnerOutcome, RunnerStatus, WorkerId};

/// A run going out.
pub(crate) fn to_run_all(run: RunAll, user: &str) -> proto::RunAllRequest {
    proto::RunAllRequest {
        run: Some(proto::RunAll {
            extra_zero_runs: run.extra_zero_runs,
            max_runs: run.max_runs,
            max_run_time: run.max_run_time,
            delete_input_datasets: run.delete_input_datasets,
            reset_pipes_and_delete_sink_datasets: run.reset_pipes_and_delete_sink_datasets,
            check_input_pipes: run.check_input_pipes,
            output_run_statistics: run.output_run_statistics,
            pipes: run.pipes,
            together: run.together.map(|together| proto::RunTogether {
                run: together.run,
                workers: together.workers.into_iter().map(|id| id.0).collect(),
            }),
        }),
        user: user.to_owned(),
    }
}

/// A run as it arrives: what to run and who asked.
pub(crate) fn run_all(request: proto::RunAllRequest) -> Result<(RunAll, String), Damaged> {
    let run = required(request.run, "run")?;
    let run = RunAll {
        extra_zero_runs: run.extra_zero_runs,
        max_runs: run.max_runs,
        max_run_time: run.max_run_time,
        delete_input_datasets: run.delete_input_datasets,
        reset_pipes_and_delete_sink_datasets: run.reset_pipes_and_delete_sink_datasets,
        check_input_pipes: run.check_input_pipes,
        output_run_statistics: run.output_run_statistics,
        pipes: run.pipes,
        together: run.together.map(|together| RunTogether {
            run: together.run,
            workers: together.workers.into_iter().map(WorkerId).collect(),
        }),
    };
    Ok((run, request.user))
}

impl From<RunRest> for proto::RunRest {
    fn from(rest: RunRest) -> Self {
        proto::RunRest {
            changes: rest.changes,
            quiet: rest.quiet,
            ended: rest.ended,
        }
    }
}

impl From<proto::RunRest> for RunRest {
    fn from(rest: proto::RunRest) -> Self {
        RunRest {
            changes: rest.changes,
            quiet: rest.quiet,
            ended: rest.ended,
        }
    }
}

impl From<RunnerStatus> for proto::RunnerStatus {
    fn from(status: RunnerStatus) -> Self {
        use proto::runner_status::Status;
        let status = match status {
            RunnerStatus::NotRunning => Status::NotRunning(proto::NotRunning {}),
            RunnerStatus::Running => Status::Running(proto::Running {}),
            RunnerStatus::Ended(RunnerOutcome::Success) => Status::Succeeded(proto::Succeeded {}),
            RunnerStatus::Ended(RunnerOutcome::Failed(reason)) => Status::Failed(reason),
        };
        proto::RunnerStatus {
            status: Some(status),
        }
    }
}

impl TryFrom<proto::RunnerStatus> for RunnerStatus {
    type Error = Damaged;

    fn try_from(status: proto::RunnerStatus) -> Result<Self, Damaged> {
        use proto::runner_status::Status;
        Ok(match required(status.status, "status")? {
            Status::NotRunning(proto::NotRunning {}) => RunnerStatus::NotRunning,
            Status::Running(proto::Running {}) => RunnerStatus::Running,
            Status::Succeeded(proto::Succeeded {}) => RunnerStatus::Ended(RunnerOutcome::Success),
            Status::Failed(reason) => RunnerStatus::Ended(RunnerOutcome::Failed(reason)),
        })
    }
}

impl From<RunnerLogLine> for proto::RunnerLogLine {
    fn from(line: RunnerLogLine) -> Self {
        proto::RunnerLogLine {
            timestamp: line.timestamp,
            level: line.level.into_owned(),
            text: line.text,
        }
    }
}

impl From<proto::RunnerLogLine> for RunnerLogLine {
    fn from(line: proto::RunnerLogLine) -> Self {
        RunnerLogLine {
            timestamp: line.timestamp,
            level: line.level.into(),
            text: line.text,
        }
    }
}
