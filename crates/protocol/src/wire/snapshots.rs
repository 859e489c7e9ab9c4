//! Snapshots of the configuration, cut into parts that are bounded in bytes.

use super::components::variables;
use super::damaged::{Damaged, Within};
use super::proto;
use super::whole::Gather;
use crate::{Component, ConfigurationSnapshot};
use prost::Message;

/// One thing in a snapshot, so that a snapshot can be cut anywhere between two.
enum Item<'a> {
    Component(proto::Component),
    Variable(&'a str, String),
    SecretName(&'a str),
    SystemSecretNames(&'a str, &'a [String]),
}

impl Item<'_> {
    fn weight(&self) -> usize {
        match self {
            Item::Component(component) => component.encoded_len(),
            Item::Variable(name, text) => name.len() + text.len(),
            Item::SecretName(name) => name.len(),
            Item::SystemSecretNames(system, names) => {
                system.len() + names.iter().map(String::len).sum::<usize>()
            }
        }
    }

    fn put_into(self, part: &mut proto::SnapshotPart) {
        match self {
            Item::Component(component) => part.components.push(component),
            Item::Variable(name, text) => {
                part.variables.insert(name.to_owned(), text);
            }
            Item::SecretName(name) => part.secret_names.push(name.to_owned()),
            Item::SystemSecretNames(system, names) => {
                let names = proto::Names {
                    names: names.to_vec(),
                };
                part.system_secret_names.insert(system.to_owned(), names);
            }
        }
    }
}

/// A snapshot as parts of about `page_bytes`; there is always one, and the last says so.
pub(crate) fn snapshot_parts(
    snapshot: &ConfigurationSnapshot,
    page_bytes: usize,
) -> Vec<proto::SnapshotPart> {
    let components = snapshot
        .components
        .values()
        .map(|component| Item::Component(component.into()));
    let variables = snapshot
        .variables
        .iter()
        .map(|(name, value)| Item::Variable(name, value.to_string()));
    let secret_names = snapshot
        .secret_names
        .iter()
        .map(|name| Item::SecretName(name));
    let system_secret_names = snapshot
        .system_secret_names
        .iter()
        .map(|(system, names)| Item::SystemSecretNames(system, names));

    let empty = proto::SnapshotPart {
        revision: snapshot.revision,
        ..Default::default()
    };
    let mut parts = Vec::new();
    let (mut part, mut weight) = (empty.clone(), 0);
    for item in components
        .chain(variables)
        .chain(secret_names)
        .chain(system_secret_names)
    {
        let more = item.weight();
        if weight > 0 && weight + more > page_bytes {
            parts.push(std::mem::replace(&mut part, empty.clone()));
            weight = 0;
        }
        weight += more;
        item.put_into(&mut part);
    }
    part.last = true;
    parts.push(part);
    parts
}

/// A snapshot on its way in.
#[derive(Default)]
pub(crate) struct Gathered(ConfigurationSnapshot);

impl Gather for Gathered {
    type Part = proto::SnapshotPart;
    type Whole = ConfigurationSnapshot;

    fn take(
        &mut self,
        part: proto::SnapshotPart,
    ) -> Result<Option<ConfigurationSnapshot>, Damaged> {
        let snapshot = &mut self.0;
        snapshot.revision = part.revision;
        for component in part.components {
            let component = Component::try_from(component).within("components")?;
            let key = (component.kind, component.id.clone());
            snapshot.components.insert(key, component);
        }
        snapshot.variables.extend(variables(part.variables)?);
        snapshot.secret_names.extend(part.secret_names);
        let names = part.system_secret_names.into_iter();
        snapshot
            .system_secret_names
            .extend(names.map(|(system, names)| (system, names.names)));
        Ok(part.last.then(|| std::mem::take(snapshot)))
    }
}
