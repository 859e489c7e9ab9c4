//! What a write does to which resources. Pure: refuses what somebody else manages before anything is asked.

use super::form::Form;
use super::names::name_of;
use super::{managers, refusal};
use crate::configuration::{GROUP_ANNOTATION, Hub, METADATA, MOST_BYTES, Resources};
use crate::crd::{DataHub, Pipe, System};
use crate::{pipe, system};
use kube::{Resource, ResourceExt};
use serde_json::{Value, json};
use sluice_entity::Json;
use sluice_protocol::{ComponentKind, Error, WantedComponent, WriteIntent};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Apply {
        kind: ComponentKind,
        id: String,
        name: String,
        patch: Value,
    },
    Delete(Deleted),
}

/// A resource that goes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Deleted {
    pub(crate) kind: ComponentKind,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) uid: String,
}

/// Resources by the ids of their components; of several the one that was made first.
struct ById<'r> {
    all: &'r Resources,
    pipes: BTreeMap<String, &'r Arc<Pipe>>,
    systems: BTreeMap<String, &'r Arc<System>>,
}

impl<'r> ById<'r> {
    fn new(all: &'r Resources) -> Self {
        let (mut pipes, mut systems) = (BTreeMap::new(), BTreeMap::new());
        for object in all.pipes.all() {
            pipes.entry(object.id()).or_insert(object);
        }
        for object in all.systems.all() {
            systems.entry(object.id()).or_insert(object);
        }
        ById {
            all,
            pipes,
            systems,
        }
    }
}

/// The word for a kind in messages.
pub(crate) fn word(kind: ComponentKind) -> &'static str {
    match kind {
        ComponentKind::Pipe => "pipe",
        ComponentKind::System => "system",
        ComponentKind::Metadata => "metadata",
    }
}

/// The requests that a write takes, in order.
pub(crate) fn plan(
    resources: &Resources,
    hub: &Hub,
    intent: &WriteIntent,
) -> Result<Vec<Step>, Error> {
    let resources = &ById::new(resources);
    let mut steps = Vec::new();
    for wanted in &intent.put {
        let bytes = wanted.original.to_string().len();
        if bytes > MOST_BYTES {
            let kind = word(wanted.kind);
            return Err(refusal::too_large(kind, &wanted.id, bytes, MOST_BYTES));
        }
        let put = match wanted.kind {
            ComponentKind::Pipe => put_pipe(resources, hub, wanted)?,
            ComponentKind::System => put_system(resources, hub, wanted)?,
            ComponentKind::Metadata => put_metadata(resources, hub, wanted)?,
        };
        steps.extend(put);
    }
    // Systems before the pipes that need them.
    steps.sort_by_key(|step| match step {
        Step::Apply { kind, .. } => std::cmp::Reverse(*kind),
        Step::Delete(_) => std::cmp::Reverse(ComponentKind::Pipe),
    });
    for (kind, id) in &intent.remove {
        steps.extend(remove(resources, hub, *kind, id, intent.prunes)?);
    }
    Ok(steps)
}

fn put_pipe(
    resources: &ById<'_>,
    hub: &Hub,
    wanted: &WantedComponent,
) -> Result<Option<Step>, Error> {
    let object = resources.pipes.get(&wanted.id);
    let said = object.map(|object| pipe::validate(object));
    if let Some(object) = object
        && !is_ours(&***object, said.and_then(Result::ok), wanted, &CONFIG)?
    {
        return Ok(None);
    }
    let is_taken = |name: &str| resources.all.pipes.get(name).is_some();
    let name = object.map(|object| object.name_any());
    let name = name.unwrap_or_else(|| name_of(&wanted.id, is_taken));
    Ok(Some(apply::<Pipe>(hub, name, wanted)))
}

fn put_system(
    resources: &ById<'_>,
    hub: &Hub,
    wanted: &WantedComponent,
) -> Result<Option<Step>, Error> {
    let object = resources.systems.get(&wanted.id);
    let said = object.map(|object| system::validate(object));
    if let Some(object) = object
        && !is_ours(&***object, said.and_then(Result::ok), wanted, &CONFIG)?
    {
        return Ok(None);
    }
    let is_taken = |name: &str| resources.all.systems.get(name).is_some();
    let name = object.map(|object| object.name_any());
    let name = name.unwrap_or_else(|| name_of(&wanted.id, is_taken));
    Ok(Some(apply::<System>(hub, name, wanted)))
}

