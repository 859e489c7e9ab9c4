//! The standard health service (`grpc.health.v1`): whether the role behind a port serves. It knows the port as a whole (the empty
//! name) and no single service.

use super::ServerSettings;
use super::watch::end;
use futures::{StreamExt, stream};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::service::RoutesBuilder;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{self, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// A question has only a name in it.
const MOST_BYTES: usize = 4 << 10;

/// By which a role says whether it serves. Until it does, and from the moment on at which its server is to end, it does not.
#[derive(Clone, Debug)]
pub struct Health {
    is_serving: Arc<watch::Sender<bool>>,
    drain: CancellationToken,
}

impl Health {
    /// Tells everybody who asks or watches.
    pub fn set_serving(&self, is_serving: bool) {
        self.is_serving.send_if_modified(|present| {
            let before = std::mem::replace(present, is_serving);
            before != is_serving
        });
    }

    fn answer(&self) -> HealthCheckResponse {
        status(*self.is_serving.borrow() && !self.drain.is_cancelled())
    }
}

/// Adds the health of a role to what its server offers.
pub fn add_health(routes: &mut RoutesBuilder, settings: ServerSettings) -> Health {
    let health = Health {
        is_serving: Arc::default(),
        drain: settings.drain.clone(),
    };
    let service = Service {
        health: health.clone(),
        settings,
    };
    routes.add_service(HealthServer::new(service).max_decoding_message_size(MOST_BYTES));
    health
}

struct Service {
    health: Health,
    settings: ServerSettings,
}

fn status(is_serving: bool) -> HealthCheckResponse {
    let status = match is_serving {
        true => ServingStatus::Serving,
        false => ServingStatus::NotServing,
    };
    HealthCheckResponse {
        status: status.into(),
    }
}

#[tonic::async_trait]
impl health_server::Health for Service {
    type WatchStream = super::call::Parts<HealthCheckResponse>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        match request.get_ref().service.is_empty() {
            true => Ok(Response::new(self.health.answer())),
            false => Err(Status::not_found("only the server as a whole is known")),
        }
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        if !request.get_ref().service.is_empty() {
            // What the protocol asks for: the name may become known.
            let unknown = HealthCheckResponse {
                status: ServingStatus::ServiceUnknown.into(),
            };
            let unknown = stream::once(async move { Ok(unknown) });
            let forever = unknown.chain(stream::pending());
            let end = end(&request, &self.settings);
            return Ok(Response::new(forever.take_until(end).boxed()));
        }
        let mut states = self.health.is_serving.subscribe();
        states.mark_changed();
        let states = stream::unfold(states, |mut states| async move {
            states.changed().await.ok()?;
            let is_serving = *states.borrow_and_update();
            Some((Ok(status(is_serving)), states))
        });
        // The last word is that the server serves no more; where only the connection ends, it is what holds.
        let health = self.health.clone();
        let last = stream::once(async move { Ok(health.answer()) });
        let states = states.take_until(end(&request, &self.settings));
        Ok(Response::new(states.chain(last).boxed()))
    }
}
