//! A hub with the sample of `examples/countries`, and how to look at it.

use reqwest::Method;
use serde_json::{Value, json};
use sluice_tests::child::{Child, read};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a busy machine may take before something counts as not coming.
const PATIENCE: Duration = Duration::from_secs(60);

/// The running hub with the sample's configuration.
pub(crate) struct Countries {
    hub: Child,
    _data: TempDir,
}

/// Where the sample lies.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/countries")
}

/// A document of the sample.
pub(crate) fn document(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&std::fs::read(folder().join(path)).unwrap()).unwrap()
}

fn configuration() -> Value {
    let mut components = vec![document("node-metadata.conf.json")];
    for kind in ["systems", "pipes"] {
        for entry in std::fs::read_dir(folder().join(kind)).unwrap() {
            components.push(document(entry.unwrap().path()));
        }
    }
    Value::Array(components)
}

impl Countries {
    /// Starts a hub, uploads variables and configuration, runs everything once.
    pub(crate) async fn start(variables: &Value) -> Countries {
        let data = tempfile::tempdir().unwrap();
        let hub = Child::start(&data.path().join("data")).await.unwrap();
        hub.put("/env", variables).await.unwrap();
        let answer = hub.put("/config?force=false", &configuration()).await;
        assert_eq!(answer.unwrap(), json!({"validation_errors": []}));
        let countries = Countries { hub, _data: data };
        let run = countries.post("/pipes/run-all-pipes", &[]).await;
        assert_eq!(run["status"], "success", "{run}");
        countries
    }

    /// JSON of a GET.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.hub.get(path).await.unwrap()
    }

    /// A list of entities.
    pub(crate) async fn entities(&self, path: &str) -> Vec<Value> {
        serde_json::from_value(self.get(path).await).unwrap()
    }

    /// The bytes of a GET.
    pub(crate) async fn bytes(&self, path: &str) -> Vec<u8> {
        let answer = self.hub.request(Method::GET, path).send().await.unwrap();
        let answer = answer.error_for_status().unwrap();
        answer.bytes().await.unwrap().to_vec()
    }

    /// Posts a form.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let request = self.hub.request(Method::POST, path).form(form);
        read(request).await.unwrap()
    }

    /// Asks again until the answer is as wanted.
    pub(crate) async fn until(&self, path: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let answer = self.get(path).await;
            if is_wanted(&answer) {
                return answer;
            }
            assert!(started.elapsed() < PATIENCE, "{path} stays {answer}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until every pipe that asks for itself has done so once more.
    pub(crate) async fn another_round(&self) {
        let began = self.get("/pipes/country").await["runtime"]["current-time"].clone();
        let began = began.as_str().unwrap();
        for pipe in [
            "country",
            "currency",
            "language",
            "script",
            "subdivision",
            "zone",
        ] {
            self.until(&format!("/pipes/{pipe}/pump"), |pump| {
                let started = pump["runtime"]["last-started"].as_str();
                started.is_some_and(|started| started > began)
                    && pump["runtime"]["is-running"] == false
            })
            .await;
        }
    }

    /// How many versions each dataset of the sample holds.
    pub(crate) async fn versions(&self) -> BTreeMap<String, u64> {
        let datasets = self.entities("/datasets").await;
        let own = datasets.iter().filter_map(|dataset| {
            let id = dataset["_id"].as_str().unwrap();
            let runtime = &dataset["runtime"];
            let counted = |name: &str| runtime[name].as_u64().unwrap();
            let versions = counted("count-log-exists") + counted("count-log-deleted");
            (!id.starts_with("system:")).then(|| (id.to_owned(), versions))
        });
        own.collect()
    }
}
