//! Why a write is refused, for its user; and what is only a failure for now.

use sluice_entity::Json;
use sluice_protocol::{Code, Error};

/// Somebody else manages it.
pub(crate) fn managed(kind: &str, id: &str, manager: &str) -> Error {
    let message = format!("{kind} \"{id}\" is managed by \"{manager}\": change it there");
    Error::new(Code::Conflict, "managed-elsewhere", message)
        .with("manager", Json::from(manager))
        .with("id", Json::from(id))
}

/// A component is larger than a resource can be.
pub(crate) fn too_large(kind: &str, id: &str, bytes: usize, most: usize) -> Error {
    let message = format!("{kind} \"{id}\" has {bytes} bytes; on Kubernetes it has at most {most}");
    Error::new(Code::TooLarge, "component-too-large", message).with("id", Json::from(id))
}

/// What the API server's refusal means for the user. `None`: it may pass.
pub(crate) fn of(kind: &str, id: &str, error: &kube::Error) -> Option<Error> {
    let kube::Error::Api(status) = error else {
        return None;
    };
    match status.code {
        // Two requests for one resource at the same time are refused with the same number, and pass.
        409 => Some(managed(kind, id, &conflicting(status)?)),
        413 => Some(
            Error::new(
                Code::TooLarge,
                "component-too-large",
                status.message.clone(),
            )
            .with("id", Json::from(id)),
        ),
        400 | 403 | 422 => {
            let message = format!(
                "{kind} \"{id}\" is refused by the API server: {}",
                status.message
            );
            Some(Error::invalid("refused-by-kubernetes", message).with("id", Json::from(id)))
        }
        _ => None,
    }
}

/// It was tried for long enough.
pub(crate) fn given_up(kind: &str, id: &str, error: &kube::Error) -> Error {
    let why = match error {
        kube::Error::Api(status) => format!("{} {}", status.code, status.message),
        _ => "no answer".to_owned(),
    };
    let message = format!("{kind} \"{id}\" could not be written, the API server said: {why}");
    Error::new(Code::Unavailable, "kubernetes-unavailable", message).with("id", Json::from(id))
}

/// Says what of a refused write was written all the same. With a dry run before it that is rarely anything.
pub(crate) fn with_what_is_written(
    refused: Error,
    written: &[String],
    unclear: &[String],
) -> Error {
    let list = |ids: &[String]| {
        ids.iter()
            .map(|id| Json::from(id.as_str()))
            .collect::<Vec<_>>()
    };
    let mut refused = refused;
    if written.is_empty() && unclear.is_empty() {
        refused.message += "; nothing was changed";
        return refused;
    }
    let (some, more) = (written.len(), unclear.len());
    refused.message +=
        &format!("; {some} components were changed before that, and of {more} it is not known");
    refused
        .with("written", Json::Array(list(written)))
        .with("unclear", Json::Array(list(unclear)))
}

/// The manager that a conflict names.
fn conflicting(status: &kube::core::Status) -> Option<String> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let mut texts = causes
        .map(|cause| cause.message.as_str())
        .chain([status.message.as_str()]);
    texts.find_map(|text| {
        let (_, rest) = text.split_once("conflict with \"")?;
        Some(rest.split_once('"')?.0.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(code: u16, message: &str) -> kube::Error {
        let status = kube::core::Status {
            code,
            message: message.to_owned(),
            ..kube::core::Status::default()
        };
        kube::Error::Api(Box::new(status))
    }

    #[test]
    fn a_conflict_names_the_other_manager() {
        let message = "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using sluice.dev/v1alpha1: .spec.config.source";
        let refused = of("pipe", "in", &api(409, message)).unwrap();
        assert_eq!(refused.code, Code::Conflict);
        assert!(refused.message.contains("kubectl-client-side-apply"));
        assert_eq!(
            of("pipe", "in", &api(413, "large")).unwrap().code,
            Code::TooLarge
        );
        assert!(of("pipe", "in", &api(503, "")).is_none());
        assert!(of("pipe", "in", &api(409, "the object has been modified")).is_none());
        let denied = of("pipe", "in", &api(403, "exceeded quota")).unwrap();
        assert!(denied.message.contains("exceeded quota"));
    }

    #[test]
    fn a_refusal_says_what_was_written_before_it() {
        let refused = || managed("pipe", "b", "kubectl");
        let whole = with_what_is_written(refused(), &[], &[]);
        assert!(whole.message.ends_with("nothing was changed"));
        let part = with_what_is_written(refused(), &["a".to_owned()], &["c".to_owned()]);
        let members: Vec<String> = part
            .members
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert!(
            members.contains(&r#"written=["a"]"#.to_owned()),
            "{members:?}"
        );
        assert!(
            members.contains(&r#"unclear=["c"]"#.to_owned()),
            "{members:?}"
        );
    }
}
