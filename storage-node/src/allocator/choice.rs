//! The next move: each kind looks at the board and names the best of its kind, or says that there is no need.

use super::board::Board;
use super::{Item, Slot};

/// Pipes that move together.
pub(super) struct Choice {
    pub(super) items: Vec<usize>,
    pub(super) to: usize,
}

/// The worker for a pipe that needs one: within the limit, then with the fewest bytes of replicas, then the emptiest.
pub(super) fn home(board: &mut Board<'_>, item: usize) -> Option<usize> {
    let limit = limit_for(board, item);
    let weight = board.weight(item);
    let takers: Vec<usize> = board
        .workers()
        .filter(|worker| board.takes(*worker, item))
        .collect();
    takers.into_iter().min_by_key(|worker| {
        let load = board.load(*worker) + weight;
        if load as f64 > limit {
            // There is no right place any more: the least wrong one.
            return (1, 0, load, *worker);
        }
        (0, board.price(&[item], *worker), load, *worker)
    })
}

/// A worker within the limit where a pipe costs fewer bytes of replicas than where it is.
pub(super) fn better(board: &mut Board<'_>, item: usize) -> Option<usize> {
    if board.items[item].is_dedicated {
        return None;
    }
    let (limit, weight, at) = (limit_for(board, item), board.weight(item), board.at(item)?);
    let mut fitting = takers(board, &[item], at);
    fitting.retain(|to| (board.load(*to) + weight) as f64 <= limit);
    let prices = fitting.into_iter().map(|to| (board.price(&[item], to), to));
    prices
        .min()
        .filter(|(price, _)| *price < 0)
        .map(|(_, to)| to)
}

/// What its worker may carry with a pipe.
fn limit_for(board: &Board<'_>, item: usize) -> f64 {
    if board.items[item].is_bound {
        f64::INFINITY
    } else {
        board.limit()
    }
}

/// What is on workers that are emptied, or alone although shared, or with others although dedicated.
pub(super) fn emptying(board: &mut Board<'_>) -> Option<Choice> {
    let misplaced = |board: &Board<'_>, item: usize| {
        let at = board.at(item)?;
        let may_stay = match board.slot(at) {
            Slot::Emptied => false,
            Slot::Closed => true,
            Slot::Open => board.takes(at, item) || !board.items[item].can_be_on(at),
        };
        (board.items[item].may_move && !may_stay).then_some(item)
    };
    let leaving: Vec<usize> = (0..board.items.len())
        .filter_map(|item| misplaced(board, item))
        .collect();
    leaving.into_iter().find_map(|item| {
        let to = home(board, item).filter(|to| board.at(item) != Some(*to))?;
        Some(Choice {
            items: vec![item],
            to,
        })
    })
}

/// What makes a worker that carries too much lighter: the fewest bytes of new replicas, then the least weight that is enough.
pub(super) fn balancing(board: &mut Board<'_>) -> Option<Choice> {
    let limit = board.limit();
    let heaviest = board
        .workers()
        .filter(|worker| board.is_over(*worker, limit))
        .max_by_key(|worker| (board.load(*worker), std::cmp::Reverse(*worker)))?;
    let load = board.load(heaviest);
    let excess = load as f64 - limit;
    let mut best: Option<((bool, i128, bool, u64), Choice)> = None;
    for items in units_on(board, heaviest) {
        let weight: u64 = items.iter().map(|item| board.weight(*item)).sum();
        for to in takers(board, &items, heaviest) {
            let after = board.load(to) + weight;
            let fits = after as f64 <= limit;
            // Where whole pipes cannot fit, less of too much is still better.
            if !fits && after >= load {
                continue;
            }
            let is_enough = weight as f64 >= excess;
            // The lightest that is enough, else the heaviest.
            let distance = if is_enough { weight } else { u64::MAX - weight };
            let key = (!fits, board.price(&items, to), !is_enough, distance);
            if best.as_ref().is_none_or(|(least, _)| key < *least) {
                let items = items.clone();
                best = Some((key, Choice { items, to }));
            }
        }
    }
    best.map(|(_, choice)| choice)
}

/// What brings pipes to those they are connected with, if the replicas it saves are worth what is moved.
pub(super) fn joining(board: &mut Board<'_>) -> Option<Choice> {
    let limit = board.limit();
    let mut best: Option<(i128, Choice)> = None;
    let workers: Vec<usize> = board.workers().collect();
    for from in workers {
        for items in units_on(board, from) {
            let is_connected = |item: &Item| !item.reads.is_empty();
            if items.len() == 1 && !is_connected(&board.items[items[0]]) && !board.is_read(items[0])
            {
                continue;
            }
            let weight: u64 = items.iter().map(|item| board.weight(*item)).sum();
            let moved: i128 = items
                .iter()
                .map(|item| i128::from(board.items[*item].bytes))
                .sum();
            for to in takers(board, &items, from) {
                if (board.load(to) + weight) as f64 > limit {
                    continue;
                }
                let saved = -board.price(&items, to);
                if saved > moved && best.as_ref().is_none_or(|(most, _)| saved > *most) {
                    let items = items.clone();
                    best = Some((saved, Choice { items, to }));
                }
            }
        }
    }
    best.map(|(_, choice)| choice)
}

/// What of a worker can move: each pipe, and each group of connected pipes together.
fn units_on(board: &Board<'_>, worker: usize) -> Vec<Vec<usize>> {
    let here = (0..board.items.len()).filter(|item| {
        board.at(*item) == Some(worker)
            && board.items[*item].may_move
            && !board.items[*item].is_dedicated
    });
    let is_connected = |item: usize| !board.items[item].reads.is_empty() || board.is_read(item);
    let is_single = |item: &usize| !(board.items[*item].is_bound && is_connected(*item));
    let singles = here.clone().filter(is_single);
    let mut units: Vec<Vec<usize>> = singles.map(|item| vec![item]).collect();
    let mut groups: Vec<Vec<usize>> = here
        .filter_map(|item| board.group_on(item, worker))
        .collect();
    groups.sort_unstable();
    groups.dedup();
    units.extend(groups);
    units
}

fn takers(board: &Board<'_>, items: &[usize], from: usize) -> Vec<usize> {
    board
        .workers()
        .filter(|to| *to != from && items.iter().all(|item| board.takes(*to, *item)))
        .collect()
}
