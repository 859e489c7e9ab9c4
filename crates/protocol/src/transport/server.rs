//! A port: accepts connections within its limits and looks after them until the port stops.

use super::Limits;
use super::connection::Connection;
use sluice_identity::{Admission, RoleCertificate};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tonic::service::Routes;

/// Who may enter a port, and with which certificate it answers.
#[derive(Clone)]
pub struct Port {
    pub(super) acceptor: TlsAcceptor,
    pub(super) role: RoleCertificate,
    /// Whether every client has shown a certificate.
    pub(super) mutual: bool,
    pub(super) limits: Limits,
}

impl Port {
    /// A port for these roles of the same hub; each has to show its certificate.
    pub fn mutual(
        role: &RoleCertificate,
        admission: Admission,
        limits: Limits,
    ) -> sluice_identity::Result<Self> {
        let acceptor = role.server_settings(admission)?.into();
        Ok(Port {
            acceptor,
            role: role.clone(),
            mutual: true,
            limits,
        })
    }

    /// A port for those who have no certificate yet. Serve nothing there but [`super::certificates::service`].
    pub fn enrolment(role: &RoleCertificate, limits: Limits) -> sluice_identity::Result<Self> {
        let acceptor = role.enrolment_settings()?.into();
        Ok(Port {
            acceptor,
            role: role.clone(),
            mutual: false,
            limits,
        })
    }
}

/// Serves the routes on a port until `stop`; then says GOAWAY on every connection, gives the requests `limits.stop` to end,
/// and returns when all connections are closed. Each request has its [`super::Peer`] among the extensions.
pub async fn serve(
    listener: TcpListener,
    port: Port,
    routes: Routes,
    stop: impl Future<Output = ()>,
) {
    let handshakes = Arc::new(Semaphore::new(port.limits.handshakes));
    let (stopping, stopped) = watch::channel(false);
    let connection = Arc::new(Connection {
        slots: Arc::new(Semaphore::new(port.limits.connections)),
        routes: routes.prepare(),
        port,
    });
    let mut open = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(ended) = open.join_next() => note(ended),
            accepted = accept(&listener, &handshakes) => match accepted {
                Ok((stream, address, handshake)) => {
                    let (connection, stopped) = (connection.clone(), stopped.clone());
                    open.spawn(async move { connection.run(stream, address, handshake, stopped).await });
                }
                Err(error) => back_off(&error).await,
            },
        }
    }
    drop(listener);
    stopping.send_replace(true);
    while let Some(ended) = open.join_next().await {
        note(ended);
    }
}

/// The next connection, once there is room for its handshake.
async fn accept(
    listener: &TcpListener,
    handshakes: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let handshake = handshakes
        .clone()
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    Ok((stream, address, handshake))
}

/// A client that went away before it was accepted is nothing; a process without free file handles gets some time.
async fn back_off(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if !matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    ) {
        tracing::warn!(%error, "cannot accept a connection");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task failed");
    }
}
