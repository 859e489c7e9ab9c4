//! `hops` (HO1): the compiler plans it, the evaluator joins.

use crate::row::Chapter;

use super::{Form, FormBody};

pub(crate) const CHAPTER: Chapter<FormBody> = Chapter {
    name: "hops",
    rows: ROWS,
};

const ROWS: &[Form] = &[Form {
    name: "hops",
    signature: "HOPS_SPEC(dict{>=1})",
    doc: "Joins the source entity with datasets; of several specifications the output of one is the input of the next. The result is a list.",
    examples: &[],
    body: FormBody::Hops,
}];
