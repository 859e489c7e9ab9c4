//! `cargo xtask advisories`: known holes in the dependencies. Apart from `test`, whose verdict must not change
//! with what was published elsewhere since yesterday.

use anyhow::Result;

use crate::deny;
use crate::setup::{self, Choice, Purpose};
use crate::steps::step;

pub(crate) fn check(choice: Choice) -> Result<()> {
    let prepared = setup::prepare(choice, Purpose::Build)?;
    step("advisories", || deny::check_advisories(&prepared))
}
