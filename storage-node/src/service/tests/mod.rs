//! The node as other roles see it, on a real store, closed and opened again.

mod configuration;
mod durability;
mod operator;
mod secrets;

use super::*;
use sluice_entity::Limits;
use sluice_protocol::{Level, Scope};

/// A node in a folder of its own.
struct Hub {
    folder: tempfile::TempDir,
    node: Node,
}

impl Hub {
    fn new() -> Hub {
        let folder = tempfile::tempdir().unwrap();
        let node = open(folder.path()).unwrap();
        Hub { folder, node }
    }

    /// Closes and opens it again.
    fn reopen(self) -> Hub {
        let Hub { folder, node } = self;
        drop(node);
        let node = open(folder.path()).unwrap();
        Hub { folder, node }
    }

    async fn upload(&self, group: &str, components: &[&str]) -> PutOutcome {
        self.upload_with(Scope::Group(group.into()), components, false)
            .await
    }

    async fn upload_with(&self, scope: Scope, components: &[&str], force: bool) -> PutOutcome {
        let components = components.iter().map(|text| json(text)).collect();
        let put = PutConfiguration {
            scope,
            components,
            force,
            user: "ann".into(),
        };
        self.node.put_configuration(put).await.unwrap()
    }

    fn snapshot(&self) -> Arc<ConfigurationSnapshot> {
        self.node.watch().borrow().clone()
    }

    /// `kind/id@group` of all components.
    fn components(&self) -> Vec<String> {
        let all = self.snapshot();
        all.components
            .values()
            .map(|one| format!("{}/{}@{}", kind_name(one.kind), one.id, one.group))
            .collect()
    }

    async fn secrets(
        &self,
        scope: SecretScope,
        secrets: &[(&str, &str)],
        replace: bool,
    ) -> Result<()> {
        let secrets = secrets
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self.node.put_secrets(scope, secrets, replace, "ann").await
    }
}

fn open(data: &Path) -> Result<Node, OpenError> {
    Node::open(&Settings::new(data))
}

fn json(text: &str) -> Json {
    Json::parse(text.as_bytes(), &Limits::default()).unwrap()
}

fn system_scope(id: &str) -> SecretScope {
    SecretScope::System(id.to_owned())
}

const SYSTEM: &str = r#"{"_id":"crm","type":"system:url","url_pattern":"https://crm.test/%s"}"#;
const PIPE: &str = r#"{"_id":"people","type":"pipe","source":{"type":"embedded","entities":[{"_id":"1","amount":1.0}]}}"#;
const OTHER: &str = r#"{"_id":"places","type":"pipe","source":{"type":"empty"}}"#;
const INVALID: &str = r#"{"_id":"broken","type":"pipe","source":{"type":"no-such-source"}}"#;
