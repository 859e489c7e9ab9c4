//! Pools that grow and shrink, and an operator that is away.

use super::hub::{SOON, test};
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
        load.end(failing).await;
    });
}

#[test]
fn operator_loss() {
    test(|failing| async move {
        let hub = &failing.hub;
        let operator = ["scale", "deployment/hub-operator"];
        hub.kubectl(&[&operator[..], &["--replicas=0"]].concat())
            .unwrap();
        failing.until_no_operator().await;
        let load = Load::begin(failing, "operator");
        tokio::time::sleep(Duration::from_secs(60)).await;
        let seen = load.end(failing).await;
        hub.kubectl(&[&operator[..], &["--replicas=1"]].concat())
            .unwrap();
        assert_eq!(seen.pushes.keys().collect::<Vec<_>>(), [&200]);
        assert_eq!(seen.reads.keys().collect::<Vec<_>>(), [&200]);
        assert!(seen.longest_pause < SOON);
    });
}
