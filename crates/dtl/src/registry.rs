//! All rows of the language by name, with their signatures parsed. Expressions and transforms are two
//! worlds: `if`, `filter` and `case-eq` exist in both.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::forms::{self, FormBody};
use crate::functions::{self, FunctionBody};
use crate::row::Row;
use crate::signature::Signature;
use crate::transforms::{self, TransformBody};

/// A row, ready for the compiler.
pub(crate) struct Definition<B> {
    pub(crate) signature: Signature,
    /// The signature as written, for messages.
    pub(crate) text: &'static str,
    pub(crate) body: B,
}

/// What an expression's name stands for.
#[derive(Clone, Copy)]
pub(crate) enum ExpressionBody {
    Function(FunctionBody),
    Form(FormBody),
}

type Table<B> = LazyLock<HashMap<&'static str, Definition<B>>>;

static EXPRESSIONS: Table<ExpressionBody> = LazyLock::new(|| {
    let functions = functions::CHAPTERS.iter().flat_map(|chapter| chapter.rows);
    let forms = forms::CHAPTERS.iter().flat_map(|chapter| chapter.rows);
    let functions = functions.map(|row| definition(row, ExpressionBody::Function(row.body)));
    let forms = forms.map(|row| definition(row, ExpressionBody::Form(row.body)));
    functions.chain(forms).flatten().collect()
});

static TRANSFORMS: Table<TransformBody> = LazyLock::new(|| {
    transforms::TABLES
        .iter()
        .copied()
        .flatten()
        .filter_map(|row| definition(row, row.body))
        .collect()
});

pub(crate) fn expression(name: &str) -> Option<&'static Definition<ExpressionBody>> {
    EXPRESSIONS.get(name)
}

pub(crate) fn transform(name: &str) -> Option<&'static Definition<TransformBody>> {
    TRANSFORMS.get(name)
}

/// `None` for a signature that is not in the notation; a test finds such a row.
fn definition<A, B>(row: &'static Row<A>, body: B) -> Option<(&'static str, Definition<B>)> {
    let signature = Signature::parse(row.signature)?;
    Some((
        row.name,
        Definition {
            signature,
            text: row.signature,
            body,
        },
    ))
}
