//! Hubs on loopback: real sockets, real certificates, the system's clock.

mod certificates;
mod control;
mod echo;
mod lifetime;
mod limits;
mod microservices;
mod placement;
mod refusals;
mod renewal;
mod rotation;

use super::certificates::{Certificates, Own, service};
use super::{Limits, PeerChannel, Port, serve};
use async_trait::async_trait;
use echo::Echo;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use rustls::time_provider::DefaultTimeProvider;
use sluice_identity::{
    Admission, Bootstrap, CertificateIssuer, Expected, Identity, Role, RoleCertificate,
    RootAuthority, SignedCertificate, SigningRefused, SigningRequest, TrustBundle,
};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::service::Routes;

/// Signs as the storage node does; its authority can be exchanged.
struct Hub {
    root: RootAuthority,
    issuer: Mutex<Arc<CertificateIssuer>>,
    bootstraps: Vec<Bootstrap>,
    /// A worker with this id is not of the hub any more.
    retired: &'static str,
}

impl Hub {
    /// With certificates of this life.
    fn new(name: &str, lifetime: SignedDuration) -> Self {
        let root = RootAuthority::create(name, Timestamp::now()).unwrap();
        Hub {
            issuer: Mutex::new(issuer(name, &root, None, lifetime)),
            root,
            bootstraps: Vec::new(),
            retired: "retired",
        }
    }

    fn day(name: &str) -> Self {
        Hub::new(name, CertificateIssuer::LIFETIME)
    }

    /// Signs with this root from now on, and hands out trust in it and in `also`.
    fn sign_with(&self, root: &RootAuthority, also: &TrustBundle) {
        let next = issuer(&self.hub(), root, Some(also), CertificateIssuer::LIFETIME);
        *self.issuer.lock() = next;
    }

    fn issuer(&self) -> Arc<CertificateIssuer> {
        self.issuer.lock().clone()
    }

    fn identity(&self, role: Role, id: &str) -> Identity {
        Identity::new(self.issuer().hub(), role, id).unwrap()
    }

    fn role(&self, role: Role, id: &str) -> RoleCertificate {
        let identity = self.identity(role, id);
        let request = SigningRequest::new(&identity).unwrap();
        let signed = self
            .issuer()
            .renew(&identity, request.der(), Timestamp::now())
            .unwrap();
        let credential = request.with_chain(signed.chain).unwrap();
        RoleCertificate::new(credential, signed.trust, Arc::new(DefaultTimeProvider)).unwrap()
    }
}

fn issuer(
    hub: &str,
    root: &RootAuthority,
    trust: Option<&TrustBundle>,
    lifetime: SignedDuration,
) -> Arc<CertificateIssuer> {
    let files = root.intermediate(Timestamp::now()).unwrap();
    Arc::new(CertificateIssuer::new(hub, &files, trust, lifetime).unwrap())
}

#[async_trait]
impl Certificates for Hub {
    async fn renew(
        &self,
        asker: &Identity,
        request: &[u8],
    ) -> Result<SignedCertificate, SigningRefused> {
        if asker.id() == self.retired {
            return Err(SigningRefused::Denied {
                asker: asker.clone(),
                reason: "it was retired".to_owned(),
            });
        }
        self.issuer().renew(asker, request, Timestamp::now())
    }

    async fn enrol(
        &self,
        asked: &Identity,
        secret: &str,
        request: &[u8],
    ) -> Result<SignedCertificate, SigningRefused> {
        let now = Timestamp::now();
        self.issuer()
            .enrol(&self.bootstraps, asked, secret, request, now)
    }

    fn hub(&self) -> String {
        self.issuer().hub().to_owned()
    }

    fn trust(&self) -> TrustBundle {
        self.issuer().trust().clone()
    }
}

fn own(hub: &Arc<Hub>, role: &RoleCertificate) -> Own<Hub> {
    Own {
        certificates: hub.clone(),
        identity: role.identity(),
    }
}

/// A port that is served.
struct Running {
    address: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    async fn start(port: Port, routes: Routes) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            serve(listener, port, routes, async {
                let _ = stopped.await;
            })
            .await;
        });
        Running {
            address,
            stop,
            task,
        }
    }

    /// The storage node of a hub: its own service and the tests' echo, for workers.
    async fn node(hub: &Arc<Hub>, node: &RoleCertificate, limits: Limits) -> Self {
        let admission = Admission::of([Role::Worker]);
        let port = Port::mutual(node, admission, limits).unwrap();
        let routes = Routes::new(Echo::default()).add_service(service(hub.clone()));
        Running::start(port, routes).await
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }

    fn channel(&self, client: &RoleCertificate) -> PeerChannel {
        let expected = Expected::any(Role::StorageNode);
        PeerChannel::new(&self.address, expected, client).unwrap()
    }
}
