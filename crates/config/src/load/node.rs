//! Resolved configuration: JSON in which every value knows its place in the original component.

use crate::PathElement;
use sluice_entity::Json;
use std::sync::Arc;

/// A place in a component's original JSON; cheap to clone, children share their parents.
#[derive(Clone, Debug, Default)]
pub(super) struct Place(Option<Arc<Step>>);

#[derive(Debug)]
struct Step {
    parent: Place,
    element: PathElement,
}

impl Place {
    pub(super) fn key(&self, key: &str) -> Place {
        self.child(PathElement::Key(key.to_owned()))
    }

    pub(super) fn index(&self, index: usize) -> Place {
        self.child(PathElement::Index(index))
    }

    fn child(&self, element: PathElement) -> Place {
        Place(Some(Arc::new(Step {
            parent: self.clone(),
            element,
        })))
    }

    pub(super) fn elements(&self) -> Vec<PathElement> {
        let mut elements = Vec::new();
        let mut place = self;
        while let Some(step) = &place.0 {
            elements.push(step.element.clone());
            place = &step.parent;
        }
        elements.reverse();
        elements
    }
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) tree: Tree,
}

#[derive(Clone, Debug)]
pub(super) enum Tree {
    /// Null, boolean, number or text.
    Leaf(Json),
    List(Vec<Node>),
    Dict(Vec<(String, Node)>),
    /// Could not be resolved, and that was told; nothing more is to be said about it.
    Broken,
}

impl Node {
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        match &self.tree {
            Tree::Dict(members) => members
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, node)| node),
            _ => None,
        }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match &self.tree {
            Tree::Leaf(Json::String(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn to_json(&self) -> Json {
        match &self.tree {
            Tree::Leaf(json) => json.clone(),
            Tree::Broken => Json::Null,
            Tree::List(list) => Json::Array(list.iter().map(Node::to_json).collect()),
            Tree::Dict(members) => Json::Object(
                members
                    .iter()
                    .map(|(key, node)| (key.clone(), node.to_json()))
                    .collect(),
            ),
        }
    }

    /// The place in the original of a path into [`Node::to_json`]; the variable's where the value came out of
    /// one.
    pub(super) fn locate<'e>(
        &self,
        path: impl IntoIterator<Item = &'e PathElement>,
    ) -> Vec<PathElement> {
        let mut node = self;
        for element in path {
            let child = match (element, &node.tree) {
                (PathElement::Key(key), Tree::Dict(members)) => members
                    .iter()
                    .find(|(name, _)| name == key)
                    .map(|(_, child)| child),
                (PathElement::Index(index), Tree::List(list)) => list.get(*index),
                _ => None,
            };
            match child {
                Some(child) => node = child,
                None => break,
            }
        }
        node.place.elements()
    }

    /// Every text below, with its place, in order.
    pub(super) fn texts(&self, visit: &mut dyn FnMut(&str, &Place)) {
        match &self.tree {
            Tree::Leaf(json) => {
                if let Some(text) = json.as_str() {
                    visit(text, &self.place);
                }
            }
            Tree::Broken => {}
            Tree::List(list) => list.iter().for_each(|node| node.texts(visit)),
            Tree::Dict(members) => members.iter().for_each(|(_, node)| node.texts(visit)),
        }
    }
}
