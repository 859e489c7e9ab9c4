//! What the operator asks of the node about microservices, and what the API does.

use crate::service::Node;
use crate::writers::Truth;
use async_trait::async_trait;
use sluice_config::{Microservice, resolve_secrets};
use sluice_entity::{Entity, HashKey, Json, Numbers};
use sluice_protocol::{
    Code, ComponentKind, Container, Error, MicroserviceAnswer, MicroserviceControl,
    MicroserviceQuestion, RequestId, Result, SecretValues, StorageNode as _, WaitingQuestion,
    no_containers,
};
use std::sync::Arc;
use tokio::sync::watch;

impl Node {
    /// The microservice of a system.
    fn microservice(&self, system: &str) -> Result<Microservice> {
        let snapshot = self.inner.published.borrow().clone();
        let key = (ComponentKind::System, system.to_owned());
        let component = snapshot.components.get(&key);
        let component =
            component.ok_or_else(|| Error::not_found("unknown-system", "system", system))?;
        let microservice = component
            .is_valid()
            .then(|| Microservice::of(&component.effective));
        match microservice {
            None => {
                let message = format!("the configuration of the system \"{system}\" has errors");
                Err(Error::new(
                    Code::FailedPrecondition,
                    "invalid-system",
                    message,
                ))
            }
            Some(None) => {
                let message = format!("the system \"{system}\" is no microservice");
                Err(Error::new(Code::NotFound, "not-a-microservice", message))
            }
            Some(Some(microservice)) => Ok(microservice),
        }
    }

    /// Asks the operator about a microservice, for the API.
    pub(crate) async fn ask(
        &self,
        system: &str,
        question: MicroserviceQuestion,
        user: &str,
    ) -> Result<MicroserviceAnswer> {
        self.microservice(system)?;
        match self.truth {
            Truth::OwnHistory => Err(no_containers(system)),
            Truth::CustomResources => self.questions.ask(system, question, user).await,
        }
    }
}

#[async_trait]
impl MicroserviceControl for Node {
    async fn container(&self, operator_epoch: u64, system: &str) -> Result<Container> {
        self.admit(operator_epoch)?;
        let microservice = self.microservice(system)?;
        let secrets = self.secret_values().await?;
        container(system, &microservice, &secrets, self.inner.store.hash_key())
    }

    async fn watch_questions(
        &self,
        operator_epoch: u64,
    ) -> Result<watch::Receiver<Arc<Vec<WaitingQuestion>>>> {
        self.admit(operator_epoch)?;
        Ok(self.questions.watch())
    }

    async fn answer_question(
        &self,
        operator_epoch: u64,
        request: &RequestId,
        answer: Result<MicroserviceAnswer>,
    ) -> Result<()> {
        self.admit(operator_epoch)?;
        self.questions.answer(request, answer);
        Ok(())
    }
}

fn container(
    system: &str,
    microservice: &Microservice,
    secrets: &SecretValues,
    key: &HashKey,
) -> Result<Container> {
    let resolved = |text: &str| {
        let value = |name: &str| secrets.resolve(Some(system), name).map(str::to_owned);
        resolve_secrets(text, value).map_err(|unknown| {
            let message = format!("the system \"{system}\" is not complete: {unknown}");
            Error::new(Code::FailedPrecondition, "unknown-secret", message)
        })
    };
    let mut container = Container::default();
    for (name, value) in &microservice.environment {
        container.environment.insert(name.clone(), resolved(value)?);
    }
    if let Some((user, password)) = &microservice.login {
        container.login = Some((resolved(user)?, resolved(password)?));
    }
    container.digest = digest(&container, key);
    Ok(container)
}

/// Keyed, so that nobody who sees it can try what it is made of.
fn digest(container: &Container, key: &HashKey) -> String {
    let environment = container.environment.iter();
    let environment = environment.map(|(name, value)| (name.clone(), Json::from(value.as_str())));
    let login = container.login.iter();
    let login = login.flat_map(|(user, password)| [user, password]);
    let content = Json::Object(vec![
        (
            "environment".to_owned(),
            Json::Object(environment.collect()),
        ),
        (
            "login".to_owned(),
            Json::Array(login.map(|text| Json::from(text.as_str())).collect()),
        ),
    ]);
    let entity = Entity::new(content.to_value(&Numbers::default()));
    let hash = entity.map(|entity| entity.content_hash(key).to_string());
    hash.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_entity::Limits;

    #[test]
    fn secrets_are_filled_in_and_the_digest_tells_only_that_something_differs() {
        let text = br#"{"_id": "a", "type": "system:microservice", "docker": {"image": "i", "port": 1,
            "username": "u", "password": "$SECRET(own)", "environment": {"A": "x-$SECRET(both)", "B": [1]}}}"#;
        let effective = Json::parse(text, &Limits::default()).unwrap();
        let microservice = Microservice::of(&effective).unwrap();
        let mut secrets = SecretValues::default();
        let made =
            |secrets: &SecretValues| container("a", &microservice, secrets, &HashKey([1, 2, 3, 4]));
        assert_eq!(made(&secrets).unwrap_err().reason, "unknown-secret");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        secrets.global = [pair("both", "global"), pair("own", "global")].into();
        secrets.systems = [("a".to_owned(), [pair("own", "mine")].into())].into();
        let first = made(&secrets).unwrap();
        assert_eq!(first.environment["A"], "x-global");
        assert_eq!(first.environment["B"], "[1]");
        assert_eq!(first.login, Some(pair("u", "mine")));
        assert_eq!(made(&secrets).unwrap().digest, first.digest);
        secrets.global.extend([pair("both", "other")]);
        assert_ne!(made(&secrets).unwrap().digest, first.digest);
        assert!(!format!("{first:?}").contains("global"));
    }
}
