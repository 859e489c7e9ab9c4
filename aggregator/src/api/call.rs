//! A request on its way to a handler: its parameters read as the route table declares them, its body not yet read.

use super::body::{self, Whole};
use super::decode;
use super::error::Problem;
use super::operation::{Kind, Operation, Parameter, Place, RequestBody};
use super::{form, limits_for_json};
use crate::Aggregator;
use axum::body::{Body, HttpBody as _};
use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use sluice_dataset::SinceToken;
use sluice_entity::Json;
use sluice_protocol::ByteStream;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Who calls: the subject of the verified token.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) user: Arc<str>,
}

/// A request that passed authentication, the gates and the reading of its parameters.
pub(crate) struct Call {
    pub(crate) hub: Arc<Aggregator>,
    pub(crate) parts: Parts,
    pub(crate) user: String,
    /// Query or form parameters that the table does not declare.
    pub(crate) others: BTreeMap<String, String>,
    operation: &'static Operation,
    given: BTreeMap<&'static str, Given>,
    /// Behind a lock only because a body is not `Sync` and a call is borrowed across awaits; nobody waits for it.
    body: Mutex<Body>,
}

#[derive(Clone, Debug, PartialEq)]
enum Given {
    Text(String),
    Boolean(bool),
    Number(u64),
}

impl Call {
    /// Reads path, query, declared headers and, where the table says so, the form.
    pub(crate) async fn read(
        operation: &'static Operation,
        hub: Arc<Aggregator>,
        parts: Parts,
        body: Body,
    ) -> Result<Self, Problem> {
        let user = parts
            .extensions
            .get::<Caller>()
            .map(|caller| caller.user.to_string())
            .unwrap_or_default();
        let mut call = Call {
            hub,
            user,
            others: BTreeMap::new(),
            operation,
            given: BTreeMap::new(),
            body: Mutex::default(),
            parts,
        };
        call.read_path().await?;
        call.read_headers()?;
        let query = call.parts.uri.query().unwrap_or_default();
        let pairs =
            decode::pairs(query).map_err(|malformed| Problem::encoding("query", malformed))?;
        call.read_pairs(pairs)?;
        if matches!(operation.body, RequestBody::Form) {
            let whole = call.whole_of(body).await?;
            call.read_pairs(form::fields(&call.parts, whole.bytes).await?)?;
        } else {
            call.body = Mutex::new(body);
        }
        call.check_required()?;
        Ok(call)
    }

    async fn read_path(&mut self) -> Result<(), Problem> {
        decode::check(self.parts.uri.path())
            .map_err(|malformed| Problem::encoding("path", malformed))?;
        if !self.operation.path.contains('{') {
            return Ok(());
        }
        let found = RawPathParams::from_request_parts(&mut self.parts, &()).await;
        let found = found.map_err(|_| Problem::encoding("path", decode::Malformed::Utf8))?;
        for parameter in self
            .operation
            .parameters
            .iter()
            .filter(|parameter| parameter.place == Place::Path)
        {
            // The rest of a path may be nothing.
            let value = found.iter().find(|(name, _)| *name == parameter.name);
            let value = value.map_or("", |(_, value)| value);
            self.given
                .insert(parameter.name, Given::Text(value.to_owned()));
        }
        Ok(())
    }

    fn read_headers(&mut self) -> Result<(), Problem> {
        for parameter in self
            .operation
            .parameters
            .iter()
            .filter(|parameter| parameter.place == Place::Header)
        {
            if let Some(value) = self.parts.headers.get(parameter.name) {
                let text = value
                    .to_str()
                    .map_err(|_| Problem::parameter(parameter.name, "plain text"))?;
                self.given.insert(parameter.name, read(parameter, text)?);
            }
        }
        Ok(())
    }

    fn read_pairs(&mut self, pairs: Vec<(String, String)>) -> Result<(), Problem> {
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in pairs {
            let declared = self.operation.parameters.iter().find(|parameter| {
                matches!(parameter.place, Place::Query | Place::Form) && parameter.name == name
            });
            match declared {
                Some(parameter) if seen.contains(&parameter.name) => {
                    return Err(Problem::repeated_parameter(parameter.name));
                }
                Some(parameter) => {
                    seen.push(parameter.name);
                    self.given.insert(parameter.name, read(parameter, &value)?);
                }
                None => {
                    self.others.insert(name, value);
                }
            }
        }
        Ok(())
    }

    fn check_required(&self) -> Result<(), Problem> {
        let missing =
            |parameter: &&Parameter| parameter.required && !self.given.contains_key(parameter.name);
        match self.operation.parameters.iter().find(missing) {
            Some(parameter) => Err(Problem::missing_parameter(parameter.name)),
            None => Ok(()),
        }
    }

