//! Resolved → effective, for one object: each member checked against its row, each missing one filled in.

use super::node::{Node, Place, Tree};
use super::problems::Problems;
use super::secret_use::SecretUse;
use super::shape;
use crate::tables::{Default, Property, Secrets, Shape, Type};
use crate::{Code, Level};
use sluice_entity::{Json, Limits};

/// Fills in the objects of one component.
pub(super) struct Filler<'a> {
    pub(super) problems: Problems,
    /// The effective node metadata.
    pub(super) node_wide: &'a Json,
    pub(super) secrets: SecretUse<'a>,
}

/// An effective object in the making; the members of the configuration in its own order, then the defaults.
pub(super) type Members = Vec<(String, Json)>;

impl Filler<'_> {
    /// An object that has the rows of `type_row`.
    pub(super) fn part(&mut self, node: &Node, type_row: &Type) -> Members {
        let members = self.object(node, || type_row.rows());
        for names in type_row.one_of {
            if !names.iter().any(|name| has(&members, name)) {
                let message = format!("one of {} is needed", quoted(names));
                self.problems
                    .error(&node.place, Code::MissingProperty, message);
            }
        }
        members
    }

    /// An object with these rows. What is no object gives the defaults (its problem is told by who looked).
    pub(super) fn object<I: Iterator<Item = &'static Property>>(
        &mut self,
        node: &Node,
        rows: impl Fn() -> I,
    ) -> Members {
        let mut members: Members = Vec::new();
        let given: &[(String, Node)] = match &node.tree {
            Tree::Dict(given) => given,
            _ => &[],
        };
        for (key, value) in given {
            let row = rows()
                .find(|row| row.name == key)
                .or_else(|| rows().find(|row| row.is_spelled(key).is_some()));
            let Some(row) = row else {
                // Generated and private names are nobody's mistake.
                if !key.starts_with(['$', '_']) {
                    self.problems.warning(
                        &value.place,
                        Code::UnknownProperty,
                        unknown(key, rows()),
                    );
                }
                self.secrets
                    .check(value, Secrets::Nowhere, &mut self.problems);
                members.push((key.clone(), value.to_json()));
                continue;
            };
            if row.name != key {
                if given.iter().any(|(other, _)| other == row.name) || has(&members, row.name) {
                    let message = format!(
                        "\"{key}\" and \"{}\" are the same property; this one does not count",
                        row.name
                    );
                    self.problems
                        .warning(&value.place, Code::DuplicateProperty, message);
                    continue;
                }
                let message = format!("\"{key}\" is spelled \"{}\" now", row.name);
                self.problems
                    .warning(&value.place, Code::OldSpelling, message);
            }
            match &value.tree {
                Tree::Broken => members.push((row.name.to_owned(), Json::Null)),
                // Null says "as if it were not there".
                Tree::Leaf(Json::Null) if !matches!(row.shape, Shape::Any) => {}
                _ => {
                    self.secrets.check(value, row.secrets, &mut self.problems);
                    members.push((row.name.to_owned(), self.member(row, value)));
                }
            }
        }
        for row in rows() {
            if has(&members, row.name) {
                continue;
            }
            if row.required {
                let message = format!("\"{}\" is missing", row.name);
                self.problems
                    .error(&node.place, Code::MissingProperty, message);
            } else if let Some(default) = self.default(row, &node.place) {
                members.push((row.name.to_owned(), default));
            }
        }
        members
    }

    fn member(&mut self, row: &Property, value: &Node) -> Json {
        if let Some(instead) = row.deprecated {
            let message = format!("\"{}\" is deprecated; {instead} takes its place", row.name);
            self.problems
                .warning(&value.place, Code::Deprecated, message);
        }
        let known = self.problems.0.len();
        let checked = shape::check(self, &row.shape, value);
        // A value with an error keeps the component from running: that is told already.
        let is_sound = crate::is_valid(&self.problems.0[known..]);
        if let Some(instead) = row.not_followed
            && is_sound
            && asks_for_something(&checked)
        {
            let message = format!("this version does not follow \"{}\": {instead}", row.name);
            self.problems
                .warning(&value.place, Code::NotInThisVersion, message);
        }
        if let (true, Default::Bool(fixed)) = (row.fixed, row.default) {
            if matches!(checked, Json::Bool(given) if given != fixed) {
                let message = format!("\"{}\" is always {fixed} here", row.name);
                self.problems
                    .warning(&value.place, Code::FixedProperty, message);
            }
            return Json::Bool(fixed);
        }
        checked
    }

    /// The effective value of a property that is not there.
    fn default(&mut self, row: &Property, place: &Place) -> Option<Json> {
        let value = match row.default {
            Default::Absent => return None,
            Default::Bool(value) => Json::Bool(value),
            Default::Int(value) => Json::from(value),
            Default::Text(value) => Json::from(value),
            Default::Json(text) => Json::parse(text.as_bytes(), &Limits::default())
                .expect("a test parses every default of the tables"),
            Default::NodeWide(path) => {
                let mut value = self.node_wide;
                for name in path {
                    value = value.get(name)?;
                }
                value.clone()
            }
        };
        // An object that is filled in from nothing has defaults of its own.
        match shape::inner_rows(&row.shape) {
            Some(rows) if matches!(&value, Json::Object(members) if members.is_empty()) => {
                let empty = Node {
                    place: place.clone(),
                    tree: Tree::Dict(Vec::new()),
                };
                Some(Json::Object(self.object(&empty, || rows.iter())))
            }
            _ => Some(value),
        }
    }

    pub(super) fn wrong_kind(&mut self, node: &Node, expected: &str) {
        let message = format!("this has to be {expected}");
        self.problems.at(
            Level::Error,
            Code::WrongKind,
            message,
            node.place.elements(),
        );
    }
}

