//! A storage node in memory: it takes what is handed over as the real one does, and shows the writes that tests ask for.

use async_trait::async_trait;
use sluice_config::{Environment, Kind};
use sluice_operator::configuration::Link;
use sluice_protocol::{
    Code, Component, ComponentKind, ConfigurationControl, ConfigurationSnapshot, Container,
    Diagnostic, Epoch, Error, Flow, HandOver, HandOverOutcome, HandedSecrets, Isolation, Level,
    MicroserviceAnswer, MicroserviceControl, MicroserviceQuestion, Offered, PathElement, Permit,
    PermitRequest, Placement, PlacementControl, RequestId, Result, Standing, Topology, Verdict,
    WaitingQuestion, WantedComponent, WorkerId, WriteAnswer, WriteIntent,
};
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, watch};

pub(super) struct Storage {
    pub(super) snapshot: watch::Sender<Arc<ConfigurationSnapshot>>,
    topology: watch::Sender<Arc<Topology>>,
    writes: watch::Sender<Arc<Vec<WriteIntent>>>,
    answers: mpsc::UnboundedSender<WriteAnswer>,
    answered: tokio::sync::Mutex<mpsc::UnboundedReceiver<WriteAnswer>>,
    pub(super) secrets: Mutex<Vec<HandedSecrets>>,
    /// What `$SECRET(key)` of microservices is.
    pub(super) key: Mutex<String>,
    questions: watch::Sender<Arc<Vec<WaitingQuestion>>>,
    told: watch::Sender<Option<std::result::Result<MicroserviceAnswer, String>>>,
}

impl Storage {
    pub(super) fn new() -> Arc<Self> {
        let (answers, answered) = mpsc::unbounded_channel();
        Arc::new(Storage {
            snapshot: watch::Sender::default(),
            topology: watch::Sender::default(),
            writes: watch::Sender::default(),
            answers,
            answered: tokio::sync::Mutex::new(answered),
            secrets: Mutex::default(),
            key: Mutex::new("first-value".to_owned()),
            questions: watch::Sender::default(),
            told: watch::Sender::default(),
        })
    }

    pub(super) fn link(self: &Arc<Self>) -> Link {
        Link {
            operator_epoch: 1,
            control: self.clone(),
            configuration: self.snapshot.subscribe(),
            topology: self.topology.subscribe(),
            placement: self.clone(),
            microservices: self.clone(),
        }
    }

    /// What the operator answers; its reason where it cannot.
    pub(super) async fn ask(
        &self,
        system: &str,
        question: MicroserviceQuestion,
    ) -> std::result::Result<MicroserviceAnswer, String> {
        let mut told = self.told.subscribe();
        self.told.send_replace(None);
        let number = self.questions.borrow().len() + 1;
        self.questions.send_modify(|questions| {
            let waiting = WaitingQuestion {
                request: RequestId(format!("question-{number}")),
                system: system.to_owned(),
                user: "ann".to_owned(),
                question,
            };
            *questions = questions
                .iter()
                .cloned()
                .chain([waiting])
                .collect::<Vec<_>>()
                .into();
        });
        let answer = told.wait_for(Option::is_some).await.unwrap().clone();
        answer.unwrap()
    }

    /// What the API asks for, to its end.
    pub(super) async fn write(
        &self,
        put: Vec<WantedComponent>,
        remove: Vec<(ComponentKind, String)>,
        prunes: bool,
    ) -> WriteAnswer {
        let number = self.snapshot.borrow().revision;
        let intent = WriteIntent {
            request: RequestId(format!("{number}-{}-{}", put.len(), remove.len())),
            user: "ann".into(),
            force: false,
            put,
            remove,
            prunes,
        };
        self.writes.send_replace(Arc::new(vec![intent]));
        self.answered.lock().await.recv().await.unwrap()
    }

    pub(super) fn original(&self, kind: ComponentKind, id: &str) -> Option<String> {
        let snapshot = self.snapshot.borrow();
        let component = snapshot.components.get(&(kind, id.to_owned()))?;
        Some(component.original.to_string())
    }

    fn take(&self, handed: &HandOver) -> Vec<Verdict> {
        let mut next = (**self.snapshot.borrow()).clone();
        next.revision += 1;
        for gone in &handed.removed {
            let key = (gone.kind, gone.id.clone());
            next.components.remove(&key);
            next.offered.remove(&key);
        }
        let mut verdicts = Vec::new();
        for one in &handed.changed {
            let key = (one.kind, one.id.clone());
            let diagnostics = problems(one.kind, &one.id, &one.original);
            let has_errors = diagnostics.iter().any(|one| one.level == Level::Error);
            let taken = !has_errors || !next.components.contains_key(&key);
            let refused = (!taken).then(|| diagnostics.clone());
            let origin = one.origin.clone();
            next.offered
                .insert(key.clone(), Offered { origin, refused });
            if taken {
                let component = Component {
                    kind: one.kind,
                    id: one.id.clone(),
                    group: one.group.clone().unwrap_or_default(),
                    original: one.original.clone(),
                    effective: one.original.clone(),
                    diagnostics: diagnostics.clone(),
                };
                next.components.insert(key, component);
            }
            verdicts.push(Verdict {
                kind: one.kind,
                id: one.id.clone(),
                taken,
                diagnostics,
            });
        }
        self.place(&next);
        self.snapshot.send_replace(Arc::new(next));
        verdicts
    }

