//! An object store that speaks S3, reachable from every pod of a cluster and from nowhere else.

use super::commands::until;
use super::{Cluster, Forward};
use anyhow::{Context, Result, ensure};
use std::process::{Child, Stdio};
use std::time::Duration;

/// Where the control plane is, which pods reach.
pub const ADDRESS: &str = "10.77.0.1";
/// For one answer: a request that is lost is asked again.
const ANSWER: Duration = Duration::from_secs(10);
/// Until it answers.
const LIMIT: Duration = Duration::from_secs(60);

/// A server, which ends with this. What it holds is in its memory.
pub struct Moto {
    process: Child,
    /// Its address inside the cluster: `http://10.77.0.1:9000`.
    pub endpoint: String,
    _forward: Forward,
    outside: String,
    client: reqwest::Client,
}

impl Moto {
    /// Starts one on this port.
    pub async fn start(cluster: &Cluster, port: u16) -> Result<Moto> {
        let program = std::env::var_os("SLUICE_MOTO")
            .context("SLUICE_MOTO does not name moto's server: run `cargo xtask test cluster`")?;
        let log = std::fs::File::create(cluster.logs.join("moto.log"))?;
        let process = cluster
            .command()?
            .args(["enter", "--"])
            .arg(program)
            .args(["-H", ADDRESS, "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("starting moto")?;
        let forward = Forward::to(cluster, &format!("{ADDRESS}:{port}")).await?;
        let moto = Moto {
            process,
            endpoint: format!("http://{ADDRESS}:{port}"),
            outside: format!("http://{}", forward.address),
            _forward: forward,
            client: reqwest::Client::builder().timeout(ANSWER).build()?,
        };
        until("moto answers", LIMIT, || async {
            let answer = moto.client.get(&moto.outside).send().await;
            answer.err().map(|error| error.to_string())
        })
        .await?;
        Ok(moto)
    }

    /// A new bucket.
    pub async fn make_bucket(&self, name: &str) -> Result<()> {
        let answer = self.client.put(format!("{}/{name}", self.outside)).send();
        let status = answer.await?.status();
        ensure!(status.is_success(), "the bucket {name}: {status}");
        Ok(())
    }

    /// The names of what is in a bucket, in their order.
    pub async fn list(&self, bucket: &str) -> Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        loop {
            let after = names.last().cloned().unwrap_or_default();
            let list = self.client.get(format!("{}/{bucket}", self.outside));
            let list = list.query(&[("list-type", "2"), ("start-after", &after)]);
            let text = list.send().await?.error_for_status()?.text().await?;
            let keys = text.split("<Key>").skip(1);
            let page: Vec<_> = keys
                .filter_map(|rest| rest.split("</Key>").next())
                .collect();
            if page.is_empty() {
                return Ok(names);
            }
            names.extend(page.into_iter().map(str::to_owned));
        }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
