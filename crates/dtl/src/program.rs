//! A compiled transform: rules as lists of steps, expressions as nodes with everything looked up.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use sluice_entity::{Name, Names, ValueBuf};

use crate::diagnostic::{Site, Sites};
use crate::forms::FormFn;
use crate::functions::{AmbientFn, PureFn, StoredFn};
use crate::hops::HopsCall;
use crate::index::IndexExpression;
use crate::namespaces::{Namespaces, Pattern};
use crate::options::{Budget, Options};
use crate::path::{Path, PathStep};
use crate::transforms::TransformFn;

/// A transform that can be evaluated, by any number of threads at once.
pub struct Program {
    pub(crate) rules: Vec<Rule>,
    pub(crate) start: Start,
    pub(crate) id_required: bool,
    pub(crate) trigger: Option<Trigger>,
    pub(crate) namespaces: Namespaces,
    pub(crate) uris: UriNamespaces,
    pub(crate) budget: Budget,
    pub(crate) sites: Sites,
    pub(crate) needs: Needs,
}

/// What evaluation begins with.
pub(crate) enum Start {
    /// The rule with this number, for each source entity.
    Rule(usize),
    /// One expression by itself.
    Expression(Node),
}

/// What a program needs from outside.
#[derive(Default)]
pub(crate) struct Needs {
    pub(crate) hop_datasets: Vec<String>,
    pub(crate) datasets: Vec<String>,
    pub(crate) untracked: Vec<String>,
    pub(crate) indexes: Vec<IndexRequirement>,
    pub(crate) not_deterministic: bool,
}

/// An index that must be there before the program runs.
#[derive(Clone)]
pub struct IndexRequirement {
    pub dataset: String,
    pub index: Arc<IndexExpression>,
}

impl Program {
    /// All datasets that are hopped to or looked up in, each once.
    pub fn datasets(&self) -> &[String] {
        &self.needs.datasets
    }

    /// The datasets that are hopped to, each once (HO6).
    pub fn hop_datasets(&self) -> &[String] {
        &self.needs.hop_datasets
    }

    /// Of the hopped-to datasets, those of which no hops tracks dependencies (`track-dependencies` false).
    pub fn untracked_datasets(&self) -> &[String] {
        &self.needs.untracked
    }

    /// The indexes that joins are answered from (IX1), each once.
    pub fn indexes(&self) -> &[IndexRequirement] {
        &self.needs.indexes
    }

    pub fn has_hops(&self) -> bool {
        !self.needs.hop_datasets.is_empty()
    }

    /// Whether the same input always gives the same output: no time, no chance.
    pub fn deterministic(&self) -> bool {
        !self.needs.not_deterministic
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules: Vec<&str> = self.rules.iter().map(|rule| &*rule.name).collect();
        f.debug_struct("Program")
            .field("rules", &rules)
            .finish_non_exhaustive()
    }
}

/// A named list of transforms.
pub(crate) struct Rule {
    pub(crate) name: Box<str>,
    pub(crate) steps: Box<[Step]>,
}

/// One transform with its arguments.
pub(crate) struct Step {
    pub(crate) body: TransformFn,
    pub(crate) arguments: Box<[Argument]>,
    pub(crate) site: Site,
}

/// An argument of a transform.
pub(crate) enum Argument {
    Expression(Node),
    Property(Property),
    Patterns(Patterns),
    Steps(Box<[Step]>),
}

/// The property that `add` and its like write.
pub(crate) enum Property {
    /// With its namespace.
    Constant(Name),
    Computed(Node),
}

/// Which properties `copy` and `remove` take.
pub(crate) enum Patterns {
    /// Names without wildcards, each of one property.
    Names(Box<[PathStep]>),
    Constant(Box<[Pattern]>),
    Computed(Node),
}

/// `trigger_on`: entities that do not match pass through unchanged.
pub(crate) struct Trigger {
    pub(crate) key: Box<[PathStep]>,
    pub(crate) value: ValueBuf,
}

/// An expression.
pub(crate) enum Node {
    Constant(ValueBuf),
    Path(Path),
    /// `path` with constant names.
    Property {
        base: Box<Node>,
        steps: Box<[PathStep]>,
    },
    List(Box<[Node]>),
    Dict(Box<NewDict>),
    Pure(Box<Call<PureFn>>),
    Ambient(Box<Call<AmbientFn>>),
    Stored(Box<Call<StoredFn>>),
    Form(Box<Call<FormFn>>),
    Apply {
        rule: usize,
        values: Box<Node>,
        site: Site,
    },
    Hops(Box<HopsCall>),
}

/// A dict with names that are known beforehand.
pub(crate) struct NewDict {
    pub(crate) names: Names,
    /// One for each name.
    pub(crate) values: Box<[Node]>,
    pub(crate) site: Site,
}

/// A function with its arguments.
pub(crate) struct Call<B> {
    pub(crate) body: B,
    pub(crate) arguments: Box<[Node]>,
    pub(crate) site: Site,
}

/// URI prefixes and the namespaces they collapse to (NS6); prefixes met for the first time get a generated one.
pub(crate) struct UriNamespaces {
    pipe: String,
    declared: Vec<(String, String)>,
    generated: Mutex<HashMap<String, usize>>,
}

const BUILT_IN: &[(&str, &str)] = &[
    ("_", "http://example.org/"),
    ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
    ("owl", "http://www.w3.org/2002/07/owl#"),
    ("foaf", "http://xmlns.com/foaf/0.1/"),
    ("wgs84", "http://www.w3.org/2003/01/geo/wgs84_pos#"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
    ("dc", "http://purl.org/dc/elements/1.1/"),
    ("skos", "http://www.w3.org/2004/02/skos/core#"),
    ("dcterms", "http://purl.org/dc/terms/"),
    ("gs", "http://www.garshol.priv.no/sdshare/ns/"),
];

impl UriNamespaces {
    pub(crate) fn new(options: &Options) -> UriNamespaces {
        UriNamespaces {
            pipe: options.pipe_id.clone(),
            declared: options.uri_namespaces.clone(),
            generated: Mutex::default(),
        }
    }

    /// `http://example.org/bar` is `_:bar`. The prefix ends at the last `/` or `#`.
    pub(crate) fn collapse(&self, uri: &str) -> String {
        let border = uri.rfind(['/', '#']).map_or(0, |last| last + 1);
        let (prefix, identifier) = uri.split_at(border);
        let declared = self
            .declared
            .iter()
            .find(|(_, uri)| uri == prefix)
            .map(|(name, _)| name.as_str());
        let built_in = || {
            BUILT_IN
                .iter()
                .find(|(_, uri)| *uri == prefix)
                .map(|(name, _)| *name)
        };
        if let Some(namespace) = declared.or_else(built_in) {
            return format!("{namespace}:{identifier}");
        }
        let mut generated = self.generated.lock();
        let next = generated.len() + 1;
        let number = *generated.entry(prefix.to_owned()).or_insert(next);
        format!("{}-{number}:{identifier}", self.pipe)
    }
}
