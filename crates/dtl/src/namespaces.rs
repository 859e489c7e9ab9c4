//! What names mean when namespaced identifiers are on (NS1-NS5, R43, R66, R67), and when they are off.

use std::borrow::Cow;

use crate::options::Options;
use crate::wildcard;

/// The namespaces of one pipe.
#[derive(Clone, Debug, Default)]
pub(crate) struct Namespaces {
    pub(crate) enabled: bool,
    identity: String,
    property: String,
}

impl Namespaces {
    pub(crate) fn new(options: &Options) -> Namespaces {
        let or_pipe = |name: &str| {
            if name.is_empty() {
                options.pipe_id.clone()
            } else {
                name.to_owned()
            }
        };
        Namespaces {
            enabled: options.namespaced_identifiers,
            identity: or_pipe(&options.identity_namespace),
            property: or_pipe(&options.property_namespace),
        }
    }

    /// The full name of a property to be written: an unqualified one gets the current namespace (R67).
    pub(crate) fn property<'n>(&self, name: &'n str) -> Cow<'n, str> {
        if !self.enabled {
            return Cow::Borrowed(name);
        }
        self.qualify(name, &self.property)
    }

    /// The value of an `_id` to be written.
    pub(crate) fn identity<'n>(&self, id: &'n str) -> Cow<'n, str> {
        if !self.enabled {
            return Cow::Borrowed(id);
        }
        match id.strip_prefix("::") {
            Some(rest) => Cow::Borrowed(rest),
            None => match id.strip_prefix(':') {
                Some(rest) => Cow::Owned(format!("{}:{rest}", self.identity)),
                None if id.contains(':') => Cow::Borrowed(id),
                None => Cow::Owned(format!("{}:{id}", self.identity)),
            },
        }
    }

    fn qualify<'n>(&self, name: &'n str, namespace: &str) -> Cow<'n, str> {
        if let Some(rest) = name.strip_prefix("::") {
            Cow::Borrowed(rest)
        } else if let Some(rest) = name.strip_prefix(':') {
            Cow::Owned(format!("{namespace}:{rest}"))
        } else if is_reserved(name) || name.contains(':') {
            Cow::Borrowed(name)
        } else {
            Cow::Owned(format!("{namespace}:{name}"))
        }
    }

    /// How a name in a path, or in `rename` and `make-ni`, finds properties: `a` in every namespace.
    pub(crate) fn reference(&self, name: &str) -> Reference {
        if !self.enabled {
            return Reference::Exact(name.into());
        }
        match self.qualify(name, &self.property) {
            Cow::Borrowed(full)
                if full.len() < name.len() || is_reserved(full) || full.contains(':') =>
            {
                Reference::Exact(full.into())
            }
            Cow::Owned(full) if name.starts_with(':') => Reference::Exact(full.into()),
            _ => Reference::AnyNamespace(name.into()),
        }
    }

    /// A pattern of `copy` and `remove`.
    pub(crate) fn pattern(&self, text: &str) -> Pattern {
        if text == "*" {
            return Pattern::All;
        }
        if !self.enabled {
            return Pattern::Whole(Glob::new(text));
        }
        let full = match text.strip_prefix("::") {
            Some(rest) => return Pattern::qualified(rest),
            None if text.starts_with(':') => format!("{}{text}", self.property),
            None => text.to_owned(),
        };
        if full.contains(':') {
            Pattern::qualified(&full)
        } else {
            Pattern::Identifier(Glob::new(&full))
        }
    }
}

/// Names of `_` and `$` never carry a namespace (R66).
pub(crate) fn is_reserved(name: &str) -> bool {
    name.starts_with(['_', '$'])
}

/// Namespace and identifier of a property name, split at the last colon (NS5).
pub(crate) fn split_property(name: &str) -> (Option<&str>, &str) {
    match name.rsplit_once(':') {
        Some((namespace, identifier)) => (Some(namespace), identifier),
        None => (None, name),
    }
}

/// Which properties a name in a path stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    Exact(Box<str>),
    /// Every property with this identifier part.
    AnyNamespace(Box<str>),
}

