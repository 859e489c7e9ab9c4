//! A hub that the chart has installed, with a client for its API.

use super::commands::until;
use super::{Cluster, Forward, Helm, Namespace, chart};
use crate::child;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The name of release and hub.
const HUB: &str = "hub";
/// Until everything is there.
const LIMIT: Duration = Duration::from_secs(240);

/// One hub in a namespace of its own.
pub struct InstalledHub {
    /// Where it is.
    pub place: Namespace,
    client: reqwest::Client,
    url: String,
    _forward: Forward,
}

/// A pod.
#[derive(Clone, Debug)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Never that of another one.
    pub uid: String,
    /// Where it runs.
    pub node: String,
    /// How often its container was started again.
    pub restarts: u64,
}

impl InstalledHub {
    /// Installs chart and hub with these values (`--set` and the like), and waits until it serves.
    pub async fn install(cluster: &Cluster, purpose: &str, values: &[&str]) -> Result<Self> {
        definitions(cluster).await?;
        let place = Namespace::new(cluster, purpose).await?;
        Self::install_in(place, values).await
    }

    /// The same in a namespace that is there already.
    pub async fn install_in(place: Namespace, values: &[&str]) -> Result<Self> {
        let cluster = place.cluster.clone();
        let path = chart("sluice");
        let path = path.to_str().context("a path of tests is UTF-8")?;
        let install = ["install", HUB, path, "--namespace", &place.name];
        let always = ["--set", "image.pullPolicy=Never"];
        Helm(&cluster).run(&[&install[..], &always, values].concat())?;
        for object in ["datahub/hub", "workerpool/hub-default"] {
            let ready = place.wait_for(object, "Ready", LIMIT).await;
            ready.with_context(|| cluster.report(&place.name))?;
        }
        let secret = |secret: &str, key: &str| -> Result<String> {
            let secret = place.get(&format!("secret/{secret}"))?;
            let text = secret["data"][key].as_str().unwrap_or_default();
            decode(text).with_context(|| format!("{key} of a secret"))
        };
        let folder = tempfile::tempdir()?;
        let keys = folder.path().join("keys");
        sluice_identity::create_private_folder(&keys)?;
        let key = secret("hub-token-key", "token-signing.pem")?;
        sluice_identity::replace_private(&keys.join("token-signing.pem"), key.as_bytes())?;
        let arguments = ["token", "create", "--name", "tests", "--data"].map(OsStr::new);
        let token = child::run(&[&arguments[..], &[folder.path().as_os_str()]].concat())?;
        let ca = secret("hub-api-ca", "tls.crt")?;
        let service = place.get("service/hub-aggregator")?;
        let address = service["spec"]["clusterIP"].as_str().unwrap_or_default();
        let forward = Forward::to(&cluster, &format!("{address}:443")).await?;
        let host = format!("hub-aggregator.{}.svc", place.name);
        let client = child::client_at(&host, forward.address, ca.as_bytes(), token.trim())?;
        Ok(InstalledHub {
            url: format!("https://{host}:{}/api", forward.address.port()),
            place,
            client,
            _forward: forward,
        })
    }

    /// The cluster it is in.
    pub fn cluster(&self) -> &Cluster {
        &self.place.cluster
    }

    /// A request below `/api`.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// GET below `/api`, answered 2xx with JSON.
    pub async fn get(&self, path: &str) -> Result<Value> {
        child::read(self.request(reqwest::Method::GET, path)).await
    }

    /// Pushes entities; the status of the answer, `None` without one.
    pub async fn push(&self, pipe: &str, entities: &Value) -> Option<u16> {
        let path = format!("/receivers/{pipe}/entities");
        let push = self.request(reqwest::Method::POST, &path).json(entities);
        let answer = push.timeout(Duration::from_secs(20)).send().await;
        Some(answer.ok()?.status().as_u16())
    }

    /// `_updated` of the entities of a dataset, by `_id`; what it cannot read is an error.
    pub async fn offsets(&self, dataset: &str) -> Result<BTreeMap<String, u64>> {
        let entities = self.get(&format!("/datasets/{dataset}/entities")).await?;
        let entities = entities.as_array().context("a list of entities")?.iter();
        let offsets = entities.map(|entity| {
            let id = entity["_id"].as_str().context("an id")?.to_owned();
            Ok((id, entity["_updated"].as_u64().context("an offset")?))
        });
        offsets.collect()
    }

    /// Waits until a dataset has so many entities; how long it took.
    pub async fn until_count(
        &self,
        dataset: &str,
        count: usize,
        limit: Duration,
    ) -> Result<Duration> {
        let what = format!("{dataset} has {count} entities");
        let waited = until(&what, limit, || async {
            match self.offsets(dataset).await {
                Ok(offsets) if offsets.len() == count => None,
                Ok(offsets) => Some(format!("{}", offsets.len())),
                Err(error) => Some(format!("{error:#}")),
            }
        });
        waited
            .await
            .with_context(|| self.cluster().report(&self.place.name))
    }

    /// Applies pipes, each by its id and configuration, and waits until they are Ready.
    pub async fn apply_pipes(&self, pipes: &[(String, Value)]) -> Result<()> {
        let resource = |(id, config): &(String, Value)| {
            json!({
                "apiVersion": "sluice.dev/v1alpha1", "kind": "Pipe", "metadata": {"name": id},
                "spec": {"hubRef": {"name": HUB}, "config": config},
            })
        };
        let items: Vec<Value> = pipes.iter().map(resource).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        self.place.apply(&list.to_string())?;
        for (id, _) in pipes {
            let ready = self
                .place
                .wait_for(&format!("pipe/{id}"), "Ready", LIMIT)
                .await;
            ready.with_context(|| self.cluster().report(&self.place.name))?;
        }
        Ok(())
    }

    /// The worker that has a pipe.
    pub fn worker_of(&self, pipe: &str) -> Result<String> {
        let pipe = self.place.get(&format!("pipe/{pipe}"))?;
        let worker = pipe["status"]["placement"]["worker"].as_str();
        Ok(worker.context("the pipe is on no worker")?.to_owned())
    }

    /// A pod.
    pub fn pod(&self, name: &str) -> Result<Pod> {
        let pod = self.place.get(&format!("pod/{name}"))?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let container = &pod["status"]["containerStatuses"][0];
        Ok(Pod {
            name: name.to_owned(),
            uid: text(&pod["metadata"]["uid"]),
            node: text(&pod["spec"]["nodeName"]),
            restarts: container["restartCount"].as_u64().unwrap_or_default(),
        })
    }

    /// kubectl in the hub's namespace.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.place.kubectl(arguments)
    }
}

/// The custom resource definitions, by their chart; once however many tests ask.
pub async fn definitions(cluster: &Cluster) -> Result<()> {
    static ONCE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let install = || async {
        let path = chart("sluice-crds");
        let path = path.to_str().context("a path of tests is UTF-8")?;
        Helm(cluster).run(&["upgrade", "--install", "sluice-crds", path])?;
        let mut wait = cluster.kubectl();
        wait.args(["wait", "--for=condition=Established", "--timeout=60s"])
            .args(["crd", "--selector", "app.kubernetes.io/part-of=sluice"]);
        super::commands::output(&mut wait).map(|_| ())
    };
    ONCE.get_or_try_init(install).await.map(|_| ())
}

/// base64, by the program that the walk uses too.
fn decode(text: &str) -> Result<String> {
    let mut decode = Command::new("base64");
    decode.arg("-d").stdin(Stdio::piped());
    super::commands::output_with(&mut decode, Some(text))
}
