//! The configuration of one hub. Custom resources are its truth: what they say is handed over to the storage node, what becomes of
//! it is said in their status, and what users write through the API is written into them.
//!
//! Everything is compared as a whole, so that nothing is missed whatever was missed: a round looks at all resources, hands over
//! what differs from what the hub has, and writes each status that differs. Where nothing differs nothing is sent.

mod accepted;
mod component;
mod data_hub;
mod diagnostics;
mod events;
mod hashes;
mod hubs;
mod keeper;
mod link;
mod objects;
mod round;
mod statuses;
mod wanted;

pub(crate) use accepted::{Accepted, NOT_YET, accepted};
pub(crate) use component::{MOST_BYTES, Unusable, read};
pub(crate) use data_hub::{METADATA, metadata};
pub(crate) use hubs::run as hubs;
pub use keeper::{Hub, keep};
pub use link::Link;
pub(crate) use objects::Objects;
pub(crate) use round::Round;
pub(crate) use wanted::{GROUP_ANNOTATION, Key, Resources, origin};
