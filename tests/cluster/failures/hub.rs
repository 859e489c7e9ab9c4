//! The hub that failures happen to: its control on the first node, its workers on the others, its pipes in an object store.

use serde_json::{Value, json};
use sluice_tests::kubernetes::{Cluster, InstalledHub, MOTO_ADDRESS, Moto, until};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

/// For what happens at once but for a loaded machine.
pub(crate) const SOON: Duration = Duration::from_secs(120);
/// The offsets of a restored dataset go on behind a gap.
pub(crate) const GAP: u64 = 1 << 32;

const MOTO_PORT: u16 = 9000;
const BUCKET: &str = "hub";

/// The hub, and what it needs.
pub(crate) struct Failing {
    pub(crate) hub: InstalledHub,
    pub(crate) moto: Moto,
}

/// One for all tests: connections belong to it.
static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());

static FAILING: Mutex<Option<&'static Failing>> = Mutex::new(None);

/// Runs a test with the hub whole, all nodes for itself.
pub(crate) fn test<F: Future<Output = ()>>(run: impl FnOnce(&'static Failing) -> F) {
    let _alone = crate::peace::alone();
    RUNTIME.block_on(async {
        let present = *FAILING.lock().unwrap_or_else(PoisonError::into_inner);
        let failing = match present {
            Some(failing) => failing,
            None => {
                let made: &'static Failing = Box::leak(Box::new(Failing::install().await));
                *FAILING.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
                made
            }
        };
        failing.until_whole().await;
        run(failing).await;
    });
}

impl Failing {
    async fn install() -> Failing {
        let cluster = Cluster::of_environment().unwrap();
        let moto = Moto::start(&cluster, MOTO_PORT).await.unwrap();
        moto.make_bucket(BUCKET).await.unwrap();
        sluice_tests::kubernetes::definitions(&cluster)
            .await
            .unwrap();
        let place = sluice_tests::kubernetes::Namespace::new(&cluster, "failures");
        let place = place.await.unwrap();
        let access = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "objects"},
            "stringData": {
                "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
                "AWS_ENDPOINT": moto.endpoint, "AWS_ALLOW_HTTP": "true",
            },
        });
        place.apply(&access.to_string()).unwrap();
        let on_first =
            |role: &str| format!(r#"{role}.nodeSelector={{"kubernetes.io/hostname":"n1"}}"#);
        let [operator, storage_node, aggregator] =
            ["operator", "hub.storageNode", "hub.aggregator"].map(on_first);
        for node in cluster.nodes.iter().skip(1) {
            let mut label = cluster.kubectl();
            label.args([
                "label",
                "--overwrite",
                "node",
                &node.name,
                "sluice.test/workers=yes",
            ]);
            assert!(label.status().unwrap().success());
        }
        // One place per hub: another run of these tests has had another one.
        let prefix = &place.name;
        let object_store = format!(
            r#"hub.objectStore={{"url":"s3://{BUCKET}/{prefix}","secretName":"objects","checkpointEverySeconds":2}}"#
        );
        let reached = format!(
            r#"networkPolicy.objectStore={{"blocks":[{{"cidr":"{MOTO_ADDRESS}/32"}}],"ports":[{MOTO_PORT}]}}"#
        );
        let values = [
            "--set-json",
            &operator,
            "--set-json",
            &storage_node,
            "--set-json",
            &aggregator,
            "--set-json",
            r#"hub.workers.nodeSelector={"sluice.test/workers":"yes"}"#,
            "--set-json",
            &object_store,
            "--set",
            "hub.workers.replicas=2",
            "--set",
            "hub.aggregator.replicas=1",
            "--set",
            "operator.replicas=1",
            "--set-json",
            &reached,
        ];
        let hub = InstalledHub::install_in(place, &values).await.unwrap();
        let failing = Failing { hub, moto };
        failing.hub.apply_pipes(&pipes()).await.unwrap();
        failing.until_checkpoints().await;
        failing
    }

    /// Waits until every node, worker and pipe is there again.
    pub(crate) async fn until_whole(&self) {
        let nodes = "nodes are schedulable and ready";
        let cluster = self.hub.cluster();
        until(nodes, SOON, || async {
            let nodes = self.hub.place.get("nodes").unwrap();
            let is_ready = |node: &Value| {
                let conditions = node["status"]["conditions"].as_array().unwrap();
                let mut ready = conditions.iter().filter(|one| one["type"] == "Ready");
                node["spec"]["unschedulable"] != true && ready.all(|one| one["status"] == "True")
            };
            let all = nodes["items"].as_array().unwrap();
            let missing = all.iter().find(|node| !is_ready(node));
            missing.map(|node| node["metadata"]["name"].to_string())
        })
        .await
        .unwrap();
        for object in ["datahub/hub", "workerpool/hub-default"] {
            let ready = self.hub.place.wait_for(object, "Ready", SOON).await;
            assert!(
                ready.is_ok(),
                "{ready:?}\n{}",
                cluster.report(&self.hub.place.name)
            );
        }
        until("one worker for each that is wanted", SOON, || async {
            let pool = self.hub.place.get("workerpool/hub-default").unwrap();
            let workers = self.hub.place.get("workers").unwrap();
            let count = workers["items"].as_array().unwrap().len();
            let is_level = pool["spec"]["replicas"] == count;
            (!is_level).then(|| format!("{count}"))
        })
        .await
        .unwrap();
        self.until_level(SOON).await;
    }

    /// Waits until every pipe answers and has read all that there is now. Somebody may go on pushing.
    pub(crate) async fn until_level(&self, limit: Duration) {
        for n in 0..PAIRS {
            let (receiver, reader) = (format!("in{n}"), format!("read{n}"));
            self.until_answers(std::slice::from_ref(&receiver), limit)
                .await;
            let pushed = self.ids(&receiver).await.unwrap();
            let waited = until("the reader has read everything", limit, || async {
                let read = match self.ids(&reader).await {
                    Ok(read) => read,
                    Err(error) => return Some(format!("{reader}: {error:#}")),
                };
                let missing = pushed.iter().filter(|id| !read.contains(*id)).count();
                (missing > 0).then(|| format!("{reader} lacks {missing} of {}", pushed.len()))
            });
            let report = || self.hub.cluster().report(&self.hub.place.name);
            waited
                .await
                .unwrap_or_else(|error| panic!("{error:#}\n{}", report()));
        }
    }

    async fn ids(&self, dataset: &str) -> anyhow::Result<BTreeSet<String>> {
        Ok(self.hub.offsets(dataset).await?.into_keys().collect())
    }

    /// The offsets of all datasets.
    pub(crate) async fn offsets(&self) -> BTreeMap<String, BTreeMap<String, u64>> {
        let mut all = BTreeMap::new();
        for dataset in (0..PAIRS).flat_map(|n| [format!("in{n}"), format!("read{n}")]) {
            let offsets = self.hub.offsets(&dataset).await.unwrap();
            all.insert(dataset, offsets);
        }
        all
    }

    /// Pushes to every receiver, again where it moves just then.
    pub(crate) async fn push(&self, id: &str) {
        for n in 0..PAIRS {
            let pushed = until("the push is taken", SOON, || async {
                let path = format!("/receivers/in{n}/entities");
                let push = self.hub.request(reqwest::Method::POST, &path);
                let answer = push
                    .json(&json!([{"_id": id, "n": n}]))
                    .send()
                    .await
                    .unwrap();
                let (status, has_time) = (
                    answer.status(),
                    answer.headers().contains_key("retry-after"),
                );
                let text = answer.text().await.unwrap();
                assert!(
                    status == 200 || (status == 503 && has_time),
                    "in{n}: {status}: {text}"
                );
                (status != 200).then_some(text)
            });
            pushed.await.unwrap();
        }
    }

    /// Waits until every pipe answers.
    pub(crate) async fn until_answers(&self, pipes: &[String], limit: Duration) {
        for pipe in pipes {
            let answers = until("the pipe answers", limit, || async {
                let offsets = self.hub.offsets(pipe).await;
                offsets.err().map(|error| format!("{pipe}: {error:#}"))
            });
            let answers = answers.await;
            assert!(
                answers.is_ok(),
                "{answers:?}\n{}",
                self.hub.cluster().report(&self.hub.place.name)
            );
        }
    }

    /// Waits until every pipe has a checkpoint of all that it has now, and answers the offsets of that.
    pub(crate) async fn until_checkpoints(&self) -> BTreeMap<String, BTreeMap<String, u64>> {
        let newest = || async { newest_manifests(&self.moto.list(BUCKET).await.unwrap()) };
        self.push("checkpointed").await;
        self.until_level(SOON).await;
        let offsets = self.offsets().await;
        let before = newest().await;
        // Makes each pipe due: a checkpoint that is newer than those contains what was there before.
        self.push(&format!("due-{}", uuid::Uuid::new_v4().simple()))
            .await;
        until("every pipe has a newer checkpoint", SOON, || async {
            let now = newest().await;
            let is_newer = |segment: &String| now.get(segment) > before.get(segment);
            let pipes = 2 * PAIRS;
            let newer = now.keys().filter(|segment| is_newer(segment)).count();
            (newer < pipes).then(|| format!("{newer} of {pipes}"))
        })
        .await
        .unwrap();
        offsets
    }

    /// Sends the operator away, until the guard is dropped.
    pub(crate) async fn without_operator(&self) -> OperatorAway<'_> {
        let away = OperatorAway(self);
        self.scale_operator(0).unwrap();
        until("no operator runs", SOON, || async {
            let selector = "app.kubernetes.io/component=operator";
            let get = ["get", "pods", "--selector", selector, "--output", "name"];
            let pods = self.hub.kubectl(&get).unwrap();
            (!pods.trim().is_empty()).then_some(pods)
        })
        .await
        .unwrap();
        away
    }

    fn scale_operator(&self, replicas: u8) -> anyhow::Result<String> {
        let replicas = format!("--replicas={replicas}");
        self.hub
            .kubectl(&["scale", "deployment/hub-operator", &replicas])
    }

    /// Waits until resources say that pipes are another worker's, under a later epoch.
    pub(crate) async fn until_elsewhere(&self, pipes: &[String], worker: &str, before: &[Epoch]) {
        for (pipe, before) in pipes.iter().zip(before) {
            until("the pipe is another worker's", SOON, || async {
                let owner = self.hub.worker_of(pipe).unwrap_or_default();
                let epoch = self.epoch(pipe);
                let is_elsewhere = !owner.is_empty() && owner != worker && epoch > *before;
                (!is_elsewhere).then(|| format!("{pipe}: {owner} since {epoch:?}"))
            })
            .await
            .unwrap();
        }
    }

    /// The epoch of a pipe's owner, as its resource says.
    pub(crate) fn epoch(&self, pipe: &str) -> Epoch {
        let pipe = self.hub.place.get(&format!("pipe/{pipe}")).unwrap();
        let text = pipe["status"]["placement"]["epoch"]
            .as_str()
            .unwrap_or("0.0");
        let (incarnation, counter) = text.split_once('.').unwrap();
        (incarnation.parse().unwrap(), counter.parse().unwrap())
    }

    /// The pod of a worker that has some of the pipes, and those.
    pub(crate) fn busy_worker(&self) -> (String, Vec<String>) {
        let mut workers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for n in 0..PAIRS {
            let pipe = format!("in{n}");
            workers
                .entry(self.hub.worker_of(&pipe).unwrap())
                .or_default()
                .push(pipe);
        }
        workers
            .into_iter()
            .max_by_key(|(_, pipes)| pipes.len())
            .unwrap()
    }
}

