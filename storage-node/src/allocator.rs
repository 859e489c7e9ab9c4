//! Which pipe belongs on which worker: workers, weights and links between datasets in, moves out. Pure.
//!
//! In this order: a dedicated pipe has a worker for itself; a worker that is emptied keeps nothing; no worker carries more than
//! [`LIMIT`] of the mean weight, or as little more as whole pipes allow; within that the replicas cost the fewest bytes. A pipe
//! stays where it is unless one of these asks for a move, so that with nothing changed there are none.

mod board;
mod choice;

use board::Board;
use choice::Choice;

/// What a worker may carry, in parts of the mean.
pub(crate) const LIMIT: f64 = 1.25;

/// How often the places of new pipes are looked at again.
const PASSES: usize = 8;

/// A worker that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// It takes pipes.
    Open,
    /// It keeps what it has.
    Closed,
    /// What it has goes.
    Emptied,
}

/// A pipe to be somewhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Item {
    /// Its part of a worker's work; 0 counts as 1.
    pub(crate) weight: u64,
    /// Bytes of the dataset it writes: the price of a replica.
    pub(crate) bytes: u64,
    /// Pipes whose datasets it needs where it is.
    pub(crate) reads: Vec<usize>,
    /// Its worker; `None`: it needs one.
    pub(crate) at: Option<usize>,
    /// Where it may go: not to workers that cannot read its state. `None`: anywhere.
    pub(crate) only: Option<Vec<usize>>,
    /// It may be asked to move.
    pub(crate) may_move: bool,
    /// It wants a worker for itself.
    pub(crate) is_dedicated: bool,
    /// Nobody keeps replicas: it and those it is connected with have to be together, whatever a worker carries then.
    pub(crate) is_bound: bool,
}

impl Item {
    /// Whether the worker can read its state.
    fn can_be_on(&self, worker: usize) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&worker))
    }
}

/// A pipe and the worker it belongs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) item: usize,
    pub(crate) to: usize,
}

/// Where pipes that are nowhere go. A pipe that nobody can take is not among them.
pub(crate) fn place(slots: &[Slot], items: &[Item]) -> Vec<Move> {
    let mut board = Board::new(slots, items);
    let homeless = |item: &&usize| items[**item].at.is_none();
    let order = board.order();
    // Dedicated pipes first: they need workers that nobody is on.
    let (dedicated, shared): (Vec<usize>, Vec<usize>) = order
        .iter()
        .filter(homeless)
        .partition(|item| items[**item].is_dedicated);
    let mut placed = Vec::new();
    for item in dedicated.into_iter().chain(shared) {
        if let Some(to) = choice::home(&mut board, item) {
            board.put(item, to);
            placed.push(item);
        }
    }
    // As long as nothing of them is anywhere, changing one's mind is free.
    for _ in 0..PASSES {
        let mut is_better = false;
        for item in &placed {
            if let Some(to) = choice::better(&mut board, *item) {
                board.put(*item, to);
                is_better = true;
            }
        }
        if !is_better {
            break;
        }
    }
    let to = |item: usize| board.at(item).map(|to| Move { item, to });
    placed.into_iter().filter_map(to).collect()
}

/// At most `budget` moves of pipes that are somewhere, those that matter most first.
pub(crate) fn moves(slots: &[Slot], items: &[Item], budget: usize) -> Vec<Move> {
    let mut board = Board::new(slots, items);
    let mut moves: Vec<Move> = Vec::new();
    // Each choice makes something better; the bound is for what rounding could do to that.
    for _ in 0..2 * items.len() + budget {
        if moves.len() >= budget {
            break;
        }
        let next = choice::emptying(&mut board)
            .or_else(|| choice::balancing(&mut board))
            .or_else(|| choice::joining(&mut board));
        let Some(Choice { items, to }) = next else {
            break;
        };
        for item in items.into_iter().take(budget - moves.len()) {
            board.put(item, to);
            // A pipe that was moved twice in the plan moves once in the world.
            moves.retain(|earlier| earlier.item != item);
            moves.push(Move { item, to });
        }
    }
    moves
}

/// The pipes of a worker that another one could take, each by itself.
pub(crate) fn could_leave(slots: &[Slot], items: &[Item], from: usize) -> Vec<usize> {
    let board = Board::new(slots, items);
    let here =
        (0..items.len()).filter(|item| items[*item].may_move && items[*item].at == Some(from));
    let is_taken = |item: &usize| {
        let mut others = board.workers().filter(|to| *to != from);
        others.any(|to| board.takes(to, *item))
    };
    here.filter(is_taken).collect()
}

#[cfg(test)]
mod tests;
