//! Where everything is at one moment of planning: loads, groups, and what a move would change in bytes of replicas.

use super::{Item, LIMIT, Slot};
use std::collections::HashMap;

/// Workers and pipes while moves are tried.
pub(super) struct Board<'a> {
    slots: &'a [Slot],
    pub(super) items: &'a [Item],
    at: Vec<Option<usize>>,
    load: Vec<u64>,
    /// Pipes per worker.
    count: Vec<usize>,
    /// Dedicated pipes per worker.
    dedicated: Vec<usize>,
    /// Readers of a pipe's dataset.
    readers: Vec<Vec<usize>>,
    /// How many readers of a pipe's dataset a worker has.
    reading: HashMap<(usize, usize), usize>,
    /// Pipes that are connected over datasets have the same group: its smallest member.
    group: Vec<usize>,
    /// The pipes of each group, by its smallest member.
    members: HashMap<usize, Vec<usize>>,
}

impl<'a> Board<'a> {
    pub(super) fn new(slots: &'a [Slot], items: &'a [Item]) -> Self {
        let mut readers = vec![Vec::new(); items.len()];
        for (reader, item) in items.iter().enumerate() {
            for read in item.reads.iter().filter(|read| **read != reader) {
                readers[*read].push(reader);
            }
        }
        let group = groups(items, &readers);
        let mut members: HashMap<usize, Vec<usize>> = HashMap::new();
        for (item, group) in group.iter().enumerate() {
            members.entry(*group).or_default().push(item);
        }
        let mut board = Board {
            slots,
            items,
            at: vec![None; items.len()],
            load: vec![0; slots.len()],
            count: vec![0; slots.len()],
            dedicated: vec![0; slots.len()],
            group,
            members,
            readers,
            reading: HashMap::new(),
        };
        for (item, placed) in items.iter().enumerate() {
            if let Some(at) = placed.at {
                board.put(item, at);
            }
        }
        board
    }

    /// Moves a pipe.
    pub(super) fn put(&mut self, item: usize, to: usize) {
        let weight = self.weight(item);
        let is_dedicated = usize::from(self.items[item].is_dedicated);
        if let Some(from) = self.at[item] {
            self.load[from] -= weight;
            self.count[from] -= 1;
            self.dedicated[from] -= is_dedicated;
            for read in self.needs(item) {
                if let Some(count) = self.reading.get_mut(&(read, from)) {
                    *count -= 1;
                }
            }
        }
        self.at[item] = Some(to);
        self.load[to] += weight;
        self.count[to] += 1;
        self.dedicated[to] += is_dedicated;
        for read in self.needs(item) {
            *self.reading.entry((read, to)).or_default() += 1;
        }
    }

