//! How what comes from custom resources lies in the store, and the writes that the operator has begun.

use crate::contents::{ComponentKey, Contents, Offer, Referenced, kind_name, kind_of};
use crate::difference::{Difference, Kind};
use crate::records::{
    ReadError, each, kept_from, kept_json, key, parse, secret_from, secret_name, text, unclear,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sluice_entity::Json;
use sluice_protocol::{
    ComponentKind, HandedVariables, Origin, RequestId, SecretScope, WantedComponent, WriteIntent,
};
use sluice_store::{Durability, Error, Store};
use std::sync::Arc;

pub(crate) const OFFER: &str = "storage-node/offer";
pub(crate) const REFERENCED: &str = "storage-node/referenced";
pub(crate) const HANDED: &str = "storage-node/handed";
const WRITE: &str = "storage-node/write";

/// Reads what comes from custom resources.
pub(crate) fn read(store: &Store, contents: &mut Contents) -> Result<(), ReadError> {
    each(store, OFFER, |name, value| {
        let place = format!("offer {}", String::from_utf8_lossy(name));
        let component = component_key(&place, name)?;
        let offer = parse(&place, value, offer_from)?;
        contents.offers.insert(component, offer);
        Ok(())
    })?;
    each(store, REFERENCED, |name, value| {
        let (scope, name) =
            secret_from(name).ok_or_else(|| unclear("a referenced secret", "an unknown scope"))?;
        let secret = parse("a referenced secret", value, referenced_from)?;
        let secrets = contents.referenced.entry(scope).or_default();
        secrets.insert(name, secret);
        Ok(())
    })?;
    if let Some(value) = store.state(&key(HANDED, b"variables")?)? {
        let handed = parse("handed variables", &value, variables_from)?;
        contents.handed_variables = Some(handed);
    }
    Ok(())
}

/// What makes `after` of `before`.
pub(crate) fn difference(difference: &mut Difference, before: &Contents, after: &Contents) {
    for component in before.offers.keys() {
        if !after.offers.contains_key(component) {
            difference.remove(Kind::Offer, component_name(component));
        }
    }
    for (component, offer) in &after.offers {
        if before.offers.get(component) != Some(offer) {
            let value = offer_json(offer).to_string();
            difference.put(Kind::Offer, component_name(component), value);
        }
    }
    referenced_difference(difference, before, after);
    if before.handed_variables != after.handed_variables
        && let Some(handed) = &after.handed_variables
    {
        let value = variables_json(handed).to_string();
        difference.put(Kind::Handed, "variables", value);
    }
}

fn referenced_difference(difference: &mut Difference, before: &Contents, after: &Contents) {
    let find = |contents: &Contents, scope: &SecretScope, name: &str| {
        let referenced = contents.referenced.get(scope)?;
        referenced.get(name).cloned()
    };
    for (scope, secrets) in &before.referenced {
        for name in secrets.keys() {
            if find(after, scope, name).is_none() {
                difference.remove(Kind::Referenced, secret_name(scope, name));
            }
        }
    }
    for (scope, secrets) in &after.referenced {
        for (name, secret) in secrets {
            if find(before, scope, name).as_ref() != Some(secret) {
                let value = referenced_json(secret).to_string();
                difference.put(Kind::Referenced, secret_name(scope, name), value);
            }
        }
    }
}

/// The writes that were begun and not answered, in no particular order: there is one at a time.
pub(crate) fn begun_writes(store: &Store) -> Result<Vec<WriteIntent>, ReadError> {
    let mut writes = Vec::new();
    each(store, WRITE, |name, value| {
        let place = format!("write {}", String::from_utf8_lossy(name));
        let request = RequestId(text(&place, name)?.to_owned());
        writes.push(parse(&place, value, |json| intent_from(request, &json))?);
        Ok(())
    })?;
    Ok(writes)
}

/// Keeps a write that is begun.
pub(crate) fn keep_write(store: &Store, intent: &WriteIntent) -> Result<(), Error> {
    let mut transaction = store.transaction(&[])?;
    let value = intent_json(intent).to_string();
    transaction.put_state(&key(WRITE, &intent.request.0)?, value.as_bytes());
    transaction.commit(Durability::Synced).map(drop)
}

/// Forgets a write that is answered.
pub(crate) fn forget_write(store: &Store, request: &RequestId) -> Result<(), Error> {
    let mut transaction = store.transaction(&[])?;
    transaction.delete_state(&key(WRITE, &request.0)?);
    transaction.commit(Durability::Synced).map(drop)
}

fn component_name((kind, id): &ComponentKey) -> String {
    format!("{}/{id}", kind_name(*kind))
}

fn component_key(place: &str, name: &[u8]) -> Result<ComponentKey, ReadError> {
    let (kind, id) = text(place, name)?
        .split_once('/')
        .ok_or_else(|| unclear(place, "no kind"))?;
    let kind = kind_of(kind).ok_or_else(|| unclear(place, "an unknown kind"))?;
    Ok((kind, id.to_owned()))
}

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    let members = members.into_iter();
    Json::Object(members.map(|(name, value)| (name.into(), value)).collect())
}

