//! What there is in a namespace, without what differs from one to the next: names of namespaces, uids, times, keys, and the numbers of
//! workers where some were left out.

use crate::harness::Place;
use anyhow::{Context, Result};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Everything that the operator makes or changes.
const KINDS: [&str; 10] = [
    "datahubs",
    "workerpools",
    "workers",
    "pods",
    "persistentvolumeclaims",
    "secrets",
    "configmaps",
    "services",
    "deployments",
    "poddisruptionbudgets",
];

/// Differ from one time to the next, and mean nothing.
const VOLATILE: [&str; 15] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "managedFields",
    "generation",
    "observedGeneration",
    "lastTransitionTime",
    "clusterIP",
    "clusterIPs",
    "internalTrafficPolicy",
    "nextNumber",
    "sluice.dev/applied",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    // Of a Deployment that was changed at another moment.
    "deployment.kubernetes.io/revision",
];

/// What there is, as text by kind and name: two worlds are the same where these are equal.
pub(super) type World = BTreeMap<String, String>;

/// Looks at everything.
pub(super) async fn look(place: &Place) -> Result<World> {
    let mut all = Vec::new();
    for kind in KINDS {
        for object in place.list(kind).await? {
            // The API server's own.
            if object["metadata"]["name"] != "kube-root-ca.crt" {
                all.push((kind, object));
            }
        }
    }
    let names = Names::of(place, &all)?;
    let mut world = World::new();
    for (kind, mut object) in all {
        clean(&mut object, kind);
        let name = object["metadata"]["name"].as_str().context("a name")?;
        let key = names.replace(&format!("{kind}/{name}"));
        world.insert(key, names.replace(&object.to_string()));
    }
    Ok(world)
}

fn clean(value: &mut Value, kind: &str) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !VOLATILE.contains(&name.as_str()));
            for (name, field) in fields.iter_mut() {
                if ["data", "binaryData"].contains(&name.as_str())
                    && ["secrets", "configmaps"].contains(&kind)
                {
                    hide(field);
                } else {
                    clean(field, kind);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| clean(item, kind)),
        _ => {}
    }
}

/// Keys differ from hub to hub; that there are the same ones does not.
fn hide(data: &mut Value) {
    if let Some(fields) = data.as_object_mut() {
        let names = fields.keys().cloned();
        *fields = names.map(|name| (name, Value::Null)).collect::<Map<_, _>>();
    }
}

/// The names that differ, and what stands for them.
struct Names(Vec<(String, String)>);

impl Names {
    fn of(place: &Place, all: &[(&str, Value)]) -> Result<Names> {
        let workers = all.iter().filter(|(kind, _)| *kind == "workers");
        let workers = workers.filter_map(|(_, object)| object["metadata"]["name"].as_str());
        let mut workers: Vec<&str> = workers.collect();
        workers.sort_by_key(|name| number(name));
        let mut names: Vec<(String, String)> = workers
            .into_iter()
            .enumerate()
            .map(|(rank, name)| (name.to_owned(), format!("worker {rank}")))
            .collect();
        names.push((place.name.clone(), "the namespace".to_owned()));
        Ok(Names(names))
    }

    fn replace(&self, text: &str) -> String {
        let replace = |text: String, (from, to): &(String, String)| text.replace(from, to);
        self.0.iter().fold(text.to_owned(), replace)
    }
}

/// The number of a worker.
pub(super) fn number(worker: &str) -> u64 {
    let number = worker.rsplit('-').next();
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or(u64::MAX)
}

/// Where two worlds differ, for people.
pub(super) fn difference(is: &World, was: &World) -> Option<String> {
    if is == was {
        return None;
    }
    let names = was.keys().chain(is.keys());
    let differing: Vec<String> = names
        .filter(|name| is.get(*name) != was.get(*name))
        .map(|name| {
            let text = |world: &World| world.get(name).cloned().unwrap_or_else(|| "nothing".into());
            format!("{name}:\n  is      {}\n  is to be {}", text(is), text(was))
        })
        .collect();
    Some(differing.join("\n"))
}
