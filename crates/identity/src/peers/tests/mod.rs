//! Hubs in memory with a clock of their own, and real handshakes between their roles.

mod exchange;
mod handshakes;
mod keeping;
mod odd_certificates;
mod requests;

use crate::{
    Admission, Bootstrap, CertificateIssuer, Credential, Expected, Identity, IntermediateFiles,
    Role, RoleCertificate, RootAuthority, SigningRequest, TrustBundle, peer_of,
};
use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::{IpAddr, Ipv4Addr, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, ServerConfig, ServerConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A clock that stands until it is moved.
#[derive(Clone, Debug)]
struct Clock(Arc<AtomicI64>);

impl Clock {
    fn new() -> Self {
        Clock(Arc::new(AtomicI64::new(1_800_000_000)))
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }

    fn advance(&self, time: SignedDuration) {
        self.0.fetch_add(time.as_secs(), Ordering::SeqCst);
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = self.0.load(Ordering::SeqCst).unsigned_abs();
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// A hub's authorities.
struct Hub {
    clock: Clock,
    root: RootAuthority,
    files: IntermediateFiles,
    issuer: CertificateIssuer,
}

impl Hub {
    fn new(name: &str, clock: &Clock) -> Self {
        let root = RootAuthority::create(name, clock.now()).unwrap();
        let files = root.intermediate(clock.now()).unwrap();
        let issuer =
            CertificateIssuer::new(name, &files, None, CertificateIssuer::LIFETIME).unwrap();
        Hub {
            clock: clock.clone(),
            root,
            files,
            issuer,
        }
    }

    fn trust(&self) -> TrustBundle {
        self.root.bundle().unwrap()
    }

    fn identity(&self, role: Role, id: &str) -> Identity {
        Identity::new(self.issuer.hub(), role, id).unwrap()
    }

    fn credential(&self, role: Role, id: &str) -> Credential {
        let identity = self.identity(role, id);
        let request = SigningRequest::new(&identity).unwrap();
        let signed = self
            .issuer
            .renew(&identity, request.der(), self.clock.now())
            .unwrap();
        request.with_chain(signed.chain).unwrap()
    }

    fn role(&self, role: Role, id: &str) -> RoleCertificate {
        let clock = Arc::new(self.clock.clone());
        RoleCertificate::new(self.credential(role, id), self.trust(), clock).unwrap()
    }
}

/// How a handshake ended well: who the client met, who the server met.
#[derive(Debug, PartialEq)]
struct Met {
    server: Identity,
    client: Option<Identity>,
}

/// A handshake in memory; the error is that of the side which refused.
fn handshake(client: Arc<ClientConfig>, server: Arc<ServerConfig>) -> Result<Met, String> {
    let name = ServerName::IpAddress(IpAddr::V4(Ipv4Addr::from([0, 0, 0, 0])));
    let mut client = ClientConnection::new(client, name).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        let mut from_client: &[u8] = &bytes;
        while !from_client.is_empty() {
            server.read_tls(&mut from_client).unwrap();
        }
        server
            .process_new_packets()
            .map_err(|error| format!("server: {error}"))?;
        let mut bytes = Vec::new();
        server.write_tls(&mut bytes).unwrap();
        let mut from_server: &[u8] = &bytes;
        while !from_server.is_empty() {
            client.read_tls(&mut from_server).unwrap();
        }
        client
            .process_new_packets()
            .map_err(|error| format!("client: {error}"))?;
    }
    let tls13 = Some(rustls::ProtocolVersion::TLSv1_3);
    assert_eq!(client.protocol_version(), tls13);
    assert_eq!(client.alpn_protocol(), Some(&b"h2"[..]));
    // Nothing is resumed: every connection was verified in full.
    assert_eq!(server.handshake_kind(), Some(HandshakeKind::Full));
    Ok(Met {
        server: peer_of(client.peer_certificates()).unwrap().0,
        client: peer_of(server.peer_certificates()).ok().map(|peer| peer.0),
    })
}

/// A worker's connection to the storage node.
fn meet(client: &RoleCertificate, server: &RoleCertificate) -> Result<Met, String> {
    let expected = Expected::any(server.identity().role());
    let admission = Admission::of([Role::Worker, Role::Aggregator]);
    handshake(
        client.client_settings(expected).unwrap(),
        server.server_settings(admission).unwrap(),
    )
}

fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(outcome: Result<T, impl ToString>, parts: &[&str]) {
    let problem = outcome.unwrap_err().to_string();
    for part in parts {
        assert!(problem.contains(part), "{part:?} is not in {problem:?}");
    }
}