/// Takes a member out of an object.
fn taken(json: &mut Json, name: &str) -> Option<Json> {
    let Json::Object(members) = json else {
        return None;
    };
    let index = members.iter().position(|(member, _)| member == name)?;
    Some(members.swap_remove(index).1)
}

fn origin_json(origin: &Origin) -> Json {
    object([
        ("name", Json::from(origin.name.as_str())),
        ("uid", Json::from(origin.uid.as_str())),
        (
            "generation",
            Json::Number(origin.generation.to_string().into()),
        ),
    ])
}

fn origin_from(json: &Json) -> Option<Origin> {
    Some(Origin {
        name: json.get("name")?.as_str()?.to_owned(),
        uid: json.get("uid")?.as_str()?.to_owned(),
        generation: u64::try_from(json.get("generation")?.as_i64()?).ok()?,
    })
}

fn offer_json(offer: &Offer) -> Json {
    let waiting = offer.waiting.as_ref().map(kept_json);
    object([
        ("origin", origin_json(&offer.origin)),
        ("waiting", waiting.unwrap_or(Json::Null)),
    ])
}

fn offer_from(mut json: Json) -> Option<Offer> {
    let origin = origin_from(json.get("origin")?)?;
    let waiting = match taken(&mut json, "waiting")? {
        Json::Null => None,
        waiting => Some(kept_from(waiting)?),
    };
    Some(Offer { origin, waiting })
}

fn referenced_json(secret: &Referenced) -> Json {
    let sealed = STANDARD.encode(&secret.sealed);
    object([
        ("kept-in", Json::from(secret.kept_in.as_str())),
        ("sealed", Json::from(sealed.as_str())),
    ])
}

fn referenced_from(json: Json) -> Option<Referenced> {
    let sealed = STANDARD.decode(json.get("sealed")?.as_str()?).ok()?;
    Some(Referenced {
        sealed: sealed.into(),
        kept_in: json.get("kept-in")?.as_str()?.to_owned(),
    })
}

fn variables_json(handed: &HandedVariables) -> Json {
    let values = handed.values.iter();
    let values = values.map(|(name, value)| (name.clone(), value.clone()));
    object([
        ("origin", origin_json(&handed.origin)),
        ("values", Json::Object(values.collect())),
    ])
}

fn variables_from(mut json: Json) -> Option<HandedVariables> {
    let origin = origin_from(json.get("origin")?)?;
    let Json::Object(values) = taken(&mut json, "values")? else {
        return None;
    };
    let values = values.into_iter().collect();
    Some(HandedVariables { origin, values })
}

fn intent_json(intent: &WriteIntent) -> Json {
    let put = intent.put.iter().map(|wanted| {
        object([
            ("kind", Json::from(kind_name(wanted.kind))),
            ("id", Json::from(wanted.id.as_str())),
            ("group", Json::from(wanted.group.as_str())),
            ("original", (*wanted.original).clone()),
        ])
    });
    let remove = intent.remove.iter();
    let remove = remove.map(|component| Json::from(component_name(component).as_str()));
    object([
        ("user", Json::from(intent.user.as_str())),
        ("force", Json::Bool(intent.force)),
        ("put", Json::Array(put.collect())),
        ("remove", Json::Array(remove.collect())),
        ("prunes", Json::Bool(intent.prunes)),
    ])
}

fn intent_from(request: RequestId, json: &Json) -> Option<WriteIntent> {
    let wanted = |json: &Json| -> Option<WantedComponent> {
        Some(WantedComponent {
            kind: kind_of(json.get("kind")?.as_str()?)?,
            id: json.get("id")?.as_str()?.to_owned(),
            group: json.get("group")?.as_str()?.to_owned(),
            original: Arc::new(json.get("original")?.clone()),
        })
    };
    let gone = |json: &Json| -> Option<(ComponentKind, String)> {
        let (kind, id) = json.as_str()?.split_once('/')?;
        Some((kind_of(kind)?, id.to_owned()))
    };
    let list = |name: &str| match json.get(name) {
        Some(Json::Array(list)) => Some(list),
        _ => None,
    };
    Some(WriteIntent {
        request,
        user: json.get("user")?.as_str()?.to_owned(),
        force: json.get("force")?.as_bool()?,
        put: list("put")?.iter().map(wanted).collect::<Option<_>>()?,
        remove: list("remove")?.iter().map(gone).collect::<Option<_>>()?,
        prunes: json.get("prunes")?.as_bool()?,
    })
}
