//! What each pod that a policy selects may still do.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;

/// A pod with an address.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) labels: Value,
}

/// Pods and policies of a cluster at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) pods: Vec<Pod>,
    /// Labels by namespace.
    pub(super) namespaces: BTreeMap<String, Value>,
    /// As the API server gives them.
    pub(super) policies: Vec<Value>,
}

/// What an isolated pod may do in one direction; everything else is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Isolation {
    pub(super) pod: String,
    pub(super) address: String,
    pub(super) direction: Direction,
    pub(super) allowed: Vec<Allowed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    In,
    Out,
}

/// One way that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) peers: Peers,
    /// Protocol and port; none: all.
    pub(super) ports: Vec<(String, u16)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Peers {
    Everybody,
    /// Addresses of pods.
    Pods(Vec<String>),
    /// A range without some parts of it.
    Range {
        cidr: String,
        except: Vec<String>,
    },
}

impl World {
    /// Every pod that is isolated in a direction.
    pub(super) fn isolations(&self) -> Result<Vec<Isolation>> {
        let mut found = Vec::new();
        for pod in &self.pods {
            for direction in [Direction::In, Direction::Out] {
                let mut allowed = None;
                for policy in self.policies.iter().filter(|policy| selects(policy, pod)) {
                    if has_direction(policy, direction) {
                        let more = self.allowed(policy, direction)?;
                        allowed.get_or_insert_with(Vec::new).extend(more);
                    }
                }
                if let Some(allowed) = allowed {
                    found.push(Isolation {
                        pod: format!("{}/{}", pod.namespace, pod.name),
                        address: pod.address.clone(),
                        direction,
                        allowed,
                    });
                }
            }
        }
        Ok(found)
    }

    fn allowed(&self, policy: &Value, direction: Direction) -> Result<Vec<Allowed>> {
        let (rules, peers) = match direction {
            Direction::In => ("ingress", "from"),
            Direction::Out => ("egress", "to"),
        };
        let place = policy["metadata"]["namespace"].as_str().unwrap_or_default();
        let mut allowed = Vec::new();
        for rule in list(&policy["spec"][rules]) {
            let ports = list(&rule["ports"])
                .iter()
                .map(port)
                .collect::<Result<Vec<_>>>()?;
            let named = list(&rule[peers]);
            if named.is_empty() {
                let peers = Peers::Everybody;
                allowed.push(Allowed { peers, ports });
                continue;
            }
            for peer in named {
                let ports = ports.clone();
                let peers = self.peers(peer, place)?;
                allowed.push(Allowed { peers, ports });
            }
        }
        Ok(allowed)
    }

    /// Of a policy in this namespace.
    fn peers(&self, peer: &Value, place: &str) -> Result<Peers> {
        let block = &peer["ipBlock"];
        if block.is_object() {
            let text = |value: &Value| {
                value
                    .as_str()
                    .map(str::to_owned)
                    .context("a range is a text")
            };
            let except = list(&block["except"]).iter().map(text);
            return Ok(Peers::Range {
                cidr: text(&block["cidr"])?,
                except: except.collect::<Result<_>>()?,
            });
        }
        let (of_pods, of_namespaces) = (&peer["podSelector"], &peer["namespaceSelector"]);
        let is_near = |pod: &&Pod| match of_namespaces {
            Value::Null => pod.namespace == place,
            selector => self
                .namespaces
                .get(&pod.namespace)
                .is_some_and(|labels| matches(selector, labels)),
        };
        let pods = self.pods.iter().filter(is_near);
        let pods = pods.filter(|pod| of_pods.is_null() || matches(of_pods, &pod.labels));
        Ok(Peers::Pods(pods.map(|pod| pod.address.clone()).collect()))
    }
}

fn selects(policy: &Value, pod: &Pod) -> bool {
    policy["metadata"]["namespace"] == pod.namespace.as_str()
        && matches(&policy["spec"]["podSelector"], &pod.labels)
}

/// The API server always fills in the types.
fn has_direction(policy: &Value, direction: Direction) -> bool {
    let name = match direction {
        Direction::In => "Ingress",
        Direction::Out => "Egress",
    };
    list(&policy["spec"]["policyTypes"])
        .iter()
        .any(|one| one == name)
}

/// Whether a label selector selects something with these labels.
fn matches(selector: &Value, labels: &Value) -> bool {
    let wanted = selector["matchLabels"].as_object();
    let are_equal =
        wanted.is_none_or(|wanted| wanted.iter().all(|(key, value)| labels[key] == *value));
    are_equal
        && list(&selector["matchExpressions"])
            .iter()
            .all(|one| holds(one, labels))
}

fn holds(expression: &Value, labels: &Value) -> bool {
    let label = &labels[expression["key"].as_str().unwrap_or_default()];
    let is_in = list(&expression["values"]).contains(label);
    match expression["operator"].as_str() {
        Some("In") => is_in,
        Some("NotIn") => !is_in,
        Some("Exists") => !label.is_null(),
        Some("DoesNotExist") => label.is_null(),
        _ => false,
    }
}

fn port(port: &Value) -> Result<(String, u16)> {
    let protocol = port["protocol"].as_str().unwrap_or("TCP").to_lowercase();
    let number = port["port"]
        .as_u64()
        .and_then(|number| u16::try_from(number).ok());
    if !port["endPort"].is_null() {
        bail!("ranges of ports are not known here: {port}");
    }
    let number = number.with_context(|| format!("only ports by number are known here: {port}"))?;
    Ok((protocol, number))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