/// `false` and `[]` leave a feature off.
fn asks_for_something(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => false,
        Json::Array(list) => !list.is_empty(),
        _ => true,
    }
}

pub(super) fn has(members: &Members, name: &str) -> bool {
    members.iter().any(|(key, _)| key == name)
}

pub(super) fn get<'m>(members: &'m Members, name: &str) -> Option<&'m Json> {
    members
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
}

pub(super) fn get_str<'m>(members: &'m Members, name: &str) -> Option<&'m str> {
    get(members, name).and_then(Json::as_str)
}

pub(super) fn is_true(members: &Members, name: &str) -> bool {
    get(members, name).and_then(Json::as_bool) == Some(true)
}

pub(super) fn set(members: &mut Members, name: &str, value: Json) {
    match members.iter_mut().find(|(key, _)| key == name) {
        Some((_, old)) => *old = value,
        None => members.push((name.to_owned(), value)),
    }
}

pub(super) fn set_if_absent(members: &mut Members, name: &str, value: impl FnOnce() -> Json) {
    if !has(members, name) {
        members.push((name.to_owned(), value()));
    }
}

/// `"a", "b" or "c"`
pub(super) fn quoted(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// The message for a key that no row knows, with the nearest name where one is near.
fn unknown(key: &str, rows: impl Iterator<Item = &'static Property>) -> String {
    let near = rows.map(|row| (distance(key, row.name), row.name)).min();
    match near {
        Some((distance, name)) if distance <= 1 + name.len() / 6 => {
            format!("there is no property \"{key}\"; is \"{name}\" meant?")
        }
        _ => format!("there is no property \"{key}\"; it is kept and has no effect"),
    }
}

/// Edits between two names; large for names of very different length.
fn distance(a: &str, b: &str) -> usize {
    if a.len().abs_diff(b.len()) > 3 || a.len() > 64 {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_edits() {
        assert_eq!(distance("schedule_intervall", "schedule_interval"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("a", "abcdef"), usize::MAX);
    }

    #[test]
    fn names_are_listed_as_people_do() {
        assert_eq!(quoted(&["a"]), "\"a\"");
        assert_eq!(quoted(&["a", "b", "c"]), "\"a\", \"b\" or \"c\"");
    }
}
