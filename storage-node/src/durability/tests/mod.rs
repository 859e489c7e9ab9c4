//! Storage nodes over one object store: lost disks, a second one that takes over, places of others.

mod histories;
mod places;
mod taking_over;

use super::object::{Kind, Object};
use super::place::{CHANGES, change};
use super::*;
use crate::error::OpenError;
use crate::service::Node;
use sluice_entity::{Json, Limits};
use sluice_protocol::{PutConfiguration, Result, Scope, SecretScope, StorageNode};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What outlives a disk: the object store, and the key that is not on the disk.
struct Outside {
    objects: Objects,
    keys: tempfile::TempDir,
}

/// The same in the folder `objects` of a folder.
fn in_folder() -> (tempfile::TempDir, Outside) {
    let folder = tempfile::tempdir().unwrap();
    let place = format!("file://{}/objects", folder.path().display());
    let objects = Objects::open(&place, []).unwrap();
    (folder, Outside::with(objects))
}

/// Takes the objects of [`in_folder`] away, and returns where they are.
fn take_away(folder: &Path) -> PathBuf {
    let (place, away) = (folder.join("objects"), folder.join("away"));
    std::fs::rename(&place, &away).unwrap();
    std::fs::write(&place, "no folder").unwrap();
    away
}

/// And back.
fn put_back(folder: &Path) {
    let place = folder.join("objects");
    std::fs::remove_file(&place).unwrap();
    std::fs::rename(folder.join("away"), &place).unwrap();
}

/// A storage node with its disk.
struct Running {
    disk: tempfile::TempDir,
    node: Node,
}

impl Outside {
    fn new() -> Self {
        Self::with(Objects::in_memory())
    }

    fn with(objects: Objects) -> Self {
        let keys = tempfile::tempdir().unwrap();
        let key = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
        std::fs::write(keys.path().join("secrets.key"), key).unwrap();
        Outside { objects, keys }
    }

    fn settings(&self, disk: &Path, hub: &str, incarnation: u32) -> crate::Settings {
        crate::Settings {
            secrets_key_file: Some(self.keys.path().join("secrets.key")),
            objects: Some(ObjectSettings {
                objects: self.objects.clone(),
                hub: hub.to_owned(),
                incarnation: Incarnation::new(incarnation),
                lease: Duration::from_secs(15),
            }),
            ..crate::Settings::new(disk)
        }
    }

    async fn open_at(&self, disk: &Path) -> Result<Node, OpenError> {
        open(self.settings(disk, "home", 1)).await
    }

    async fn start(&self) -> Running {
        let disk = tempfile::tempdir().unwrap();
        let node = self.open_at(disk.path()).await.unwrap();
        Running { disk, node }
    }

    async fn changes(&self) -> usize {
        self.objects.list(CHANGES).await.unwrap().len()
    }

    /// Everything that is there, in one.
    async fn everything(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for listed in self.objects.list("storage-node").await.unwrap() {
            let name = format!("storage-node/{}", listed.name);
            all.extend_from_slice(&self.objects.get(&name).await.unwrap().unwrap());
        }
        all
    }
}

async fn open(settings: crate::Settings) -> Result<Node, OpenError> {
    let opening = tokio::task::spawn_blocking(move || Node::open(&settings));
    opening.await.unwrap()
}

impl Running {
    /// Ends it, with its disk kept.
    async fn stop(self) -> tempfile::TempDir {
        self.node.close().await;
        self.disk
    }

    async fn again(self, outside: &Outside) -> Running {
        let disk = self.stop().await;
        let node = outside.open_at(disk.path()).await.unwrap();
        Running { disk, node }
    }

    fn incarnation(&self) -> u32 {
        self.node.inner.log.as_ref().unwrap().writer.incarnation
    }

    async fn variable(&self, name: &str, value: i64) -> Result<()> {
        let variables = BTreeMap::from([(name.to_owned(), Json::from(value))]);
        self.node.put_variables(variables, false, "ann").await
    }

    async fn secret(&self, name: &str, value: &str) -> Result<()> {
        let secrets = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let scope = SecretScope::Global;
        self.node.put_secrets(scope, secrets, false, "ann").await
    }

    async fn upload(&self, components: Vec<Json>) -> Result<()> {
        let put = PutConfiguration {
            scope: Scope::All,
            components,
            force: true,
            user: "ann".into(),
        };
        self.node.put_configuration(put).await.map(drop)
    }

    /// A change by this very storage node whose answer nobody heard: it sets `v` to 666.
    fn unanswered(&self) -> bytes::Bytes {
        let writer = &self.node.inner.log.as_ref().unwrap().writer;
        let mut change = Object::new(Kind::Changes, writer);
        let variable = crate::difference::Kind::Variable;
        change.steps.put(variable, "v", "666");
        change.write(1)
    }

    fn variables(&self) -> BTreeMap<String, Json> {
        self.node.watch().borrow().variables.clone()
    }
}

fn pipe(id: &str, note: u64) -> Json {
    let text = format!(
        r#"{{"_id": "{id}", "type": "pipe", "source": {{"type": "empty"}}, "comment": "{note}"}}"#
    );
    Json::parse(text.as_bytes(), &Limits::default()).unwrap()
}

fn number(number: i64) -> Json {
    Json::from(number)
}
