//! What travels: the generated protobuf types, which never leave this crate, and their conversions from and to ours.
//!
//! Going out cannot fail. Coming in everything is checked, since a message may be of any origin: a [`Damaged`] names the field.

mod assigned;
mod bounds;
mod code;
mod components;
mod control;
mod damaged;
mod datasets;
mod entities;
mod error;
mod feeds;
mod following;
mod formats;
mod history;
mod json;
mod microservices;
mod pages;
mod parts;
mod permits;
mod pipes;
mod proxy;
mod pushes;
mod reports;
mod runner;
mod secrets;
mod sessions;
mod snapshots;
mod status;
mod topology;
mod uploads;
mod whole;

/// Generated from `proto/`.
#[allow(unreachable_pub, clippy::large_enum_variant, missing_docs)]
pub(crate) mod proto {
    tonic::include_proto!("sluice.v1");
}

pub(crate) use assigned::{GatheredAssigned, assigned_parts};
pub use bounds::MessageBounds;
pub(crate) use components::{component_kind, posted, to_variables, variables};
pub(crate) use control::{GatheredWrites, answer, to_answer, writes_parts};
pub(crate) use damaged::{Damaged, name, required};
pub(crate) use entities::{checked_entity, entity};
pub(crate) use feeds::{publish, read, stage, to_publish};
pub(crate) use following::{followed, position, to_note, to_position};
pub(crate) use history::{history, to_history};
pub(crate) use json::json;
pub(crate) use microservices::{
    GatheredQuestions, microservice_question, question_end, questions_parts, to_end,
};
pub(crate) use pages::{checked_page, cut};
pub(crate) use parts::parts;
pub(crate) use pipes::{operate_pump, to_operate_pump};
pub(crate) use proxy::{open_proxy, proxied, to_headers, to_open_proxy};
pub(crate) use pushes::{Target, open_push, to_open_push};
pub(crate) use reports::{report, to_report};
pub(crate) use runner::{run_all, to_run_all};
pub(crate) use secrets::{hash_key, scope, to_hash_key, to_scope};
#[cfg(test)]
pub(crate) use snapshots::snapshot_parts;
pub(crate) use snapshots::{Gathered, SnapshotParts};
pub(crate) use status::{deadline_exceeded, from_status, to_status};
pub(crate) use topology::{GatheredTopology, isolation, standing, topology_parts};
pub(crate) use whole::Gather;
