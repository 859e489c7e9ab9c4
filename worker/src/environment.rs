//! What DTL reaches outside of its entities and datasets: the time, chance, secrets.

use crate::clock::Clock;
use crate::shared::Shared;
use sluice_dtl::Environment;
use sluice_entity::Datetime;
use sluice_protocol::SecretValues;
use std::sync::Arc;

/// The environment of one batch.
pub(crate) struct DtlEnvironment {
    clock: Arc<dyn Clock>,
    secrets: Arc<SecretValues>,
}

impl DtlEnvironment {
    /// With the secrets of the present configuration.
    pub(crate) fn new(shared: &Shared) -> Self {
        DtlEnvironment {
            clock: shared.clock.clone(),
            secrets: shared.secrets.load_full(),
        }
    }
}

impl Environment for DtlEnvironment {
    fn now(&self) -> Datetime {
        let nanos = i128::from(self.clock.now()) * 1_000;
        Datetime::from_unix_nanos(nanos).expect("the clock stands between the years 1 and 9999")
    }

    fn uuid(&self) -> [u8; 16] {
        uuid::Uuid::new_v4().into_bytes()
    }

    fn secret(&self, name: &str) -> Option<String> {
        self.secrets.resolve(None, name).map(str::to_owned)
    }
}
