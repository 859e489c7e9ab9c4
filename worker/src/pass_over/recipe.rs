//! Everything that decides what becomes of received bytes on their way into a dataset.

use crate::sink::DatasetSink;
use sluice_config::Namespaces;
use sluice_dataset::PreparedEntity;
use sluice_entity::{HashKey, Limits, Numbers, Reader, add_namespaces, remove_namespaces};

/// How bytes become a version where no transform lies between: a pure function of the bytes. Whatever is added between source
/// and dataset belongs in here, or pipes that have it may not pass over anything.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    /// What is refused while reading.
    pub limits: Limits,
    /// EM15.
    pub numbers: Numbers,
    /// Added and removed (R66).
    pub namespaces: Namespaces,
    /// How entities are prepared.
    pub sink: DatasetSink,
}

impl Recipe {
    /// Equal only for equal recipes of one version of the program: another one may read otherwise.
    pub(super) fn bytes(&self) -> Vec<u8> {
        format!("{} {self:?}", env!("CARGO_PKG_VERSION")).into_bytes()
    }

    /// The `_id` under which an entity with this `_id` is stored.
    pub(super) fn stored_id(&self, id: &str) -> String {
        let mut id = if self.namespaces.add {
            format!("{}:{id}", self.namespaces.identity)
        } else {
            id.to_owned()
        };
        if self.namespaces.remove
            && let Some((_, name)) = id.rsplit_once(':')
        {
            id = name.to_owned();
        }
        id
    }

    /// The entity that the text of one becomes; `None` where it is refused.
    pub(super) fn read(&self, text: &[u8], key: &HashKey) -> Option<PreparedEntity> {
        let mut reader = Reader::new(self.limits, self.numbers);
        let mut entity = reader.read_entity(text).ok()?;
        if self.namespaces.add {
            let Namespaces {
                identity, property, ..
            } = &self.namespaces;
            entity = add_namespaces(&entity, identity, property);
        }
        if self.namespaces.remove {
            entity = remove_namespaces(&entity);
        }
        self.sink.prepare(&entity, key).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_stored_as_reading_it_would_have_it() {
        for (add, remove) in [(false, false), (true, false), (false, true), (true, true)] {
            let recipe = Recipe {
                limits: Limits::default(),
                numbers: Numbers::default(),
                namespaces: Namespaces {
                    namespaced_identifiers: add,
                    identity: "in".to_owned(),
                    property: "in".to_owned(),
                    add,
                    remove,
                },
                sink: DatasetSink::plain("in"),
            };
            for id in ["1", "a:1", "a:b:1", "", ":"] {
                let text = format!(r#"{{"_id": "{id}", "n": 1}}"#);
                let read = recipe
                    .read(text.as_bytes(), &HashKey([1, 2, 3, 4]))
                    .unwrap();
                assert_eq!(recipe.stored_id(id), read.id(), "{id} {add} {remove}");
            }
        }
    }
}
