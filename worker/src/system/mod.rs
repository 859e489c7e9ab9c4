//! Connections shared by sources and sinks: one per configured system.

mod http;
mod microservices;

pub(crate) use http::{HttpSystem, RequestFailure};
pub use microservices::Microservices;

use parking_lot::RwLock;
use sluice_config::{Address, System};
use sluice_protocol::{SecretValues, SystemReport};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All systems of the present configuration.
#[derive(Default)]
pub(crate) struct Systems {
    microservices: Microservices,
    connected: RwLock<BTreeMap<String, Connection>>,
}

/// What a configured system is for this worker.
#[derive(Clone)]
enum Connection {
    Http(Arc<HttpSystem>),
    /// Its settings do not make a connection, or its type is of a later version.
    Unusable(String),
}

impl Systems {
    /// None yet; microservices are where these are.
    pub(crate) fn new(microservices: Microservices) -> Self {
        Systems {
            microservices,
            ..Systems::default()
        }
    }

    /// Takes up a configuration; connections whose settings and secrets are the same stay.
    pub(crate) fn take_up(&self, systems: &BTreeMap<String, Arc<System>>, secrets: &SecretValues) {
        let before = self.connected.read().clone();
        let connected = systems
            .iter()
            .map(|(id, system)| {
                let connection = self.connect(system, secrets, before.get(id));
                (id.clone(), connection)
            })
            .collect();
        *self.connected.write() = connected;
    }

    /// The connection of a system that is reached by HTTP; an error says in words why there is none.
    pub(crate) fn http(&self, id: &str) -> Result<Arc<HttpSystem>, String> {
        match self.connected.read().get(id) {
            Some(Connection::Http(system)) => Ok(system.clone()),
            Some(Connection::Unusable(why)) => Err(why.clone()),
            None => Err(format!("there is no system \"{id}\"")),
        }
    }

    /// What the API shows of each.
    pub(crate) fn reports(&self) -> Vec<SystemReport> {
        self.connected
            .read()
            .iter()
            .map(|(id, connection)| report(id, connection))
            .collect()
    }

    fn connect(
        &self,
        system: &System,
        secrets: &SecretValues,
        before: Option<&Connection>,
    ) -> Connection {
        if !system.valid {
            return Connection::Unusable(format!(
                "the configuration of system \"{}\" has errors",
                system.id
            ));
        }
        let Some(settings) = &system.url else {
            return Connection::Unusable(format!(
                "systems of type \"{}\" cannot be used in this version",
                system.kind
            ));
        };
        let mut settings = settings.clone();
        if let Some(microservice) = &system.microservice {
            match self.microservices.address(&system.id, microservice) {
                Ok(address) => settings.address = Address::Base(address),
                Err(why) => return Connection::Unusable(why),
            }
        }
        if let Some(Connection::Http(before)) = before
            && before.is_made_from(system, secrets)
        {
            return Connection::Http(before.clone());
        }
        match HttpSystem::new(system, &settings, secrets) {
            Ok(connected) => Connection::Http(Arc::new(connected)),
            Err(failure) => Connection::Unusable(failure.message),
        }
    }
}

fn report(id: &str, connection: &Connection) -> SystemReport {
    let (reachable, message) = match connection {
        Connection::Http(system) => match system.last() {
            Some(Ok(())) => (Some(true), None),
            Some(Err(message)) => (Some(false), Some(message)),
            None => (None, None),
        },
        Connection::Unusable(why) => (Some(false), Some(why.clone())),
    };
    SystemReport {
        id: id.to_owned(),
        reachable,
        message,
    }
}
