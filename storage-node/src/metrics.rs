//! Every metric of this crate: names, units, meanings.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use sluice_protocol::{Liveness, Placement, Topology, Unplaced};

/// What operators see of configuration and placement.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    revision: Gauge,
    incarnation: Gauge,
    workers: Family<State, Gauge>,
    pipes: Family<State, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

impl Metrics {
    /// Adds all of them to the registry.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "placement_revision",
            "Revision of the configuration whose pipes are placed",
            self.revision.clone(),
        );
        registry.register(
            "placement_incarnation",
            "Which life of the storage node's disk this is",
            self.incarnation.clone(),
        );
        registry.register(
            "placement_workers",
            "Workers by whether they are heard of",
            self.workers.clone(),
        );
        registry.register(
            "placement_pipes",
            "Pipes by whether they have an owner, and why not",
            self.pipes.clone(),
        );
    }

    /// Counts what is shown now.
    pub(crate) fn show(&self, topology: &Topology) {
        let revision = i64::try_from(topology.revision).unwrap_or(i64::MAX);
        self.revision.set(revision);
        self.incarnation
            .set(i64::from(topology.incarnation.number()));
        for state in [Liveness::Live, Liveness::Suspect, Liveness::Lost] {
            let workers = topology.workers.values();
            let count = workers.filter(|facts| facts.liveness == state).count();
            set(&self.workers, of_worker(state), count);
        }
        for state in STATES {
            let pipes = topology.pipes.values();
            let count = pipes
                .filter(|placement| of_pipe(placement) == state)
                .count();
            set(&self.pipes, state, count);
        }
    }
}

fn set(family: &Family<State, Gauge>, state: &'static str, count: usize) {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    family.get_or_create(&State { state }).set(count);
}

fn of_worker(liveness: Liveness) -> &'static str {
    match liveness {
        Liveness::Live => "live",
        Liveness::Suspect => "suspect",
        Liveness::Lost => "lost",
    }
}

/// Everything that [`of_pipe`] says.
const STATES: [&str; 5] = [
    "owned",
    "no-worker",
    "owner-may-write",
    "disk-away",
    "state-lost",
];

fn of_pipe(placement: &Placement) -> &'static str {
    match placement {
        Placement::Owned { .. } => "owned",
        Placement::Unplaced(Unplaced::NoWorker) => "no-worker",
        Placement::Unplaced(Unplaced::OwnerMayWrite) => "owner-may-write",
        Placement::Unplaced(Unplaced::DiskAway) => "disk-away",
        Placement::Unplaced(Unplaced::StateLost) => "state-lost",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;

    #[test]
    fn every_state_is_counted_also_where_nobody_is_in_it() {
        let metrics = Metrics::default();
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut topology = Topology {
            revision: 7,
            ..Topology::default()
        };
        for (pipe, unplaced) in [("a", Unplaced::NoWorker), ("b", Unplaced::DiskAway)] {
            let placement = Placement::Unplaced(unplaced);
            topology.pipes.insert(pipe.to_owned(), placement);
        }
        metrics.show(&topology);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            "placement_revision 7",
            "placement_pipes{state=\"owned\"} 0",
            "placement_pipes{state=\"no-worker\"} 1",
            "placement_pipes{state=\"disk-away\"} 1",
            "placement_workers{state=\"live\"} 0",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
