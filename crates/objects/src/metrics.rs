//! Every metric of this crate: names, units, meanings.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// What operators see of the object store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) requests: Counter,
    pub(crate) failures: Counter,
    pub(crate) bytes_written: Counter,
    pub(crate) bytes_read: Counter,
}

impl Metrics {
    /// Adds all of them to the registry.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let rows: [(&str, &str, &Counter); 4] = [
            (
                "object_store_requests",
                "Calls of the object store",
                &self.requests,
            ),
            (
                "object_store_failures",
                "Calls of the object store that did not succeed in their time",
                &self.failures,
            ),
            (
                "object_store_written_bytes",
                "Bytes written to the object store",
                &self.bytes_written,
            ),
            (
                "object_store_read_bytes",
                "Bytes read from the object store",
                &self.bytes_read,
            ),
        ];
        for (name, meaning, counter) in rows {
            registry.register(name, meaning, counter.clone());
        }
    }
}
