//! A hundred rotations of both sides under load, one of them to another authority.

use super::echo::{numbers, say};
use super::*;
use crate::transport::certificates::{CertificatesClient, Renewal, RenewalSettings, Source};
use std::collections::BTreeSet;
use tokio::sync::watch;

const ROTATIONS: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundred_rotations_fail_no_call_and_drop_no_stream() {
    let hub = Arc::new(Hub::day("hub"));
    let (node, worker) = (
        hub.role(Role::StorageNode, "s"),
        hub.role(Role::Worker, "w"),
    );
    let running = Running::node(&hub, &node, Limits::default()).await;
    let channel = running.channel(&worker);
    let (done, finished) = watch::channel(false);
    let calls = tokio::spawn(call_on(channel.clone(), finished.clone()));
    let stream = tokio::spawn(read_on(channel.clone(), finished));

    let settings = RenewalSettings::default();
    let of_node = Renewal::new(node.clone(), own(&hub, &node), settings.clone(), None);
    let source = CertificatesClient::new(channel.clone());
    let of_worker = Renewal::new(worker.clone(), source.clone(), settings, None);
    let next = RootAuthority::create("hub", Timestamp::now()).unwrap();
    let both = hub.trust().with(&next.bundle().unwrap()).unwrap();
    for rotation in 0..ROTATIONS {
        match rotation {
            // First everybody trusts both authorities, then certificates come from the new one, last the old one goes.
            30 => {
                hub.sign_with(&hub.root, &both);
                for role in [&node, &worker] {
                    role.exchange_trust(source.trust().await.unwrap()).unwrap();
                }
            }
            40 => hub.sign_with(&next, &both),
            70 => hub.sign_with(&next, &next.bundle().unwrap()),
            _ => {}
        }
        of_node.renew().await.unwrap();
        of_worker.renew().await.unwrap();
        // Another call at least has gone over the new connection before the next rotation.
        say(&channel, "again").await.unwrap();
    }
    done.send_replace(true);
    let (calls, connections) = calls.await.unwrap();
    let read = stream.await.unwrap();
    assert!(calls >= ROTATIONS, "{calls} calls");
    assert!(connections > 1, "{connections} connections");
    assert!(read > 1, "{read} numbers");
    assert_eq!((node.changes(), worker.changes()), (100, 100));
    assert_eq!(worker.trust(), next.bundle().unwrap());
    running.stop().await;
}

/// Calls until it is over; how many, over how many connections.
async fn call_on(channel: PeerChannel, finished: watch::Receiver<bool>) -> (usize, usize) {
    let (mut calls, mut connections) = (0, BTreeSet::new());
    while !*finished.borrow() {
        let text = say(&channel, "call").await.unwrap();
        connections.insert(text.split(' ').nth(1).map(str::to_owned));
        calls += 1;
    }
    (calls, connections.len())
}

/// Reads one and the same stream until it is over; how many numbers came.
async fn read_on(channel: PeerChannel, finished: watch::Receiver<bool>) -> u64 {
    let mut stream = numbers(&channel, 0).await.unwrap();
    let mut read = 0;
    while !*finished.borrow() {
        assert_eq!(stream.message().await.unwrap(), Some(read));
        read += 1;
    }
    read
}
