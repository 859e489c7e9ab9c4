//! The form of a row in the tables of functions, forms and transforms: what a function is called, what it
//! takes in the reference's own notation, what it does, and examples that are run as tests.

/// One function of the language; `B` says what its body needs.
pub(crate) struct Row<B: 'static> {
    pub(crate) name: &'static str,
    /// See [`crate::signature::Signature`].
    pub(crate) signature: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) examples: &'static [Example],
    pub(crate) body: B,
}

/// An expression with its result, or a list of transforms with the target they leave.
pub(crate) struct Example {
    /// `_S`.
    pub(crate) source: &'static str,
    pub(crate) text: &'static str,
    pub(crate) result: &'static str,
}

/// An example that does not look at the source entity.
pub(crate) const fn example(text: &'static str, result: &'static str) -> Example {
    Example {
        source: "{}",
        text,
        result,
    }
}

/// An example with a source entity.
pub(crate) const fn example_of(
    source: &'static str,
    text: &'static str,
    result: &'static str,
) -> Example {
    Example {
        source,
        text,
        result,
    }
}

/// One chapter of the reference: its name and its rows.
pub(crate) struct Chapter<B: 'static> {
    pub(crate) name: &'static str,
    pub(crate) rows: &'static [Row<B>],
}
