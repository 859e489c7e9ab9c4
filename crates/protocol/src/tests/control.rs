//! Configuration from custom resources and to them: the messages, the calls, the watch of waiting writes, and snapshots that say only
//! what differs.

use super::generators;
use super::line::{Line, settings, soon};
use super::round_trips::{returns, through};
use super::samples::{component, diagnostics, json, snapshot};
use crate::client::RemoteConfigurationControl;
use crate::tests::calls::shown;
use crate::wire::{self, Gather, proto};
use crate::*;
use async_trait::async_trait;
use parking_lot::Mutex;
use proptest::prelude::*;
use prost::Message;
use sluice_entity::Json;
use std::sync::Arc;
use tokio::sync::watch;

/// Control that answers samples and remembers what it was asked.
pub(crate) struct FakeControl {
    pub(crate) asked: Mutex<Vec<String>>,
    writes: Mutex<watch::Sender<Arc<Vec<WriteIntent>>>>,
}

impl FakeControl {
    pub(crate) fn new() -> Self {
        FakeControl {
            asked: Mutex::default(),
            writes: Mutex::default(),
        }
    }

    fn ask(&self, what: String, operator_epoch: u64) -> Result<()> {
        self.asked.lock().push(what);
        if operator_epoch == 0 {
            return Err(Error::new(Code::Conflict, "stale-operator", "replaced"));
        }
        Ok(())
    }
}

#[async_trait]
impl ConfigurationControl for FakeControl {
    async fn hand_over(&self, handed: HandOver) -> Result<HandOverOutcome> {
        self.ask(format!("{handed:?}"), handed.operator_epoch)?;
        let verdicts = handed.changed.into_iter().map(|one| Verdict {
            kind: one.kind,
            id: one.id,
            taken: false,
            diagnostics: diagnostics(),
        });
        Ok(HandOverOutcome {
            revision: 7,
            verdicts: verdicts.collect(),
        })
    }

    async fn hand_over_secrets(&self, handed: HandedSecrets) -> Result<()> {
        self.ask(format!("{handed:?}"), handed.operator_epoch)
    }

    async fn watch_writes(
        &self,
        operator_epoch: u64,
    ) -> Result<watch::Receiver<Arc<Vec<WriteIntent>>>> {
        self.ask("watch".to_owned(), operator_epoch)?;
        Ok(self.writes.lock().subscribe())
    }

    async fn begin_write(&self, operator_epoch: u64, request: &RequestId) -> Result<()> {
        self.ask(format!("begin {request:?}"), operator_epoch)
    }

    async fn answer_write(
        &self,
        operator_epoch: u64,
        request: &RequestId,
        answer: WriteAnswer,
    ) -> Result<()> {
        self.ask(format!("{request:?} {answer:?}"), operator_epoch)
    }
}

fn origin() -> Origin {
    Origin {
        name: "Pipe/people".into(),
        uid: "u-1".into(),
        generation: u64::MAX,
    }
}

