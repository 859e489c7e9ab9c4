//! The way to another role: a gRPC channel that is on a new connection before the old one has to end.

use super::connector::{Retirement, connect};
use super::limits::{PING_AFTER, PING_WITHIN, WINDOW};
use super::{deadline, in_full};
use http::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::ClientConfig;
use sluice_identity::{Error, Expected, Result, RoleCertificate};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::timeout;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tower::{Service, ServiceExt, service_fn};

/// Time for a connection: TCP and TLS.
const CONNECT: Duration = Duration::from_secs(5);

/// A channel to one peer. Clones share its connection. A generated client takes it like a channel of tonic's own.
///
/// It connects when there is something to send, again after a connection broke, and anew when our certificate was exchanged or
/// half of the time is over that the certificates leave the connection: so requests do not meet a GOAWAY. Streams that
/// are open on the former connection go on there.
#[derive(Clone)]
pub struct PeerChannel(Arc<Shared>);

struct Shared {
    address: String,
    endpoint: Endpoint,
    settings: Arc<ClientConfig>,
    role: RoleCertificate,
    present: Mutex<Present>,
}

struct Present {
    channel: Channel,
    changes: u64,
    retirement: Retirement,
}

impl PeerChannel {
    /// A channel to whoever of `expected` answers at `address` (`host:port`). Nothing is sent yet.
    ///
    /// # Errors
    /// The address is not of that form.
    pub fn new(address: &str, expected: Expected, role: &RoleCertificate) -> Result<Self> {
        let settings = role.client_settings(expected)?;
        let endpoint = endpoint(address)?;
        let present = open(&endpoint, address, &settings, role);
        Ok(PeerChannel(Arc::new(Shared {
            address: address.to_owned(),
            endpoint,
            settings,
            role: role.clone(),
            present: Mutex::new(present),
        })))
    }

    /// A channel to the same peer over a connection of its own.
    pub fn another(&self) -> Self {
        let shared = &*self.0;
        let present = open(
            &shared.endpoint,
            &shared.address,
            &shared.settings,
            &shared.role,
        );
        PeerChannel(Arc::new(Shared {
            address: shared.address.clone(),
            endpoint: shared.endpoint.clone(),
            settings: shared.settings.clone(),
            role: shared.role.clone(),
            present: Mutex::new(present),
        }))
    }

    /// Where it leads.
    pub fn address(&self) -> &str {
        &self.0.address
    }

    /// tonic's channel to begin the next request on. Not to be kept: it does not move to a new connection.
    pub fn channel(&self) -> Channel {
        let shared = &*self.0;
        let mut present = shared.present.lock();
        if present.changes != shared.role.changes() || present.retirement.is_due() {
            *present = open(
                &shared.endpoint,
                &shared.address,
                &shared.settings,
                &shared.role,
            );
        }
        present.channel.clone()
    }
}

impl Service<Request<Body>> for PeerChannel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // Which connection it is, and so whether it is ready, is decided with the request.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (channel, shared) = (self.channel(), self.0.clone());
        // tonic's own look at the deadline begins when there is a connection.
        let time = deadline::of(request.headers());
        Box::pin(async move {
            let answer = channel.oneshot(request);
            let answer = match time {
                Some(time) => timeout(time, answer)
                    .await
                    .map_err(|_| too_late(&shared.address))?,
                None => answer.await,
            };
            answer.map_err(|error| status_of(&shared.address, error))
        })
    }
}

impl fmt::Debug for PeerChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerChannel({})", self.0.address)
    }
}

/// What a caller gets when there is no answer: `DeadlineExceeded`, or `Unavailable` with the reason down to the certificate.
fn status_of(address: &str, error: tonic::transport::Error) -> Status {
    let problem = in_full(&error);
    if is_timeout(&error) {
        return too_late(address);
    }
    match Status::from_error(Box::new(error)) {
        status if matches!(status.code(), Code::Unknown | Code::Unavailable) => {
            Status::unavailable(format!("{address} cannot be reached: {problem}"))
        }
        status => status,
    }
}

fn too_late(address: &str) -> Status {
    Status::deadline_exceeded(format!("{address} did not answer in time"))
}

fn is_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<tonic::TimeoutExpired>() || error.source().is_some_and(is_timeout)
}

/// The HTTP side of a channel to an address.
pub(super) fn endpoint(address: &str) -> Result<Endpoint> {
    let unusable = |problem: String| Error::Unusable {
        what: "the address of a peer",
        value: address.to_owned(),
        problem,
    };
    // The scheme is what tonic makes of it: TLS is the connector's part.
    let origin: Uri = format!("https://{address}")
        .parse()
        .map_err(|error| unusable(format!("{error}")))?;
    if origin.port_u16().is_none() || origin.path() != "/" || origin.query().is_some() {
        return Err(unusable("it is not of the form host:port".to_owned()));
    }
    let endpoint = Endpoint::from_shared(format!("http://{address}"))
        .map_err(|error| unusable(in_full(&error)))?;
    Ok(endpoint
        .origin(origin)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .http2_keep_alive_interval(PING_AFTER)
        .keep_alive_timeout(PING_WITHIN)
        .keep_alive_while_idle(true))
}

fn open(
    endpoint: &Endpoint,
    address: &str,
    settings: &Arc<ClientConfig>,
    role: &RoleCertificate,
) -> Present {
    let retirement = Retirement::default();
    // Read first: an exchange in the meantime makes one connection too many, never one too few.
    let changes = role.changes();
    let (address, settings) = (address.to_owned(), settings.clone());
    let (role, retire) = (role.clone(), retirement.clone());
    let connector = service_fn(move |_: Uri| {
        let (address, settings) = (address.clone(), settings.clone());
        let (role, retire) = (role.clone(), retire.clone());
        async move {
            let own_end = role.credential().end();
            let (stream, end) = connect(&address, settings, CONNECT).await?;
            retire.set(role.now(), end.min(own_end));
            Ok::<_, std::io::Error>(TokioIo::new(stream))
        }
    });
    Present {
        channel: endpoint.connect_with_connector_lazy(connector),
        changes,
        retirement,
    }
}
