//! The service that signs, over the network: the first certificate and the next, and who gets none.

use super::*;
use crate::transport::certificates::{
    CertificatesClient, Enrolment, Renewal, RenewalSettings, Source, SourceError, enrol, service,
};
use crate::wire::proto;
use crate::wire::proto::certificates_client::CertificatesClient as WireClient;
use sluice_identity::Credential;
use std::time::Duration;
use tokio::time::interval;
use tonic::{Code, Status};
use zeroize::Zeroizing;

/// A hub with one bootstrap secret, and its port for first certificates.
async fn with_bootstrap() -> (Arc<Hub>, Zeroizing<String>, Running) {
    let (bootstrap, secret) = Bootstrap::generate(Role::Worker, "pool-*").unwrap();
    let hub = Arc::new(Hub {
        bootstraps: vec![bootstrap],
        ..Hub::day("hub")
    });
    let node = hub.role(Role::StorageNode, "s");
    let port = Port::enrolment(&node, Limits::default()).unwrap();
    let running = Running::start(port, Routes::new(service(hub.clone()))).await;
    (hub, secret, running)
}

fn enrolment(hub: &Hub, role: Role, id: &str, secret: &str, address: &str) -> Enrolment {
    Enrolment {
        address: address.to_owned(),
        identity: hub.identity(role, id),
        secret: secret.to_owned().into(),
        trust: hub.trust(),
    }
}

fn clock() -> Arc<DefaultTimeProvider> {
    Arc::new(DefaultTimeProvider)
}

#[track_caller]
fn assert_status<T>(outcome: Result<T, SourceError>, code: Code, part: &str) {
    let error = outcome.map(|_| ()).unwrap_err();
    let status = error.downcast_ref::<Status>().unwrap();
    assert_eq!(status.code(), code, "{status}");
    assert!(status.message().contains(part), "{status}");
}

#[tokio::test]
async fn first_certificate_is_got_with_a_secret_and_opens_the_other_port() {
    let (hub, secret, bootstrap) = with_bootstrap().await;
    let wanted = enrolment(&hub, Role::Worker, "pool-1", &secret, &bootstrap.address);
    assert!(!format!("{wanted:?}").contains(&*secret));
    let worker = enrol(&wanted, clock()).await.unwrap();
    assert_eq!(worker.identity(), wanted.identity);
    let node = hub.role(Role::StorageNode, "s");
    let mutual = Running::node(&hub, &node, Limits::default()).await;
    let channel = mutual.channel(&worker);
    assert_eq!(
        echo::who(&channel).await.unwrap(),
        "spiffe://hub/worker/pool-1"
    );
    bootstrap.stop().await;
    mutual.stop().await;
}

#[tokio::test]
async fn role_whose_certificate_ended_gets_another_with_its_secret() {
    let (hub, secret, bootstrap) = with_bootstrap().await;
    let short = issuer("hub", &hub.root, None, SignedDuration::from_secs(1));
    *hub.issuer.lock() = short;
    let wanted = enrolment(&hub, Role::Worker, "pool-1", &secret, &bootstrap.address);
    let worker = enrol(&wanted, clock()).await.unwrap();
    let mut pace = interval(Duration::from_millis(10));
    while worker.is_valid() {
        pace.tick().await;
    }
    // Whoever signs is there again, for longer.
    hub.sign_with(&hub.root, &hub.trust());
    let node = hub.role(Role::StorageNode, "s");
    let mutual = Running::node(&hub, &node, Limits::default()).await;
    let source = CertificatesClient::new(mutual.channel(&worker));
    let settings = RenewalSettings::default();
    let without = Renewal::new(worker.clone(), source.clone(), settings.clone(), None);
    assert!(without.renew().await.is_err() && !worker.is_valid());
    let source = source.or_enrol(worker.clone(), wanted);
    let renewal = Renewal::new(worker.clone(), source, settings, None);
    renewal.renew().await.unwrap();
    assert!(worker.is_valid());
    // The next one it gets as a peer again.
    bootstrap.stop().await;
    renewal.renew().await.unwrap();
    assert_eq!(worker.changes(), 2);
    mutual.stop().await;
}

