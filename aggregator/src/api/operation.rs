//! What a row of the route table says: method, path, parameters, body, answer, handler.
//!
//! The router and the OpenAPI document are both made from these rows, and parameters are read as their rows say, so that
//! the description cannot differ from what happens.

use super::call::Call;
use super::error::Problem;
use axum::response::Response;
use futures::future::BoxFuture;
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Answers a call.
pub(crate) type Handler = fn(Call) -> BoxFuture<'static, Result<Response, Problem>>;

/// Describes a type.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// One method of one path.
#[derive(Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) verb: Verb,
    /// With `{name}` for a segment and `{*name}` for the rest of the path.
    pub(crate) path: &'static str,
    pub(crate) id: &'static str,
    /// One sentence.
    pub(crate) summary: &'static str,
    pub(crate) access: Access,
    pub(crate) parameters: &'static [Parameter],
    pub(crate) body: RequestBody,
    pub(crate) answer: Answer,
    pub(crate) handler: Handler,
}

/// Methods in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verb {
    Get,
    Put,
    Post,
    Patch,
    Delete,
    Options,
}

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody.
    Open,
    /// Holders of a valid token.
    Token,
    /// Holders of a valid token, while the hub runs in developer mode.
    Developer,
}

/// What a request carries.
#[derive(Clone, Copy)]
pub(crate) enum RequestBody {
    /// Nothing; what comes is not read.
    None,
    /// A form, url-encoded or multipart; its fields are parameters with [`Place::Form`].
    Form,
    /// A JSON value that is read whole.
    Json(SchemaOf),
    /// A configuration: zip or JSON, raw or in a multipart form.
    Configuration,
    /// An array of entities of any length, streamed.
    Entities,
    /// Plain text.
    Text,
    /// Whatever somebody else takes.
    Anything,
}

/// What a successful answer is.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    /// `200` with JSON.
    Json(SchemaOf),
    /// `201` with JSON.
    Created(SchemaOf),
    /// `202` with JSON: it is begun.
    Accepted(SchemaOf),
    /// Whatever somebody else answers.
    Anything,
    /// `200` with a streamed array of entities and the headers of JSON pull (JP2).
    Entities,
    /// `200` with JSON or, when asked for by `Accept`, a zip.
    Configuration(SchemaOf),
    /// `200` with a document of this content type.
    Document(&'static str),
}

/// Where a parameter is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    /// In the form, or in the query.
    Form,
    Header,
}

/// How a parameter's text is read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text,
    /// `true` or `false` in any case, with what absence means.
    Boolean(Option<bool>),
    /// A non-negative integer.
    Number(Option<u64>),
    /// A non-negative integer or a since token of a dataset (R74).
    Since,
    /// One of these words; the first is what absence means.
    Choice(&'static [&'static str]),
    /// Some of these words with commas between; a `-` before a word leaves it out.
    Words(&'static [&'static str]),
}

/// A declared parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) required: bool,
    pub(crate) kind: Kind,
    pub(crate) about: &'static str,
}

impl Parameter {
    pub(crate) const fn path(name: &'static str, about: &'static str) -> Self {
        Parameter {
            name,
            place: Place::Path,
            required: true,
            kind: Kind::Text,
            about,
        }
    }
    pub(crate) const fn query(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Parameter {
            name,
            place: Place::Query,
            required: false,
            kind,
            about,
        }
    }
    pub(crate) const fn form(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Parameter {
            name,
            place: Place::Form,
            required: false,
            kind,
            about,
        }
    }
    pub(crate) const fn header(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Parameter {
            name,
            place: Place::Header,
            required: false,
            kind,
            about,
        }
    }
    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

impl Operation {
    const fn new(
        verb: Verb,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        handler: Handler,
    ) -> Self {
        Operation {
            verb,
            path,
            id,
            summary,
            access: Access::Token,
            parameters: &[],
            body: RequestBody::None,
            answer: Answer::Json(anything),
            handler,
        }
    }
    pub(crate) const fn parameters(mut self, parameters: &'static [Parameter]) -> Self {
        self.parameters = parameters;
        self
    }
    pub(crate) const fn open(mut self) -> Self {
        self.access = Access::Open;
        self
    }
    pub(crate) const fn developer(mut self) -> Self {
        self.access = Access::Developer;
        self
    }
    pub(crate) const fn takes(mut self, body: RequestBody) -> Self {
        self.body = body;
        self
    }
    pub(crate) const fn answers(mut self, answer: Answer) -> Self {
        self.answer = answer;
        self
    }
}

macro_rules! verbs {
    ($($name:ident $verb:ident),*) => {$(
        pub(crate) const fn $name(path: &'static str, id: &'static str, summary: &'static str, handler: Handler) -> Operation {
            Operation::new(Verb::$verb, path, id, summary, handler)
        }
    )*};
}
verbs!(get Get, put Put, post Post, patch Patch, delete Delete, options Options);

/// The schema of `T`, by reference.
pub(crate) fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Any JSON.
pub(crate) fn anything(_: &mut SchemaGenerator) -> Schema {
    Schema::default()
}

impl Verb {
    pub(crate) fn method(self) -> http::Method {
        match self {
            Verb::Get => http::Method::GET,
            Verb::Put => http::Method::PUT,
            Verb::Post => http::Method::POST,
            Verb::Patch => http::Method::PATCH,
            Verb::Delete => http::Method::DELETE,
            Verb::Options => http::Method::OPTIONS,
        }
    }
}
