//! Each way in which an assignment differs from what is open.

use super::*;
use sluice_protocol::{Assigned, SessionId, WorkerId};
use std::sync::Arc;

const PRESENT: u64 = 10;

fn epoch(number: u64) -> Epoch {
    Epoch::from_number(number)
}

fn own(number: u64, start: Start) -> Duty {
    let epoch = epoch(number);
    Duty::Own { epoch, start }
}

/// What is to be done with the pipe `a`, which is configured if `is_configured`.
struct Case {
    duty: Option<Duty>,
    is_open: bool,
    released: u64,
    is_configured: bool,
    has_session: bool,
    is_filling: bool,
    can_bring: bool,
}

impl Case {
    fn open(duty: Option<Duty>) -> Self {
        Case {
            duty,
            is_open: true,
            released: 0,
            is_configured: true,
            has_session: true,
            is_filling: false,
            can_bring: true,
        }
    }

    fn closed(duty: Option<Duty>) -> Self {
        Case {
            is_open: false,
            ..Case::open(duty)
        }
    }

    fn change(self) -> Option<Change> {
        let pipes = self.duty.into_iter().map(|duty| ("a".to_owned(), duty));
        let held = Held {
            number: 1,
            session: self.has_session.then_some(SessionId(1)),
            assigned: Arc::new(Assigned {
                revision: 1,
                is_filling: self.is_filling,
                format: 1,
                pipes: pipes.collect(),
            }),
        };
        let open = self.is_open.then(|| ("a".to_owned(), epoch(PRESENT)));
        let record = HeldRecord {
            epoch: epoch(PRESENT),
            released: epoch(self.released),
            dataset: None,
        };
        let known = BTreeMap::from([("a".to_owned(), record)]);
        let configured = self.is_configured;
        let open = open.into_iter().collect();
        let changes = changes(&held, &open, &known, |_| configured, self.can_bring);
        changes.into_values().next()
    }
}

#[test]
fn an_open_pipe_that_is_still_assigned_goes_on() {
    assert_eq!(Case::open(Some(own(PRESENT, Start::Fresh))).change(), None);
    let later = epoch(PRESENT + 1);
    for start in [Start::Local, Start::Fresh] {
        let change = Case::open(Some(own(PRESENT + 1, start.clone()))).change();
        let epoch = later;
        assert_eq!(change, Some(Change::GoOn { epoch, start }));
    }
    let start = Start::StartOver;
    let change = Case::open(Some(own(PRESENT + 1, start.clone()))).change();
    assert_eq!(
        change,
        Some(Change::Begin {
            epoch: later,
            start
        })
    );
}

#[test]
fn without_a_lease_everything_is_closed_as_it_is() {
    let duties = [None, Some(own(PRESENT, Start::Local))];
    for duty in duties {
        for is_configured in [false, true] {
            let change = Case {
                has_session: false,
                is_configured,
                ..Case::open(duty.clone())
            };
            assert_eq!(change.change(), Some(Change::Close));
        }
    }
}

#[test]
fn a_pipe_that_is_not_assigned_any_more_is_given_back_or_removed() {
    let present = epoch(PRESENT);
    assert_eq!(
        Case::open(None).change(),
        Some(Change::GiveBack { epoch: present })
    );
    let removed = |case: Case| Case {
        is_configured: false,
        ..case
    };
    let change = removed(Case::open(None)).change();
    assert_eq!(change, Some(Change::Remove { epoch: present }));
    let change = removed(Case::closed(None)).change();
    assert_eq!(
        change,
        Some(Change::Remove { epoch: present }),
        "while nobody was here"
    );
    assert_eq!(Case::closed(None).change(), None, "its copy stays");
}

#[test]
fn nothing_is_forgotten_while_the_storage_node_is_filled() {
    for is_open in [false, true] {
        let case = Case {
            is_open,
            is_configured: false,
            is_filling: true,
            ..Case::open(None)
        };
        assert_eq!(case.change(), is_open.then_some(Change::Close));
    }
}

#[test]
fn a_pipe_is_never_begun_under_an_epoch_that_was_given_back() {
    let given_back = |duty: Duty| Case {
        released: PRESENT,
        ..Case::closed(Some(duty))
    };
    let present = epoch(PRESENT);
    let change = given_back(own(PRESENT, Start::Local)).change();
    assert_eq!(change, Some(Change::SayAgain { epoch: present }));
    let start = Start::Local;
    let change = given_back(own(PRESENT + 1, start.clone())).change();
    let later = epoch(PRESENT + 1);
    assert_eq!(
        change,
        Some(Change::Begin {
            epoch: later,
            start
        })
    );
}

#[test]
fn a_pipe_that_is_to_be_handed_over_is_given_back() {
    let release = || Duty::Release {
        epoch: epoch(PRESENT),
        to: WorkerId("w".into()),
    };
    let given_back = Some(Change::GiveBack {
        epoch: epoch(PRESENT),
    });
    assert_eq!(Case::open(Some(release())).change(), given_back);
    assert_eq!(Case::closed(Some(release())).change(), given_back);
    let again = Case {
        released: PRESENT,
        ..Case::closed(Some(release()))
    };
    assert_eq!(
        again.change(),
        Some(Change::SayAgain {
            epoch: epoch(PRESENT)
        })
    );
}

fn hand_over() -> Start {
    Start::HandOver {
        from: WorkerId("w".into()),
        address: String::new(),
        offset: Some(7),
    }
}

fn restore() -> Start {
    Start::Restore {
        checkpoint: sluice_protocol::Checkpoint {
            number: 3,
            format: 1,
        },
    }
}

fn follow() -> Duty {
    Duty::Follow {
        from: WorkerId("w".into()),
        address: String::new(),
    }
}

#[test]
fn without_an_object_store_nothing_comes_here() {
    for duty in [
        follow(),
        own(PRESENT + 1, hand_over()),
        own(PRESENT + 1, restore()),
    ] {
        let case = Case {
            can_bring: false,
            ..Case::closed(Some(duty))
        };
        let change = case.change();
        assert!(matches!(change, Some(Change::Refuse { .. })), "{change:?}");
    }
}

#[test]
fn state_that_is_elsewhere_is_brought_here_and_then_begun_like_any_other() {
    for (start, source) in [
        (hand_over(), Source::HandOver { offset: Some(7) }),
        (
            restore(),
            Source::Checkpoint(sluice_protocol::Checkpoint {
                number: 3,
                format: 1,
            }),
        ),
    ] {
        let later = epoch(PRESENT + 1);
        let bring = Some(Change::Bring {
            epoch: later,
            source,
        });
        let duty = own(PRESENT + 1, start.clone());
        assert_eq!(Case::closed(Some(duty.clone())).change(), bring);
        assert_eq!(
            Case::open(Some(duty)).change(),
            bring,
            "whatever is open is old"
        );
        // The disk remembers that it came for this epoch.
        let begun = Some(Change::Begin {
            epoch: epoch(PRESENT),
            start: start.clone(),
        });
        assert_eq!(
            Case::closed(Some(own(PRESENT, start.clone()))).change(),
            begun
        );
        assert_eq!(Case::open(Some(own(PRESENT, start))).change(), None);
    }
    assert_eq!(Case::closed(Some(follow())).change(), Some(Change::Follow));
}
