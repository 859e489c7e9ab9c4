//! How large messages may be.

use sluice_entity::Limits;

/// Bytes beside the largest body in a message: names, offsets, tags.
const OVERHEAD: usize = 64 << 10;

/// Bounds of messages, in bytes. Both sides should agree on `entity_bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageBounds {
    /// JSON text of the largest entity or component that may travel.
    pub entity_bytes: usize,
    /// Where a page, a list or a body is cut into messages. A single larger entity travels alone.
    pub page_bytes: usize,
}

impl Default for MessageBounds {
    fn default() -> Self {
        MessageBounds {
            entity_bytes: 100_000_000,
            page_bytes: sluice_dataset::DEFAULT_PAGE_BYTES,
        }
    }
}

impl MessageBounds {
    /// The largest message that is read or written: an encoded entity takes at most three times its text.
    pub fn message_bytes(&self) -> usize {
        self.entity_bytes
            .saturating_mul(3)
            .max(self.page_bytes)
            .saturating_add(OVERHEAD)
    }
}

/// What is accepted of JSON text and encoded values from another process. It may hold everything that a role can make, also by
/// calculating, so these are bounds of safety and wider than those of a reader.
pub(crate) const LIMITS: Limits = Limits {
    depth: 1000,
    entity_bytes: 1 << 30,
    digits: 100_000,
    exponent: 100_000,
};
