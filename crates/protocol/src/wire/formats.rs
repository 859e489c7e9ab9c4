//! The format of a hub, on its way.

use super::damaged::{Damaged, Within, name, required};
use super::proto;
use super::sessions::range;
use crate::{FormatReport, WorkerFormats, WorkerId};

impl From<FormatReport> for proto::FormatReport {
    fn from(report: FormatReport) -> Self {
        let workers = report.workers.into_iter();
        let workers = workers.map(|(worker, formats)| proto::WorkerFormats {
            worker: worker.0,
            reads: formats.reads.map(Into::into),
            is_present: formats.is_present,
        });
        proto::FormatReport {
            format: report.format,
            reads: Some(report.reads.into()),
            workers: workers.collect(),
            finalizes: report.finalizes,
        }
    }
}

impl TryFrom<proto::FormatReport> for FormatReport {
    type Error = Damaged;

    fn try_from(report: proto::FormatReport) -> Result<Self, Damaged> {
        let workers = report.workers.into_iter().map(|worker| {
            let formats = WorkerFormats {
                reads: range(worker.reads, "reads")?,
                is_present: worker.is_present,
            };
            Ok((WorkerId(name(worker.worker, "worker")?), formats))
        });
        Ok(FormatReport {
            format: report.format,
            reads: required(range(report.reads, "reads")?, "reads")?,
            workers: workers.collect::<Result<_, _>>().within("workers")?,
            finalizes: report.finalizes,
        })
    }
}