    /// Every pipe is somewhere and has worked.
    fn place(&self, next: &ConfigurationSnapshot) {
        let mut topology = Topology {
            revision: next.revision,
            ..Topology::default()
        };
        for ((kind, id), component) in &next.components {
            if *kind != ComponentKind::Pipe {
                continue;
            }
            let owned = Placement::Owned {
                worker: WorkerId("w-1".into()),
                epoch: Epoch::NONE,
                address: String::new(),
                moves_to: None,
                restoring: None,
            };
            topology.pipes.insert(id.clone(), owned);
            let flow = Flow {
                configuration: sluice_config::content_hash(&component.effective),
                is_failing: false,
                durable: Default::default(),
            };
            topology.flows.insert(id.clone(), flow);
        }
        self.topology.send_replace(Arc::new(topology));
    }
}

/// What the configuration crate says of a component by itself.
fn problems(kind: ComponentKind, id: &str, json: &Arc<sluice_entity::Json>) -> Vec<Diagnostic> {
    let kind = match kind {
        ComponentKind::Pipe => Kind::Pipe,
        ComponentKind::System => Kind::System,
        ComponentKind::Metadata => Kind::Metadata,
    };
    let component = sluice_config::Component {
        kind,
        id: id.to_owned(),
        original: json.clone(),
    };
    let loaded = sluice_config::load(&[component], &Environment::default());
    let found = loaded.diagnostics(kind, id).iter();
    let found = found.map(|one| Diagnostic {
        level: match one.level {
            sluice_config::Level::Error => Level::Error,
            sluice_config::Level::Warning => Level::Warning,
        },
        code: one.code.to_owned(),
        message: one.message.clone(),
        elements: one
            .elements
            .iter()
            .map(|element| match element {
                sluice_config::PathElement::Key(key) => PathElement::Key(key.clone()),
                sluice_config::PathElement::Index(index) => PathElement::Index(*index),
            })
            .collect(),
    });
    found.collect()
}

#[async_trait]
impl ConfigurationControl for Storage {
    async fn hand_over(&self, handed: HandOver) -> Result<HandOverOutcome> {
        let verdicts = self.take(&handed);
        Ok(HandOverOutcome {
            revision: self.snapshot.borrow().revision,
            verdicts,
        })
    }

    async fn hand_over_secrets(&self, handed: HandedSecrets) -> Result<()> {
        self.secrets.lock().unwrap().push(handed);
        Ok(())
    }

    async fn watch_writes(&self, _: u64) -> Result<watch::Receiver<Arc<Vec<WriteIntent>>>> {
        Ok(self.writes.subscribe())
    }

    async fn begin_write(&self, _: u64, _: &RequestId) -> Result<()> {
        Ok(())
    }

    async fn answer_write(&self, _: u64, _: &RequestId, answer: WriteAnswer) -> Result<()> {
        self.writes.send_replace(Arc::default());
        self.answers.send(answer).unwrap();
        Ok(())
    }
}

#[async_trait]
impl PlacementControl for Storage {
    async fn set_standing(&self, _: &WorkerId, _: Standing) -> Result<()> {
        Ok(())
    }

    async fn set_isolation(&self, _: &str, _: Isolation) -> Result<()> {
        Ok(())
    }

    async fn permit(&self, request: PermitRequest) -> Result<Permit> {
        Ok(Permit {
            operator_epoch: request.operator_epoch,
            act: request.act,
        })
    }

    async fn start_over(&self, _: &str) -> Result<()> {
        Ok(())
    }

    async fn filled(&self) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl MicroserviceControl for Storage {
    async fn container(&self, _: u64, system: &str) -> Result<Container> {
        let key = self.key.lock().unwrap().clone();
        if key.is_empty() {
            let message = format!("the system \"{system}\" is not complete");
            return Err(Error::new(
                Code::FailedPrecondition,
                "unknown-secret",
                message,
            ));
        }
        Ok(Container {
            environment: [("KEY".to_owned(), key.clone())].into(),
            login: Some(("ann".to_owned(), key.clone())),
            digest: key.len().to_string(),
        })
    }
    async fn watch_questions(&self, _: u64) -> Result<watch::Receiver<Arc<Vec<WaitingQuestion>>>> {
        Ok(self.questions.subscribe())
    }
    async fn answer_question(
        &self,
        _: u64,
        _: &RequestId,
        answer: Result<MicroserviceAnswer>,
    ) -> Result<()> {
        let answer = answer.map_err(|error| error.reason.into_owned());
        self.told.send_replace(Some(answer));
        Ok(())
    }
}
