//! The pipes that crash and power tests load: two receivers, a chain driven by signals alone, a join, and what each must hold.
//!
//! Schedules are a day long: a signal lost in a crash leaves the chain behind, and the comparison shows it.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sluice_tests::child::{Child, read};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Derived datasets are level again within this time, or a signal was lost.
const QUIET_LIMIT: Duration = Duration::from_secs(60);

/// The receivers' pipe ids, which are their datasets' names.
pub(crate) const ORDERS: &str = "orders";
pub(crate) const CUSTOMERS: &str = "customers";

fn derived(id: &str, source: &str, rules: Value) -> Value {
    json!({
        "_id": id,
        "type": "pipe",
        "source": {"type": "dataset", "dataset": source, "supports_signalling": true},
        "transform": {"type": "dtl", "rules": {"default": rules}},
        "pump": {"schedule_interval": 86400},
    })
}

/// The whole configuration.
pub(crate) fn configuration() -> Value {
    let receiver =
        |id: &str| json!({"_id": id, "type": "pipe", "source": {"type": "http_endpoint"}});
    json!([
        receiver(ORDERS),
        receiver(CUSTOMERS),
        derived(
            "orders-priced",
            ORDERS,
            json!([
                ["copy", "*"],
                ["add", "total", ["multiply", "_S.quantity", 3]],
            ])
        ),
        derived(
            "orders-large",
            "orders-priced",
            json!([["filter", ["gt", "_S.total", 30]], ["copy", "*"],])
        ),
        derived(
            "orders-joined",
            ORDERS,
            json!([
                ["copy", "*"],
                ["add", "customer", ["hops", {
                    "datasets": ["customers c"],
                    "where": [["eq", "_S.customer_id", "c._id"]],
                    "return": "c.name",
                }]],
            ])
        ),
    ])
}

/// Latest live entities of a dataset by id, generated fields removed.
pub(crate) type Content = BTreeMap<String, Value>;

/// What the derived datasets hold when they are recomputed from the receivers' content.
pub(crate) fn recompute(orders: &Content, customers: &Content) -> BTreeMap<&'static str, Content> {
    let with = |order: &Value, name: &str, value: Value| {
        let mut entity = order.clone();
        entity[name] = value;
        entity
    };
    let priced: Content = orders
        .iter()
        .map(|(id, order)| {
            (
                id.clone(),
                with(
                    order,
                    "total",
                    json!(order["quantity"].as_i64().unwrap_or(0) * 3),
                ),
            )
        })
        .collect();
    let large = priced
        .iter()
        .filter(|(_, order)| order["total"].as_i64() > Some(30));
    let large: Content = large
        .map(|(id, order)| (id.clone(), order.clone()))
        .collect();
    let joined = orders.iter().map(|(id, order)| {
        let customer = order["customer_id"]
            .as_str()
            .and_then(|id| customers.get(id));
        // Without a match `hops` gives an empty list.
        (
            id.clone(),
            with(
                order,
                "customer",
                customer.map_or(json!([]), |customer| json!([customer["name"]])),
            ),
        )
    });
    BTreeMap::from([
        ("orders-joined", joined.collect()),
        ("orders-large", large),
        ("orders-priced", priced),
    ])
}

/// Latest live entities, without what the dataset generates.
pub(crate) async fn content(hub: &Child, dataset: &str) -> Result<Content> {
    let response = hub.request(
        reqwest::Method::GET,
        &format!("/datasets/{dataset}/entities?history=false&deleted=false"),
    );
    let response = response.send().await?;
    if response.status() == reqwest::StatusCode::NOT_FOUND {
        return Ok(Content::new()); // created at the first write
    }
    let entities: Vec<Value> = response.error_for_status()?.json().await?;
    Ok(entities
        .into_iter()
        .filter_map(|entity| Some((entity["_id"].as_str()?.to_owned(), ordinary(entity))))
        .collect())
}

fn ordinary(mut entity: Value) -> Value {
    if let Some(fields) = entity.as_object_mut() {
        fields.retain(|name, _| !name.starts_with('_') || name == "_id");
    }
    entity
}

