//! Original → resolved: variables replaced, conditional properties inserted, conditional parts chosen (EV1, EV3, SR12).
//!
//! What a condition does not choose is never looked at: alternatives that lead nowhere do not matter.

use super::node::{Node, Place, Tree};
use super::problems::Problems;
use super::size::size_of_json;
use crate::secrets::{Piece, pieces};
use crate::{Code, Environment, Kind};
use sluice_entity::Json;

const CONDITIONAL_PROPERTIES: &str = "$conditional_properties";

/// Resolves a component.
pub(super) fn resolve(
    kind: Kind,
    original: &Json,
    environment: &Environment,
    problems: &mut Problems,
) -> Node {
    let mut resolver = Resolver {
        environment,
        problems,
        grown: 0,
    };
    let place = Place::default();
    let members = original.as_object().unwrap_or_default();
    let level = resolver.level(members, &place, true);
    let resolved = level
        .into_iter()
        .map(|(key, json, place)| {
            let node = match (kind, key) {
                (Kind::Pipe, "source") => resolver.part(json, &place, Part::Source),
                (Kind::Pipe, "sink") => resolver.part(json, &place, Part::Sink),
                (Kind::Pipe, "transform") => resolver.transform(json, &place),
                _ => resolver.value(json, &place, true),
            };
            (key.to_owned(), node)
        })
        .collect();
    Node {
        place,
        tree: Tree::Dict(resolved),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Source,
    Transform,
    Sink,
}

struct Resolver<'a> {
    environment: &'a Environment,
    problems: &'a mut Problems,
    /// Bytes that variables added to the component.
    grown: usize,
}

/// The members of one level: name, value, place.
type Level<'j> = Vec<(&'j str, &'j Json, Place)>;

