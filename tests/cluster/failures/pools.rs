//! Pools that grow and shrink, and an operator that is away.

use super::hub::test;
use super::load::Load;
use std::time::{Duration, Instant};

#[test]
fn pool_from_3_to_1_to_3() {
    test(|failing| async move {
        let hub = &failing.hub;
        let load = Load::begin(failing, "pool");
        for replicas in ["3", "1", "3", "2"] {
            let begun = Instant::now();
            let replicas = format!("--replicas={replicas}");
            hub.kubectl(&["scale", "workerpool/hub-default", &replicas])
                .unwrap();
            failing.until_whole().await;
            println!("{replicas}: {:.1} s", begun.elapsed().as_secs_f64());
        }
        // Planned moves: a failover takes a lease.
        let seen = load.end(failing).await;
        assert_eq!(seen.reads.keys().collect::<Vec<_>>(), [&200]);
        let pause = seen.longest_pause;
        assert!(pause < Duration::from_secs(12), "{pause:?}");
    });
}

#[test]
fn operator_loss() {
    test(|failing| async move {
        let away = failing.without_operator().await;
        let load = Load::begin(failing, "operator");
        tokio::time::sleep(Duration::from_secs(60)).await;
        let seen = load.end(failing).await;
        drop(away);
        assert_eq!(seen.pushes.keys().collect::<Vec<_>>(), [&200]);
        assert_eq!(seen.reads.keys().collect::<Vec<_>>(), [&200]);
        assert!(seen.longest_pause < Duration::from_secs(5));
    });
}
