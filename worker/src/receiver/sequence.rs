//! Sequences of full pushes: which request may come next (JP3, JP4, JP5). Pure but for loading the record.

use crate::pipe::deletion::Measure;
use crate::pipe::state::Record;
use serde::{Deserialize, Serialize};
use sluice_protocol::{Code, Error, PushRequest, Result};

/// The active sequence of a receiver; there is at most one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Active {
    /// `None`: no sequence is active.
    pub sequence: Option<Sequence>,
}

/// A full push under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sequence {
    /// Its id, which also names the full run in the dataset's deletion tracking.
    pub id: String,
    /// The latest request.
    pub request_id: Option<String>,
    /// The request before it.
    pub previous_request_id: Option<String>,
    /// What its deletes are measured by (R27).
    #[serde(default)]
    pub measure: Measure,
}

impl Sequence {
    /// The same requests, whatever else is known.
    fn is_same_request(&self, other: &Sequence) -> bool {
        self.request_id == other.request_id && self.previous_request_id == other.previous_request_id
    }
}

impl Record for Active {
    const NAME: &'static str = "sequence";
}

/// What a request means to the sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// An incremental push: it leaves the sequence alone (R63).
    Incremental,
    /// The first request of a sequence; it takes the place of an unfinished one.
    Begins(Sequence),
    /// The next request of the active sequence, or its latest once more.
    Continues(Sequence),
}

impl Step {
    /// The sequence the request is part of.
    pub(super) fn sequence(&self) -> Option<&Sequence> {
        match self {
            Step::Incremental => None,
            Step::Begins(sequence) | Step::Continues(sequence) => Some(sequence),
        }
    }
}

impl Active {
    /// Looks at a request; a conflict makes the client start again with a new sequence.
    pub(super) fn step(&self, request: &PushRequest) -> Result<Step> {
        let is_active = |id: &String| {
            self.sequence
                .as_ref()
                .is_some_and(|active| active.id == *id)
        };
        if !request.is_full {
            return match &request.sequence_id {
                Some(id) if is_active(id) => Err(conflict(
                    "is-full-changed",
                    "is_full differs from the request before",
                )),
                _ => Ok(Step::Incremental),
            };
        }
        let id = match &request.sequence_id {
            Some(id) if !id.is_empty() => id.clone(),
            _ if request.is_last && request.previous_request_id.is_none() => {
                uuid::Uuid::new_v4().to_string()
            }
            _ => {
                return Err(Error::invalid(
                    "missing-sequence-id",
                    "a full push of several requests needs a sequence_id",
                ));
            }
        };
        let next = Sequence {
            id,
            request_id: request.request_id.clone(),
            previous_request_id: request.previous_request_id.clone(),
            measure: self
                .sequence
                .as_ref()
                .map(|active| active.measure.clone())
                .unwrap_or_default(),
        };
        match self.sequence.as_ref().filter(|active| active.id == next.id) {
            None if request.previous_request_id.is_some() => Err(conflict(
                "previous-request-unknown",
                "previous_request_id names a request of a sequence that is not active",
            )),
            None => Ok(Step::Begins(next)),
            // The reply got lost and the client sends the same request again: harmless (R2).
            Some(active) if active.request_id.is_some() && active.is_same_request(&next) => {
                Ok(Step::Continues(next))
            }
            Some(_) if request.is_first => Err(conflict(
                "second-first",
                "the sequence has a first request already",
            )),
            Some(active) if active.request_id != request.previous_request_id => Err(conflict(
                "previous-request-differs",
                "previous_request_id is not the id of the request before",
            )),
            Some(_) => Ok(Step::Continues(next)),
        }
    }
}

fn conflict(reason: &'static str, message: &str) -> Error {
    Error::new(
        Code::Conflict,
        reason,
        format!("{message}; start again with a new sequence"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(
        sequence: &str,
        request: &str,
        previous: Option<&str>,
        first: bool,
        last: bool,
    ) -> PushRequest {
        PushRequest {
            sequence_id: Some(sequence.into()),
            request_id: Some(request.into()),
            previous_request_id: previous.map(Into::into),
            is_full: true,
            is_first: first,
            is_last: last,
            ..PushRequest::default()
        }
    }

    fn after(active: &mut Active, request: PushRequest) -> Result<&'static str, String> {
        match active.step(&request) {
            Ok(Step::Incremental) => Ok("incremental"),
            Ok(Step::Begins(next)) => {
                active.sequence = Some(next);
                Ok("begins")
            }
            Ok(Step::Continues(next)) => {
                active.sequence = Some(next);
                Ok("continues")
            }
            Err(error) => Err(error.reason.into_owned()),
        }
    }

    #[test]
    fn requests_of_a_sequence_form_a_chain() {
        let mut active = Active::default();
        assert_eq!(
            after(&mut active, full("s", "1", None, true, false)),
            Ok("begins")
        );
        assert_eq!(
            after(&mut active, full("s", "2", Some("1"), false, false)),
            Ok("continues")
        );
        assert_eq!(
            after(&mut active, full("s", "2", Some("1"), false, false)),
            Ok("continues"),
            "the reply got lost"
        );
        assert_eq!(
            after(&mut active, full("s", "4", Some("3"), false, false)),
            Err("previous-request-differs".to_owned())
        );
        assert_eq!(
            after(&mut active, full("s", "3", None, true, false)),
            Err("second-first".to_owned())
        );
        assert_eq!(
            after(&mut active, full("s", "3", Some("2"), false, true)),
            Ok("continues")
        );
    }

    #[test]
    fn an_incremental_push_leaves_the_sequence_alone_but_may_not_pose_as_part_of_it() {
        let mut active = Active::default();
        assert_eq!(
            after(&mut active, full("s", "1", None, true, false)),
            Ok("begins")
        );
        let incremental = PushRequest {
            sequence_id: Some("other".into()),
            ..PushRequest::default()
        };
        assert_eq!(after(&mut active, incremental), Ok("incremental"));
        assert_eq!(
            after(&mut active, PushRequest::default()),
            Ok("incremental")
        );
        let posing = PushRequest {
            sequence_id: Some("s".into()),
            ..PushRequest::default()
        };
        assert_eq!(
            after(&mut active, posing),
            Err("is-full-changed".to_owned())
        );
        assert_eq!(
            after(&mut active, full("s", "2", Some("1"), false, true)),
            Ok("continues")
        );
    }

    #[test]
    fn a_new_sequence_takes_the_place_of_an_unfinished_one() {
        let mut active = Active::default();
        assert_eq!(
            after(&mut active, full("s", "1", None, true, false)),
            Ok("begins")
        );
        assert_eq!(
            after(&mut active, full("t", "1", None, true, false)),
            Ok("begins")
        );
        assert_eq!(
            after(&mut active, full("s", "2", Some("1"), false, false)),
            Err("previous-request-unknown".to_owned())
        );
    }
}