pub(super) fn handed(operator_epoch: u64) -> HandOver {
    HandOver {
        operator_epoch,
        request: Some(RequestId("r".into())),
        changed: vec![HandedComponent {
            kind: ComponentKind::Pipe,
            id: "Ærø".into(),
            group: Some("geo".into()),
            original: Arc::new(json(r#"{"z": 1.0, "a": 123456789012345678901234567890}"#)),
            origin: origin(),
        }],
        removed: vec![RemovedComponent {
            kind: ComponentKind::System,
            id: "crm".into(),
            uid: "u-2".into(),
        }],
        variables: Some(HandedVariables {
            origin: origin(),
            values: [("limit".to_owned(), json("1.0"))].into(),
        }),
    }
}

pub(super) fn secrets(operator_epoch: u64) -> HandedSecrets {
    let secret = ReferencedSecret {
        value: "hush".into(),
        kept_in: "login".into(),
    };
    HandedSecrets {
        operator_epoch,
        system: "crm".into(),
        secrets: [("key".to_owned(), secret)].into(),
    }
}

pub(super) fn intent(request: &str) -> WriteIntent {
    WriteIntent {
        request: RequestId(request.into()),
        user: "ann".into(),
        force: true,
        put: vec![WantedComponent {
            kind: ComponentKind::Pipe,
            id: "A_b".into(),
            group: "default".into(),
            original: Arc::new(json(r#"{"z": 1.0, "a": 1e2}"#)),
        }],
        remove: vec![(ComponentKind::System, "crm".into())],
        prunes: true,
    }
}

pub(super) fn refusal() -> Error {
    Error::new(Code::Conflict, "managed-elsewhere", "by kubectl")
        .with("manager", Json::from("kubectl"))
}

async fn ask(control: &dyn ConfigurationControl) -> Vec<String> {
    let request = RequestId("r".into());
    let mut answers = Vec::new();
    for epoch in [0, 5] {
        answers.push(shown(control.hand_over(handed(epoch)).await));
        answers.push(shown(control.hand_over_secrets(secrets(epoch)).await));
        answers.push(shown(control.begin_write(epoch, &request).await));
        for answer in [WriteAnswer::Applied, WriteAnswer::Refused(refusal())] {
            let answered = control.answer_write(epoch, &request, answer).await;
            answers.push(shown(answered));
        }
        let watched = control.watch_writes(epoch).await;
        answers.push(shown(watched.map(|writes| writes.borrow().clone())));
    }
    answers
}

#[tokio::test]
async fn configuration_control_answers_the_same_over_the_wire() {
    let (near, far) = (FakeControl::new(), Arc::new(FakeControl::new()));
    let served = far.clone();
    let line = Line::to(|routes, settings| {
        server::add_configuration_control(routes, served, settings);
    });
    let remote = RemoteConfigurationControl::new(line.channel, settings());
    let expected = soon(ask(&near)).await;
    assert_eq!(soon(ask(&remote)).await, expected);
    assert_eq!(expected.len(), 12);
    assert_eq!(*far.asked.lock(), *near.asked.lock());
    assert!(!format!("{expected:?}{:?}", far.asked.lock()).contains("hush"));
}

#[tokio::test]
async fn waiting_writes_are_seen_until_there_is_a_later_operator() {
    let far = Arc::new(FakeControl::new());
    let served = far.clone();
    let line = Line::to(|routes, settings| {
        server::add_configuration_control(routes, served, settings);
    });
    let remote = RemoteConfigurationControl::new(line.channel.clone(), settings());
    let mut writes = soon(remote.watch_writes(5)).await.unwrap();
    let newest = vec![intent("1"), intent("2")];
    let shown = far.writes.lock().clone();
    shown.send_replace(Arc::new(newest.clone()));
    let seen = soon(writes.wait_for(|writes| writes.len() == 2)).await;
    assert_eq!(**seen.unwrap(), newest);
    line.cut();
    shown.send_replace(Arc::default());
    line.mend();
    soon(writes.wait_for(|writes| writes.is_empty()))
        .await
        .unwrap();
}

#[test]
fn messages_come_back_equal_and_show_no_secret() {
    returns::<_, proto::HandOverRequest>(handed(3));
    returns::<_, proto::HandOverSecretsRequest>(secrets(3));
    let outcome = HandOverOutcome {
        revision: 3,
        verdicts: vec![Verdict {
            kind: ComponentKind::Pipe,
            id: "x".into(),
            taken: true,
            diagnostics: diagnostics(),
        }],
    };
    returns::<_, proto::HandOverOutcome>(outcome);
    let sent = proto::HandOverSecretsRequest::from(secrets(3));
    assert!(!format!("{sent:?}").contains("hush"));
    let mut gathered = wire::GatheredWrites::default();
    for writes in [Vec::new(), vec![intent("1"), intent("2")]] {
        let mut whole = Vec::new();
        for part in wire::writes_parts(&writes) {
            whole.extend(gathered.take(through(part)).unwrap());
        }
        assert_eq!(whole, [writes]);
    }
}

#[test]
fn damage_is_named() {
    let base = || proto::HandOverRequest::from(handed(3));
    let damaged = |damage: fn(&mut proto::HandOverRequest)| {
        let mut message = base();
        damage(&mut message);
        HandOver::try_from(message).unwrap_err().to_string()
    };
    let original = damaged(|message| message.changed[0].original = "{".into());
    assert!(original.starts_with("changed.original"), "{original}");
    let kind = damaged(|message| message.changed[0].kind = 9);
    assert!(kind.starts_with("changed.kind"), "{kind}");
    let origin = damaged(|message| message.changed[0].origin = None);
    assert!(origin.starts_with("changed.origin"), "{origin}");
    let uid = damaged(|message| message.removed[0].uid.clear());
    assert!(uid.starts_with("removed.uid"), "{uid}");
    let request = damaged(|message| message.request = Some(String::new()));
    assert!(request.starts_with("request"), "{request}");
    let mut gathered = wire::GatheredWrites::default();
    assert!(gathered.take(proto::WritesPart::default()).is_err());
}

fn with_offers() -> impl Strategy<Value = Arc<ConfigurationSnapshot>> {
    let refused = proptest::option::of(generators::diagnostics());
    let offered = (any::<u64>(), refused);
    (
        generators::snapshot(),
        proptest::collection::vec(offered, 0..3),
    )
        .prop_map(|(mut snapshot, offered)| {
            let keys: Vec<_> = snapshot.components.keys().cloned().collect();
            for (key, (generation, refused)) in keys.into_iter().zip(offered) {
                let origin = Origin {
                    generation,
                    ..origin()
                };
                snapshot.offered.insert(key, Offered { origin, refused });
            }
            Arc::new(snapshot)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn snapshots_one_after_the_other_arrive_as_they_are(
        snapshots in proptest::collection::vec(with_offers(), 1..5),
        page_bytes in prop_oneof![Just(1usize), 1..400usize, Just(1 << 20)],
    ) {
        let mut parts = wire::SnapshotParts::new(page_bytes);
        let mut gathered = wire::Gathered::default();
        for snapshot in snapshots {
            let mut whole = Vec::new();
            for part in parts.next(&snapshot) {
                whole.extend(gathered.take(through(part)).unwrap());
            }
            prop_assert_eq!(whole, [(*snapshot).clone()]);
        }
    }
}

#[test]
fn a_changed_component_costs_as_much_as_it_is_however_many_there_are() {
    let ids: Vec<String> = (0..2_000).map(|number| format!("pipe{number}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let first = snapshot(1, &ids);
    let mut second = ConfigurationSnapshot {
        revision: 2,
        ..first.clone()
    };
    let changed = component("pipe7");
    let changed = Component {
        group: "other".into(),
        ..changed
    };
    let key = (changed.kind, changed.id.clone());
    second.components.insert(key, changed);
    let mut parts = wire::SnapshotParts::new(1 << 20);
    let weigh =
        |parts: Vec<proto::SnapshotPart>| -> usize { parts.iter().map(Message::encoded_len).sum() };
    let whole = weigh(parts.next(&Arc::new(first)));
    let difference = weigh(parts.next(&Arc::new(second)));
    assert!(difference * 1_000 < whole, "{difference} of {whole} bytes");
}

#[test]
fn what_differs_from_something_else_is_damage() {
    let (first, second) = (snapshot(1, &["a"]), snapshot(2, &["a", "b"]));
    let parts = wire::snapshot_parts(&second, Some(&first), 1 << 20);
    let mut gathered = wire::Gathered::default();
    let damaged = parts.into_iter().map(|part| gathered.take(part));
    let damaged = damaged.collect::<Result<Vec<_>, _>>().unwrap_err();
    assert!(damaged.to_string().starts_with("base"), "{damaged}");
}
