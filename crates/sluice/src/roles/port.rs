//! A port for other roles, from listening to the end, and what it says of the role's health.

use anyhow::{Context, Result};
use sluice_protocol::server::Health;
use sluice_protocol::transport::{self, Port};
use sluice_telemetry::{Readiness, Stop};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

/// How often a role is asked whether it serves, for those who watch its health.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Listens; port 0 takes a free one.
pub(super) async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr().context("the port has no address")?;
    Ok((listener, address))
}

/// Serves until `stop`, as one of the tasks.
pub(super) fn serve(
    tasks: &TaskTracker,
    listener: TcpListener,
    port: Port,
    routes: Routes,
    stop: CancellationToken,
) {
    tasks.spawn(transport::serve(
        listener,
        port,
        routes,
        stop.cancelled_owned(),
    ));
}

/// Tells the health of the role to who asks and watches, as one of the tasks.
pub(super) fn tell_health(
    tasks: &TaskTracker,
    health: Health,
    readiness: Readiness,
    mut stop: Stop,
) {
    tasks.spawn(async move {
        loop {
            let problem = readiness.problem().await;
            health.set_serving(problem.is_none());
            if tokio::time::timeout(ASK_EVERY, stop.asked()).await.is_ok() {
                health.set_serving(false);
                return;
            }
        }
    });
}