/// The two forms.
const CONFIG: [&str; 2] = ["config", "configText"];
const NODE_METADATA: [&str; 2] = ["metadata", "metadataText"];

/// Whether it is ours to write. Not where somebody else manages it and says the same; where they say something else it is refused.
fn is_ours<K: Resource>(
    object: &K,
    said: Option<Json>,
    wanted: &WantedComponent,
    fields: &[&str],
) -> Result<bool, Error> {
    match managers::of_fields(object, fields) {
        None => Ok(true),
        Some(_) if said.is_some_and(|said| said.same_meaning(&wanted.original)) => Ok(false),
        Some(manager) => Err(refusal::managed(word(wanted.kind), &wanted.id, &manager)),
    }
}

fn apply<K: Resource<DynamicType = ()>>(hub: &Hub, name: String, wanted: &WantedComponent) -> Step {
    let mut spec = json!({ "hubRef": { "name": hub.name } });
    if wanted.id != name {
        spec["id"] = json!(wanted.id);
    }
    match Form::of(&wanted.original) {
        Form::Object(object) => spec["config"] = Value::Object(object),
        Form::Text(text) => spec["configText"] = Value::String(text),
    }
    let patch = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {
            "name": name,
            "annotations": { GROUP_ANNOTATION: wanted.group },
        },
        "spec": spec,
    });
    Step::Apply {
        kind: wanted.kind,
        id: wanted.id.clone(),
        name,
        patch,
    }
}

fn put_metadata(
    resources: &ById<'_>,
    hub: &Hub,
    wanted: &WantedComponent,
) -> Result<Option<Step>, Error> {
    if let Some(object) = resources.all.hubs.get(&hub.name) {
        let has = crate::configuration::metadata(object).and_then(Result::ok);
        if !is_ours(&**object, has, wanted, &NODE_METADATA)? {
            return Ok(None);
        }
    }
    let spec = match Form::of(&wanted.original) {
        Form::Object(object) => json!({ "metadata": object }),
        Form::Text(text) => json!({ "metadataText": text }),
    };
    Ok(Some(apply_to_hub(hub, spec)))
}

fn apply_to_hub(hub: &Hub, spec: Value) -> Step {
    let patch = json!({
        "apiVersion": DataHub::api_version(&()),
        "kind": DataHub::kind(&()),
        "metadata": { "name": hub.name },
        "spec": spec,
    });
    Step::Apply {
        kind: ComponentKind::Metadata,
        id: METADATA.to_owned(),
        name: hub.name.clone(),
        patch,
    }
}

/// Takes a component away. What somebody else manages stays if only an upload did not mention it.
fn remove(
    resources: &ById<'_>,
    hub: &Hub,
    kind: ComponentKind,
    id: &str,
    prunes: bool,
) -> Result<Option<Step>, Error> {
    let (manager, step) = match kind {
        ComponentKind::Pipe => match resources.pipes.get(id) {
            Some(object) => (
                managers::of_anything(&***object),
                delete(kind, id, &***object),
            ),
            None => return Ok(None),
        },
        ComponentKind::System => match resources.systems.get(id) {
            Some(object) => (
                managers::of_anything(&***object),
                delete(kind, id, &***object),
            ),
            None => return Ok(None),
        },
        ComponentKind::Metadata => match resources.all.hubs.get(&hub.name) {
            Some(object) => (
                managers::of_fields(&**object, &NODE_METADATA),
                apply_to_hub(hub, json!({})),
            ),
            None => return Ok(None),
        },
    };
    match manager {
        None => Ok(Some(step)),
        Some(_) if prunes => Ok(None),
        Some(manager) => Err(refusal::managed(word(kind), id, &manager)),
    }
}

fn delete<K: Resource>(kind: ComponentKind, id: &str, object: &K) -> Step {
    Step::Delete(Deleted {
        kind,
        id: id.to_owned(),
        name: object.name_any(),
        uid: object.uid().unwrap_or_default(),
    })
}
