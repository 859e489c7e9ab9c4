//! What the compiler has to say: a closed list of codes, each with the place it is about.
//! Codes are never reused; their text is part of the public surface.

use std::fmt;

/// One problem or remark about a transform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub level: Level,
    pub code: Code,
    /// For a person; says what is wrong and, where it can, what would be right.
    pub message: String,
    /// The place, from the root of the compiled JSON.
    pub elements: Vec<PathElement>,
}

/// An error keeps a program from being made; a warning does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error,
    Warning,
}

/// One step into a JSON document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PathElement {
    Key(String),
    Index(usize),
}

impl fmt::Display for PathElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathElement::Key(key) => f.write_str(key),
            PathElement::Index(index) => write!(f, "{index}"),
        }
    }
}

/// Every kind of remark the compiler makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The transform is no object, or has no object `rules`.
    MissingRules,
    /// There is no rule named `default`.
    MissingDefaultRule,
    /// A rule is no list of transform functions.
    InvalidRule,
    /// A property of the transform has the wrong type.
    InvalidProperty,
    /// No function of the language has this name.
    UnknownFunction,
    /// The language has this function, this version has not.
    FunctionNotInThisVersion,
    /// A function stands where a transform function should, or the other way round.
    WrongWorld,
    /// Too few or too many arguments.
    WrongArgumentCount,
    /// A constant argument of a type that the function never takes.
    WrongArgumentKind,
    /// A path with an unclosed quote.
    InvalidPath,
    /// `_` is used where no function binds it; it is null there.
    UnboundCurrentValue,
    /// `apply` names a rule that does not exist.
    UnknownRule,
    /// `apply` on a rule that contains hops; `apply-hops` does that.
    ApplyNeedsApplyHops,
    /// No other rule applies this one.
    UnusedRule,
    /// A hops specification has a missing or malformed property.
    InvalidHops,
    /// A hops specification has a property that the language does not know.
    UnknownHopsProperty,
    /// An alias that no chain of `eq` joins connects with the source entity.
    UnreachableAlias,
    /// One side of a join uses hops, time or chance.
    JoinNotDeterministic,
    /// Two or more `eq` between the same two aliases: only the first is a join.
    SeveralJoins,
    /// Values are nested or numbers are longer than the limits allow.
    LimitExceeded,
}

impl Code {
    /// The stable text of the code.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::MissingRules => "missing-rules",
            Code::MissingDefaultRule => "missing-default-rule",
            Code::InvalidRule => "invalid-rule",
            Code::InvalidProperty => "invalid-property",
            Code::UnknownFunction => "unknown-function",
            Code::FunctionNotInThisVersion => "function-not-in-this-version",
            Code::WrongWorld => "wrong-world",
            Code::WrongArgumentCount => "wrong-argument-count",
            Code::WrongArgumentKind => "wrong-argument-kind",
            Code::InvalidPath => "invalid-path",
            Code::UnboundCurrentValue => "unbound-current-value",
            Code::UnknownRule => "unknown-rule",
            Code::ApplyNeedsApplyHops => "apply-needs-apply-hops",
            Code::UnusedRule => "unused-rule",
            Code::InvalidHops => "invalid-hops",
            Code::UnknownHopsProperty => "unknown-hops-property",
            Code::UnreachableAlias => "unreachable-alias",
            Code::JoinNotDeterministic => "join-not-deterministic",
            Code::SeveralJoins => "several-joins",
            Code::LimitExceeded => "limit-exceeded",
        }
    }

    /// Warnings let a program be made all the same.
    pub fn level(self) -> Level {
        match self {
            Code::UnboundCurrentValue
            | Code::UnusedRule
            | Code::UnknownHopsProperty
            | Code::SeveralJoins => Level::Warning,
            _ => Level::Error,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A place in the compiled JSON; cheap to keep in every node of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Site(u32);

/// All places of one document, each by its parent and its last step.
#[derive(Debug)]
pub(crate) struct Sites(Vec<(Site, PathElement)>);

impl Sites {
    pub(crate) const ROOT: Site = Site(0);

    pub(crate) fn new() -> Sites {
        Sites(vec![(Sites::ROOT, PathElement::Index(0))])
    }

    pub(crate) fn key(&mut self, parent: Site, key: &str) -> Site {
        self.push(parent, PathElement::Key(key.to_owned()))
    }

    pub(crate) fn index(&mut self, parent: Site, index: usize) -> Site {
        self.push(parent, PathElement::Index(index))
    }

    fn push(&mut self, parent: Site, element: PathElement) -> Site {
        self.0.push((parent, element));
        Site(u32::try_from(self.0.len() - 1).unwrap_or(0))
    }

    /// The steps from the root to `site`.
    pub(crate) fn elements(&self, mut site: Site) -> Vec<PathElement> {
        let mut elements = Vec::new();
        while site != Sites::ROOT {
            let Some((parent, element)) = self.0.get(site.0 as usize) else {
                break;
            };
            elements.push(element.clone());
            site = *parent;
        }
        elements.reverse();
        elements
    }
}

/// Collects what the passes find; nothing stops at the first problem.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics(Vec<(Site, Code, String)>);

impl Default for Site {
    fn default() -> Site {
        Sites::ROOT
    }
}

impl Diagnostics {
    pub(crate) fn report(&mut self, site: Site, code: Code, message: impl Into<String>) {
        self.0.push((site, code, message.into()));
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.0
            .iter()
            .any(|(_, code, _)| code.level() == Level::Error)
    }

    pub(crate) fn finish(self, sites: &Sites) -> Vec<Diagnostic> {
        let located = |(site, code, message): (Site, Code, String)| Diagnostic {
            level: code.level(),
            code,
            message,
            elements: sites.elements(site),
        };
        self.0.into_iter().map(located).collect()
    }
}
