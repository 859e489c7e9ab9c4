//! Reports of datasets.

use super::damaged::{Damaged, required};
use super::proto;
use crate::{DatasetReport, QueueReport};
use sluice_dataset::{Counters, DatasetName, DatasetNumber, DatasetStatus, Generation, IndexState};

impl From<DatasetReport> for proto::DatasetReport {
    fn from(report: DatasetReport) -> Self {
        let status = report.status;
        let index_states = status.indexes.into_iter().map(|index| proto::IndexState {
            name: index.name,
            ready: index.ready,
        });
        proto::DatasetReport {
            name: status.name.to_string(),
            number: status.number.0,
            generation: status.generation.0.to_vec().into(),
            populated: status.populated,
            max_offset: status.max_offset,
            epoch: status.epoch,
            counters: Some(proto::Counters {
                log_exists: status.counters.log_exists,
                log_deleted: status.counters.log_deleted,
                index_exists: status.counters.index_exists,
                index_deleted: status.counters.index_deleted,
                bytes: status.counters.bytes,
            }),
            last_modified: status.last_modified,
            index_states: index_states.collect(),
            pipe: report.pipe,
            origin: report.origin.into_owned(),
            queue_size: report.queues.size,
            indexes: report.indexes,
        }
    }
}

impl TryFrom<proto::DatasetReport> for DatasetReport {
    type Error = Damaged;

    fn try_from(report: proto::DatasetReport) -> Result<Self, Damaged> {
        let generation = <[u8; 16]>::try_from(&*report.generation)
            .map_err(|_| Damaged::new("generation", "not 16 bytes"))?;
        let counters = required(report.counters, "counters")?;
        let indexes = report.index_states.into_iter().map(|index| IndexState {
            name: index.name,
            ready: index.ready,
        });
        let status = DatasetStatus {
            name: DatasetName::existing(&report.name)
                .map_err(|error| Damaged::new("name", error))?,
            number: DatasetNumber(report.number),
            generation: Generation(generation),
            populated: report.populated,
            max_offset: report.max_offset,
            epoch: report.epoch,
            counters: Counters {
                log_exists: counters.log_exists,
                log_deleted: counters.log_deleted,
                index_exists: counters.index_exists,
                index_deleted: counters.index_deleted,
                bytes: counters.bytes,
            },
            last_modified: report.last_modified,
            indexes: indexes.collect(),
        };
        Ok(DatasetReport {
            status,
            pipe: report.pipe,
            origin: report.origin.into(),
            queues: QueueReport {
                size: report.queue_size,
            },
            indexes: report.indexes,
        })
    }
}
