//! A namespace for one test, asked with a client instead of a program: for tests with many of them.

use super::connect_as;
use anyhow::{Context, Result};
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use sluice_operator::rights;
use sluice_tests::kubernetes::{Cluster, until};
use std::time::Duration;

/// Everybody in it may do what an operator may.
const OPERATORS: &str = "sluice-tests-operators";
/// Whoever the tests are, where they are users.
const USER: &str = "kubectl";

/// Kinds as tests name them: group, version, kind.
const KINDS: [(&str, &str, &str, &str); 14] = [
    ("datahubs", "sluice.dev", "v1alpha1", "DataHub"),
    ("workerpools", "sluice.dev", "v1alpha1", "WorkerPool"),
    ("workers", "sluice.dev", "v1alpha1", "Worker"),
    ("pipes", "sluice.dev", "v1alpha1", "Pipe"),
    ("systems", "sluice.dev", "v1alpha1", "System"),
    ("pods", "", "v1", "Pod"),
    ("persistentvolumeclaims", "", "v1", "PersistentVolumeClaim"),
    ("secrets", "", "v1", "Secret"),
    ("configmaps", "", "v1", "ConfigMap"),
    ("services", "", "v1", "Service"),
    ("deployments", "apps", "v1", "Deployment"),
    (
        "poddisruptionbudgets",
        "policy",
        "v1",
        "PodDisruptionBudget",
    ),
    ("namespaces", "", "v1", "Namespace"),
    ("leases", "coordination.k8s.io", "v1", "Lease"),
];

/// How the API server knows a kind.
pub(crate) fn resource(plural: &str) -> ApiResource {
    let (plural, group, version, kind) = KINDS
        .into_iter()
        .find(|one| one.0 == plural)
        .unwrap_or_else(|| panic!("no kind {plural} here"));
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}

/// A namespace. Its end is asked for when it is dropped.
#[derive(Clone)]
pub(crate) struct Place {
    /// With all rights.
    pub(crate) client: Client,
    /// With the rights of an operator, by a name of its own in the API server's log.
    pub(crate) as_operator: Client,
    /// Its name.
    pub(crate) name: String,
}

/// The user that the operator of a namespace is.
pub(crate) fn operator_of(namespace: &str) -> String {
    format!("operator-of-{namespace}")
}

impl Place {
    /// A new one, named after what it is for.
    pub(crate) async fn new(purpose: &str) -> Result<Place> {
        let unique = uuid::Uuid::new_v4().simple().to_string();
        Self::named(&format!("{purpose}-{}", &unique[..8])).await
    }

    /// A new one of this name.
    pub(crate) async fn named(name: &str) -> Result<Place> {
        let cluster = Cluster::of_environment()?;
        let client = connect_as(&cluster, None).await?;
        let operator = operator_of(name);
        let as_operator = connect_as(&cluster, Some((&operator, OPERATORS))).await?;
        definitions(&client).await?;
        give_rights(&client, &as_operator).await?;
        let place = Place {
            client,
            as_operator,
            name: name.to_owned(),
        };
        let labels = json!({"sluice.dev/test": "true"});
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        let spaces: Api<DynamicObject> =
            Api::all_with(place.client.clone(), &resource("namespaces"));
        let apply = PatchParams::apply(USER).force();
        spaces.patch(name, &apply, &Patch::Apply(object)).await?;
        Ok(place)
    }

