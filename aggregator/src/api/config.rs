//! Configuration as a whole (CF1, CF2, CF6): download, upload, history.

use super::answer;
use super::archive;
use super::call::Call;
use super::configuration_log;
use super::diagnostics::validation_errors;
use super::error::{Problem, number};
use super::exact::Exact;
use super::{form, limits_for_json};
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_DISPOSITION};
use http::{HeaderMap, HeaderValue};
use schemars::JsonSchema;
use serde::Serialize;
use sluice_config::DEFAULT_GROUP;
use sluice_dataset::ReadOptions;
use sluice_entity::Json;
use sluice_protocol::{Component, ConfigurationSnapshot, PutConfiguration, Scope};
use std::sync::Arc;

/// Answer of an upload.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Uploaded {
    /// Components with warnings, or with errors where they were forced; empty when all is well.
    validation_errors: Exact,
}

pub(crate) async fn download_default(call: Call) -> Result<Response, Problem> {
    download(call, Scope::Group(DEFAULT_GROUP.to_owned())).await
}
pub(crate) async fn download_group(call: Call) -> Result<Response, Problem> {
    let group = call.text("group").to_owned();
    download(call, Scope::Group(group)).await
}
pub(crate) async fn download_all(call: Call) -> Result<Response, Problem> {
    download(call, Scope::All).await
}
pub(crate) async fn upload_default(call: Call) -> Result<Response, Problem> {
    upload(call, Scope::Group(DEFAULT_GROUP.to_owned())).await
}
pub(crate) async fn upload_group(call: Call) -> Result<Response, Problem> {
    let group = call.text("group").to_owned();
    upload(call, Scope::Group(group)).await
}
pub(crate) async fn upload_all(call: Call) -> Result<Response, Problem> {
    upload(call, Scope::All).await
}

async fn download(call: Call, scope: Scope) -> Result<Response, Problem> {
    let configuration = call.hub.configuration();
    if let Scope::Group(group) = &scope
        && group != DEFAULT_GROUP
        && in_scope(&configuration, &scope).next().is_none()
    {
        return Err(Problem::not_found(
            "unknown-config-group",
            "configuration group",
            group,
        ));
    }
    if !wants_archive(&call.parts.headers) {
        let components: Vec<_> = in_scope(&configuration, &scope)
            .map(|component| Exact(Arc::clone(&component.original)))
            .collect();
        return Ok(answer::list(components, |component| component));
    }
    let written =
        tokio::task::spawn_blocking(move || archive::write(in_scope(&configuration, &scope))).await;
    let bytes = match written {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => return Err(unwritable(&error)),
        Err(error) => return Err(unwritable(&error)),
    };
    let mut response = answer::typed("application/zip", Body::from(bytes));
    let name = HeaderValue::from_static("attachment; filename=\"config.zip\"");
    response.headers_mut().insert(CONTENT_DISPOSITION, name);
    Ok(response)
}

fn unwritable(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "the configuration archive cannot be written");
    Problem::internal()
}

fn in_scope<'a>(
    configuration: &'a ConfigurationSnapshot,
    scope: &'a Scope,
) -> impl Iterator<Item = &'a Component> + 'a {
    configuration
        .components
        .values()
        .filter(move |component| match scope {
            Scope::All => true,
            Scope::Group(group) => component.group == *group,
        })
}

/// Whether zip is asked for before JSON: the first of the two that `Accept` names.
fn wants_archive(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let position = |name| accept.find(name).unwrap_or(usize::MAX);
    position("application/zip") < position("application/json")
}

async fn upload(mut call: Call, scope: Scope) -> Result<Response, Problem> {
    let whole = call.whole().await?;
    let bytes = if form::is_multipart(&call.parts.headers) {
        uploaded_file(form::files(&call.parts, whole.bytes.clone()).await?)?
    } else {
        whole.bytes.clone()
    };
    let limits = call.hub.settings.limits.clone();
    let read = tokio::task::spawn_blocking(move || read_components(&bytes, &limits)).await;
    let components = read.map_err(|error| unwritable(&error))??;
    drop(whole);

    let put = PutConfiguration {
        scope,
        components,
        force: call.boolean("force"),
        user: call.user.clone(),
    };
    let outcome = call.hub.storage.put_configuration(put).await?;
    if !outcome.applied {
        return Err(Problem::rejected(&outcome.rejected));
    }
    call.hub.deployed().await?;
    answer::json(&Uploaded {
        validation_errors: validation_errors(&outcome.rejected).into(),
    })
}

/// The part named `file`, or the only part.
fn uploaded_file(mut files: Vec<(String, Bytes)>) -> Result<Bytes, Problem> {
    let position = match files.iter().position(|(name, _)| name == "file") {
        Some(position) => position,
        None if files.len() == 1 => 0,
        None => {
            return Err(Problem::body(
                "the form must have a part named \"file\" with the configuration",
            ));
        }
    };
    Ok(files.swap_remove(position).1)
}

fn read_components(bytes: &[u8], limits: &crate::Limits) -> Result<Vec<Json>, Problem> {
    let components = if archive::is_archive(bytes) {
        archive::read(bytes, limits)?
    } else {
        match Json::parse(bytes, &limits_for_json(limits)).map_err(|error| Problem::json(&error))? {
            Json::Array(components) => components,
            component @ Json::Object(_) => vec![component],
            _ => return Err(Problem::body("a configuration is a list of JSON objects")),
        }
    };
    match components
        .iter()
        .position(|component| component.as_object().is_none())
    {
        None => Ok(components),
        Some(index) => {
            Err(Problem::body("a component is a JSON object").with("index", number(index as u64)))
        }
    }
}

pub(crate) async fn history(call: Call) -> Result<Response, Problem> {
    let id = call.text("entity_id");
    let options = ReadOptions {
        since: call.number("since"),
        limit: call.number("limit"),
        reverse: call.boolean("reverse"),
        history: true,
        deleted: true,
    };
    configuration_log::of_component(&call, id, options).await
}
