//! Content hashes of configurations, each calculated once.

use sluice_entity::Json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// By kind of hash and component: of what, and the hash.
pub(crate) struct Hashes<K>(BTreeMap<K, (Arc<Json>, String)>);

impl<K> Default for Hashes<K> {
    fn default() -> Self {
        Hashes(BTreeMap::new())
    }
}

impl<K: Ord + Clone> Hashes<K> {
    /// The hash of a configuration; the same for configurations that mean the same.
    pub(crate) fn of(&mut self, key: &K, configuration: &Arc<Json>) -> String {
        if let Some((known, hash)) = self.0.get(key)
            && Arc::ptr_eq(known, configuration)
        {
            return hash.clone();
        }
        let hash = sluice_config::content_hash(configuration);
        let known = (Arc::clone(configuration), hash.clone());
        self.0.insert(key.clone(), known);
        hash
    }

    /// Forgets what is gone.
    pub(crate) fn retain(&mut self, is_there: impl Fn(&K) -> bool) {
        self.0.retain(|key, _| is_there(key));
    }
}