/// Waits until no pipe runs and none has anything left to read.
pub(crate) async fn wait_until_quiet(hub: &Child) -> Result<()> {
    let started = Instant::now();
    let mut quiet_rounds = 0;
    loop {
        let pipes = hub.get("/pipes").await?;
        let busy: Vec<String> = pipes
            .as_array()
            .into_iter()
            .flatten()
            .filter(|pipe| is_busy(pipe))
            .map(name)
            .collect();
        quiet_rounds = if busy.is_empty() { quiet_rounds + 1 } else { 0 };
        if quiet_rounds == 2 {
            return Ok(());
        }
        ensure!(
            started.elapsed() < QUIET_LIMIT,
            "still busy or behind after {QUIET_LIMIT:?}: {busy:?}, {pipes}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn name(pipe: &Value) -> String {
    pipe["_id"].as_str().unwrap_or_default().to_owned()
}

fn is_busy(pipe: &Value) -> bool {
    let runtime = &pipe["runtime"];
    let waiting = |queue: &Value| match queue {
        Value::Number(count) => count.as_u64() > Some(0),
        Value::Object(each) => each.values().any(|count| count.as_u64() > Some(0)),
        _ => false,
    };
    runtime["is-running"] == json!(true)
        || waiting(&runtime["queues"]["source"])
        || waiting(&runtime["queues"]["dependencies"])
}

/// Starts a full run of a pipe and waits for its end (joins are not tracked by themselves in this version).
pub(crate) async fn rescan(hub: &Child, pipe: &str) -> Result<()> {
    let before = hub.get(&format!("/pipes/{pipe}")).await?["runtime"]["last-run"].clone();
    let form = [("operation", "start-rescan")];
    read(
        hub.request(reqwest::Method::POST, &format!("/pipes/{pipe}/pump"))
            .form(&form),
    )
    .await?;
    let started = Instant::now();
    loop {
        let runtime = hub.get(&format!("/pipes/{pipe}")).await?["runtime"].clone();
        if runtime["is-running"] == json!(false) && runtime["last-run"] != before {
            ensure!(
                runtime["success"] == json!(true),
                "the rescan of {pipe} failed: {runtime}"
            );
            return Ok(());
        }
        ensure!(
            started.elapsed() < QUIET_LIMIT,
            "the rescan of {pipe} did not end: {runtime}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Compares every derived dataset with its recomputation, after the hub came to rest.
pub(crate) async fn verify_derived(hub: &Child) -> Result<()> {
    wait_until_quiet(hub).await?;
    rescan(hub, "orders-joined").await?;
    wait_until_quiet(hub).await?;
    let (orders, customers) = (content(hub, ORDERS).await?, content(hub, CUSTOMERS).await?);
    for (dataset, expected) in recompute(&orders, &customers) {
        let found = content(hub, dataset).await?;
        let ids: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
        let wrong: Vec<_> = ids
            .into_iter()
            .filter(|id| expected.get(*id) != found.get(*id))
            .take(3)
            .collect();
        ensure!(
            wrong.is_empty(),
            "{dataset} differs from its recomputation: {:?}",
            wrong
                .iter()
                .map(|id| (id, expected.get(*id), found.get(*id)))
                .collect::<Vec<_>>()
        );
    }
    Ok(())
}

/// Follows a dataset's log: each id's versions carry a growing `sequence`, so nothing was applied twice, nothing out of order;
/// `_previous` links them; what was read once is not read again.
pub(crate) struct History {
    dataset: &'static str,
    /// Sequence and offset of each id's latest version.
    latest: BTreeMap<String, (i64, u64)>,
    /// Offset of the latest version.
    offset: Option<u64>,
}

impl History {
    pub(crate) fn new(dataset: &'static str) -> Self {
        History {
            dataset,
            latest: BTreeMap::new(),
            offset: None,
        }
    }

    /// Reads on, and checks what came since the last time.
    pub(crate) async fn follow(&mut self, hub: &Child) -> Result<()> {
        let since = self
            .offset
            .map(|offset| format!("&since={offset}"))
            .unwrap_or_default();
        let path = format!(
            "/datasets/{}/entities?history=true&deleted=true{since}",
            self.dataset
        );
        let response = hub.request(reqwest::Method::GET, &path).send().await?;
        if response.status() == reqwest::StatusCode::NOT_FOUND && self.offset.is_none() {
            return Ok(()); // created at the first write
        }
        let versions: Vec<Value> = response.error_for_status()?.json().await?;
        for version in &versions {
            self.take(version)?;
        }
        let runtime = &hub.get(&format!("/datasets/{}", self.dataset)).await?["runtime"];
        ensure!(
            runtime["max-offset"].as_u64() == self.offset,
            "the log ends at {:?}: {runtime}",
            self.offset
        );
        ensure!(
            runtime["count-index-exists"] == self.latest.len(),
            "there are {} ids: {runtime}",
            self.latest.len()
        );
        Ok(())
    }

    fn take(&mut self, version: &Value) -> Result<()> {
        let id = version["_id"].as_str().context("a version without an id")?;
        let sequence = version["sequence"]
            .as_i64()
            .context("a version without its sequence")?;
        let offset = version["_updated"]
            .as_u64()
            .context("a version without its offset")?;
        ensure!(
            Some(offset) > self.offset,
            "offsets do not grow at {version}"
        );
        self.offset = Some(offset);
        let before = self.latest.insert(id.to_owned(), (sequence, offset));
        if let Some((earlier, _)) = before {
            ensure!(
                sequence > earlier,
                "{id}: sequence {sequence} was stored after {earlier}"
            );
        }
        let previous = before.map_or(Value::Null, |(_, offset)| json!(offset));
        ensure!(
            version["_previous"] == previous,
            "{id}: _previous is not {previous} in {version}"
        );
        Ok(())
    }
}