    fn needs(&self, item: usize) -> impl Iterator<Item = usize> + use<'a> {
        let reads = &self.items[item].reads;
        reads.iter().copied().filter(move |read| *read != item)
    }

    pub(super) fn weight(&self, item: usize) -> u64 {
        self.items[item].weight.max(1)
    }

    pub(super) fn at(&self, item: usize) -> Option<usize> {
        self.at[item]
    }

    pub(super) fn load(&self, worker: usize) -> u64 {
        self.load[worker]
    }

    pub(super) fn workers(&self) -> std::ops::Range<usize> {
        0..self.slots.len()
    }

    pub(super) fn slot(&self, worker: usize) -> Slot {
        self.slots[worker]
    }

    /// Whether the pipe may be on the worker: it takes pipes, reads the pipe's state, and nobody there is or wants to be alone.
    pub(super) fn takes(&self, worker: usize, item: usize) -> bool {
        let others = self.count[worker] - usize::from(self.at[item] == Some(worker));
        let own = usize::from(self.items[item].is_dedicated && self.at[item] == Some(worker));
        let is_alone = if self.items[item].is_dedicated {
            others == 0
        } else {
            self.dedicated[worker] - own == 0
        };
        self.slots[worker] == Slot::Open && self.items[item].can_be_on(worker) && is_alone
    }

    /// Whether another pipe needs its dataset.
    pub(super) fn is_read(&self, item: usize) -> bool {
        !self.readers[item].is_empty()
    }

    /// Workers that share the weight of the pipes that are not dedicated.
    fn is_shared(&self, worker: usize) -> bool {
        self.slots[worker] == Slot::Open && self.dedicated[worker] == 0
    }

    /// What a worker may carry of shared pipes.
    pub(super) fn limit(&self) -> f64 {
        let workers = self
            .workers()
            .filter(|worker| self.is_shared(*worker))
            .count();
        let is_fixed =
            |item: &usize| self.at[*item].is_some_and(|at| self.slots[at] == Slot::Closed);
        let shared =
            (0..self.items.len()).filter(|item| !self.items[*item].is_dedicated && !is_fixed(item));
        let total: u64 = shared.map(|item| self.weight(item)).sum();
        LIMIT * total as f64 / workers.max(1) as f64
    }

    /// Whether the worker carries too much.
    pub(super) fn is_over(&self, worker: usize, limit: f64) -> bool {
        self.is_shared(worker) && self.load[worker] as f64 > limit
    }

    /// What moving these pipes together to a worker adds to the bytes of all replicas. One more byte each, so that an empty
    /// dataset is not for nothing.
    pub(super) fn price(&mut self, items: &[usize], to: usize) -> i128 {
        let before: Vec<(usize, Option<usize>)> =
            items.iter().map(|item| (*item, self.at[*item])).collect();
        let touched = self.touched(items);
        let old: i128 = touched.iter().map(|dataset| self.replicas(*dataset)).sum();
        for item in items {
            self.put(*item, to);
        }
        let new: i128 = touched.iter().map(|dataset| self.replicas(*dataset)).sum();
        for (item, at) in before {
            match at {
                Some(at) => self.put(item, at),
                None => self.take(item),
            }
        }
        new - old
    }

    /// Takes a pipe away again that was nowhere.
    fn take(&mut self, item: usize) {
        let Some(from) = self.at[item].take() else {
            return;
        };
        self.load[from] -= self.weight(item);
        self.count[from] -= 1;
        self.dedicated[from] -= usize::from(self.items[item].is_dedicated);
        for read in self.needs(item) {
            if let Some(count) = self.reading.get_mut(&(read, from)) {
                *count -= 1;
            }
        }
    }

    fn touched(&self, items: &[usize]) -> Vec<usize> {
        let mut touched: Vec<usize> = items.to_vec();
        touched.extend(items.iter().flat_map(|item| self.needs(*item)));
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    /// Bytes of the replicas of a pipe's dataset: one for each worker that reads it and is not its owner's.
    fn replicas(&self, item: usize) -> i128 {
        let Some(owner) = self.at[item] else {
            return 0;
        };
        let away = self.workers().filter(|worker| {
            *worker != owner
                && self
                    .reading
                    .get(&(item, *worker))
                    .is_some_and(|count| *count > 0)
        });
        away.count() as i128 * (i128::from(self.items[item].bytes) + 1)
    }

    /// The pipes of a group on a worker that may all move.
    pub(super) fn group_on(&self, item: usize, worker: usize) -> Option<Vec<usize>> {
        let members = self.members.get(&self.group[item])?;
        let here = members.iter().copied();
        let group: Vec<usize> = here
            .filter(|other| self.at[*other] == Some(worker))
            .collect();
        let is_free = |item: &usize| self.items[*item].may_move && !self.items[*item].is_dedicated;
        (group.len() > 1 && group.iter().all(is_free)).then_some(group)
    }

    /// All pipes, heavy groups first, connected ones one after another.
    pub(super) fn order(&self) -> Vec<usize> {
        let mut weights: HashMap<usize, u64> = HashMap::new();
        for item in 0..self.items.len() {
            *weights.entry(self.group[item]).or_default() += self.weight(item);
        }
        let mut roots: Vec<usize> = (0..self.items.len()).collect();
        roots.sort_by_key(|item| {
            let weight = weights.get(&self.group[*item]).copied().unwrap_or_default();
            (std::cmp::Reverse(weight), self.group[*item], *item)
        });
        let (mut order, mut seen) = (Vec::new(), vec![false; self.items.len()]);
        for root in roots {
            let mut queue = std::collections::VecDeque::from([root]);
            while let Some(item) = queue.pop_front() {
                if !std::mem::replace(&mut seen[item], true) {
                    order.push(item);
                    queue.extend(self.needs(item).chain(self.readers[item].iter().copied()));
                }
            }
        }
        order
    }
}

/// The smallest member of each pipe's group.
fn groups(items: &[Item], readers: &[Vec<usize>]) -> Vec<usize> {
    let mut group = vec![usize::MAX; items.len()];
    for root in 0..items.len() {
        let mut stack = vec![root];
        while let Some(item) = stack.pop() {
            if group[item] == usize::MAX {
                group[item] = root;
                stack.extend(items[item].reads.iter().chain(&readers[item]).copied());
            }
        }
    }
    group
}
