//! What users ask of microservices: answered from what is seen of them, and by the API server.

use super::seen::Seen;
use super::state::{container, judge, newest};
use super::{RELOADED, logs};
use crate::configuration::Hub;
use crate::controllers::chain;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use sluice_config::microservice_name;
use sluice_protocol::{
    Code, Error, LogsWanted, MicroserviceAnswer, MicroserviceQuestion, MicroserviceStatus, Result,
    WaitingQuestion,
};
use std::sync::Arc;

/// The field manager of what a reload changes: what is applied otherwise leaves it alone.
const MANAGER: &str = "sluice-operator-reload";

/// What answering one takes, as it is seen now.
pub(super) struct Asked {
    deployments: Api<Deployment>,
    pods: Api<Pod>,
    name: String,
    deployment: Option<Arc<Deployment>>,
    its_pods: Vec<Arc<Pod>>,
}

impl Asked {
    pub(super) fn new(hub: &Hub, waiting: &WaitingQuestion, seen: &Seen) -> Self {
        let name = microservice_name(&hub.name, &waiting.system);
        Asked {
            deployments: hub.api(),
            pods: hub.api(),
            deployment: seen.deployments.get(&name).cloned(),
            its_pods: seen.pods(&name).into_iter().cloned().collect(),
            name,
        }
    }

    /// Answers it.
    pub(super) async fn answer(self, waiting: &WaitingQuestion) -> Result<MicroserviceAnswer> {
        if self.deployment.is_none() && waiting.question == MicroserviceQuestion::Status {
            return Ok(MicroserviceAnswer::Status(MicroserviceStatus {
                reason: "NotRunning".to_owned(),
                message: "no pipe uses it, or it is just being made".to_owned(),
                ..MicroserviceStatus::default()
            }));
        }
        if self.deployment.is_none() {
            let message = format!(
                "the microservice \"{}\" does not run: no pipe uses it, or it is just being made",
                waiting.system
            );
            return Err(Error::new(Code::Unavailable, "not-running", message));
        }
        match &waiting.question {
            MicroserviceQuestion::Status => Ok(MicroserviceAnswer::Status(self.status())),
            MicroserviceQuestion::Logs(wanted) => self.logs(wanted).await,
            MicroserviceQuestion::Reload => self.reload(waiting).await,
        }
    }

    fn its_pods(&self) -> Vec<&Pod> {
        self.its_pods.iter().map(|pod| &**pod).collect()
    }

    fn status(&self) -> MicroserviceStatus {
        let pods = self.its_pods();
        let state = judge(self.deployment.as_deref(), &pods);
        let container = newest(&pods).and_then(container);
        let running = container.and_then(|container| container.state.as_ref()?.running.as_ref());
        let started = running.and_then(|running| running.started_at.as_ref());
        let image = self.deployment.as_ref().and_then(|deployment| {
            let pod = deployment.spec.template.spec.as_ref()?;
            pod.containers.first()?.image.clone()
        });
        MicroserviceStatus {
            is_ready: state.is_ready,
            reason: state.reason,
            message: state.message,
            image: image.unwrap_or_default(),
            image_id: container
                .map(|container| container.image_id.clone())
                .filter(|id| !id.is_empty()),
            started: started.and_then(|time| u64::try_from(time.0.as_microsecond()).ok()),
            restarts: container
                .and_then(|container| u64::try_from(container.restart_count).ok())
                .unwrap_or_default(),
        }
    }

    async fn logs(&self, wanted: &LogsWanted) -> Result<MicroserviceAnswer> {
        let text = logs::read(&self.pods, &self.its_pods(), wanted).await?;
        Ok(MicroserviceAnswer::Logs(text))
    }

    /// Another pod takes its place, which pulls the image as its policy says.
    async fn reload(&self, waiting: &WaitingQuestion) -> Result<MicroserviceAnswer> {
        let now = Timestamp::now().to_string();
        let patch = json!({"spec": {"template": {"metadata": {"annotations": {RELOADED: now}}}}});
        let parameters = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patched = self
            .deployments
            .patch(&self.name, &parameters, &Patch::Merge(patch))
            .await;
        patched.map_err(|error| api_error("reload", error))?;
        tracing::info!(
            system = waiting.system,
            user = waiting.user,
            "a microservice is reloaded"
        );
        Ok(MicroserviceAnswer::Reloading)
    }
}

/// A request to the API server that failed. What it said may have more in it than users are to see.
pub(super) fn api_error(verb: &str, error: kube::Error) -> Error {
    tracing::warn!(error = chain(&error), "could not {verb} a microservice");
    let message = format!("Kubernetes could not {verb} the microservice; try again");
    Error::new(Code::Unavailable, "kubernetes", message)
}
