//! The resources of one kind as they are known here: by watching them, and by what was written through the API, which is known at
//! once. An event that is older than what is known changes nothing.

use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// By name.
pub(crate) struct Objects<K> {
    known: BTreeMap<String, Arc<K>>,
    /// A list that is coming in.
    listing: BTreeMap<String, Arc<K>>,
    /// Deleted by us, by uid, until the event says it too.
    gone: HashSet<String>,
    is_complete: bool,
}

impl<K> Default for Objects<K> {
    fn default() -> Self {
        Objects {
            known: BTreeMap::new(),
            listing: BTreeMap::new(),
            gone: HashSet::new(),
            is_complete: false,
        }
    }
}

impl<K: Resource + Clone> Objects<K> {
    /// Takes what the watch says.
    pub(crate) fn apply(&mut self, event: Event<K>) {
        match event {
            Event::Init => self.listing.clear(),
            Event::InitApply(object) => {
                self.listing.insert(object.name_any(), Arc::new(object));
            }
            Event::InitDone => self.listed(),
            Event::Apply(object) => self.written(object),
            Event::Delete(object) => {
                let uid = object.uid().unwrap_or_default();
                self.gone.remove(&uid);
                let known = self.known.get(&object.name_any());
                if known.is_some_and(|known| known.uid() == object.uid()) {
                    self.known.remove(&object.name_any());
                }
            }
        }
    }

    /// The list takes the place of what was known, but for what was written after it.
    fn listed(&mut self) {
        let list = std::mem::take(&mut self.listing);
        let newest = list.values().map(|object| version(&**object)).max();
        let newest = newest.unwrap_or_default();
        self.known.retain(|_, known| version(&**known) > newest);
        for object in list.into_values() {
            self.keep(object);
        }
        self.gone.clear();
        self.is_complete = true;
    }

    /// Takes an object as it was written.
    pub(crate) fn written(&mut self, object: K) {
        self.keep(Arc::new(object));
    }

    fn keep(&mut self, object: Arc<K>) {
        if self.gone.contains(&object.uid().unwrap_or_default()) {
            return;
        }
        let name = object.name_any();
        let known = self.known.get(&name);
        let is_older = known.is_some_and(|known| version(&**known) > version(&*object));
        if !is_older {
            self.known.insert(name, object);
        }
    }

    /// An object is deleted.
    pub(crate) fn deleted(&mut self, name: &str) {
        if let Some(object) = self.known.remove(name) {
            self.gone.insert(object.uid().unwrap_or_default());
        }
    }

    /// Whether all there are have been seen.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<K>> {
        self.known.get(name)
    }

    /// All that are not about to go, in the order in which they were made.
    pub(crate) fn all(&self) -> Vec<&Arc<K>> {
        let mut all: Vec<&Arc<K>> = self.known.values().collect();
        all.retain(|object| object.meta().deletion_timestamp.is_none());
        all.sort_by_cached_key(|object| {
            let created = object.creation_timestamp().map(|time| time.0);
            (created, object.name_any())
        });
        all
    }
}

/// Resource versions of one kind are numbers that grow.
fn version(object: &impl ResourceExt) -> u64 {
    let version = object.resource_version().unwrap_or_default();
    version.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;

    fn object(name: &str, uid: &str, version: u64) -> ConfigMap {
        let mut object = ConfigMap::default();
        object.metadata.name = Some(name.to_owned());
        object.metadata.uid = Some(uid.to_owned());
        object.metadata.resource_version = Some(version.to_string());
        object
    }

    fn known(objects: &Objects<ConfigMap>) -> Vec<(String, u64)> {
        let all = objects.all().into_iter();
        all.map(|object| (object.name_any(), version(&**object)))
            .collect()
    }

    #[test]
    fn what_was_written_is_not_undone_by_older_news() {
        let mut objects = Objects::default();
        objects.apply(Event::Init);
        objects.apply(Event::InitApply(object("a", "1", 3)));
        objects.written(object("b", "2", 5));
        objects.apply(Event::InitDone);
        assert!(objects.is_complete());
        objects.apply(Event::Apply(object("b", "2", 4)));
        assert_eq!(known(&objects), [("a".into(), 3), ("b".into(), 5)]);
        objects.deleted("b");
        objects.apply(Event::Apply(object("b", "2", 6)));
        assert_eq!(known(&objects), [("a".into(), 3)]);
        objects.apply(Event::Apply(object("b", "3", 8)));
        objects.apply(Event::Delete(object("b", "2", 7)));
        assert_eq!(known(&objects), [("a".into(), 3), ("b".into(), 8)]);
    }

    #[test]
    fn a_new_list_forgets_what_is_gone() {
        let mut objects = Objects::default();
        for names in [["a", "b"], ["b", "c"]] {
            objects.apply(Event::Init);
            for name in names {
                objects.apply(Event::InitApply(object(name, name, 9)));
            }
            objects.apply(Event::InitDone);
        }
        assert_eq!(known(&objects), [("b".into(), 9), ("c".into(), 9)]);
    }
}
