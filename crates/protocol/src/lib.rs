//! What the roles say to each other: traits, message types, error codes.
//!
//! The roles never depend on one another; they meet here. In one process the traits are called directly, over the network
//! a client and a server translate them to and from protobuf. Nothing here does work of its own but [`transport`].
//!
//! * [`StorageNode`] keeps configuration, variables, secrets and the numbers of datasets.
//! * [`Assignments`] is where workers learn which pipes are theirs, at which epoch and for how long; [`PlacementControl`] is
//!   for whoever looks after the workers.
//! * [`ConfigurationControl`] is for whoever has custom resources as the truth of the configuration; a [`ConfigurationWriter`] is how
//!   the storage node gets a change decided.
//! * [`Worker`] runs pipes and owns their datasets.
//! * [`transport`] is the network between roles: connections over mutual TLS, and the certificates for them.
//! * [`client`] and [`server`] are the same traits over gRPC; [`deadline::before`] gives a call and the calls it makes a deadline.
//! * [`Reach`] leads to the workers of a [`Topology`].
//! * [`Error`] with its closed set of [`Code`]s is what every call may answer.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod client;
mod code;
mod configuration;
mod control;
mod datasets;
pub mod deadline;
mod error;
mod feed;
mod following;
mod formats;
mod microservices;
mod pipes;
mod placement;
mod proxy;
mod reach;
mod runner;
pub mod server;
mod storage_node;
#[cfg(test)]
mod tests;
pub mod transport;
mod wire;
mod worker;

pub use code::Code;
pub use configuration::{
    Component, ComponentKind, ConfigurationSnapshot, Diagnostic, HistoryEntry, HistorySummary,
    Level, PathElement, PutConfiguration, PutOutcome, RejectedComponent, Scope, SecretScope,
    SecretValues,
};
pub use control::{
    ConfigurationControl, ConfigurationWriter, HandOver, HandOverOutcome, HandedComponent,
    HandedSecrets, HandedVariables, Offered, Origin, ReferencedSecret, RemovedComponent, RequestId,
    Verdict, WantedComponent, WriteAnswer, WriteIntent,
};
pub use datasets::{DatasetReport, QueueReport};
pub use deadline::Deadlines;
pub use error::{Error, Result};
pub use feed::{Feed, FeedHeaders, FeedStream, Page};
pub use following::{FollowStream, Followed, OwnerFacts};
pub(crate) use formats::no_formats;
pub use formats::{FormatReport, WorkerFormats};
pub use microservices::{
    Container, LogsWanted, MicroserviceAnswer, MicroserviceControl, MicroserviceQuestion,
    MicroserviceStatus, WaitingQuestion, no_containers,
};
pub use pipes::{
    CheckpointReport, EntityStage, LastRun, OperationKind, PipeReport, PipeState, PumpOperation,
    PumpRequest, Queues, SystemReport,
};
pub use placement::{
    Act, Assigned, Assignments, BootClock, BootId, Checkpoint, Departure, DiskId, Durable, Duty,
    Epoch, Flow, FormatRange, Formats, HeldPipe, Incarnation, Isolation, Liveness, Moment,
    OpenSession, Permit, PermitRequest, PipeFlow, PipeLoad, Placement, PlacementControl, Renewal,
    Report, Session, SessionId, Standing, Start, SystemBootClock, Topology, Unplaced, WorkerFacts,
    WorkerId,
};
pub use proxy::{HttpHeaders, ProxyReply, ProxyRequest};
pub use reach::{OneProcess, Reach};
pub use runner::{RunAll, RunRest, RunTogether, RunnerLogLine, RunnerOutcome, RunnerStatus};
pub use storage_node::StorageNode;
pub use wire::MessageBounds;
pub use worker::{
    ByteStream, PublishRequest, Published, PushReply, PushRequest, ReadRequest, Worker,
};
