//! Who is let in and who is not.

use super::*;
use crate::enrolment_client_settings;

#[test]
fn roles_of_a_hub_meet_and_know_each_other_by_name() {
    let hub = Hub::new("hub", &Clock::new());
    let (worker, node) = (
        hub.role(Role::Worker, "w-1"),
        hub.role(Role::StorageNode, "s-0"),
    );
    let met = Met {
        server: hub.identity(Role::StorageNode, "s-0"),
        client: Some(hub.identity(Role::Worker, "w-1")),
    };
    assert_eq!(meet(&worker, &node).unwrap(), met);
    // The second time nothing is resumed (`handshake` looks).
    assert_eq!(meet(&worker, &node).unwrap(), met);
}

#[test]
fn other_authority_is_refused_by_both_sides() {
    let clock = Clock::new();
    let (ours, other) = (Hub::new("hub", &clock), Hub::new("hub", &clock));
    let (worker, node) = (
        ours.role(Role::Worker, "w"),
        ours.role(Role::StorageNode, "s"),
    );
    let (stranger, impostor) = (
        other.role(Role::Worker, "w"),
        other.role(Role::StorageNode, "s"),
    );
    assert_refused(meet(&worker, &impostor), &["client:", "UnknownIssuer"]);
    // It accepts our server, so that our server has to decide.
    stranger.exchange_trust(ours.trust()).unwrap();
    assert_refused(meet(&stranger, &node), &["server:", "UnknownIssuer"]);
}

#[test]
fn other_hub_under_the_same_authority_is_refused_by_both_sides() {
    let clock = Clock::new();
    let ours = Hub::new("hub", &clock);
    let issuer =
        CertificateIssuer::new("other", &ours.files, None, CertificateIssuer::LIFETIME).unwrap();
    let other = Hub {
        issuer,
        ..Hub::new("other", &clock)
    };
    let trusted = Arc::new(clock.clone());
    let foreign = |role| {
        let credential = other.credential(role, "x");
        RoleCertificate::new(credential, ours.trust(), trusted.clone()).unwrap()
    };
    let (worker, node) = (
        ours.role(Role::Worker, "w"),
        ours.role(Role::StorageNode, "s"),
    );
    let said = ["not of the hub \"hub\"", "spiffe://other/"];
    assert_refused(meet(&worker, &foreign(Role::StorageNode)), &said);
    // A client of the other hub refuses ours before ours can; without its look, our server has to.
    let mut client = foreign(Role::Worker);
    client.trusted = worker.trusted.clone();
    assert_refused(meet(&client, &node), &["server:", said[0], said[1]]);
}

#[test]
fn role_that_is_not_admitted_is_refused() {
    let hub = Hub::new("hub", &Clock::new());
    let node = hub.role(Role::StorageNode, "s");
    let refused = meet(&hub.role(Role::Operator, "o"), &node);
    assert_refused(
        refused,
        &["server:", "spiffe://hub/operator/o", "worker, aggregator"],
    );
}

#[test]
fn server_of_another_role_or_id_is_refused() {
    let hub = Hub::new("hub", &Clock::new());
    let (worker, server) = (hub.role(Role::Worker, "w-1"), hub.role(Role::Worker, "w-2"));
    let reach = |expected| {
        handshake(
            worker.client_settings(expected).unwrap(),
            server
                .server_settings(Admission::of([Role::Worker]))
                .unwrap(),
        )
    };
    assert!(reach(Expected::any(Role::Worker)).is_ok());
    assert!(reach(Expected::exactly(Role::Worker, "w-2")).is_ok());
    let said = "the peer is spiffe://hub/worker/w-2 and not";
    assert_refused(
        reach(Expected::any(Role::StorageNode)),
        &["client:", said, "storage-node"],
    );
    assert_refused(
        reach(Expected::exactly(Role::Worker, "w-3")),
        &["client:", said, "\"w-3\""],
    );
}

#[test]
fn ended_and_not_yet_valid_certificates_are_refused_by_both_sides() {
    let clock = Clock::new();
    let hub = Hub::new("hub", &clock);
    let (worker, node) = (
        hub.role(Role::Worker, "w"),
        hub.role(Role::StorageNode, "s"),
    );
    clock.advance(hours(24) + SignedDuration::from_secs(1));
    assert_refused(meet(&worker, &node), &["client:", "certificate expired"]);
    let fresh = hub.role(Role::StorageNode, "s");
    assert_refused(meet(&worker, &fresh), &["server:", "certificate expired"]);
    // Backdated by five minutes, for clocks that are behind.
    clock.advance(-SignedDuration::from_mins(5));
    assert!(meet(&hub.role(Role::Worker, "w"), &fresh).is_ok());
    clock.advance(-SignedDuration::from_mins(1));
    let worker = hub.role(Role::Worker, "w");
    assert_refused(meet(&worker, &fresh), &["client:", "not valid yet"]);
    let node = hub.role(Role::StorageNode, "s");
    clock.advance(-SignedDuration::from_mins(6));
    let late = hub.role(Role::StorageNode, "s");
    assert_refused(meet(&worker, &late), &["server:", "not valid yet"]);
    assert!(!node.is_valid());
}

#[test]
fn client_without_a_certificate_is_refused() {
    let clock = Clock::new();
    let hub = Hub::new("hub", &clock);
    let node = hub.role(Role::StorageNode, "s");
    let client = enrolment_client_settings("hub", &hub.trust(), Arc::new(clock)).unwrap();
    let mutual = node.server_settings(Admission::of([Role::Worker])).unwrap();
    assert_refused(
        handshake(client.clone(), mutual),
        &["server:", "no certificates"],
    );
    // The port for first certificates is for it.
    let met = handshake(client, node.enrolment_settings().unwrap()).unwrap();
    assert_eq!(met.client, None);
}

#[test]
fn enrolment_meets_only_the_storage_node_of_its_hub() {
    let clock = Clock::new();
    let hub = Hub::new("hub", &clock);
    let client = |name: &str, trust: &TrustBundle| {
        enrolment_client_settings(name, trust, Arc::new(clock.clone())).unwrap()
    };
    let server = |role| hub.role(role, "x").enrolment_settings().unwrap();
    assert_refused(
        handshake(client("hub", &hub.trust()), server(Role::Worker)),
        &["client:", "spiffe://hub/worker/x", "storage-node"],
    );
    assert_refused(
        handshake(client("hub-2", &hub.trust()), server(Role::StorageNode)),
        &["client:", "not of the hub \"hub-2\""],
    );
    let other = Hub::new("hub", &clock).trust();
    assert_refused(
        handshake(client("hub", &other), server(Role::StorageNode)),
        &["client:", "UnknownIssuer"],
    );
}

#[test]
fn older_versions_of_tls_are_refused() {
    let hub = Hub::new("hub", &Clock::new());
    let node = hub.role(Role::StorageNode, "s");
    let old = ClientConfig::builder_with_provider(super::super::provider())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let mutual = node.server_settings(Admission::of([Role::Worker])).unwrap();
    assert_refused(
        handshake(Arc::new(old), mutual),
        &["server:", "peer is incompatible"],
    );
}