impl<'a> Resolver<'a> {
    /// The members of an object, those of the chosen alternative of its conditional properties in place of its own.
    fn level<'j>(
        &mut self,
        members: &'j [(String, Json)],
        place: &Place,
        is_root: bool,
    ) -> Level<'j> {
        let mut level: Level<'j> = Vec::with_capacity(members.len());
        let mut inserted: Level<'j> = Vec::new();
        for (key, value) in members {
            if key == CONDITIONAL_PROPERTIES {
                inserted = self.inserted(value, &place.key(key), is_root);
            } else {
                level.push((key, value, place.key(key)));
            }
        }
        for member in inserted {
            match level.iter_mut().find(|(key, ..)| *key == member.0) {
                Some(own) => *own = member,
                None => level.push(member),
            }
        }
        level
    }

    /// What `$conditional_properties` inserts.
    fn inserted<'j>(&mut self, block: &'j Json, place: &Place, is_root: bool) -> Level<'j> {
        if block.as_object().is_none() {
            self.problems.error(
                place,
                Code::WrongKind,
                "conditional properties are an object with \"condition\" and \"alternatives\"",
            );
            return Vec::new();
        }
        let member = |name: &str| block.get(name).map(|value| (value, place.key(name)));
        let Some((alternative, place)) =
            self.choose(member("condition"), member("alternatives"), place)
        else {
            return Vec::new();
        };
        let Some(members) = alternative.as_object() else {
            self.problems.error(
                &place,
                Code::WrongKind,
                "an alternative of conditional properties is an object",
            );
            return Vec::new();
        };
        let mut level = self.level(members, &place, is_root);
        if is_root {
            level.retain(|(key, _, place)| {
                let allowed = !matches!(*key, "_id" | "type");
                if !allowed {
                    let message = format!("\"{key}\" of a component cannot depend on a condition");
                    self.problems
                        .error(place, Code::ConditionalNotAllowed, message);
                }
                allowed
            });
        }
        level
    }

    /// The alternative that a condition chooses, with its place.
    fn choose<'j>(
        &mut self,
        condition: Option<(&Json, Place)>,
        alternatives: Option<(&'j Json, Place)>,
        place: &Place,
    ) -> Option<(&'j Json, Place)> {
        let (Some((condition, at_condition)), Some((alternatives, at_alternatives))) =
            (condition, alternatives)
        else {
            self.problems.error(
                place,
                Code::MissingProperty,
                "a choice has \"condition\" and \"alternatives\"",
            );
            return None;
        };
        let Some(options) = alternatives.as_object() else {
            self.problems.error(
                &at_alternatives,
                Code::WrongKind,
                "\"alternatives\" is an object",
            );
            return None;
        };
        let before = self.problems.0.len();
        let condition = self.value(condition, &at_condition, false);
        if self.problems.0.len() > before {
            return None;
        }
        let Some(chosen) = plain_text(&condition.to_json()) else {
            self.problems.error(
                &at_condition,
                Code::WrongKind,
                "a condition is a text, a number or a boolean",
            );
            return None;
        };
        let Some((name, alternative)) = options.iter().find(|(name, _)| *name == chosen) else {
            let message = format!("there is no alternative for the condition \"{chosen}\"");
            self.problems
                .error(&at_alternatives, Code::MissingAlternative, message);
            return None;
        };
        Some((alternative, at_alternatives.key(name)))
    }

    /// A source, sink or single transform; a conditional one is replaced by the alternative.
    fn part(&mut self, json: &Json, place: &Place, part: Part) -> Node {
        let Some(members) = json.as_object() else {
            return self.value(json, place, part != Part::Transform);
        };
        let level = match part {
            // EV3: not inside transforms.
            Part::Transform => members
                .iter()
                .map(|(key, value)| (key.as_str(), value, place.key(key)))
                .collect(),
            Part::Source | Part::Sink => self.level(members, place, false),
        };
        if level
            .iter()
            .any(|(key, value, _)| *key == "type" && value.as_str() == Some("conditional"))
        {
            return self.alternative(&level, place, part);
        }
        let resolved = level
            .into_iter()
            .map(|(key, value, place)| {
                let conditions =
                    part != Part::Transform && !(part == Part::Source && key == "entities");
                let node = match (part, key) {
                    (Part::Transform, "transforms") => self.transform(value, &place),
                    _ => self.value(value, &place, conditions),
                };
                (key.to_owned(), node)
            })
            .collect();
        Node {
            place: place.clone(),
            tree: Tree::Dict(resolved),
        }
    }

    fn alternative(&mut self, level: &Level<'_>, place: &Place, part: Part) -> Node {
        for (key, _, place) in level {
            if !matches!(
                *key,
                "type"
                    | "condition"
                    | "alternatives"
                    | "name"
                    | "description"
                    | "comment"
                    | "system"
            ) {
                let message = format!(
                    "\"{key}\" has no effect beside a condition; write it into the alternatives"
                );
                self.problems.warning(place, Code::IgnoredProperty, message);
            }
        }
        // Conditional properties may have replaced members of the block, so they are looked up in the level.
        let member = |name: &str| {
            level
                .iter()
                .find(|(key, ..)| *key == name)
                .map(|(_, value, place)| (*value, place.clone()))
        };
        match (
            self.choose(member("condition"), member("alternatives"), place),
            part,
        ) {
            (Some((chosen, place)), Part::Transform) => self.transform(chosen, &place),
            (Some((chosen, place)), Part::Source | Part::Sink) => self.part(chosen, &place, part),
            (None, _) => Node {
                place: place.clone(),
                tree: Tree::Broken,
            },
        }
    }

    /// One transform or a list of them.
    fn transform(&mut self, json: &Json, place: &Place) -> Node {
        match json {
            Json::Array(list) => {
                let nodes = list
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.transform(item, &place.index(index)));
                Node {
                    place: place.clone(),
                    tree: Tree::List(nodes.collect()),
                }
            }
            _ => self.part(json, place, Part::Transform),
        }
    }

    /// Any value; `conditions` says whether conditional properties count in it.
    fn value(&mut self, json: &Json, place: &Place, conditions: bool) -> Node {
        let tree = match json {
            Json::String(text) => return grafted(self.text(text, place), place),
            Json::Array(list) => Tree::List(
                list.iter()
                    .enumerate()
                    .map(|(index, item)| self.value(item, &place.index(index), conditions))
                    .collect(),
            ),
            Json::Object(members) if conditions => {
                let level = self.level(members, place, false);
                Tree::Dict(
                    level
                        .into_iter()
                        .map(|(key, value, place)| {
                            (key.to_owned(), self.value(value, &place, true))
                        })
                        .collect(),
                )
            }
            Json::Object(members) => Tree::Dict(
                members
                    .iter()
                    .map(|(key, value)| (key.clone(), self.value(value, &place.key(key), false)))
                    .collect(),
            ),
            plain => Tree::Leaf(plain.clone()),
        };
        Node {
            place: place.clone(),
            tree,
        }
    }

    /// A text with its variables: the variable's own JSON where it is the whole text, text otherwise.
    fn text(&mut self, text: &str, place: &Place) -> Json {
        if !text.contains("$ENV(") {
            return Json::String(text.to_owned());
        }
        let pieces = pieces(text);
        if let [Piece::Variable(name)] = pieces[..] {
            return self
                .variable(name, place)
                .cloned()
                .unwrap_or_else(|| Json::String(text.to_owned()));
        }
        let mut replaced = String::with_capacity(text.len());
        for piece in pieces {
            match piece {
                Piece::Text(plain) => replaced.push_str(plain),
                Piece::Secret(name) => {
                    replaced.push_str("$SECRET(");
                    replaced.push_str(name);
                    replaced.push(')');
                }
                Piece::Variable(name) => match self.variable(name, place) {
                    Some(value) => {
                        replaced.push_str(&plain_text(value).unwrap_or_else(|| value.to_string()))
                    }
                    None => {
                        replaced.push_str("$ENV(");
                        replaced.push_str(name);
                        replaced.push(')');
                    }
                },
            }
        }
        Json::String(replaced)
    }

    fn variable(&mut self, name: &str, place: &Place) -> Option<&'a Json> {
        let Some(value) = self.environment.variables.get(name) else {
            self.problems.error(
                place,
                Code::UnknownVariable,
                format!("there is no variable \"{name}\""),
            );
            return None;
        };
        // A large variable in many places must not make a small upload fill the memory.
        let limit = self.environment.limits.component_bytes;
        self.grown = self.grown.saturating_add(size_of_json(value));
        if self.grown > limit {
            let message =
                format!("with its variables filled in the component is larger than {limit} bytes");
            self.problems.error(place, Code::LimitExceeded, message);
            return None;
        }
        Some(value)
    }
}

/// What came out of a variable: all of it is found where the variable stands.
fn grafted(json: Json, place: &Place) -> Node {
    let tree = match json {
        Json::Array(list) => {
            Tree::List(list.into_iter().map(|item| grafted(item, place)).collect())
        }
        Json::Object(members) => Tree::Dict(
            members
                .into_iter()
                .map(|(key, value)| (key, grafted(value, place)))
                .collect(),
        ),
        plain => Tree::Leaf(plain),
    };
    Node {
        place: place.clone(),
        tree,
    }
}

/// How a value stands inside a text; `None` for lists and objects.
fn plain_text(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(_) | Json::Bool(_) | Json::Null => Some(json.to_string()),
        Json::Array(_) | Json::Object(_) => None,
    }
}
