//! What operator and storage node say to each other about configuration.

use super::components::{component_kind, diagnostics, to_diagnostics, to_variables, variables};
use super::damaged::{Damaged, Within, name, required};
use super::json::json;
use super::proto;
use super::snapshots::{component_name, origin, to_component_name};
use super::whole::Gather;
use crate::{
    Error, HandOver, HandOverOutcome, HandedComponent, HandedSecrets, HandedVariables,
    ReferencedSecret, RemovedComponent, RequestId, Verdict, WantedComponent, WriteAnswer,
    WriteIntent,
};
use std::fmt;
use std::sync::Arc;

impl From<HandOver> for proto::HandOverRequest {
    fn from(handed: HandOver) -> Self {
        let changed = handed
            .changed
            .into_iter()
            .map(|one| proto::HandedComponent {
                kind: proto::ComponentKind::from(one.kind).into(),
                id: one.id,
                group: one.group,
                original: one.original.to_string(),
                origin: Some(one.origin.into()),
            });
        let removed = handed.removed.into_iter();
        let removed = removed.map(|one| proto::RemovedComponent {
            kind: proto::ComponentKind::from(one.kind).into(),
            id: one.id,
            uid: one.uid,
        });
        let variables = handed.variables.map(|handed| proto::HandedVariables {
            origin: Some(handed.origin.into()),
            values: to_variables(&handed.values),
        });
        proto::HandOverRequest {
            operator_epoch: handed.operator_epoch,
            request: handed.request.map(|request| request.0),
            changed: changed.collect(),
            removed: removed.collect(),
            variables,
        }
    }
}

impl TryFrom<proto::HandOverRequest> for HandOver {
    type Error = Damaged;

    fn try_from(handed: proto::HandOverRequest) -> Result<Self, Damaged> {
        let changed = handed.changed.into_iter().map(handed_component);
        let removed = handed.removed.into_iter().map(|one| {
            Ok(RemovedComponent {
                kind: component_kind(one.kind)?,
                id: name(one.id, "id")?,
                uid: name(one.uid, "uid")?,
            })
        });
        let values = handed.variables.map(|handed| {
            Ok(HandedVariables {
                origin: origin(handed.origin)?,
                values: variables(handed.values)?,
            })
        });
        let request = handed.request.map(|request| name(request, "request"));
        Ok(HandOver {
            operator_epoch: handed.operator_epoch,
            request: request.transpose()?.map(RequestId),
            changed: changed.collect::<Result<_, _>>().within("changed")?,
            removed: removed.collect::<Result<_, Damaged>>().within("removed")?,
            variables: values.transpose()?,
        })
    }
}

fn handed_component(one: proto::HandedComponent) -> Result<HandedComponent, Damaged> {
    Ok(HandedComponent {
        kind: component_kind(one.kind)?,
        id: name(one.id, "id")?,
        group: one.group,
        original: Arc::new(json(&one.original, "original")?),
        origin: origin(one.origin)?,
    })
}

impl From<HandOverOutcome> for proto::HandOverOutcome {
    fn from(outcome: HandOverOutcome) -> Self {
        let verdicts = outcome.verdicts.into_iter().map(|verdict| proto::Verdict {
            kind: proto::ComponentKind::from(verdict.kind).into(),
            id: verdict.id,
            taken: verdict.taken,
            diagnostics: to_diagnostics(&verdict.diagnostics),
        });
        proto::HandOverOutcome {
            revision: outcome.revision,
            verdicts: verdicts.collect(),
        }
    }
}

impl TryFrom<proto::HandOverOutcome> for HandOverOutcome {
    type Error = Damaged;

    fn try_from(outcome: proto::HandOverOutcome) -> Result<Self, Damaged> {
        let verdicts = outcome.verdicts.into_iter().map(|verdict| {
            Ok(Verdict {
                kind: component_kind(verdict.kind)?,
                id: verdict.id,
                taken: verdict.taken,
                diagnostics: diagnostics(verdict.diagnostics)?,
            })
        });
        Ok(HandOverOutcome {
            revision: outcome.revision,
            verdicts: verdicts
                .collect::<Result<_, Damaged>>()
                .within("verdicts")?,
        })
    }
}

impl From<HandedSecrets> for proto::HandOverSecretsRequest {
    fn from(handed: HandedSecrets) -> Self {
        let secrets = handed.secrets.into_iter().map(|(name, secret)| {
            let ReferencedSecret { value, kept_in } = secret;
            (name, proto::ReferencedSecret { value, kept_in })
        });
        proto::HandOverSecretsRequest {
            operator_epoch: handed.operator_epoch,
            system: handed.system,
            secrets: secrets.collect(),
        }
    }
}

