//! From JSON to a tree: what is a call, a list, a dict, a text or a constant, each with its place.
//! Knows no function names; nothing is refused here.

use sluice_entity::Json;

use crate::diagnostic::{Site, Sites};

/// An expression, a transform or a part of one.
#[derive(Debug)]
pub(crate) struct Tree<'j> {
    pub(crate) site: Site,
    pub(crate) json: &'j Json,
    pub(crate) shape: Shape<'j>,
}

#[derive(Debug)]
pub(crate) enum Shape<'j> {
    /// Null, a boolean or a number.
    Constant,
    /// A path or a literal string; which one depends on the aliases in scope.
    Text(&'j str),
    /// An array whose first element is a string: `["upper", "_S.name"]`.
    Call {
        name: &'j str,
        arguments: Vec<Tree<'j>>,
    },
    /// Any other array.
    List(Vec<Tree<'j>>),
    Dict(Vec<(&'j str, Tree<'j>)>),
}

impl<'j> Tree<'j> {
    /// The depth of the recursion is bounded by the reader of the JSON text.
    pub(crate) fn parse(json: &'j Json, site: Site, sites: &mut Sites) -> Tree<'j> {
        let shape = match json {
            Json::Null | Json::Bool(_) | Json::Number(_) => Shape::Constant,
            Json::String(text) => Shape::Text(text),
            Json::Array(elements) => match elements.split_first() {
                Some((Json::String(name), rest)) => {
                    let argument = |(index, json)| {
                        let site = sites.index(site, index + 1);
                        Tree::parse(json, site, sites)
                    };
                    Shape::Call {
                        name,
                        arguments: rest.iter().enumerate().map(argument).collect(),
                    }
                }
                _ => {
                    let element = |(index, json)| {
                        let site = sites.index(site, index);
                        Tree::parse(json, site, sites)
                    };
                    Shape::List(elements.iter().enumerate().map(element).collect())
                }
            },
            Json::Object(entries) => {
                let entry = |(key, json): &'j (String, Json)| {
                    let site = sites.key(site, key);
                    (key.as_str(), Tree::parse(json, site, sites))
                };
                Shape::Dict(entries.iter().map(entry).collect())
            }
        };
        Tree { site, json, shape }
    }

    pub(crate) fn text(&self) -> Option<&'j str> {
        match self.shape {
            Shape::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn call(&self) -> Option<(&'j str, &[Tree<'j>])> {
        match &self.shape {
            Shape::Call { name, arguments } => Some((name, arguments)),
            _ => None,
        }
    }

    /// An array of strings, read as such: `["a*", "b*"]` looks like a call but is a list of patterns.
    pub(crate) fn strings(&self) -> Option<Vec<&'j str>> {
        self.json.as_array()?.iter().map(Json::as_str).collect()
    }

    /// The transforms of a list of transforms; a single one as a list of one.
    pub(crate) fn steps(&self) -> Option<&[Tree<'j>]> {
        match &self.shape {
            Shape::Call { .. } => Some(std::slice::from_ref(self)),
            Shape::List(steps) => Some(steps),
            _ => None,
        }
    }

    /// All nodes, this one first; arguments that are never evaluated are included.
    pub(crate) fn visit(&self, see: &mut dyn FnMut(&Tree<'j>)) {
        see(self);
        match &self.shape {
            Shape::Constant | Shape::Text(_) => {}
            Shape::Call {
                arguments: nodes, ..
            }
            | Shape::List(nodes) => nodes.iter().for_each(|node| node.visit(see)),
            Shape::Dict(entries) => entries.iter().for_each(|(_, node)| node.visit(see)),
        }
    }
}
