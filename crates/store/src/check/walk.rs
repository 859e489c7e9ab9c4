//! Walking a range of keys although some of its blocks cannot be read.

use super::{Checked, Report};
use crate::families::Family;
use crate::keys::{self, KeyRange, OFFSET_KEY_BYTES};
use rocksdb::ReadOptions;
use sluice_dataset::DatasetNumber;

pub(super) fn options() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_verify_checksums(true);
    options.fill_cache(false);
    options.set_readahead_size(1 << 20);
    options
}

/// Calls `visit` for every readable key of the range. A block that cannot be read is a problem, named by its file and by the key
/// before it. Behind it the walk goes on where it can: among offsets by trying ever further ones, elsewhere it ends.
/// True if everything could be read.
pub(super) fn walk(
    checked: &Checked<'_>,
    family: Family,
    range: &KeyRange,
    place: &str,
    report: &mut Report,
    mut visit: impl FnMut(&mut Report, &[u8], &[u8]),
) -> bool {
    let mut bounded = options();
    bounded.set_iterate_lower_bound(range.from.clone());
    bounded.set_iterate_upper_bound(range.to.clone());
    let mut iterator = checked
        .db
        .raw_iterator_cf_opt(&checked.family(family), bounded);
    iterator.seek_to_first();
    let (mut last, mut whole, mut stride) = (None, true, 1_u64);
    loop {
        while let Some((key, value)) = iterator.item() {
            visit(report, key, value);
            last = Some(key.to_vec());
            stride = 1;
            iterator.next();
        }
        let Err(error) = iterator.status() else {
            return whole;
        };
        if stride == 1 {
            report.add(
                format!("{place}, {}", after(last.as_deref())),
                error.into_string(),
            );
        }
        whole = false;
        let Some(further) = further(family, range, last.as_deref(), stride) else {
            return whole;
        };
        let Some(doubled) = stride.checked_mul(2) else {
            return whole;
        };
        stride = doubled;
        iterator.seek(further);
    }
}

fn after(last: Option<&[u8]>) -> String {
    match last {
        None => "at its beginning".to_owned(),
        Some(key) => match keys::offset_of(key).filter(|_| key.len() == OFFSET_KEY_BYTES) {
            Some(offset) => format!("after offset {offset}"),
            None => format!("after key {}", key.get(8..).unwrap_or(key).escape_ascii()),
        },
    }
}

/// A key beyond the unreadable block, hopefully.
fn further(family: Family, range: &KeyRange, last: Option<&[u8]>, stride: u64) -> Option<Vec<u8>> {
    if !matches!(family, Family::Log | Family::Superseded) {
        return None;
    }
    let number = DatasetNumber(keys::dataset_of(&range.from)?);
    let from = last.and_then(keys::offset_of).unwrap_or(0);
    Some(keys::version(number, from.checked_add(stride)?).to_vec())
}
