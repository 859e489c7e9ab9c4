//! A port for other roles, from listening to the end.

use anyhow::{Context, Result};
use sluice_protocol::transport::{self, Port};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

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
