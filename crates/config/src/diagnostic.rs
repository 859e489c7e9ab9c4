//! Problems of a component: how bad, a stable code, a sentence, and the place in the component's original JSON (CF4).

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The component works; something looks wrong.
    Warning,
    /// The component does not run.
    Error,
}

impl Level {
    /// `warning` or `error`, as in `config-errors`.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// One step into a component's JSON.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathElement {
    /// A member of an object.
    Key(String),
    /// An element of an array, from 0.
    Index(usize),
}

/// A problem with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub level: Level,
    /// Stable kebab-case text: one of [`Code`], or a code of the transform language (`dtl` codes are that crate's own list).
    pub code: &'static str,
    /// One sentence for people.
    pub message: String,
    /// Keys and indices from the root of the component's **original** JSON.
    pub elements: Vec<PathElement>,
}

impl Diagnostic {
    pub(crate) fn new(
        level: Level,
        code: Code,
        message: impl Into<String>,
        elements: Vec<PathElement>,
    ) -> Self {
        Diagnostic {
            level,
            code: code.as_str(),
            message: message.into(),
            elements,
        }
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal,)*) => {
        /// Every kind of problem that this crate finds. A text is never given another meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($(#[doc = $doc])* $name,)* }

        impl Code {
            /// Every code, for documents and for the test that meets each of them.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// The text that clients see.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text),* }
            }
        }
    };
}

codes! {
    /// A component, or a part that has to be one, is no JSON object.
    NotAnObject = "not-an-object",
    /// `_id` is missing, no text, or empty.
    InvalidId = "invalid-id",
    /// `_id` is allowed but unwise (PP1).
    UnusualId = "unusual-id",
    /// Two components of the same kind have the same `_id`.
    DuplicateComponent = "duplicate-component",
    /// `type` is missing.
    MissingType = "missing-type",
    /// `type` names nothing that is known.
    UnknownType = "unknown-type",
    /// The type or property is known, but this version does not run or follow it.
    NotInThisVersion = "not-in-this-version",
    /// The property is not in the reference; it is kept.
    UnknownProperty = "unknown-property",
    /// An old or hyphenated spelling of a property.
    OldSpelling = "old-spelling",
    /// The property stands twice, in two spellings.
    DuplicateProperty = "duplicate-property",
    /// The value has the wrong kind or is out of range.
    WrongKind = "wrong-kind",
    /// A property without which the component cannot be.
    MissingProperty = "missing-property",
    /// The property cannot be set here; its value is fixed.
    FixedProperty = "fixed-property",
    /// The property has no effect here.
    IgnoredProperty = "ignored-property",
    /// The property or value belongs to the past.
    Deprecated = "deprecated",
    /// Properties that contradict each other.
    Contradiction = "contradiction",
    /// `$ENV(x)` names no variable.
    UnknownVariable = "unknown-variable",
    /// `$SECRET(x)` names no secret.
    UnknownSecret = "unknown-secret",
    /// `$SECRET(x)` stands where secrets are not allowed (EV2).
    SecretNotAllowed = "secret-not-allowed",
    /// A condition has no alternative for its value (R69).
    MissingAlternative = "missing-alternative",
    /// `$conditional_properties` sets what it must not, or where it must not (EV3).
    ConditionalNotAllowed = "conditional-not-allowed",
    /// A cron expression cannot be read.
    InvalidCron = "invalid-cron",
    /// A subset is not `["eq", expression, literal]` (IX6).
    InvalidSubset = "invalid-subset",
    /// A system is referred to that does not exist.
    UnknownSystem = "unknown-system",
    /// The system has another type than the pipe needs.
    WrongSystem = "wrong-system",
    /// A dataset is read that nothing writes.
    UnknownDataset = "unknown-dataset",
    /// Two pipes write the same dataset.
    SharedSinkDataset = "shared-sink-dataset",
    /// Two pipes share a dead-letter dataset (R35).
    SharedDeadLetterDataset = "shared-dead-letter-dataset",
    /// The name of a dataset cannot be used.
    InvalidDataset = "invalid-dataset",
    /// Nested too deeply, too large, or too many.
    LimitExceeded = "limit-exceeded",
}
