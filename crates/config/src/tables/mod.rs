//! The tables: every property of every component type of the reference, as rows. They drive checking, defaults, the JSON schema
//! and the golden files; nothing else knows a property by name unless its meaning goes beyond a row.
//!
//! To add a property: one row. To add a type: one entry in its family's list, and `SLUICE_BLESS=1 cargo test -p sluice-config`
//! for its golden file.

mod common;
mod metadata;
mod pipe;
mod pump;
mod rest;
mod sinks;
mod sources;
mod systems;
mod transforms;

pub(crate) use metadata::METADATA;
pub(crate) use pipe::PIPE;
pub(crate) use pump::PUMP;
pub(crate) use sinks::SINKS;
pub(crate) use sources::SOURCES;
pub(crate) use systems::SYSTEMS;
pub(crate) use transforms::{TEMPLATES, TRANSFORMS};

/// Rows that stand together; an object is checked against several groups.
pub(crate) type Rows = &'static [Property];

/// A property.
#[derive(Clone, Copy)]
pub(crate) struct Property {
    /// Name in the reference, hyphens as there. Other hyphenation is understood, with a warning.
    pub(crate) name: &'static str,
    /// What JSON it takes.
    pub(crate) shape: Shape,
    /// An object without it is an error.
    pub(crate) required: bool,
    /// What the effective configuration shows without it.
    pub(crate) default: Default,
    /// Other old spellings.
    pub(crate) aliases: &'static [&'static str],
    /// Where `$SECRET(x)` may stand in it (EV2). System configuration allows them everywhere, whatever this says.
    pub(crate) secrets: Secrets,
    /// Understood, with a warning that names what takes its place.
    pub(crate) deprecated: Option<&'static str>,
    /// The value cannot be chosen; a different one is a warning and does not count.
    pub(crate) fixed: bool,
    /// This version does not follow it: what happens instead. A configuration that sets it is warned; one that says `false` or
    /// `[]` asks for nothing and is not.
    pub(crate) not_followed: Option<&'static str>,
}

/// Where secrets are allowed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrets {
    Nowhere,
    Anywhere,
    /// Checked by the part's own table.
    Elsewhere,
    /// In the arguments of the functions that encrypt and decrypt.
    Cryptography,
}

/// A default.
#[derive(Clone, Copy)]
pub(crate) enum Default {
    /// The property stays absent (or another part of this crate computes it).
    Absent,
    Bool(bool),
    Int(i64),
    Text(&'static str),
    /// JSON text.
    Json(&'static str),
    /// The value at this path of the effective node metadata; absent where that is.
    NodeWide(&'static [&'static str]),
}

/// The JSON a property takes.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Any,
    Bool,
    /// An integer of at least so much.
    Integer(i64),
    /// A number that is not negative.
    Number,
    /// A number of at least 1.
    Factor,
    Text,
    /// One ASCII character.
    Letter,
    /// A list of texts.
    Texts,
    /// A list of at least one text.
    SomeTexts,
    /// A text or a list of texts.
    TextOrTexts,
    TextOrInteger,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// One of these texts, or a list of them.
    Choices(&'static [&'static str]),
    /// A boolean or one of these texts.
    BoolOr(&'static [&'static str]),
    /// Any list.
    List,
    /// A list of objects.
    Entities,
    /// Any object.
    Object,
    /// An object of texts.
    TextMap,
    /// A text or an object.
    TextOrObject,
    /// A text, a list or an object.
    Payload,
    /// An object with these properties.
    Fields(Rows),
    /// A boolean, or an object with these properties.
    Switch(Rows),
    /// An object of objects with these properties, by free names.
    Named(Rows),
    /// An object of objects with these properties, by HTTP statuses or `default`.
    ByStatus(Rows),
    /// Statuses and ranges of statuses.
    Statuses,
    /// `["eq", expression, literal]`
    Subset,
    /// A cron expression.
    Cron,
    /// The name of a character set.
    Encoding,
    /// A boolean, a list of dataset names, or an object with an expression.
    Completeness,
    /// `"$ids"` or a list of expressions.
    Indexes,
    /// The name of a dataset, without `/`.
    Dataset,
    /// At least one name of a dataset.
    Datasets,
    /// At least one `"dataset alias"`.
    AliasedDatasets,
    /// `2`; `1` is understood as `2` with a warning (U5).
    MergeVersion,
}

