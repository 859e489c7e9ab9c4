//! Snapshots of the configuration, whole or as what differs from the one before, cut into parts that are bounded in bytes.

use super::components::{component_kind, diagnostics, to_diagnostics, variables};
use super::damaged::{Damaged, Within, required};
use super::proto;
use super::whole::Gather;
use crate::{Component, ComponentKind, ConfigurationSnapshot, Offered, Origin};
use prost::Message;
use std::sync::Arc;

/// One thing in a snapshot, so that a snapshot can be cut anywhere between two.
enum Item<'a> {
    Component(proto::Component),
    Offered(proto::Offered),
    Removed(proto::ComponentName),
    Withdrawn(proto::ComponentName),
    /// What follows takes the place of what was before.
    Surroundings,
    Variable(&'a str, String),
    SecretName(&'a str),
    SystemSecretNames(&'a str, &'a [String]),
}

impl Item<'_> {
    fn weight(&self) -> usize {
        match self {
            Item::Component(component) => component.encoded_len(),
            Item::Offered(offered) => offered.encoded_len(),
            Item::Removed(name) | Item::Withdrawn(name) => name.encoded_len(),
            Item::Surroundings => 0,
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
            Item::Offered(offered) => part.offered.push(offered),
            Item::Removed(name) => part.removed.push(name),
            Item::Withdrawn(name) => part.withdrawn.push(name),
            Item::Surroundings => part.surroundings = true,
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

/// The snapshots of one stream: the first goes out whole, of each later one what differs.
pub(crate) struct SnapshotParts {
    page_bytes: usize,
    before: Option<Arc<ConfigurationSnapshot>>,
}

impl SnapshotParts {
    pub(crate) fn new(page_bytes: usize) -> Self {
        SnapshotParts {
            page_bytes,
            before: None,
        }
    }

    /// The next snapshot as parts.
    pub(crate) fn next(
        &mut self,
        snapshot: &Arc<ConfigurationSnapshot>,
    ) -> Vec<proto::SnapshotPart> {
        let before = self.before.replace(Arc::clone(snapshot));
        snapshot_parts(snapshot, before.as_deref(), self.page_bytes)
    }
}

/// A snapshot as parts of about `page_bytes`; there is always one, and the last says so.
pub(crate) fn snapshot_parts(
    snapshot: &ConfigurationSnapshot,
    before: Option<&ConfigurationSnapshot>,
    page_bytes: usize,
) -> Vec<proto::SnapshotPart> {
    let empty = proto::SnapshotPart {
        revision: snapshot.revision,
        base: before.map(|before| before.revision),
        ..Default::default()
    };
    let mut parts = Vec::new();
    let (mut part, mut weight) = (empty.clone(), 0);
    let nothing = ConfigurationSnapshot::default();
    let has_base = before.is_some();
    for item in differing(snapshot, before.unwrap_or(&nothing)) {
        // A whole snapshot takes the place of everything.
        if matches!(item, Item::Surroundings) && !has_base {
            continue;
        }
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

/// What makes a snapshot of the one before it.
fn differing<'a>(
    now: &'a ConfigurationSnapshot,
    before: &'a ConfigurationSnapshot,
) -> impl Iterator<Item = Item<'a>> {
    let components = now.components.iter().filter(|(key, component)| {
        let other = before.components.get(*key);
        !other.is_some_and(|other| is_same(component, other))
    });
    let components = components.map(|(_, component)| Item::Component(component.into()));
    let removed = before.components.keys();
    let removed = removed.filter(|key| !now.components.contains_key(*key));
    let removed = removed.map(|key| Item::Removed(to_component_name(key)));
    let offered = now.offered.iter();
    let offered = offered.filter(|(key, offered)| before.offered.get(*key) != Some(*offered));
    let offered = offered.map(|(key, offered)| Item::Offered(to_offered(key, offered)));
    let withdrawn = before.offered.keys();
    let withdrawn = withdrawn.filter(|key| !now.offered.contains_key(*key));
    let withdrawn = withdrawn.map(|key| Item::Withdrawn(to_component_name(key)));

    let surroundings = now.variables != before.variables
        || now.secret_names != before.secret_names
        || now.system_secret_names != before.system_secret_names;
    let variables = now.variables.iter();
    let variables = variables.map(|(name, value)| Item::Variable(name, value.to_string()));
    let secret_names = now.secret_names.iter().map(|name| Item::SecretName(name));
    let system_secret_names = now.system_secret_names.iter();
    let system_secret_names =
        system_secret_names.map(|(system, names)| Item::SystemSecretNames(system, names));
    let all = std::iter::once(Item::Surroundings)
        .chain(variables)
        .chain(secret_names)
        .chain(system_secret_names);
    let surroundings = surroundings.then_some(all).into_iter().flatten();
    components
        .chain(removed)
        .chain(offered)
        .chain(withdrawn)
        .chain(surroundings)
}

/// The same values are usually the same allocations, so that what did not change costs next to nothing.
fn is_same(one: &Component, other: &Component) -> bool {
    let shared = |one, other| Arc::ptr_eq(one, other) || one == other;
    one.group == other.group
        && one.diagnostics == other.diagnostics
        && shared(&one.original, &other.original)
        && shared(&one.effective, &other.effective)
}

/// Kind and id going out.
pub(crate) fn to_component_name((kind, id): &(ComponentKind, String)) -> proto::ComponentName {
    proto::ComponentName {
        kind: proto::ComponentKind::from(*kind).into(),
        id: id.clone(),
    }
}

/// Kind and id as they arrive.
pub(crate) fn component_name(
    name: proto::ComponentName,
) -> Result<(ComponentKind, String), Damaged> {
    Ok((component_kind(name.kind)?, name.id))
}

impl From<Origin> for proto::Origin {
    fn from(origin: Origin) -> Self {
        proto::Origin {
            name: origin.name,
            uid: origin.uid,
            generation: origin.generation,
        }
    }
}

/// Where something comes from, as it arrives.
pub(crate) fn origin(origin: Option<proto::Origin>) -> Result<Origin, Damaged> {
    let origin = required(origin, "origin")?;
    Ok(Origin {
        name: origin.name,
        uid: super::damaged::name(origin.uid, "uid").within("origin")?,
        generation: origin.generation,
    })
}

fn to_offered((kind, id): &(ComponentKind, String), offered: &Offered) -> proto::Offered {
    let refused = offered.refused.as_ref().map(|refused| proto::Refusal {
        diagnostics: to_diagnostics(refused),
    });
    proto::Offered {
        kind: proto::ComponentKind::from(*kind).into(),
        id: id.clone(),
        origin: Some(offered.origin.clone().into()),
        refused,
    }
}

fn offered(offered: proto::Offered) -> Result<((ComponentKind, String), Offered), Damaged> {
    let refused = offered
        .refused
        .map(|refused| diagnostics(refused.diagnostics));
    let from = Offered {
        origin: origin(offered.origin)?,
        refused: refused.transpose().within("refused")?,
    };
    Ok(((component_kind(offered.kind)?, offered.id), from))
}

/// The snapshots of one stream on their way in.
#[derive(Default)]
pub(crate) struct Gathered {
    snapshot: ConfigurationSnapshot,
    /// Some parts of the next one are in it.
    is_begun: bool,
    /// So are its variables and names of secrets.
    has_surroundings: bool,
}

impl Gathered {
    fn begin(&mut self, base: Option<u64>) -> Result<(), Damaged> {
        match base {
            None => self.snapshot = ConfigurationSnapshot::default(),
            Some(base) if base == self.snapshot.revision => {}
            Some(base) => {
                let what = format!("{base}, and {} is here", self.snapshot.revision);
                return Err(Damaged::new("base", what));
            }
        }
        (self.is_begun, self.has_surroundings) = (true, false);
        Ok(())
    }
}

impl Gather for Gathered {
    type Part = proto::SnapshotPart;
    type Whole = ConfigurationSnapshot;

    fn take(
        &mut self,
        part: proto::SnapshotPart,
    ) -> Result<Option<ConfigurationSnapshot>, Damaged> {
        if !self.is_begun {
            self.begin(part.base)?;
        }
        let snapshot = &mut self.snapshot;
        snapshot.revision = part.revision;
        for component in part.components {
            let component = Component::try_from(component).within("components")?;
            let key = (component.kind, component.id.clone());
            snapshot.components.insert(key, component);
        }
        for name in part.removed {
            let key = component_name(name).within("removed")?;
            snapshot.components.remove(&key);
        }
        for one in part.offered {
            let (key, offered) = offered(one).within("offered")?;
            snapshot.offered.insert(key, offered);
        }
        for name in part.withdrawn {
            let key = component_name(name).within("withdrawn")?;
            snapshot.offered.remove(&key);
        }
        if part.surroundings && !std::mem::replace(&mut self.has_surroundings, true) {
            snapshot.variables.clear();
            snapshot.secret_names.clear();
            snapshot.system_secret_names.clear();
        }
        snapshot.variables.extend(variables(part.variables)?);
        snapshot.secret_names.extend(part.secret_names);
        let names = part.system_secret_names.into_iter();
        snapshot
            .system_secret_names
            .extend(names.map(|(system, names)| (system, names.names)));
        if !part.last {
            return Ok(None);
        }
        self.is_begun = false;
        Ok(Some(snapshot.clone()))
    }
}