impl TryFrom<proto::HandOverSecretsRequest> for HandedSecrets {
    type Error = Damaged;

    fn try_from(handed: proto::HandOverSecretsRequest) -> Result<Self, Damaged> {
        let secrets = handed.secrets.into_iter().map(|(id, secret)| {
            let proto::ReferencedSecret { value, kept_in } = secret;
            let kept_in = name(kept_in, "kept_in").within("secrets")?;
            Ok((id, ReferencedSecret { value, kept_in }))
        });
        Ok(HandedSecrets {
            operator_epoch: handed.operator_epoch,
            secrets: secrets.collect::<Result<_, Damaged>>()?,
            system: name(handed.system, "system")?,
        })
    }
}

impl fmt::Debug for proto::ReferencedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReferencedSecret(in {})", self.kept_in)
    }
}

impl From<&WriteIntent> for proto::WriteIntent {
    fn from(intent: &WriteIntent) -> Self {
        let put = intent.put.iter().map(|one| proto::WantedComponent {
            kind: proto::ComponentKind::from(one.kind).into(),
            id: one.id.clone(),
            group: one.group.clone(),
            original: one.original.to_string(),
        });
        proto::WriteIntent {
            request: intent.request.0.clone(),
            user: intent.user.clone(),
            force: intent.force,
            put: put.collect(),
            remove: intent.remove.iter().map(to_component_name).collect(),
            prunes: intent.prunes,
        }
    }
}

impl TryFrom<proto::WriteIntent> for WriteIntent {
    type Error = Damaged;

    fn try_from(intent: proto::WriteIntent) -> Result<Self, Damaged> {
        let put = intent.put.into_iter().map(|one| {
            Ok(WantedComponent {
                kind: component_kind(one.kind)?,
                id: name(one.id, "id")?,
                group: one.group,
                original: Arc::new(json(&one.original, "original")?),
            })
        });
        let remove = intent.remove.into_iter().map(component_name);
        Ok(WriteIntent {
            request: RequestId(name(intent.request, "request")?),
            user: intent.user,
            force: intent.force,
            put: put.collect::<Result<_, Damaged>>().within("put")?,
            remove: remove.collect::<Result<_, _>>().within("remove")?,
            prunes: intent.prunes,
        })
    }
}

/// How a write ended, going out.
pub(crate) fn to_answer(
    operator_epoch: u64,
    request: &RequestId,
    answer: &WriteAnswer,
) -> proto::AnswerWriteRequest {
    proto::AnswerWriteRequest {
        operator_epoch,
        request: request.0.clone(),
        refused: match answer {
            WriteAnswer::Applied => None,
            WriteAnswer::Refused(error) => Some(error.into()),
        },
    }
}

/// How a write ended, as it arrives.
pub(crate) fn answer(
    answer: proto::AnswerWriteRequest,
) -> Result<(u64, RequestId, WriteAnswer), Damaged> {
    let refused = answer.refused.map(Error::try_from).transpose();
    let end = match refused.within("refused")? {
        None => WriteAnswer::Applied,
        Some(error) => WriteAnswer::Refused(error),
    };
    let request = RequestId(name(answer.request, "request")?);
    Ok((answer.operator_epoch, request, end))
}

/// The waiting writes as parts of one each; there is always one, and the last says so.
pub(crate) fn writes_parts(writes: &[WriteIntent]) -> Vec<proto::WritesPart> {
    let parts = writes.iter().map(|write| proto::WritesPart {
        write: Some(write.into()),
        last: false,
    });
    let end = proto::WritesPart {
        write: None,
        last: true,
    };
    parts.chain([end]).collect()
}

/// The waiting writes on their way in.
#[derive(Default)]
pub(crate) struct GatheredWrites(Vec<WriteIntent>);

impl Gather for GatheredWrites {
    type Part = proto::WritesPart;
    type Whole = Vec<WriteIntent>;

    fn take(&mut self, part: proto::WritesPart) -> Result<Option<Vec<WriteIntent>>, Damaged> {
        if let Some(write) = part.write {
            self.0.push(write.try_into().within("write")?);
        } else if !part.last {
            required(None::<()>, "write")?;
        }
        Ok(part.last.then(|| std::mem::take(&mut self.0)))
    }
}