    /// The API for a kind.
    pub(crate) fn api(&self, plural: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.name, &resource(plural))
    }

    /// Applies an object as a user of kubectl does.
    pub(crate) async fn apply(&self, plural: &str, object: &Value) -> Result<Value> {
        let name = object["metadata"]["name"].as_str().context("a name")?;
        let mut object = object.clone();
        let kind = resource(plural);
        object["apiVersion"] = kind.api_version.clone().into();
        object["kind"] = kind.kind.clone().into();
        let apply = PatchParams::apply(USER);
        let api = self.api(plural);
        let applied = api.patch(name, &apply, &Patch::Apply(object)).await?;
        Ok(serde_json::to_value(applied)?)
    }

    /// Changes some fields.
    pub(crate) async fn merge(&self, plural: &str, name: &str, patch: Value) -> Result<()> {
        let (api, plain) = (self.api(plural), PatchParams::default());
        api.patch(name, &plain, &Patch::Merge(patch)).await?;
        Ok(())
    }

    /// Everything of a kind, by name.
    pub(crate) async fn list(&self, plural: &str) -> Result<Vec<Value>> {
        let listed = self.api(plural).list(&ListParams::default()).await?;
        let mut items = listed.items;
        items.sort_by_key(ResourceExt::name_any);
        let values = items.into_iter().map(serde_json::to_value);
        Ok(values.collect::<Result<_, _>>()?)
    }

    /// The names of everything of a kind.
    pub(crate) async fn names(&self, plural: &str) -> Result<Vec<String>> {
        let listed = self.list(plural).await?;
        let names = listed.iter().map(|one| one["metadata"]["name"].as_str());
        Ok(names.flatten().map(str::to_owned).collect())
    }

    /// One object.
    pub(crate) async fn get(&self, plural: &str, name: &str) -> Result<Option<Value>> {
        let found = self.api(plural).get_opt(name).await?;
        Ok(found.map(serde_json::to_value).transpose()?)
    }

    /// Asks for the end of an object; that it is gone is fine.
    pub(crate) async fn delete(&self, plural: &str, name: &str) -> Result<()> {
        let api = self.api(plural);
        match api.delete(name, &DeleteParams::background()).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A condition of an object: its status and reason.
    pub(crate) async fn condition(
        &self,
        plural: &str,
        name: &str,
        kind: &str,
    ) -> Result<Option<(String, String)>> {
        let Some(object) = self.get(plural, name).await? else {
            return Ok(None);
        };
        let conditions = object["status"]["conditions"].as_array().cloned();
        let mut conditions = conditions.unwrap_or_default().into_iter();
        let found = conditions.find(|one| one["type"] == kind);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(found.map(|found| (text(&found["status"]), text(&found["reason"]))))
    }

    /// Waits until a condition of an object is true.
    pub(crate) async fn until_true(
        &self,
        plural: &str,
        name: &str,
        kind: &str,
        limit: Duration,
    ) -> Result<Duration> {
        until(&format!("{name} is {kind}"), limit, || async {
            match self.condition(plural, name, kind).await {
                Ok(Some((status, _))) if status == "True" => None,
                other => Some(format!("{other:?}")),
            }
        })
        .await
    }

    /// Lets the namespace go.
    pub(crate) async fn end(&self) -> Result<()> {
        let spaces: Api<DynamicObject> =
            Api::all_with(self.client.clone(), &resource("namespaces"));
        spaces
            .delete(&self.name, &DeleteParams::background())
            .await?;
        Ok(())
    }
}

/// Tells the API server of our resources, and waits until it serves them.
async fn definitions(client: &Client) -> Result<()> {
    let kind = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    let kind = ApiResource::from_gvk_with_plural(&kind, "customresourcedefinitions");
    let all: Api<DynamicObject> = Api::all_with(client.clone(), &kind);
    let apply = PatchParams::apply("tests").force();
    for definition in sluice_operator::crd::definitions() {
        let name = definition.name_any();
        let known = all.get_opt(&name).await?;
        let is_served =
            |known: &DynamicObject| known.data["status"].to_string().contains("\"Established\"");
        if known.as_ref().is_some_and(is_served) {
            continue;
        }
        let object = serde_json::to_value(&definition)?;
        all.patch(&name, &apply, &Patch::Apply(object)).await?;
        until(
            "the definitions are served",
            Duration::from_secs(30),
            || async {
                let found = all.get(&name).await;
                let found = found.as_ref().ok().filter(|found| is_served(found));
                found.is_none().then(|| name.clone())
            },
        )
        .await?;
    }
    Ok(())
}

/// Lets operators do what `rights` lists, and nothing else; waits until they may.
async fn give_rights(client: &Client, as_operator: &Client) -> Result<()> {
    let rules = rights::NAMESPACED.iter().chain(rights::CLUSTER);
    let rules: Vec<Value> = rules
        .map(|right| json!({"apiGroups": [right.group], "resources": right.resources, "verbs": right.verbs}))
        .collect();
    let role = json!({"rules": rules});
    let binding = json!({
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": OPERATORS},
        "subjects": [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": OPERATORS}],
    });
    for (kind, plural, mut object) in [
        ("ClusterRole", "clusterroles", role),
        ("ClusterRoleBinding", "clusterrolebindings", binding),
    ] {
        let of = GroupVersionKind::gvk("rbac.authorization.k8s.io", "v1", kind);
        let of = ApiResource::from_gvk_with_plural(&of, plural);
        let all: Api<DynamicObject> = Api::all_with(client.clone(), &of);
        object["apiVersion"] = of.api_version.clone().into();
        object["kind"] = kind.into();
        object["metadata"] = json!({"name": OPERATORS});
        let apply = PatchParams::apply("tests").force();
        all.patch(OPERATORS, &apply, &Patch::Apply(object)).await?;
    }
    let hubs: Api<DynamicObject> = Api::all_with(as_operator.clone(), &resource("datahubs"));
    until("operators have rights", Duration::from_secs(30), || async {
        let listed = hubs.list(&ListParams::default().limit(1)).await;
        listed.err().map(|error| error.to_string())
    })
    .await?;
    Ok(())
}
