//! The roles as gRPC services: each handler decodes, calls the trait, encodes.
//!
//! They are here and not with the roles because they know nothing of a role: they are generic over its trait. So the protobuf
//! types are private to this crate, and both halves of the wire are tested together.
//!
//! Whoever serves them sets `TCP_NODELAY` and leaves the number of streams on a connection open: a reader that stopped is a
//! stream that waits.

mod assignments;
mod call;
mod caller;
mod control;
mod feed;
mod health;
mod microservices;
mod placement_control;
mod proxy;
mod push;
mod sessions;
mod storage_node;
mod watch;
mod worker;

use crate::wire::MessageBounds;
use crate::wire::proto::assignments_server::AssignmentsServer;
use crate::wire::proto::configuration_control_server::ConfigurationControlServer;
use crate::wire::proto::microservice_control_server::MicroserviceControlServer;
use crate::wire::proto::placement_control_server::PlacementControlServer;
use crate::wire::proto::storage_node_server::StorageNodeServer;
use crate::wire::proto::worker_server::WorkerServer;
use crate::{
    Assignments, ConfigurationControl, MicroserviceControl, PlacementControl, StorageNode, Worker,
};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tonic::service::RoutesBuilder;

pub use health::{Health, add_health};

/// How roles are served.
#[derive(Clone, Debug, Default)]
pub struct ServerSettings {
    /// How large messages may be.
    pub bounds: MessageBounds,
    /// Cancelled when the server is to end: watches end, and feeds break off (`Unavailable`, reason `draining`) so that their
    /// readers go on elsewhere. Everything else is answered.
    pub drain: CancellationToken,
}

/// Adds a storage node to what a server offers.
pub fn add_storage_node<S: StorageNode + ?Sized + 'static>(
    routes: &mut RoutesBuilder,
    node: Arc<S>,
    settings: ServerSettings,
) {
    let most = settings.bounds.message_bytes();
    let service = StorageNodeServer::new(storage_node::Service { node, settings })
        .max_decoding_message_size(most)
        .max_encoding_message_size(most);
    routes.add_service(service);
}

/// Adds a worker to what a server offers.
pub fn add_worker<W: Worker + ?Sized + 'static>(
    routes: &mut RoutesBuilder,
    worker: Arc<W>,
    settings: ServerSettings,
) {
    let most = settings.bounds.message_bytes();
    let service = WorkerServer::new(worker::Service { worker, settings })
        .max_decoding_message_size(most)
        .max_encoding_message_size(most);
    routes.add_service(service);
}

/// Adds the assignments of a storage node to what a server offers. Over mutual TLS a session belongs to the worker whose certificate
/// opened it, here: sessions that were opened elsewhere have ended.
pub fn add_assignments<A: Assignments + ?Sized + 'static>(
    routes: &mut RoutesBuilder,
    assignments: Arc<A>,
    settings: ServerSettings,
) {
    let most = settings.bounds.message_bytes();
    let service = assignments::Service::new(assignments, settings);
    let service = AssignmentsServer::new(service)
        .max_decoding_message_size(most)
        .max_encoding_message_size(most);
    routes.add_service(service);
}

/// Adds what the operator asks of a storage node to what a server offers; over mutual TLS nobody else may.
pub fn add_placement_control<C: PlacementControl + ?Sized + 'static>(
    routes: &mut RoutesBuilder,
    control: Arc<C>,
    settings: ServerSettings,
) {
    let most = settings.bounds.message_bytes();
    let service = PlacementControlServer::new(placement_control::Service { control })
        .max_decoding_message_size(most)
        .max_encoding_message_size(most);
    routes.add_service(service);
}

/// Adds what the operator asks of a storage node about configuration to what a server offers; over mutual TLS nobody else may.
pub fn add_configuration_control<C: ConfigurationControl + ?Sized + 'static>(
    routes: &mut RoutesBuilder,
    control: Arc<C>,
    settings: ServerSettings,
) {
    let most = settings.bounds.message_bytes();
    let service = ConfigurationControlServer::new(control::Service { control, settings })
        .max_decoding_message_size(most)
        .max_encoding_message_size(most);
    routes.add_service(service);
}

/// Adds what the operator asks of a storage node about microservices to what a server offers; over mutual TLS nobody else may.
pub fn add_microservice_control<C: MicroserviceControl + ?Sized + 'static>(
    routes: &mut RoutesBuilder,
    control: Arc<C>,
    settings: ServerSettings,
) {
    let most = settings.bounds.message_bytes();
    let service = MicroserviceControlServer::new(microservices::Service { control, settings })
        .max_decoding_message_size(most)
        .max_encoding_message_size(most);
    routes.add_service(service);
}