impl Reference {
    /// Whether a property is one that the name stands for.
    pub(crate) fn matches(&self, name: &str) -> bool {
        match self {
            Reference::Exact(own) => **own == *name,
            Reference::AnyNamespace(identifier) => split_property(name).1 == &**identifier,
        }
    }
}

/// Which properties a pattern of `copy` or `remove` takes.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    All,
    /// The whole name; namespaces mean nothing.
    Whole(Glob),
    /// The identifier part, in every namespace.
    Identifier(Glob),
    /// Both parts, each by itself.
    Qualified(Glob, Glob),
}

impl Pattern {
    fn qualified(text: &str) -> Pattern {
        match split_property(text) {
            (Some(namespace), identifier) => {
                Pattern::Qualified(Glob::new(namespace), Glob::new(identifier))
            }
            (None, name) => Pattern::Whole(Glob::new(name)).without_namespace(),
        }
    }

    /// `::x*` means names without a namespace, so `*` must not swallow a colon.
    fn without_namespace(self) -> Pattern {
        match self {
            Pattern::Whole(glob) => Pattern::Qualified(Glob::Nothing, glob),
            other => other,
        }
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        match self {
            Pattern::All => true,
            Pattern::Whole(glob) => glob.matches(name),
            Pattern::Identifier(glob) => glob.matches(split_property(name).1),
            Pattern::Qualified(namespace, identifier) => match split_property(name) {
                (Some(own), rest) => namespace.matches(own) && identifier.matches(rest),
                (None, rest) => matches!(namespace, Glob::Nothing) && identifier.matches(rest),
            },
        }
    }
}

/// A text with or without wildcards.
#[derive(Clone, Debug)]
pub(crate) enum Glob {
    Exact(Box<str>),
    Wildcards(Box<str>),
    /// Matches no text: there must be no namespace at all.
    Nothing,
}

impl Glob {
    fn new(text: &str) -> Glob {
        if wildcard::is_pattern(text) {
            Glob::Wildcards(text.into())
        } else {
            Glob::Exact(text.into())
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Glob::Exact(own) => **own == *text,
            Glob::Wildcards(pattern) => wildcard::matches(pattern, text),
            Glob::Nothing => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar() -> Namespaces {
        Namespaces {
            enabled: true,
            identity: "foo".to_owned(),
            property: "bar".to_owned(),
        }
    }

    #[test]
    fn written_names_get_the_current_namespace() {
        for (name, full) in [
            ("age", "bar:age"),
            (":age", "bar:age"),
            ("::age", "age"),
            ("x:age", "x:age"),
            ("::x:age", "x:age"),
            ("_id", "_id"),
            ("$ids", "$ids"),
        ] {
            assert_eq!(bar().property(name), full, "{name}");
        }
        assert_eq!(bar().identity("1"), "foo:1");
        assert_eq!(bar().identity("x:1"), "x:1");
        assert_eq!(bar().identity("::1"), "1");
        assert_eq!(Namespaces::default().property("::age"), "::age");
    }

    #[test]
    fn patterns_respect_the_border_between_namespace_and_identifier() {
        for (pattern, name, expected) in [
            ("age", "age", true),
            ("age", "x:age", true),
            ("age", "x:y:age", true),
            ("x*:*e", "x:age", true),
            ("x*:*e", "xage", false),
            ("*:age", "age", false),
            ("::age", "age", true),
            ("::age", "x:age", false),
            (":age", "bar:age", true),
            (":age", "x:age", false),
            ("::a*", "a:x", false),
            ("*", "x:age", true),
        ] {
            assert_eq!(
                bar().pattern(pattern).matches(name),
                expected,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn references_find_unqualified_names_in_every_namespace() {
        let exact = |name: &str| Reference::Exact(name.into());
        assert_eq!(bar().reference("a"), Reference::AnyNamespace("a".into()));
        assert_eq!(bar().reference(":a"), exact("bar:a"));
        assert_eq!(bar().reference("::a"), exact("a"));
        assert_eq!(bar().reference("foo:a"), exact("foo:a"));
        assert_eq!(bar().reference("_id"), exact("_id"));
        assert_eq!(Namespaces::default().reference("a"), exact("a"));
    }
}
