//! Clients that push until the hub goes away, and what they know of every entity afterwards.

use crate::flow::{CUSTOMERS, ORDERS};
use anyhow::{Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use sluice_tests::child::Child;
use std::collections::BTreeMap;

/// Ids per receiver and pusher: few, so that most pushes change something that exists.
const IDS: u64 = 40;

/// One client's knowledge of its own ids, which no other client writes.
pub(crate) struct Pusher {
    name: usize,
    random: StdRng,
    sequence: i64,
    /// Latest acknowledged version of each (receiver, id).
    acknowledged: BTreeMap<(&'static str, String), Value>,
    /// What the request in flight at the crash would have written.
    in_flight: BTreeMap<(&'static str, String), Value>,
}

impl Pusher {
    pub(crate) fn new(name: usize, seed: u64) -> Self {
        let random = StdRng::seed_from_u64(seed.wrapping_add(name as u64));
        Pusher {
            name,
            random,
            sequence: 0,
            acknowledged: BTreeMap::new(),
            in_flight: BTreeMap::new(),
        }
    }

    /// Pushes until a request fails because the hub is gone. Gives the number of acknowledged requests.
    pub(crate) async fn push_until_gone(
        &mut self,
        client: reqwest::Client,
        url: String,
    ) -> Result<u64> {
        let mut acknowledged = 0;
        loop {
            let (receiver, batch) = self.next_batch();
            self.in_flight = batch
                .iter()
                .map(|entity| ((receiver, id_of(entity)), entity.clone()))
                .collect();
            let sent = client
                .post(format!("{url}/api/receivers/{receiver}/entities"))
                .json(&batch)
                .send()
                .await;
            let Ok(response) = sent else {
                return Ok(acknowledged);
            };
            let status = response.status();
            // The answer counts when all of it arrived.
            let Ok(text) = response.text().await else {
                return Ok(acknowledged);
            };
            ensure!(
                status.is_success() || status.as_u16() >= 500,
                "a good push was refused with {status}: {text}"
            );
            if !status.is_success() {
                return Ok(acknowledged);
            }
            self.acknowledged.append(&mut self.in_flight);
            acknowledged += 1;
        }
    }

    fn next_batch(&mut self) -> (&'static str, Vec<Value>) {
        let receiver = if self.random.random_range(0..4) == 0 {
            CUSTOMERS
        } else {
            ORDERS
        };
        let size = self.random.random_range(1..12);
        let mut batch: BTreeMap<String, Value> = BTreeMap::new();
        for _ in 0..size {
            self.sequence += 1;
            let id = format!("{}-{}", self.name, self.random.random_range(0..IDS));
            let mut entity = json!({"_id": id, "sequence": self.sequence});
            if receiver == CUSTOMERS {
                entity["name"] = json!(format!("name {}", self.random.random_range(0..1000)));
            } else {
                entity["quantity"] = json!(self.random.random_range(1..20));
                entity["customer_id"] = json!(format!(
                    "{}-{}",
                    self.name,
                    self.random.random_range(0..IDS)
                ));
            }
            if self.random.random_range(0..10) == 0 {
                entity["_deleted"] = json!(true);
            }
            batch.insert(id, entity);
        }
        (receiver, batch.into_values().collect())
    }

    /// Every acknowledged version is there, or the batch that was in flight took its place, all of it or nothing.
    pub(crate) fn verify(&mut self, stored: &Stored) -> Result<()> {
        for (&receiver, latest) in stored {
            for ((_, id), acknowledged) in self
                .acknowledged
                .iter()
                .filter(|((of, _), _)| *of == receiver)
            {
                let stored = latest.get(id);
                let in_flight = self.in_flight.get(&(receiver, id.clone()));
                ensure!(
                    stored.is_some_and(|stored| same(stored, acknowledged)
                        || in_flight.is_some_and(|sent| same(stored, sent))),
                    "{receiver}/{id}: acknowledged {acknowledged}, in flight {in_flight:?}, stored {stored:?}"
                );
            }
            let of_this = |key: &&(&'static str, String)| key.0 == receiver;
            let sent: Vec<_> = self.in_flight.keys().filter(of_this).cloned().collect();
            let applied: Vec<_> = sent
                .iter()
                .filter(|key| {
                    latest
                        .get(&key.1)
                        .is_some_and(|stored| same(stored, &self.in_flight[*key]))
                })
                .collect();
            ensure!(
                applied.is_empty() || applied.len() == sent.len(),
                "{receiver}: of the batch in flight {sent:?} only {applied:?} was stored"
            );
            for key in applied {
                self.acknowledged
                    .insert(key.clone(), self.in_flight[key].clone());
            }
        }
        self.in_flight.clear();
        Ok(())
    }
}

fn id_of(entity: &Value) -> String {
    entity["_id"].as_str().unwrap_or_default().to_owned()
}

fn same(stored: &Value, sent: &Value) -> bool {
    stored["sequence"] == sent["sequence"]
        && (stored["_deleted"] == json!(true)) == (sent["_deleted"] == json!(true))
        && ["quantity", "customer_id", "name"]
            .iter()
            .all(|name| stored[*name] == sent[*name])
}

/// Latest version of each id, by receiver.
pub(crate) type Stored = BTreeMap<&'static str, BTreeMap<String, Value>>;

/// Reads what both receivers hold now.
pub(crate) async fn stored(hub: &Child) -> Result<Stored> {
    let (orders, customers) = (
        latest_versions(hub, ORDERS).await?,
        latest_versions(hub, CUSTOMERS).await?,
    );
    Ok(Stored::from([(ORDERS, orders), (CUSTOMERS, customers)]))
}

async fn latest_versions(hub: &Child, receiver: &str) -> Result<BTreeMap<String, Value>> {
    let path = format!("/datasets/{receiver}/entities?history=false");
    let response = hub.request(reqwest::Method::GET, &path).send().await?;
    if response.status() == reqwest::StatusCode::NOT_FOUND {
        return Ok(BTreeMap::new());
    }
    let entities: Vec<Value> = response.error_for_status()?.json().await?;
    Ok(entities
        .into_iter()
        .map(|entity| (id_of(&entity), entity))
        .collect())
}
