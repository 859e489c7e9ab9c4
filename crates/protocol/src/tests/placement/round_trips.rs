//! Every message of placement, as bytes and back.

use super::generators;
use crate::tests::round_trips::{returns, through};
use crate::wire::{self, Gather, proto};
use crate::*;
use proptest::prelude::*;

/// Parts through the bytes of the wire; exactly one whole comes out, with the last.
fn gathered<G>(parts: Vec<G::Part>) -> G::Whole
where
    G: Gather,
    G::Part: prost::Message + Default,
{
    let mut gathered = G::default();
    let mut whole = Vec::new();
    for part in parts {
        assert!(whole.is_empty());
        whole.extend(gathered.take(through(part)).unwrap());
    }
    whole.remove(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_travels_by_itself(
        open in generators::open_session(),
        session in generators::session(),
        renewal in generators::renewal(),
        wanted in generators::permit_request(),
        permit in generators::permit(),
        report in prop_oneof![generators::report(), generators::flowing()],
        id in any::<u64>(),
    ) {
        returns::<_, proto::OpenSessionRequest>(open);
        returns::<_, proto::Session>(session);
        returns::<_, proto::RenewRequest>(renewal);
        returns::<_, proto::PermitRequest>(wanted);
        returns::<_, proto::Permit>(permit);
        let sent = through(wire::to_report(SessionId(id), report.clone()));
        prop_assert_eq!(wire::report(sent).unwrap(), (SessionId(id), report));
    }

    #[test]
    fn states_in_parts_of_any_size(
        assigned in generators::assigned(),
        topology in generators::topology(),
        page_bytes in prop_oneof![Just(1usize), 1..400usize, Just(1 << 20)],
    ) {
        let parts = wire::assigned_parts(&assigned, page_bytes);
        prop_assert_eq!(gathered::<wire::GatheredAssigned>(parts), assigned);
        let parts = wire::topology_parts(&topology, page_bytes);
        prop_assert_eq!(gathered::<wire::GatheredTopology>(parts), topology);
    }
}
