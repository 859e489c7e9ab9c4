//! What comes first in an entity: `_id`, then what its dataset generated, or what the body has of it.

use super::walk::{Place, Walk, close_dict, damaged_end};
use super::{Style, digits};
use crate::entity::Generated;
use crate::layout;
use crate::output::Output;
use crate::value::Value;

/// These come first, in this order.
const LEADING: [&[u8]; 6] = [
    b"_id",
    b"_deleted",
    b"_updated",
    b"_previous",
    b"_ts",
    b"_hash",
];

/// Appends an entity: `_id` and the generated fields first, then the others in their own order.
pub(crate) fn entity(
    body: Value<'_>,
    generated: Option<&Generated>,
    out: &mut Output,
    style: &Style,
) {
    let source = body.encoded();
    let walk = Walk { source, style };
    let opened = if layout::is_dict(body.tag()) {
        walk.open(0, source.len())
    } else {
        None
    };
    match opened {
        Some(place) => walk.entity(&place, generated, out),
        None => body.print(out, style),
    }
}

impl Walk<'_> {
    fn entity(&self, place: &Place, generated: Option<&Generated>, out: &mut Output) {
        let mut lead = b'{';
        match generated {
            Some(generated) => {
                if let Some((start, end)) = self.find_leading(place, b"_id")
                    && self.field(lead, start, end, out, 0).is_some()
                {
                    lead = b',';
                }
                push_generated(lead, generated, out);
                lead = b',';
            }
            None => {
                for name in LEADING {
                    if let Some((start, end)) = self.find_leading(place, name)
                        && self.field(lead, start, end, out, 0).is_some()
                    {
                        lead = b',';
                    }
                }
            }
        }
        self.others(place, lead, out);
    }

    /// What does not come first, and the closing brace.
    fn others(&self, place: &Place, mut lead: u8, out: &mut Output) {
        let mut start = place.first;
        for position in 0..place.count {
            let found = if self.style.sorted {
                self.sorted(place, position)
            } else {
                self.end(place, position).map(|end| (start, end))
            };
            let Some((from, to)) = found else {
                return damaged_end(lead, out);
            };
            start = to;
            if self.may_lead(from) && self.is_leading(from, to) {
                continue;
            }
            if self.field(lead, from, to, out, 0).is_none() {
                return damaged_end(lead, out);
            }
            lead = b',';
        }
        close_dict(lead, out);
    }

    /// The field of that name. Stored bodies begin with `_id` as a rule.
    fn find_leading(&self, place: &Place, name: &[u8]) -> Option<(usize, usize)> {
        let mut start = place.first;
        for index in 0..place.count {
            let end = self.end(place, index)?;
            if self.may_lead(start) && self.name(start, end) == Some(name) {
                return Some((start, end));
            }
            start = end;
        }
        None
    }

    /// The name of the entry begins with `_`. May say so of long and of damaged ones too.
    #[inline(always)]
    fn may_lead(&self, start: usize) -> bool {
        match self.source.get(start..).and_then(|rest| rest.first_chunk()) {
            Some([header, first]) => *first == b'_' || layout::short_name_len(*header).is_none(),
            None => true,
        }
    }

    fn name(&self, start: usize, end: usize) -> Option<&[u8]> {
        Some(layout::split_entry(self.source.get(start..end)?)?.name)
    }

    fn is_leading(&self, start: usize, end: usize) -> bool {
        self.name(start, end)
            .is_some_and(|name| LEADING.contains(&name))
    }
}

fn push_generated(lead: u8, generated: &Generated, out: &mut Output) {
    out.push(lead);
    if generated.deleted {
        out.extend_from_slice(b"\"_deleted\":true,\"_updated\":");
    } else {
        out.extend_from_slice(b"\"_deleted\":false,\"_updated\":");
    }
    digits::push_u64(out, generated.updated);
    match generated.previous {
        Some(offset) => {
            out.extend_from_slice(b",\"_previous\":");
            digits::push_u64(out, offset);
            out.extend_from_slice(b",\"_ts\":");
        }
        None => out.extend_from_slice(b",\"_previous\":null,\"_ts\":"),
    }
    digits::push_u64(out, generated.ts);
    out.extend_from_slice(b",\"_hash\":\"");
    generated.hash.push_hex(out);
    out.push(b'"');
}
