//! Lists cut into messages.

use prost::Message;

/// The items in order, in lists of about `page_bytes`; a larger item is alone in its list. No items, no lists.
pub(crate) fn parts<T: Message>(items: impl Iterator<Item = T>, page_bytes: usize) -> Vec<Vec<T>> {
    let mut parts = Vec::new();
    let mut part = Vec::new();
    let mut weight = 0;
    for item in items {
        let more = item.encoded_len();
        if weight + more > page_bytes && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
            weight = 0;
        }
        weight += more;
        part.push(item);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}
