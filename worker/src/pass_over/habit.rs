//! Whether comparing bytes pays for a pipe. A source that sends other bytes each time (a time of its own in every entity) costs
//! a hash and a look-up for nothing, so the comparing stops by itself and is tried again much later.

use parking_lot::Mutex;

/// Comparisons after which there is a verdict. Ids that are new or whose last version did not come as bytes do not count:
/// nothing can be said of them.
const WINDOW: u64 = 10_000;
/// Of these one in so many has to be the same: comparing an entity in vain costs about a third of what reading costs.
const LEAST: u64 = 4;
/// Entities that are read without comparing before it is tried again.
const REST: u64 = 1_000_000;

/// What is remembered of a pipe as long as the process lives.
#[derive(Debug, Default)]
pub(crate) struct Habit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    recipe: Vec<u8>,
    same: u64,
    different: u64,
    rest: u64,
}

impl Habit {
    /// Whether to compare. Another recipe starts anew.
    pub(super) fn is_on(&self, recipe: &[u8]) -> bool {
        let mut state = self.0.lock();
        if state.recipe != recipe {
            *state = State {
                recipe: recipe.to_vec(),
                ..State::default()
            };
        }
        state.rest == 0
    }

    /// Entities were read without comparing.
    pub(super) fn rested(&self, entities: u64) {
        let mut state = self.0.lock();
        state.rest = state.rest.saturating_sub(entities);
    }

    /// What comparisons said; true if there will be none for a while.
    pub(super) fn compared(&self, same: u64, different: u64) -> bool {
        let mut state = self.0.lock();
        state.same += same;
        state.different += different;
        let compared = state.same + state.different;
        if compared < WINDOW {
            return false;
        }
        let pays = state.same * LEAST >= compared;
        (state.same, state.different) = (0, 0);
        state.rest = if pays { 0 } else { REST };
        !pays
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparing_stops_where_it_misses_and_is_tried_again() {
        let habit = Habit::default();
        assert!(habit.is_on(b"a"));
        assert!(
            !habit.compared(WINDOW / 4, WINDOW - WINDOW / 4),
            "a quarter is enough"
        );
        assert!(!habit.compared(0, WINDOW - 1));
        assert!(habit.compared(0, 1));
        assert!(!habit.is_on(b"a"));
        habit.rested(REST - 1);
        assert!(!habit.is_on(b"a"));
        habit.rested(1);
        assert!(habit.is_on(b"a"));
        assert!(habit.compared(1, WINDOW));
        assert!(!habit.is_on(b"a"));
        assert!(habit.is_on(b"b"), "another configuration, another chance");
    }
}
