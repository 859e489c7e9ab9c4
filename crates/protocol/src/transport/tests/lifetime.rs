//! Connections end before their certificates do, and streams go on over new ones.

use super::echo::{Echo, numbers, say, who};
use super::*;
use crate::transport::certificates::{CertificatesClient, Renewal, RenewalSettings};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{interval, timeout};
use tonic::Status;

/// A quarter of it is between a channel's move and the GOAWAY: on a busy machine that must not pass unnoticed.
const LIFE: SignedDuration = SignedDuration::from_secs(8);
const LONG: Duration = Duration::from_secs(30);

/// What came of a stream until it ended: how many numbers, and how it ended.
async fn to_the_end(channel: &PeerChannel, first: u64) -> (u64, Result<(), Status>) {
    let mut stream = numbers(channel, first).await.unwrap();
    let mut next = first;
    loop {
        match stream.message().await {
            Ok(Some(number)) => assert_eq!(number, next),
            Ok(None) => return (next, Ok(())),
            Err(status) => return (next, Err(status)),
        }
        next += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_move_to_new_connections_before_the_certificates_end() {
    let hub = Arc::new(Hub::new("hub", LIFE));
    let (node, worker) = (
        hub.role(Role::StorageNode, "s"),
        hub.role(Role::Worker, "w"),
    );
    let running = Running::node(&hub, &node, Limits::default()).await;
    let channel = running.channel(&worker);
    // Both renew themselves, all the time.
    let mut renewals = tokio::task::JoinSet::new();
    let of_node = Renewal::new(
        node.clone(),
        own(&hub, &node),
        RenewalSettings::default(),
        None,
    );
    renewals.spawn(of_node.run(std::future::pending()));
    let source = CertificatesClient::new(channel.clone());
    let of_worker = Renewal::new(worker.clone(), source, RenewalSettings::default(), None);
    renewals.spawn(of_worker.run(std::future::pending()));

    // Until the stream and both certificates have moved twice, not one call or number is lost.
    let (mut next, mut streams, mut connections) = (0, 0, BTreeSet::new());
    while streams < 2 || worker.changes() < 2 || node.changes() < 2 {
        let reading = to_the_end(&channel, next);
        tokio::pin!(reading);
        let (read, end) = loop {
            tokio::select! {
                ended = &mut reading => break ended,
                said = say(&channel, "call") => {
                    let text = said.unwrap();
                    connections.insert(text.split(' ').nth(1).map(str::to_owned));
                }
            }
        };
        end.unwrap();
        assert!(read > next);
        (next, streams) = (read, streams + 1);
    }
    assert!(connections.len() >= 3, "{connections:?}");
    renewals.shutdown().await;
    running.stop().await;
}

#[tokio::test]
async fn stream_that_does_not_end_is_cut_with_its_certificate() {
    let hub = Arc::new(Hub::new("hub", SignedDuration::from_secs(4)));
    // Only the worker's certificate is short: a connection has the shorter of both lives.
    let node = {
        let day = CertificateIssuer::LIFETIME;
        let long = issuer("hub", &hub.root, None, day);
        let short = std::mem::replace(&mut *hub.issuer.lock(), long);
        let node = hub.role(Role::StorageNode, "s");
        *hub.issuer.lock() = short;
        node
    };
    let admission = Admission::of([Role::Worker]);
    let port = Port::mutual(&node, admission, Limits::default()).unwrap();
    let running = Running::start(port, Routes::new(Echo { stubborn: true })).await;
    let worker = hub.role(Role::Worker, "w");
    let channel = running.channel(&worker);
    let end = worker.credential().end();
    let (read, outcome) = timeout(LONG, to_the_end(&channel, 0)).await.unwrap();
    assert!(outcome.is_err(), "it ended after {read}");
    assert!(read > 0);
    let late = Timestamp::now().duration_since(end);
    assert!(!late.is_negative(), "cut {late:?} after the end");
    // Without a new certificate there is no new connection; with one there is. Its last second is still its own.
    let mut pace = interval(Duration::from_millis(10));
    while worker.is_valid() {
        pace.tick().await;
    }
    assert!(who(&channel).await.is_err());
    let request = SigningRequest::new(&worker.identity()).unwrap();
    let signed = hub.renew(&worker.identity(), request.der()).await.unwrap();
    let credential = request.with_chain(signed.chain).unwrap();
    worker.exchange(credential, signed.trust).unwrap();
    assert_eq!(who(&channel).await.unwrap(), "spiffe://hub/worker/w");
    running.task.abort();
}

#[tokio::test]
async fn port_that_stops_lets_streams_end_and_returns() {
    let hub = Arc::new(Hub::day("hub"));
    let node = hub.role(Role::StorageNode, "s");
    let running = Running::node(&hub, &node, Limits::default()).await;
    let channel = running.channel(&hub.role(Role::Worker, "w"));
    let mut stream = numbers(&channel, 7).await.unwrap();
    assert_eq!(stream.message().await.unwrap(), Some(7));
    let address = running.address.clone();
    let stopping = tokio::spawn(running.stop());
    let mut next = 8;
    while let Some(number) = stream.message().await.unwrap() {
        assert_eq!(number, next);
        next += 1;
    }
    drop(stream);
    timeout(LONG, stopping).await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn port_that_stops_does_not_wait_for_ever() {
    let hub = Arc::new(Hub::day("hub"));
    let node = hub.role(Role::StorageNode, "s");
    let limits = Limits {
        stop: Duration::from_millis(50),
        ..Limits::default()
    };
    let port = Port::mutual(&node, Admission::of([Role::Worker]), limits).unwrap();
    let running = Running::start(port, Routes::new(Echo { stubborn: true })).await;
    let channel = running.channel(&hub.role(Role::Worker, "w"));
    let mut stream = numbers(&channel, 0).await.unwrap();
    assert_eq!(stream.message().await.unwrap(), Some(0));
    timeout(LONG, running.stop()).await.unwrap();
    let rest = async {
        while stream.message().await?.is_some() {}
        Ok::<(), Status>(())
    };
    assert!(timeout(LONG, rest).await.unwrap().is_err());
}