    fn declared(&self, name: &str) -> Option<&'static Parameter> {
        let declared = self
            .operation
            .parameters
            .iter()
            .find(|parameter| parameter.name == name);
        debug_assert!(
            declared.is_some(),
            "{} does not declare the parameter {name}",
            self.operation.id
        );
        declared
    }

    /// A required text, or what a choice means when it is absent.
    pub(crate) fn text(&self, name: &str) -> &str {
        match self.optional_text(name) {
            Some(text) => text,
            None => match self.declared(name).map(|parameter| parameter.kind) {
                Some(Kind::Choice(words)) => words.first().copied().unwrap_or_default(),
                _ => "",
            },
        }
    }

    /// A text, if it was given.
    pub(crate) fn optional_text(&self, name: &str) -> Option<&str> {
        self.declared(name);
        match self.given.get(name) {
            Some(Given::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A boolean, or what its absence means.
    pub(crate) fn boolean(&self, name: &str) -> bool {
        match (
            self.given.get(name),
            self.declared(name).map(|parameter| parameter.kind),
        ) {
            (Some(Given::Boolean(value)), _) => *value,
            (_, Some(Kind::Boolean(absent))) => absent.unwrap_or(false),
            _ => false,
        }
    }

    /// A number, or what its absence means.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        match (
            self.given.get(name),
            self.declared(name).map(|parameter| parameter.kind),
        ) {
            (Some(Given::Number(value)), _) => Some(*value),
            (_, Some(Kind::Number(absent))) => absent,
            _ => None,
        }
    }

    /// Refuses the call unless the hub runs in developer mode.
    pub(crate) fn needs_developer_mode(&self) -> Result<(), Problem> {
        if self.hub.settings.developer_mode {
            Ok(())
        } else {
            Err(Problem::developer_mode(self.operation.id))
        }
    }

    /// Whether the caller sends a body, perhaps an empty one.
    pub(crate) fn has_body(&mut self) -> bool {
        let body = self.body.get_mut().unwrap_or_else(PoisonError::into_inner);
        !body.is_end_stream()
    }

    fn take_body(&mut self) -> Body {
        std::mem::take(self.body.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    /// The body, whole and bounded.
    pub(crate) async fn whole(&mut self) -> Result<Whole, Problem> {
        let body = self.take_body();
        self.whole_of(body).await
    }

    async fn whole_of(&self, body: Body) -> Result<Whole, Problem> {
        let limits = &self.hub.settings.limits;
        body::read_whole(
            body,
            &self.parts.headers,
            limits.body,
            limits,
            &self.hub.bodies,
        )
        .await
    }

    /// The body as exact JSON. Duplicate keys are refused.
    pub(crate) async fn json(&mut self) -> Result<Json, Problem> {
        let whole = self.whole().await?;
        Json::parse(&whole.bytes, &limits_for_json(&self.hub.settings.limits))
            .map_err(|error| Problem::json(&error))
    }

    /// The body as it arrives.
    pub(crate) async fn stream(&mut self) -> Result<ByteStream, Problem> {
        let body = self.take_body();
        body::stream(
            body,
            &self.parts.headers,
            &self.hub.settings.limits,
            &self.hub.bodies,
        )
        .await
    }
}

fn read(parameter: &Parameter, text: &str) -> Result<Given, Problem> {
    let refuse = |expected: &str| Err(Problem::parameter(parameter.name, expected));
    match parameter.kind {
        Kind::Text => Ok(Given::Text(text.to_owned())),
        Kind::Boolean(_) if text.eq_ignore_ascii_case("true") => Ok(Given::Boolean(true)),
        Kind::Boolean(_) if text.eq_ignore_ascii_case("false") => Ok(Given::Boolean(false)),
        Kind::Boolean(_) => refuse("true or false"),
        Kind::Number(_) => match natural(text) {
            Some(number) => Ok(Given::Number(number)),
            None => refuse("a non-negative integer"),
        },
        Kind::Since if natural(text).is_some() || SinceToken::parse(text).is_ok() => {
            Ok(Given::Text(text.to_owned()))
        }
        Kind::Since => refuse("a non-negative integer or a since token of this hub"),
        Kind::Choice(words) if words.contains(&text) => Ok(Given::Text(text.to_owned())),
        Kind::Choice(words) => refuse(&format!("one of {}", words.join(", "))),
        Kind::Words(words) => {
            let known = |word: &str| words.contains(&word.strip_prefix('-').unwrap_or(word));
            if text.split(',').all(known) {
                Ok(Given::Text(text.to_owned()))
            } else {
                refuse(&format!("a list of {}", words.join(", ")))
            }
        }
    }
}

/// Digits only: no sign, no space, no exponent.
fn natural(text: &str) -> Option<u64> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}
