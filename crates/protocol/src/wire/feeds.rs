//! What to read, and the headers of what is read.

use super::damaged::{Damaged, Within, required};
use super::proto;
use crate::{EntityStage, FeedHeaders, PublishRequest, ReadRequest};
use sluice_dataset::ReadOptions;

impl From<EntityStage> for proto::EntityStage {
    fn from(stage: EntityStage) -> Self {
        match stage {
            EntityStage::Source => proto::EntityStage::Source,
            EntityStage::BeforeTransform => proto::EntityStage::BeforeTransform,
            EntityStage::AfterTransform => proto::EntityStage::AfterTransform,
            EntityStage::Sink => proto::EntityStage::Sink,
        }
    }
}

/// A stage as it arrives.
pub(crate) fn stage(stage: i32) -> Result<EntityStage, Damaged> {
    match proto::EntityStage::try_from(stage) {
        Ok(proto::EntityStage::Source) => Ok(EntityStage::Source),
        Ok(proto::EntityStage::BeforeTransform) => Ok(EntityStage::BeforeTransform),
        Ok(proto::EntityStage::AfterTransform) => Ok(EntityStage::AfterTransform),
        Ok(proto::EntityStage::Sink) => Ok(EntityStage::Sink),
        _ => Err(Damaged::new("stage", format!("unknown value {stage}"))),
    }
}

impl From<ReadRequest> for proto::ReadRequest {
    fn from(read: ReadRequest) -> Self {
        proto::ReadRequest {
            since: read.options.since,
            limit: read.options.limit,
            reverse: read.options.reverse,
            history: read.options.history,
            deleted: read.options.deleted,
            since_text: read.since_text,
            subset: read.subset,
            populated: read.populated,
            parameters: read.parameters,
        }
    }
}

/// A read as it arrives.
pub(crate) fn read(read: Option<proto::ReadRequest>) -> Result<ReadRequest, Damaged> {
    let read = required(read, "read")?;
    Ok(ReadRequest {
        options: ReadOptions {
            since: read.since,
            limit: read.limit,
            reverse: read.reverse,
            history: read.history,
            deleted: read.deleted,
        },
        since_text: read.since_text,
        subset: read.subset,
        populated: read.populated,
        parameters: read.parameters,
    })
}

/// A publish as it goes out.
pub(crate) fn to_publish(pipe: &str, request: PublishRequest) -> proto::Publish {
    proto::Publish {
        pipe: pipe.to_owned(),
        read: Some(request.read.into()),
        format: request.format,
        file: request.file,
    }
}

/// A publish as it arrives: the pipe and what to render.
pub(crate) fn publish(publish: proto::Publish) -> Result<(String, PublishRequest), Damaged> {
    let request = PublishRequest {
        read: read(publish.read).within("publish")?,
        format: publish.format,
        file: publish.file,
    };
    Ok((publish.pipe, request))
}

impl From<FeedHeaders> for proto::FeedHeaders {
    fn from(headers: FeedHeaders) -> Self {
        proto::FeedHeaders {
            populated: headers.populated,
            max_updated: headers.max_updated,
            generation: headers.generation,
            filtered: headers.filtered,
            completeness: headers.completeness,
            restore_uuid: headers.restore_uuid,
            restore_offset: headers.restore_offset,
        }
    }
}

impl From<proto::FeedHeaders> for FeedHeaders {
    fn from(headers: proto::FeedHeaders) -> Self {
        FeedHeaders {
            populated: headers.populated,
            max_updated: headers.max_updated,
            generation: headers.generation,
            filtered: headers.filtered,
            completeness: headers.completeness,
            restore_uuid: headers.restore_uuid,
            restore_offset: headers.restore_offset,
        }
    }
}
