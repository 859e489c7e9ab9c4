//! What conditions are said of a pipe, and when they are written.

use super::*;
use crate::crd::conditions::is_true;
use sluice_entity::{Json, Limits};
use sluice_protocol::{
    Component, ComponentKind, Diagnostic, Epoch, Level, Offered, Origin, PathElement, WorkerId,
};
use std::sync::Arc;

const HASH: &str = "hash";

struct World {
    object: Pipe,
    configuration: ConfigurationSnapshot,
    topology: Topology,
}

impl World {
    /// Everything is well.
    fn new() -> World {
        let text = r#"{"apiVersion": "sluice.dev/v1alpha1", "kind": "Pipe", "metadata": {"name": "in", "uid": "u", "generation": 3},
            "spec": {"hubRef": {"name": "h"}, "config": {}}}"#;
        let object: Pipe = serde_json::from_str(text).unwrap();
        let json = Arc::new(Json::parse(b"{}", &Limits::default()).unwrap());
        let component = Component {
            kind: ComponentKind::Pipe,
            id: "in".into(),
            group: "default".into(),
            original: json.clone(),
            effective: json,
            diagnostics: Vec::new(),
        };
        let origin = Origin {
            name: "Pipe/in".into(),
            uid: "u".into(),
            generation: 3,
        };
        let offered = Offered {
            origin,
            refused: None,
        };
        let owned = Placement::Owned {
            worker: WorkerId("w-1".into()),
            epoch: Epoch::NONE,
            address: String::new(),
            moves_to: None,
            restoring: None,
        };
        let flow = Flow {
            configuration: HASH.into(),
            is_failing: false,
            durable: Durable::NotSaid,
        };
        World {
            object,
            configuration: ConfigurationSnapshot {
                components: [(key(), component)].into(),
                offered: [(key(), offered)].into(),
                ..ConfigurationSnapshot::default()
            },
            topology: Topology {
                pipes: [("in".to_owned(), owned)].into(),
                flows: [("in".to_owned(), flow)].into(),
                ..Topology::default()
            },
        }
    }

    fn found(&self) -> Found<'_> {
        Found {
            unusable: None,
            configuration: &self.configuration,
            topology: &self.topology,
            in_use: Some(HASH),
            hashes: (None, None),
            has_object_store: false,
            operations: Vec::new(),
        }
    }

    fn status(&self) -> PipeStatus {
        status(&self.object, &key(), &self.found(), Timestamp::now())
    }

    /// `Type=Status/Reason` of all conditions but `Durable`.
    fn conditions(&self) -> Vec<String> {
        let conditions = self.status().conditions.into_iter();
        let conditions = conditions.filter(|one| one.type_ != "Durable");
        conditions
            .map(|one| format!("{}={}/{}", one.type_, one.status, one.reason))
            .collect()
    }

    fn refuse(&mut self) {
        let problem = Diagnostic {
            level: Level::Error,
            code: "unknown-type".into(),
            message: "there is none".into(),
            elements: vec![PathElement::Key("source".into())],
        };
        let offered = self.configuration.offered.get_mut(&key()).unwrap();
        offered.refused = Some(vec![problem]);
    }
}

fn key() -> Key {
    (ComponentKind::Pipe, "in".to_owned())
}

#[test]
fn a_pipe_that_works_is_ready_and_says_nothing_else() {
    let world = World::new();
    assert_eq!(
        world.conditions(),
        [
            "Accepted=True/Valid",
            "Flowing=True/Working",
            "Placed=True/Owned",
            "Ready=True/Ready"
        ]
    );
    let status = world.status();
    assert_eq!(status.observed_generation, Some(3));
    assert!(!is_true(&status.conditions, "Durable"));
}

#[test]
fn a_status_that_is_found_again_is_equal() {
    let mut world = World::new();
    world.object.status = Some(world.status());
    assert_eq!(world.object.status, Some(world.status()));
}

#[test]
fn a_refused_configuration_stalls_and_names_its_problems_and_places() {
    let mut world = World::new();
    world.refuse();
    let conditions = world.conditions();
    assert_eq!(conditions[0], "Accepted=False/InvalidConfiguration");
    assert_eq!(conditions[3], "Ready=False/InvalidConfiguration");
    assert_eq!(conditions[4], "Stalled=True/InvalidConfiguration");
    let status = world.status();
    let accepted = status.conditions.iter().find(|one| one.type_ == "Accepted");
    let message = &accepted.unwrap().message;
    assert!(
        message.contains("unknown-type at source: there is none"),
        "{message}"
    );
    assert!(message.contains("goes on"), "{message}");
}

#[test]
fn what_only_takes_time_reconciles() {
    let mut pending = World::new();
    pending.object.metadata.generation = Some(4);
    assert!(
        pending
            .conditions()
            .contains(&"Accepted=Unknown/Pending".to_owned())
    );
    let mut unplaced = World::new();
    let nowhere = Placement::Unplaced(Unplaced::NoWorker);
    unplaced.topology.pipes.insert("in".into(), nowhere);
    let mut not_run = World::new();
    not_run.topology.flows.clear();
    for (world, reason) in [
        (pending, "Pending"),
        (unplaced, "NoWorker"),
        (not_run, "NotRunYet"),
    ] {
        let conditions = world.conditions();
        assert!(
            conditions.contains(&format!("Ready=False/{reason}")),
            "{conditions:?}"
        );
        let reconciling = format!("Reconciling=True/{reason}");
        assert!(conditions.contains(&reconciling), "{conditions:?}");
    }
}

#[test]
fn lost_state_stalls_and_failing_runs_are_neither() {
    let mut lost = World::new();
    let nowhere = Placement::Unplaced(Unplaced::StateLost);
    lost.topology.pipes.insert("in".into(), nowhere);
    assert!(
        lost.conditions()
            .contains(&"Stalled=True/StateLost".to_owned())
    );
    let mut failing = World::new();
    failing.topology.flows.get_mut("in").unwrap().is_failing = true;
    let conditions = failing.conditions();
    assert_eq!(
        conditions,
        [
            "Accepted=True/Valid",
            "Flowing=False/RunFailed",
            "Placed=True/Owned",
            "Ready=False/RunFailed"
        ]
    );
}

#[test]
fn a_run_with_another_configuration_proves_nothing() {
    let mut world = World::new();
    let flow = world.topology.flows.get_mut("in").unwrap();
    flow.configuration = "earlier".into();
    assert!(
        world
            .conditions()
            .contains(&"Flowing=Unknown/NotRunYet".to_owned())
    );
}

#[test]
fn whether_it_is_in_the_object_store_is_said_without_how_old_it_is_there() {
    let with = |durable, has_object_store| {
        let mut world = World::new();
        world.topology.flows.get_mut("in").unwrap().durable = durable;
        let found = Found {
            has_object_store,
            ..world.found()
        };
        let status = status(&world.object, &key(), &found, Timestamp::now());
        let durable = status.conditions.into_iter();
        let mut durable = durable.filter(|one| one.type_ == "Durable");
        let durable = durable.next().unwrap();
        format!("{}/{}", durable.status, durable.reason)
    };
    let said = [
        (Durable::NotSaid, "Unknown/NotReported"),
        (Durable::NoCheckpoint, "False/NoCheckpointYet"),
        (Durable::Checkpointed, "True/Checkpointed"),
        (Durable::Failing, "False/CheckpointFailed"),
    ];
    for (durable, expected) in said {
        assert_eq!(with(durable, true), expected);
        assert_eq!(with(durable, false), "False/NoObjectStore");
    }
}
