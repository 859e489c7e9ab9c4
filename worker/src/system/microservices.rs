//! Where microservices are: at addresses that were given, or beside the hub, where the operator runs them.

use sluice_config::{Microservice, microservice_name};
use std::collections::BTreeMap;

/// Where microservices are.
#[derive(Clone, Debug, Default)]
pub struct Microservices {
    /// The hub's name, by which the operator calls them.
    pub hub: String,
    /// The domain of their Services; `None`: nobody runs them for this hub.
    pub domain: Option<String>,
    /// Addresses of those that somebody else runs, by system.
    pub addresses: BTreeMap<String, String>,
}

impl Microservices {
    /// The address of a system's microservice; an error says in words why there is none.
    pub(crate) fn address(
        &self,
        system: &str,
        microservice: &Microservice,
    ) -> Result<String, String> {
        if let Some(address) = self.addresses.get(system) {
            return Ok(address.clone());
        }
        let Some(domain) = &self.domain else {
            return Err(format!(
                "system \"{system}\" is a microservice, and this hub runs no containers: start it yourself, and give the hub its \
                 address with --microservices={system}=http://…"
            ));
        };
        let scheme = if microservice.use_https {
            "https"
        } else {
            "http"
        };
        let name = microservice_name(&self.hub, system);
        Ok(format!("{scheme}://{name}.{domain}:{}", microservice.port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_entity::Json;

    #[test]
    fn what_is_given_wins_and_what_nobody_runs_is_told() {
        let text = br#"{"_id": "a", "type": "system:microservice", "docker": {"image": "i", "port": 5000}}"#;
        let effective = Json::parse(text, &sluice_entity::Limits::default()).unwrap();
        let microservice = Microservice::of(&effective).unwrap();
        let mut places = Microservices::default();
        let none = places.address("a", &microservice).unwrap_err();
        assert!(none.contains("--microservices=a="), "{none}");
        places.hub = "hub".to_owned();
        places.domain = Some("ns.svc".to_owned());
        let name = microservice_name("hub", "a");
        let address = places.address("a", &microservice);
        assert_eq!(address.unwrap(), format!("http://{name}.ns.svc:5000"));
        let given = ("a".to_owned(), "http://127.0.0.1:1".to_owned());
        places.addresses.extend([given]);
        let address = places.address("a", &microservice);
        assert_eq!(address.unwrap(), "http://127.0.0.1:1");
    }
}
