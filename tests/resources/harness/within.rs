//! An operator within the test's process, behind a proxy of its own. It has a thread and a runtime of its own too, so that it can be
//! killed: nothing of it runs any further, and nothing it has begun is brought to an end.

use super::place::Place;
use super::proxy::{Fate, Proxy, Write};
use anyhow::{Context, Result};
use kube::Config;
use sluice_operator::lease::LeaseSettings;
use sluice_operator::{Metrics, Settings};
use sluice_telemetry::Shutdown;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Long, so that none is lost on a loaded machine; one that follows has the same name and waits for nothing.
pub(crate) const LEASE: Duration = Duration::from_secs(30);
const RENEW_EVERY: Duration = Duration::from_secs(2);

/// How an operator ended by itself; `None` if it was killed.
type Ended = Option<Result<(), sluice_operator::Error>>;

/// A running operator. Dropped it is killed.
pub(crate) struct Within {
    /// Between it and the API server.
    pub(crate) proxy: Arc<Proxy>,
    /// What it counts.
    pub(crate) metrics: sluice_telemetry::Metrics,
    shutdown: Shutdown,
    kill: watch::Sender<bool>,
    ended: Option<oneshot::Receiver<Ended>>,
}

impl Within {
    /// Starts one that looks after a namespace. Its hub `home` has its storage node at this address, if it has one.
    pub(crate) async fn start(
        place: &Place,
        storage_node: Option<&str>,
        rule: impl FnMut(&Write) -> Fate + Send + 'static,
    ) -> Result<Within> {
        let proxy = Arc::new(Proxy::start(place.as_operator.clone(), rule).await?);
        let config = Config::new(proxy.url.parse()?);
        let key = (place.name.clone(), super::HUB.to_owned());
        let at = storage_node.map(|address| (key, address.to_owned()));
        let settings = Settings {
            namespaces: vec![place.name.clone()],
            image: "sluice.test/sluice:test".to_owned(),
            storage_nodes: BTreeMap::from_iter(at),
            lease: LeaseSettings {
                namespace: place.name.clone(),
                name: "sluice-operator".to_owned(),
                // As a container that is started again in its pod.
                holder: "operator".to_owned(),
                deployment: None,
                length: LEASE,
                renew_every: RENEW_EVERY,
            },
        };
        let (kill, mut killed) = watch::channel(false);
        let mut is_over = proxy.is_over();
        let (say, ended) = oneshot::channel();
        let shutdown = Shutdown::new();
        let (stop, telemetry) = (shutdown.listen(), sluice_telemetry::Metrics::new());
        let metrics = Metrics::register(&telemetry);
        std::thread::Builder::new()
            .name("operator".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                let running = sluice_operator::run_at(config, settings, metrics, stop, |_| {});
                let how = runtime.block_on(async {
                    tokio::select! {
                        biased;
                        _ = killed.wait_for(|is| *is) => None,
                        _ = is_over.wait_for(|is| *is) => None,
                        how = running => Some(how),
                    }
                });
                // All tasks of it end where they are.
                runtime.shutdown_background();
                let _ = say.send(how);
            })?;
        Ok(Within {
            proxy,
            metrics: telemetry,
            shutdown,
            kill,
            ended: Some(ended),
        })
    }

    /// Waits until it ends by itself or by the proxy.
    pub(crate) async fn ended(&mut self) -> Result<Ended> {
        let ended = self.ended.as_mut().context("it ended before")?;
        let how = ended.await?;
        self.ended = None;
        Ok(how)
    }

    /// SIGKILL, as far as the API server can tell.
    pub(crate) async fn kill(mut self) -> Result<()> {
        self.kill.send_replace(true);
        if self.ended.is_some() {
            self.ended().await?;
        }
        Ok(())
    }

    /// SIGTERM, and waits for the end in good order.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.shutdown.ask();
        match self.ended().await? {
            Some(how) => Ok(how?),
            None => anyhow::bail!("it was killed"),
        }
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        self.kill.send_replace(true);
    }
}