/// A row with nothing special.
pub(crate) const fn row(name: &'static str, shape: Shape) -> Property {
    Property {
        name,
        shape,
        required: false,
        default: Default::Absent,
        aliases: &[],
        secrets: Secrets::Nowhere,
        deprecated: None,
        fixed: false,
        not_followed: None,
    }
}

impl Property {
    const fn required(mut self) -> Self {
        self.required = true;
        self
    }
    const fn or(mut self, default: Default) -> Self {
        self.default = default;
        self
    }
    const fn yes(self) -> Self {
        self.or(Default::Bool(true))
    }
    const fn no(self) -> Self {
        self.or(Default::Bool(false))
    }
    const fn always(mut self, value: bool) -> Self {
        self.fixed = true;
        self.or(Default::Bool(value))
    }
    const fn integer(self, value: i64) -> Self {
        self.or(Default::Int(value))
    }
    const fn text(self, value: &'static str) -> Self {
        self.or(Default::Text(value))
    }
    const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }
    const fn secret(mut self) -> Self {
        self.secrets = Secrets::Anywhere;
        self
    }
    const fn cryptography(mut self) -> Self {
        self.secrets = Secrets::Cryptography;
        self
    }
    const fn part(mut self) -> Self {
        self.secrets = Secrets::Elsewhere;
        self
    }
    const fn deprecated(mut self, instead: &'static str) -> Self {
        self.deprecated = Some(instead);
        self
    }
    const fn not_followed(mut self, instead: &'static str) -> Self {
        self.not_followed = Some(instead);
        self
    }

    /// Whether a key of a configuration means this property, and whether that is its present spelling.
    pub(crate) fn is_spelled(&self, key: &str) -> Option<bool> {
        if key == self.name {
            return Some(true);
        }
        let same = |known: &str| {
            known.len() == key.len()
                && known
                    .bytes()
                    .zip(key.bytes())
                    .all(|(a, b)| a == b || matches!((a, b), (b'-', b'_') | (b'_', b'-')))
        };
        (same(self.name) || self.aliases.iter().any(|alias| same(alias))).then_some(false)
    }
}

/// A type of source, transform, sink or system.
pub(crate) struct Type {
    /// `type`.
    pub(crate) name: &'static str,
    /// Whether this version runs it.
    pub(crate) runs: bool,
    /// Its properties, `type` and the descriptive ones not repeated.
    pub(crate) groups: &'static [Rows],
    /// Sets of properties of which at least one must be there.
    pub(crate) one_of: &'static [&'static [&'static str]],
}

const fn runs(name: &'static str, groups: &'static [Rows]) -> Type {
    Type {
        name,
        runs: true,
        groups,
        one_of: &[],
    }
}

const fn later(name: &'static str, groups: &'static [Rows]) -> Type {
    Type {
        name,
        runs: false,
        groups,
        one_of: &[],
    }
}

impl Type {
    const fn with_one_of(mut self, names: &'static [&'static [&'static str]]) -> Self {
        self.one_of = names;
        self
    }

    /// All rows, the descriptive ones among them.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &'static Property> {
        self.groups
            .iter()
            .flat_map(|group| group.iter())
            .chain(common::DESCRIPTIVE.iter())
    }
}

/// Rows that every part may have: `type`, `name`, `description`, `comment` (PP9).
pub(crate) use common::DESCRIPTIVE;

/// A type of a family by its name.
pub(crate) fn find(family: &'static [Type], name: &str) -> Option<&'static Type> {
    family.iter().find(|known| known.name == name)
}
