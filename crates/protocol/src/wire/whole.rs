//! What travels in parts, on its way in.

use super::damaged::Damaged;

/// Puts parts together; begins anew with the part after a last one.
pub(crate) trait Gather: Default {
    /// A message.
    type Part;
    /// What the parts up to and with the last one are together.
    type Whole;

    /// Takes a part; with the last one the whole is there.
    fn take(&mut self, part: Self::Part) -> Result<Option<Self::Whole>, Damaged>;
}

/// What every part repeats has to be the same as in the first.
pub(super) fn same<T: PartialEq>(
    first: &mut Option<T>,
    now: T,
    field: &str,
) -> Result<(), Damaged> {
    match first {
        Some(first) if *first != now => Err(Damaged::new(field, "not that of the part before")),
        Some(_) => Ok(()),
        None => {
            *first = Some(now);
            Ok(())
        }
    }
}
