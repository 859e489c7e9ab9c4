//! Worked examples, and what holds whatever the hub looks like.

use super::*;
use proptest::prelude::*;

fn pipe(weight: u64, at: Option<usize>) -> Item {
    Item {
        weight,
        at,
        may_move: true,
        ..Item::default()
    }
}

/// A pipe that reads these pipes' datasets.
fn reader(reads: &[usize], bytes: u64, at: Option<usize>) -> Item {
    Item {
        reads: reads.to_vec(),
        bytes,
        ..pipe(1, at)
    }
}

/// Does the moves.
fn apply(items: &mut [Item], moves: &[Move]) {
    for one in moves {
        items[one.item].at = Some(one.to);
    }
}

/// Moves until there are none.
fn settle(slots: &[Slot], items: &mut [Item]) -> usize {
    let placed = place(slots, items);
    apply(items, &placed);
    for round in 0..1_000 {
        let next = moves(slots, items, 8);
        if next.is_empty() {
            return round;
        }
        apply(items, &next);
    }
    panic!("moves without end");
}

fn load(items: &[Item], worker: usize) -> u64 {
    let here = items.iter().filter(|item| item.at == Some(worker));
    here.map(|item| item.weight.max(1)).sum()
}

/// Bytes of all replicas, counted anew.
fn replica_bytes(items: &[Item], workers: usize) -> u64 {
    let mut bytes = 0;
    for (dataset, writer) in items.iter().enumerate() {
        for worker in (0..workers).filter(|worker| writer.at != Some(*worker)) {
            let reads = |item: &&Item| item.at == Some(worker) && item.reads.contains(&dataset);
            if items.iter().any(|item| reads(&item)) {
                bytes += writer.bytes;
            }
        }
    }
    bytes
}

#[test]
fn connected_pipes_come_together_and_groups_are_spread() {
    // Two chains of three, and four workers' worth of room on two.
    let mut items: Vec<Item> = Vec::new();
    for chain in 0..2 {
        items.push(reader(&[], 100, None));
        items.push(reader(&[3 * chain], 100, None));
        items.push(reader(&[3 * chain + 1], 100, None));
    }
    settle(&[Slot::Open, Slot::Open], &mut items);
    assert_eq!(replica_bytes(&items, 2), 0);
    assert_eq!((load(&items, 0), load(&items, 1)), (3, 3));
}

#[test]
fn a_chain_too_long_for_one_worker_is_cut_where_it_is_cheapest() {
    let mut items = vec![reader(&[], 1, None)];
    for link in 1..8 {
        let bytes = if link == 3 { 1 } else { 1_000 };
        items.push(reader(&[link - 1], bytes, None));
    }
    settle(&[Slot::Open, Slot::Open], &mut items);
    assert_eq!(replica_bytes(&items, 2), 1);
    assert_eq!((load(&items, 0), load(&items, 1)), (4, 4));
}

#[test]
fn a_pipe_follows_the_large_dataset_it_reads() {
    let mut items = vec![
        reader(&[], 1_000_000, Some(0)),
        pipe(1, Some(1)),
        reader(&[0], 10, Some(1)),
        pipe(1, Some(0)),
        pipe(2, Some(1)),
    ];
    settle(&[Slot::Open, Slot::Open], &mut items);
    assert_eq!(items[2].at, Some(0));
    assert_eq!(items[0].at, Some(0), "the large one stays");
}

#[test]
fn two_that_are_not_worth_a_move_stay_apart() {
    // Moving the reader copies as much as the replica costs.
    let mut items = vec![reader(&[], 10, Some(0)), reader(&[0], 500, Some(1))];
    assert_eq!(settle(&[Slot::Open, Slot::Open], &mut items), 0);
}

#[test]
fn a_new_worker_gets_its_share_and_no_more() {
    let mut items: Vec<Item> = (0..40).map(|n| pipe(1, Some(n % 2))).collect();
    let slots = [Slot::Open, Slot::Open, Slot::Open];
    let before = items.clone();
    settle(&slots, &mut items);
    // Up to 1.25 of the mean may stay: 16.67.
    assert_eq!([0, 1, 2].map(|worker| load(&items, worker)), [16, 16, 8]);
    let moved = items
        .iter()
        .zip(&before)
        .filter(|(now, then)| now.at != then.at);
    assert_eq!(moved.count(), 8);
}

#[test]
fn a_dedicated_pipe_has_its_worker_for_itself() {
    let mut items: Vec<Item> = (0..6).map(|_| pipe(1, None)).collect();
    items[5].is_dedicated = true;
    settle(&[Slot::Open, Slot::Open, Slot::Open], &mut items);
    let alone = items[5].at.unwrap();
    assert_eq!(load(&items, alone), 1);
    let mut loads: Vec<u64> = (0..3).map(|worker| load(&items, worker)).collect();
    loads.sort_unstable();
    assert_eq!(loads, [1, 2, 3]);
}

#[test]
fn a_dedicated_pipe_waits_for_a_worker_of_its_own() {
    let mut items = vec![pipe(1, Some(0)), pipe(1, None)];
    items[1].is_dedicated = true;
    assert_eq!(place(&[Slot::Open], &items), []);
    let placed = place(&[Slot::Open, Slot::Open], &items);
    assert_eq!(placed, [Move { item: 1, to: 1 }]);
}

#[test]
fn an_emptied_worker_loses_everything_and_a_closed_one_nothing() {
    let mut items: Vec<Item> = (0..9).map(|n| pipe(1, Some(n % 3))).collect();
    settle(&[Slot::Emptied, Slot::Closed, Slot::Open], &mut items);
    assert_eq!([0, 1, 2].map(|worker| load(&items, worker)), [0, 3, 6]);
}

