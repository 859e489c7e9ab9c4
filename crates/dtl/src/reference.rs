//! The names of the language's reference: 149 expression functions and 20 transform functions. Each is
//! implemented, or on the list of those that are not in this version; that list may only shrink.

use std::fmt::Write;

use crate::forms;
use crate::functions;
use crate::registry;
use crate::transforms;

/// Expression functions that this version does not have.
pub(crate) const FUNCTIONS_NOT_YET: &[&str] = &[
    "boolean",
    "is-boolean",
    "base64-decode",
    "base64-encode",
    "bytes",
    "is-bytes",
    "apply-ns",
    "strip-ns",
    "encrypt",
    "decrypt",
    "encrypt-pki",
    "decrypt-pki",
    "encrypt-pgp",
    "decrypt-pgp",
    "json",
    "json-parse",
    "json-transit",
    "json-transit-parse",
    "enumerate",
    "group",
    "group-by",
    "insert",
    "map-values",
    "range",
    "slice",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "mod",
    "pow",
    "abs",
    "ceil",
    "floor",
    "round",
    "sqrt",
    "sin",
    "cos",
    "tan",
    "hash128",
    "completeness",
    "decimal",
    "float",
    "hex",
    "is-decimal",
    "is-float",
    "is-integer",
    "phonenumber-parse",
    "phonenumber-format",
    "ljust",
    "rjust",
    "is-uri",
    "uri",
    "url-quote",
    "url-unquote",
    "is-uuid",
    "uuid",
];

/// Transform functions that this version does not have.
pub(crate) const TRANSFORMS_NOT_YET: &[&str] = &["sleep!"];

/// Whether the language has a function of this name that this version has not.
pub(crate) fn is_known(name: &str) -> bool {
    FUNCTIONS_NOT_YET.contains(&name) || TRANSFORMS_NOT_YET.contains(&name)
}

/// Whether this version has an expression function of this name.
pub fn has_function(name: &str) -> bool {
    registry::expression(name).is_some()
}

/// Whether this version has a transform function of this name.
pub fn has_transform(name: &str) -> bool {
    registry::transform(name).is_some()
}

/// The reference page of this version, in Markdown: every row with its signature and examples.
pub fn print_reference() -> String {
    let mut page = String::from("# DTL functions\n");
    let mut chapters: Vec<(&str, Vec<Entry>)> = Vec::new();
    let all = functions::CHAPTERS
        .iter()
        .map(|chapter| {
            (
                chapter.name,
                chapter.rows.iter().map(entry).collect::<Vec<Entry>>(),
            )
        })
        .chain(
            forms::CHAPTERS
                .iter()
                .map(|chapter| (chapter.name, chapter.rows.iter().map(entry).collect())),
        )
        .chain([(
            "transforms",
            transforms::TABLES
                .iter()
                .copied()
                .flatten()
                .map(entry)
                .collect(),
        )]);
    for (name, entries) in all {
        match chapters.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => known.extend(entries),
            None => chapters.push((name, entries)),
        }
    }
    chapters.sort_by_key(|(name, _)| (*name == "transforms", *name));
    for (name, mut entries) in chapters {
        entries.sort_by_key(|entry| entry.name);
        let _ = write!(page, "\n## {name}\n");
        entries.iter().for_each(|entry| entry.print(&mut page));
    }
    let _ = write!(page, "\n## Not in this version\n\n");
    let _ = writeln!(page, "Expressions: {}", FUNCTIONS_NOT_YET.join(", "));
    let _ = writeln!(page, "\nTransforms: {}", TRANSFORMS_NOT_YET.join(", "));
    page
}

struct Entry {
    name: &'static str,
    signature: &'static str,
    doc: &'static str,
    examples: &'static [crate::row::Example],
}

fn entry<B>(row: &'static crate::row::Row<B>) -> Entry {
    Entry {
        name: row.name,
        signature: row.signature,
        doc: row.doc,
        examples: row.examples,
    }
}

impl Entry {
    fn print(&self, page: &mut String) {
        let _ = write!(
            page,
            "\n### `{}`\n\nArguments: `{}`\n\n{}\n",
            self.name, self.signature, self.doc
        );
        for example in self.examples {
            let source = if example.source == "{}" {
                String::new()
            } else {
                format!(" over `{}`", example.source)
            };
            let _ = write!(
                page,
                "\n- `{}`{source} gives `{}`\n",
                example.text, example.result
            );
        }
    }
}
