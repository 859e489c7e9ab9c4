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
    /// How many have begun so far: the number of the latest.
    #[serde(default)]
    pub begun: u64,
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
    /// Counts the sequences of the receiver, from 1: ids may be used again.
    #[serde(default)]
    pub number: u64,
    /// What its deletes are measured by (R27).
    #[serde(default)]
    pub measure: Measure,
}

impl Sequence {
    /// This request as one of a sequence under way.
    fn of(self, active: &Sequence) -> Sequence {
        Sequence {
            number: active.number,
            ..self
        }
    }

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

/// Why a request out of the push log is not taken: all that it brought is in the state.
const OVER: &str = "sequence-over";
/// The dataset was emptied or written by another full run after the sequence began.
pub(super) const REPLACED: &str = "sequence-replaced";
/// The request is no part of a sequence that goes on.
const UNKNOWN: &str = "previous-request-unknown";
const SECOND: &str = "second-first";
const DIFFERS: &str = "previous-request-differs";

/// Whether a request out of the push log is refused because the state went on from it already. Of those that a version logged
/// which did not count sequences only their place in one tells.
pub(crate) fn is_contained(error: &Error) -> bool {
    let reasons = [OVER, REPLACED, UNKNOWN, SECOND, DIFFERS];
    error.code == Code::Conflict && reasons.contains(&&*error.reason)
}

impl Active {
    /// Looks at a request out of the push log, which was taken once as part of the sequence of this number. The state may have
    /// gone on from it already; of a sequence that is under way its requests are taken again in their order, whatever came of
    /// them the first time.
    pub(super) fn step_again(&self, request: &PushRequest, number: Option<u64>) -> Result<Step> {
        let number = match number {
            Some(number) => number,
            None if request.is_full => return self.step(request),
            None => return Ok(Step::Incremental),
        };
        let next = Sequence {
            number,
            ..self.next(request)?
        };
        match &self.sequence {
            _ if number > self.begun => Ok(Step::Begins(next)),
            Some(active) if number == self.begun => Ok(Step::Continues(Sequence {
                id: active.id.clone(),
                ..next
            })),
            _ => Err(conflict(OVER, "the sequence has ended")),
        }
    }

    /// Whether a request out of the push log ended a sequence that is over. It had the receiver for itself, so the state contains
    /// what was logged before it, or it was under way at the same time: either may come first then.
    pub(super) fn has_ended(&self, request: &PushRequest, number: Option<u64>) -> bool {
        let is_over =
            |number: u64| number < self.begun || number == self.begun && self.sequence.is_none();
        request.is_full && request.is_last && number.is_some_and(is_over)
    }

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
        let next = self.next(request)?;
        match self.sequence.as_ref().filter(|active| active.id == next.id) {
            None if request.previous_request_id.is_some() => Err(conflict(
                UNKNOWN,
                "previous_request_id names a request of a sequence that is not active",
            )),
            None => Ok(Step::Begins(next)),
            // The reply got lost and the client sends the same request again: harmless (R2).
            Some(active) if active.request_id.is_some() && active.is_same_request(&next) => {
                Ok(Step::Continues(next.of(active)))
            }
            Some(_) if request.is_first => {
                Err(conflict(SECOND, "the sequence has a first request already"))
            }
            Some(active) if active.request_id != request.previous_request_id => Err(conflict(
                DIFFERS,
                "previous_request_id is not the id of the request before",
            )),
            Some(active) => Ok(Step::Continues(next.of(active))),
        }
    }

    /// The sequence with this request as its latest.
    fn next(&self, request: &PushRequest) -> Result<Sequence> {
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
        Ok(Sequence {
            id,
            request_id: request.request_id.clone(),
            previous_request_id: request.previous_request_id.clone(),
            number: self.begun + 1,
            measure: self
                .sequence
                .as_ref()
                .map(|active| active.measure.clone())
                .unwrap_or_default(),
        })
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
                active.begun = next.number;
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

    #[test]
    fn requests_out_of_the_log_go_on_from_wherever_the_state_is() {
        let requests = [
            full("s", "1", None, true, false),
            full("s", "2", Some("1"), false, true),
        ];
        let mut active = Active::default();
        let Ok(Step::Begins(first)) = active.step_again(&requests[0], Some(1)) else {
            panic!("it is not there yet");
        };
        assert_eq!(first.number, 1);
        (active.begun, active.sequence) = (1, Some(first));
        for (request, id) in requests.iter().zip(["1", "2"]) {
            // Whichever was the latest, all are taken once more in their order.
            let Ok(Step::Continues(next)) = active.step_again(request, Some(1)) else {
                panic!("it is under way");
            };
            assert_eq!((next.number, next.request_id.as_deref()), (1, Some(id)));
        }
        active.sequence = None;
        for request in &requests {
            let over = active.step_again(request, Some(1)).unwrap_err();
            assert!(is_contained(&over), "{over}");
        }
        // The same id once more.
        let again = active.step_again(&requests[0], Some(2));
        assert!(matches!(again, Ok(Step::Begins(next)) if next.number == 2));
        let incremental = active.step_again(&PushRequest::default(), None);
        assert_eq!(incremental.unwrap(), Step::Incremental);
        let refused = conflict("mass-delete", "so many");
        assert!(!is_contained(&refused));
    }
}