#[test]
fn a_budget_bounds_the_moves_of_one_plan() {
    let items: Vec<Item> = (0..20).map(|_| pipe(1, Some(0))).collect();
    let slots = [Slot::Emptied, Slot::Open];
    assert_eq!(moves(&slots, &items, 3).len(), 3);
    assert_eq!(moves(&slots, &items, 0), []);
}

#[test]
fn without_replicas_connected_pipes_stay_together_whatever_a_worker_carries() {
    let bound = |item: Item| Item {
        is_bound: true,
        ..item
    };
    // A chain of eight, one that reads its end and another pipe, and three that are alone.
    let mut items = vec![bound(pipe(1, None))];
    for before in 0..7 {
        items.push(bound(reader(&[before], 100, None)));
    }
    items.push(bound(pipe(1, None)));
    items.push(bound(reader(&[7, 8], 1, None)));
    items.extend((0..3).map(|_| bound(pipe(1, None))));
    let slots = [Slot::Open, Slot::Open];
    settle(&slots, &mut items);
    assert_eq!(replica_bytes(&items, 2), 0);
    assert_eq!(load(&items, 0).min(load(&items, 1)), 3);
    // A late reader goes where what it reads is.
    let (home, late) = (items[0].at, items.len());
    items.push(bound(reader(&[3], 1, None)));
    settle(&slots, &mut items);
    assert_eq!(items[late].at, home);
}

#[test]
fn nobody_gets_what_it_cannot_read() {
    let mut items = vec![pipe(1, None), pipe(1, None)];
    items[0].only = Some(vec![1]);
    items[1].only = Some(vec![]);
    let placed = place(&[Slot::Open, Slot::Open], &items);
    assert_eq!(placed, [Move { item: 0, to: 1 }]);
}

/// Hubs of up to five workers and forty pipes, some connected to pipes before them.
fn hub(max_weight: u64) -> impl Strategy<Value = (usize, Vec<Item>)> {
    let item = (1..=max_weight, 0_u64..1_000, any::<[u8; 2]>(), 0_u8..4);
    (2_usize..=5, prop::collection::vec(item, 1..40)).prop_map(|(workers, drawn)| {
        let items = drawn.into_iter().enumerate().map(|(number, drawn)| {
            let (weight, bytes, reads, links) = drawn;
            let reads = reads.iter().take(usize::from(links).saturating_sub(1));
            let reads = reads.map(|read| usize::from(*read) % number.max(1));
            Item {
                weight,
                bytes,
                reads: reads.filter(|read| *read != number).collect(),
                may_move: true,
                ..Item::default()
            }
        });
        (workers, items.collect())
    })
}

fn total(items: &[Item]) -> u64 {
    items.iter().map(|item| item.weight).sum()
}

/// What whole pipes allow: the limit, or the mean and the heaviest pipe.
fn bound(items: &[Item], workers: usize) -> f64 {
    let mean = total(items) as f64 / workers as f64;
    let heaviest = items.iter().map(|item| item.weight).max().unwrap_or(0);
    (LIMIT * mean).max(mean + heaviest as f64)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_pipe_is_placed_within_the_bound_and_then_nothing_moves((workers, mut items) in hub(9)) {
        let slots = vec![Slot::Open; workers];
        settle(&slots, &mut items);
        prop_assert!(items.iter().all(|item| item.at.is_some()));
        let bound = bound(&items, workers);
        for worker in 0..workers {
            prop_assert!(load(&items, worker) as f64 <= bound, "{} of {bound}", load(&items, worker));
        }
        prop_assert_eq!(moves(&slots, &items, 8), vec![]);
        prop_assert_eq!(place(&slots, &items), vec![]);
    }

    #[test]
    fn a_new_worker_moves_at_most_what_balance_needs((workers, mut items) in hub(3)) {
        for item in &mut items {
            item.reads.clear();
        }
        settle(&vec![Slot::Open; workers], &mut items);
        let before = items.clone();
        let slots = vec![Slot::Open; workers + 1];
        settle(&slots, &mut items);
        let limit = LIMIT * total(&items) as f64 / (workers + 1) as f64;
        let excess: f64 = (0..workers).map(|worker| (load(&before, worker) as f64 - limit).max(0.0)).sum();
        let moved = items.iter().zip(&before).filter(|(now, then)| now.at != then.at);
        let moved: u64 = moved.map(|(now, _)| now.weight).sum();
        // Whole pipes: of each worker at most one too much.
        prop_assert!(moved as f64 <= excess + 3.0 * workers as f64, "{moved} for {excess}");
    }

    #[test]
    fn a_drained_worker_is_emptied_and_the_others_keep_what_they_have((workers, mut items) in hub(3)) {
        settle(&vec![Slot::Open; workers], &mut items);
        let before = items.clone();
        let mut slots = vec![Slot::Open; workers];
        slots[0] = Slot::Emptied;
        let mut emptied = items.clone();
        while let Some(one) = moves(&slots, &emptied, 1).first().copied() {
            if load(&emptied, 0) == 0 {
                break;
            }
            prop_assert_eq!(before[one.item].at, Some(0), "the others wait until it is empty");
            apply(&mut emptied, &[one]);
        }
        settle(&slots, &mut items);
        prop_assert_eq!(load(&items, 0), 0);
    }

    #[test]
    fn moves_after_balance_never_cost_more_replicas((workers, items) in hub(1)) {
        let slots = vec![Slot::Open; workers];
        // Spread without sense, but evenly.
        let mut items: Vec<Item> = items.into_iter().enumerate()
            .map(|(number, item)| Item { at: Some(number % workers), ..item }).collect();
        let before = replica_bytes(&items, workers);
        settle(&slots, &mut items);
        prop_assert!(replica_bytes(&items, workers) <= before);
    }
}
