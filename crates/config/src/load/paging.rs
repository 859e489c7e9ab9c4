//! SR7: pages can be asked for only where each one begins exactly behind the one before.

use super::fill::{Filler, Members, get, get_str};
use super::node::Node;
use crate::Code;
use sluice_entity::Json;

/// What a source has to be for `page_size`.
const FLAGS: [&str; 3] = ["supports_since", "is_since_comparable", "is_chronological"];

/// Types that ask for pages with `since` and `limit`.
const PAGED: [&str; 2] = ["json", "binary"];

/// Says where `page_size` is set in vain.
pub(super) fn check(source: &Members, node: &Node, filler: &mut Filler<'_>) {
    let is_paged = get_str(source, "type").is_some_and(|kind| PAGED.contains(&kind));
    let Some(given) = node.get("page_size").filter(|_| is_paged) else {
        return;
    };
    let is_off = |flag: &&str| get(source, flag).and_then(Json::as_bool) != Some(true);
    let missing: Vec<&str> = FLAGS.into_iter().filter(is_off).collect();
    if missing.is_empty() {
        return;
    }
    let message = format!(
        "\"page_size\" has no effect: it needs {} to be true, and everything is asked for at once",
        missing.join(", ")
    );
    filler
        .problems
        .warning(&given.place, Code::IgnoredProperty, message);
}