/// Incarnation and counter.
pub(crate) type Epoch = (u64, u64);

/// The operator comes back when this is dropped.
pub(crate) struct OperatorAway<'a>(&'a Failing);

impl Drop for OperatorAway<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.scale_operator(1) {
            println!("the operator is not brought back: {error:#}");
        }
    }
}

/// Receivers, each with a pipe that reads it.
pub(crate) const PAIRS: usize = 4;

/// Each reader hops back into what it reads.
fn pipes() -> Vec<(String, Value)> {
    let pair = |n: usize| {
        let receiver = json!({"source": {"type": "http_endpoint"}});
        let reader = json!({
            "source": {"type": "dataset", "dataset": format!("in{n}")},
            "transform": {"type": "dtl", "rules": {"default": [
                ["copy", "*"],
                ["add", "same", ["apply-hops", "one", {"datasets": [format!("in{n} i")], "where": ["eq", "_S._id", "i._id"]}]],
            ], "one": [["add", "n", "_S.n"]]}},
            "pump": {"schedule_interval": 0.5},
        });
        [(format!("in{n}"), receiver), (format!("read{n}"), reader)]
    };
    (0..PAIRS).flat_map(pair).collect()
}

/// The highest number of a manifest among names of objects, by the folder of its pipe.
fn newest_manifests(names: &[String]) -> BTreeMap<String, u64> {
    let mut newest = BTreeMap::new();
    for name in names {
        if let Some((pipe, number)) = name.split_once("/manifests/") {
            let number = number
                .split('.')
                .next()
                .unwrap_or_default()
                .parse()
                .unwrap_or(0);
            let highest: &mut u64 = newest.entry(pipe.to_owned()).or_default();
            *highest = number.max(*highest);
        }
    }
    newest
}
