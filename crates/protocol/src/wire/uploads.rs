//! Uploads and what they did.

use super::components::{diagnostics, posted, to_diagnostics};
use super::damaged::{Damaged, Within, required};
use super::json::json;
use super::proto;
use crate::{PutConfiguration, PutOutcome, RejectedComponent, Scope};
use sluice_entity::Json;

impl From<&PutConfiguration> for proto::PutConfigurationRequest {
    fn from(put: &PutConfiguration) -> Self {
        let scope = match &put.scope {
            Scope::All => proto::scope::Scope::All(proto::AllGroups {}),
            Scope::Group(group) => proto::scope::Scope::Group(group.clone()),
        };
        proto::PutConfigurationRequest {
            scope: Some(proto::Scope { scope: Some(scope) }),
            components: put.components.iter().map(Json::to_string).collect(),
            force: put.force,
            user: put.user.clone(),
        }
    }
}

impl TryFrom<proto::PutConfigurationRequest> for PutConfiguration {
    type Error = Damaged;

    fn try_from(put: proto::PutConfigurationRequest) -> Result<Self, Damaged> {
        let scope = required(put.scope.and_then(|scope| scope.scope), "scope")?;
        Ok(PutConfiguration {
            scope: match scope {
                proto::scope::Scope::All(proto::AllGroups {}) => Scope::All,
                proto::scope::Scope::Group(group) => Scope::Group(group),
            },
            components: posted(&put.components)?,
            force: put.force,
            user: put.user,
        })
    }
}

impl From<&PutOutcome> for proto::PutOutcome {
    fn from(outcome: &PutOutcome) -> Self {
        let rejected = outcome
            .rejected
            .iter()
            .map(|rejected| proto::RejectedComponent {
                posted: rejected.posted.to_string(),
                diagnostics: to_diagnostics(&rejected.diagnostics),
            });
        proto::PutOutcome {
            applied: outcome.applied,
            revision: outcome.revision,
            rejected: rejected.collect(),
        }
    }
}

impl TryFrom<proto::PutOutcome> for PutOutcome {
    type Error = Damaged;

    fn try_from(outcome: proto::PutOutcome) -> Result<Self, Damaged> {
        let rejected = outcome.rejected.into_iter().map(|rejected| {
            Ok(RejectedComponent {
                posted: json(&rejected.posted, "posted")?,
                diagnostics: diagnostics(rejected.diagnostics)?,
            })
        });
        Ok(PutOutcome {
            applied: outcome.applied,
            revision: outcome.revision,
            rejected: rejected.collect::<Result<_, _>>().within("rejected")?,
        })
    }
}
