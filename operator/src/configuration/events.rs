//! Events of pipes and systems: one for each change of a condition that somebody may want to know of, none for anything else.

use super::keeper::Hub;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

/// Of these conditions a change is told.
const TOLD: [&str; 3] = ["Accepted", "Placed", "Flowing"];

/// An event and what it is about.
pub(crate) struct Told {
    about: ObjectReference,
    event: Event,
}

impl Told {
    /// Of the resource.
    pub(crate) fn uid(&self) -> Option<&str> {
        self.about.uid.as_deref()
    }
}

/// Publishes events.
pub(crate) struct Events(Recorder);

impl Events {
    pub(crate) fn new(hub: &Hub) -> Self {
        let reporter = Reporter {
            controller: "sluice-operator".to_owned(),
            instance: None,
        };
        Events(Recorder::new(hub.client.clone(), reporter))
    }

    /// What is to be told of conditions that changed.
    pub(crate) fn of<K: Resource<DynamicType = ()>>(
        &self,
        object: &K,
        before: Option<&Vec<Condition>>,
        now: &[Condition],
    ) -> Vec<Told> {
        let status_of = |conditions: Option<&Vec<Condition>>, kind: &str| {
            let found = conditions?.iter().find(|one| one.type_ == kind)?;
            Some((found.status.clone(), found.reason.clone()))
        };
        let changed = now.iter().filter(|one| TOLD.contains(&one.type_.as_str()));
        let changed = changed.filter(|one| {
            let is = Some((one.status.clone(), one.reason.clone()));
            // That something is not known yet is no news.
            one.status != "Unknown" && status_of(before, &one.type_) != is
        });
        let told = changed.map(|one| Told {
            about: object.object_ref(&()),
            event: Event {
                type_: match one.status.as_str() {
                    "False" => EventType::Warning,
                    _ => EventType::Normal,
                },
                reason: one.reason.clone(),
                note: Some(shorten(&one.message)),
                action: one.type_.clone(),
                secondary: None,
            },
        });
        told.collect()
    }

    /// Publishes events; one that cannot be is no reason to stop.
    pub(crate) async fn publish(&self, all: impl Iterator<Item = Told>) {
        for told in all {
            if let Err(error) = self.0.publish(&told.event, &told.about).await {
                let error = crate::controllers::chain(&error);
                tracing::warn!(error, "an event cannot be published");
            }
        }
    }
}

/// A note has at most 1 KiB.
fn shorten(message: &str) -> String {
    let end = message.floor_char_boundary(1_000);
    message.get(..end).unwrap_or_default().to_owned()
}
