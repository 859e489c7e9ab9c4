//! `literal`: what is written, not what it would mean.

use crate::row::{Chapter, example};

use super::{Form, FormBody};

pub(crate) const CHAPTER: Chapter<FormBody> = Chapter {
    name: "misc",
    rows: ROWS,
};

const ROWS: &[Form] = &[Form {
    name: "literal",
    signature: "VALUE(value{1})",
    doc: "The argument as it is written.",
    examples: &[example(
        r#"["literal", ["upper", "_S.x"]]"#,
        r#"["upper", "_S.x"]"#,
    )],
    body: FormBody::Literal,
}];
