//! Adding and removing namespaces of whole entities (NS2 to NS4, R66).

use crate::buffer::ValueBuf;
use crate::builder::Builder;
use crate::entity::Entity;
use crate::layout::MAX_DEPTH;
use crate::value::{Kind, Value};

/// Prefixes the value of `_id` with the namespace `identity`, and all names with `property`, recursively.
/// Names that begin with `_` or `$` are left alone, and what is under a `$` name is not entered (R66).
/// What has a namespace keeps it.
pub fn add_namespaces(entity: &Entity, identity: &str, property: &str) -> Entity {
    rewrite_entity(entity, &Add { identity, property })
}

/// Removes the namespace from the value of `_id`, from all names, and from all namespaced identifiers.
/// Where two names become one, the last counts.
pub fn remove_namespaces(entity: &Entity) -> Entity {
    rewrite_entity(entity, &Remove)
}

/// What is done to the parts of an entity.
trait Rewrite {
    fn id(&self, id: &str) -> String;
    fn name(&self, name: &str) -> String;
    fn ni(&self, builder: &mut Builder, ni: &str);
    /// What is under such a name is copied as it is.
    fn leaves_alone(&self, name: &str) -> bool;
}

struct Add<'a> {
    identity: &'a str,
    property: &'a str,
}

impl Rewrite for Add<'_> {
    fn id(&self, id: &str) -> String {
        format!("{}:{id}", self.identity)
    }

    fn name(&self, name: &str) -> String {
        if name.contains(':') {
            name.to_owned()
        } else {
            format!("{}:{name}", self.property)
        }
    }

    fn ni(&self, builder: &mut Builder, ni: &str) {
        builder.ni(ni);
    }

    fn leaves_alone(&self, name: &str) -> bool {
        name.starts_with('$')
    }
}

struct Remove;

impl Rewrite for Remove {
    fn id(&self, id: &str) -> String {
        without_namespace(id).to_owned()
    }

    fn name(&self, name: &str) -> String {
        without_namespace(name).to_owned()
    }

    fn ni(&self, builder: &mut Builder, ni: &str) {
        builder.ni(without_namespace(ni));
    }

    fn leaves_alone(&self, _: &str) -> bool {
        false
    }
}

/// The last colon separates namespace from name (NS5).
fn without_namespace(text: &str) -> &str {
    text.rsplit_once(':').map_or(text, |(_, name)| name)
}

fn is_special(name: &str) -> bool {
    name.starts_with(['_', '$'])
}

fn rewrite_entity(entity: &Entity, rewrite: &dyn Rewrite) -> Entity {
    let mut builder = Builder::with_buffer(Vec::with_capacity(entity.encoded_len() * 2));
    rewrite_dict(entity.body(), rewrite, &mut builder, 0);
    let body: ValueBuf = builder.finish();
    match entity.generated() {
        Some(generated) => Entity::with_generated(body, *generated),
        None => Entity::new(body).unwrap_or_else(|| entity.clone()),
    }
}

fn rewrite_dict(value: Value<'_>, rewrite: &dyn Rewrite, builder: &mut Builder, depth: usize) {
    builder.begin_dict();
    for (name, field) in value.as_dict().into_iter().flatten() {
        if is_special(name) {
            builder.name(name);
        } else {
            builder.name(&rewrite.name(name));
        }
        match field.as_str() {
            Some(id) if depth == 0 && name == "_id" => builder.str(&rewrite.id(id)),
            _ if rewrite.leaves_alone(name) => builder.value(field),
            _ => rewrite_value(field, rewrite, builder, depth + 1),
        }
    }
    builder.end();
}

fn rewrite_value(value: Value<'_>, rewrite: &dyn Rewrite, builder: &mut Builder, depth: usize) {
    match value.kind() {
        Kind::Dict if depth < MAX_DEPTH => rewrite_dict(value, rewrite, builder, depth),
        Kind::List if depth < MAX_DEPTH => {
            builder.begin_list();
            for item in value.as_list().into_iter().flatten() {
                rewrite_value(item, rewrite, builder, depth + 1);
            }
            builder.end();
        }
        Kind::Ni => match value.as_ni() {
            Some(ni) => rewrite.ni(builder, ni),
            None => builder.value(value),
        },
        _ => builder.value(value),
    }
}
