//! The same refusals as in handshakes in memory, as callers see them over the network.

use super::echo::{assert_refused, say, who};
use super::*;
use crate::transport::Peer;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use sluice_identity::enrolment_client_settings;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::Request;

/// The system's clock, put forward or back by seconds.
#[derive(Debug, Default)]
struct Off(AtomicI64);

impl TimeProvider for Off {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = Timestamp::now().as_second() + self.0.load(Ordering::SeqCst);
        let seconds = Duration::from_secs(seconds.unsigned_abs());
        Some(UnixTime::since_unix_epoch(seconds))
    }
}

#[tokio::test]
async fn server_knows_who_calls() {
    let hub = Arc::new(Hub::day("hub"));
    let node = Running::node(&hub, &hub.role(Role::StorageNode, "s"), Limits::default()).await;
    let channel = node.channel(&hub.role(Role::Worker, "w-1"));
    assert_eq!(who(&channel).await.unwrap(), "spiffe://hub/worker/w-1");
    node.stop().await;
}

#[tokio::test]
async fn client_sees_why_it_refuses_a_server() {
    let (hub, other) = (Arc::new(Hub::day("hub")), Hub::day("hub"));
    let node = Running::node(&hub, &hub.role(Role::StorageNode, "s"), Limits::default()).await;
    let worker = hub.role(Role::Worker, "w");
    let call = async |client: &RoleCertificate, expected| {
        let channel = PeerChannel::new(&node.address, expected, client).unwrap();
        who(&channel).await
    };
    let any = || Expected::any(Role::StorageNode);
    assert_refused(
        call(&worker, Expected::any(Role::Aggregator)).await,
        "the peer is spiffe://hub/storage-node/s and not a role aggregator",
    );
    assert_refused(
        call(&worker, Expected::exactly(Role::StorageNode, "s-2")).await,
        "the peer is spiffe://hub/storage-node/s and not the storage-node",
    );
    let stranger = other.role(Role::Worker, "w");
    assert_refused(call(&stranger, any()).await, "UnknownIssuer");
    // Its clock is wrong by more than the certificate's life, then by more than it is backdated.
    let clock = Arc::new(Off::default());
    let wrong = RoleCertificate::new(worker.credential(), worker.trust(), clock.clone()).unwrap();
    clock.0.store(25 * 3600, Ordering::SeqCst);
    assert_refused(call(&wrong, any()).await, "certificate expired");
    clock.0.store(-600, Ordering::SeqCst);
    assert_refused(call(&wrong, any()).await, "not valid yet");
    node.stop().await;
}

#[tokio::test]
async fn server_refuses_whom_it_does_not_admit() {
    let hub = Arc::new(Hub::day("hub"));
    let node = Running::node(&hub, &hub.role(Role::StorageNode, "s"), Limits::default()).await;
    // Role, and an authority that is not ours.
    let operator = node.channel(&hub.role(Role::Operator, "o"));
    assert_refused(say(&operator, "").await, "CertificateUnknown");
    let stranger = Hub::day("hub").role(Role::Worker, "w");
    stranger.exchange_trust(hub.trust()).unwrap();
    assert_refused(say(&node.channel(&stranger), "").await, "UnknownCA");
    // No certificate at all.
    let clock = Arc::new(DefaultTimeProvider);
    let settings = enrolment_client_settings("hub", &hub.trust(), clock).unwrap();
    let stream = TcpStream::connect(&node.address).await.unwrap();
    let name = ServerName::try_from("s").unwrap();
    let mut stream = TlsConnector::from(settings)
        .connect(name, stream)
        .await
        .unwrap();
    let problem = stream.read_u8().await.unwrap_err().to_string();
    assert!(problem.contains("CertificateRequired"), "{problem}");
    // It is still there for those it admits.
    assert!(
        who(&node.channel(&hub.role(Role::Worker, "w")))
            .await
            .is_ok()
    );
    node.stop().await;
}

#[tokio::test]
async fn caller_is_told_that_nobody_is_there_or_that_the_deadline_passed() {
    let hub = Arc::new(Hub::day("hub"));
    let worker = hub.role(Role::Worker, "w");
    // A port that was free a moment ago, and one where nobody answers.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let expected = Expected::any(Role::StorageNode);
    let channel = PeerChannel::new(&address, expected.clone(), &worker).unwrap();
    let status = say(&channel, "").await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    let said = format!("{address} cannot be reached: ");
    assert!(status.message().starts_with(&said), "{status}");

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let channel = PeerChannel::new(&address, expected, &worker).unwrap();
    let source = crate::wire::proto::certificates_client::CertificatesClient::new(channel);
    let mut request = Request::new(crate::wire::proto::BundleRequest {});
    request.set_timeout(Duration::from_millis(50));
    let status = source.clone().bundle(request).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::DeadlineExceeded, "{status}");
}

#[tokio::test]
async fn address_is_a_host_and_a_port() {
    let role = Hub::day("hub").role(Role::Worker, "w");
    for odd in ["", "host", "host:", "host:1/path", "host:99999", "a b:1"] {
        let channel = PeerChannel::new(odd, Expected::any(Role::Worker), &role);
        assert!(channel.is_err(), "{odd}");
    }
    for good in ["host:1", "127.0.0.1:1", "[::1]:1", "a.b.svc:8443"] {
        let channel = PeerChannel::new(good, Expected::any(Role::Worker), &role);
        assert_eq!(channel.unwrap().address(), good);
    }
}

#[tokio::test]
async fn call_for_some_roles_is_refused_to_the_others() {
    let peer = |role| {
        let address = ([127, 0, 0, 1], 1).into();
        let left = tokio::sync::watch::channel(false).1;
        Peer::new(Identity::new("hub", role, "x").unwrap(), address, left)
    };
    let allowed = [Role::Operator, Role::Aggregator];
    assert!(peer(Role::Operator).require(&allowed).is_ok());
    assert_refused(
        peer(Role::Worker).require(&allowed),
        "spiffe://hub/worker/x may not make this call",
    );
    assert_refused(Peer::of(&Request::new(())), "Unauthenticated");
}
