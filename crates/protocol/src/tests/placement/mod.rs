//! Placement over the wire: sessions, assignments, topologies, and what the operator asks.

mod assigned;
mod calls;
mod fake;
mod generators;
mod hostile;
mod round_trips;
mod samples;
mod topologies;

pub(crate) use fake::FakePlacement;
pub(crate) use samples::{assigned, open_session, reports, session, topology};