#[tokio::test]
async fn secret_that_is_wrong_or_for_others_gets_nothing() {
    let (hub, secret, bootstrap) = with_bootstrap().await;
    let ask = async |role, id: &str, secret: &str| {
        let wanted = enrolment(&hub, role, id, secret, &bootstrap.address);
        enrol(&wanted, clock()).await
    };
    assert_status(
        ask(Role::Worker, "pool-1", &"0".repeat(64)).await,
        Code::Unauthenticated,
        "the bootstrap secret is not known here",
    );
    assert_status(
        ask(Role::Aggregator, "pool-1", &secret).await,
        Code::PermissionDenied,
        "for the role worker with ids \"pool-*\", not for spiffe://hub/aggregator/pool-1",
    );
    assert_status(
        ask(Role::Worker, "other-1", &secret).await,
        Code::PermissionDenied,
        "not for spiffe://hub/worker/other-1",
    );
    bootstrap.stop().await;
}

#[tokio::test]
async fn secret_is_shown_to_the_storage_node_of_the_hub_only() {
    let (hub, secret, bootstrap) = with_bootstrap().await;
    let mut wanted = enrolment(&hub, Role::Worker, "pool-1", &secret, &bootstrap.address);
    wanted.trust = Hub::day("hub").trust();
    let problem = enrol(&wanted, clock()).await.unwrap_err();
    let problem = crate::transport::in_full(&*problem);
    assert!(problem.contains("UnknownIssuer"), "{problem}");
    bootstrap.stop().await;
}

#[tokio::test]
async fn port_for_first_certificates_answers_nothing_else() {
    let (hub, _, bootstrap) = with_bootstrap().await;
    // Somebody with a certificate comes to the port that asks for none.
    let channel = bootstrap.channel(&hub.role(Role::Worker, "pool-1"));
    let source = CertificatesClient::new(channel);
    assert_status(
        source.trust().await,
        Code::Unauthenticated,
        "needs a certificate",
    );
    assert_status(
        source.sign(b"request").await,
        Code::Unauthenticated,
        "needs a certificate",
    );
    bootstrap.stop().await;
}

#[tokio::test]
async fn peer_that_is_not_of_the_hub_any_more_gets_none() {
    let hub = Arc::new(Hub::day("hub"));
    let node = hub.role(Role::StorageNode, "s");
    let running = Running::node(&hub, &node, Limits::default()).await;
    let worker = hub.role(Role::Worker, hub.retired);
    let source = CertificatesClient::new(running.channel(&worker));
    let request = SigningRequest::new(&worker.identity()).unwrap();
    assert_status(
        source.sign(request.der()).await,
        Code::PermissionDenied,
        "spiffe://hub/worker/retired gets no certificate: it was retired",
    );
    running.stop().await;
}

#[tokio::test]
async fn peer_gets_only_its_own_name() {
    let hub = Arc::new(Hub::day("hub"));
    let node = hub.role(Role::StorageNode, "s");
    let running = Running::node(&hub, &node, Limits::default()).await;
    let worker = hub.role(Role::Worker, "w-1");
    let channel = running.channel(&worker);
    let source = CertificatesClient::new(channel.clone());
    let own = SigningRequest::new(&worker.identity()).unwrap();
    let signed = source.sign(own.der()).await.unwrap();
    let credential: Credential = own.with_chain(signed.chain).unwrap();
    assert_eq!(*credential.identity(), worker.identity());
    assert_eq!(signed.trust, hub.trust());

    let foreign = SigningRequest::new(&hub.identity(Role::Worker, "w-2")).unwrap();
    assert_status(
        source.sign(foreign.der()).await,
        Code::PermissionDenied,
        "asks for spiffe://hub/worker/w-2; who asks may have only spiffe://hub/worker/w-1",
    );
    assert_status(
        source.sign(b"nonsense").await,
        Code::InvalidArgument,
        "cannot be used",
    );
    // A peer with a certificate has no use for another's secret.
    let message = proto::SigningRequest {
        request: own_request(&hub).into(),
        bootstrap: Some(proto::Bootstrap {
            role: "worker".to_owned(),
            id: "w-2".to_owned(),
            secret: "0".repeat(64),
        }),
    };
    assert!(!format!("{message:?}").contains(&"0".repeat(64)));
    let refused = WireClient::new(channel).sign(message).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    running.stop().await;
}

fn own_request(hub: &Hub) -> Vec<u8> {
    let identity = hub.identity(Role::Worker, "w-1");
    SigningRequest::new(&identity).unwrap().der().to_vec()
}
