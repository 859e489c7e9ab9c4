//! The allocator's view of the hub: names become positions, and positions names again.

use super::Core;
use crate::allocator::{self, Item, Slot};
use sluice_protocol::{DiskId, FormatRange, Formats, Isolation, Standing, Start, WorkerId};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What the allocator is asked about.
pub(super) struct Plan {
    workers: Vec<(WorkerId, DiskId)>,
    slots: Vec<Slot>,
    pipes: Vec<String>,
    items: Vec<Item>,
}

impl Core {
    /// The workers that are there, the pipes they own, and these that need a worker.
    pub(super) fn plan(&self, homeless: &BTreeMap<String, Start>) -> Plan {
        let present = self
            .workers
            .iter()
            .filter(|(_, worker)| worker.session.is_some());
        let present: Vec<_> = present.collect();
        let slots = present
            .iter()
            .map(|(_, worker)| match worker.record.standing {
                _ if worker.is_leaving() => Slot::Emptied,
                Standing::Active => Slot::Open,
                Standing::Cordoned => Slot::Closed,
                Standing::Draining | Standing::Retired => Slot::Emptied,
            });
        let formats: Vec<Formats> = present.iter().map(|(_, worker)| worker.formats()).collect();
        let is_bound = !formats.iter().all(|formats| formats.replicas.is_some());
        let positions: HashMap<&DiskId, usize> = present
            .iter()
            .enumerate()
            .map(|(position, (_, worker))| (&worker.record.disk, position))
            .collect();
        let mut pipes = Vec::new();
        let mut items = Vec::new();
        let mut reads = Vec::new();
        let mut writers = HashMap::new();
        for (id, pipe) in &self.pipes {
            let Some(spec) = &pipe.spec else { continue };
            let owner = pipe.record.owner.as_ref();
            let at = owner.and_then(|owner| positions.get(&owner.disk).copied());
            let start = homeless.get(id);
            if at.is_none() && start.is_none() {
                continue;
            }
            let target = pipe.moving.as_ref();
            let target =
                target.and_then(|moving| present.iter().position(|(id, _)| **id == moving.to));
            let at = start.is_none().then_some(target.or(at)).flatten();
            let only = match (start, at) {
                (Some(Start::Restore { checkpoint }), _) => {
                    let reads = |range: FormatRange| range.contains(checkpoint.format);
                    Some(positions_where(&formats, |formats| {
                        formats.checkpoints.is_some_and(reads)
                    }))
                }
                (None, Some(at)) => Some(positions_where(&formats, |other| {
                    can_hand_over(formats[at], *other)
                })),
                _ => None,
            };
            if let Some(dataset) = &spec.writes {
                writers.entry(dataset).or_insert(items.len());
            }
            reads.push(&spec.reads);
            pipes.push(id.clone());
            items.push(Item {
                weight: pipe.weight,
                bytes: pipe.bytes,
                reads: Vec::new(),
                at,
                only,
                may_move: pipe.may_move(),
                is_dedicated: pipe.record.isolation == Isolation::Dedicated,
                is_bound,
            });
        }
        for (item, reads) in items.iter_mut().zip(reads) {
            item.reads = reads
                .iter()
                .filter_map(|dataset| writers.get(dataset).copied())
                .collect();
        }
        Plan {
            slots: slots.collect(),
            workers: present
                .iter()
                .map(|(id, worker)| ((*id).clone(), worker.record.disk.clone()))
                .collect(),
            pipes,
            items,
        }
    }
}

impl Plan {
    /// Where the pipes that need a worker go.
    pub(super) fn place(&self) -> BTreeMap<String, (WorkerId, DiskId)> {
        self.named(allocator::place(&self.slots, &self.items))
    }

    /// Which pipes should move.
    pub(super) fn moves(&self, budget: usize) -> BTreeMap<String, (WorkerId, DiskId)> {
        self.named(allocator::moves(&self.slots, &self.items, budget))
    }

    /// The pipes of a worker that another one could take now.
    pub(super) fn could_leave(&self, worker: &WorkerId) -> BTreeSet<&str> {
        let from = self.workers.iter().position(|(id, _)| id == worker);
        let items = from.map(|from| allocator::could_leave(&self.slots, &self.items, from));
        let items = items.into_iter().flatten();
        items.map(|item| self.pipes[item].as_str()).collect()
    }

    fn named(&self, moves: Vec<allocator::Move>) -> BTreeMap<String, (WorkerId, DiskId)> {
        let named = moves
            .into_iter()
            .map(|one| (self.pipes[one.item].clone(), self.workers[one.to].clone()));
        named.collect()
    }
}

/// Whether a pipe can be handed over between workers with these formats.
fn can_hand_over(from: Formats, to: Formats) -> bool {
    let (Some(from), Some(to)) = (from.change_streams, to.change_streams) else {
        return false;
    };
    from.oldest <= to.newest && to.oldest <= from.newest
}

fn positions_where(formats: &[Formats], is_fit: impl Fn(&Formats) -> bool) -> Vec<usize> {
    (0..formats.len())
        .filter(|position| is_fit(&formats[*position]))
        .collect()
}
