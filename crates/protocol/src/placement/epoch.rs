//! Epochs: numbers that say whose turn it is to own a pipe. Whoever holds the larger one is right.

use std::fmt;

/// Which life of the storage node's disk an epoch comes from: 24 bits, raised whenever a storage node starts on an empty disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(u32);

impl Incarnation {
    /// Before any storage node.
    pub const NONE: Incarnation = Incarnation(0);
    /// Of a hub's first storage node.
    pub const FIRST: Incarnation = Incarnation(1);
    /// Bits it has in an epoch.
    pub const BITS: u32 = 24;

    /// `None` where it does not fit into its bits.
    pub fn new(number: u32) -> Option<Self> {
        (number < 1 << Self::BITS).then_some(Incarnation(number))
    }

    /// As a number.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Given with every assignment of a pipe, larger each time, in the whole life of a hub: incarnation first, then a counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// Before the first assignment.
    pub const NONE: Epoch = Epoch(0);
    /// Bits of the counter.
    pub const COUNTER_BITS: u32 = 40;

    /// The epoch with this counter; `None` where the counter does not fit into its bits.
    pub fn new(incarnation: Incarnation, counter: u64) -> Option<Self> {
        (counter < 1 << Self::COUNTER_BITS)
            .then(|| Epoch(u64::from(incarnation.0) << Self::COUNTER_BITS | counter))
    }

    /// From the number that travels and is stored.
    pub fn from_number(number: u64) -> Self {
        Epoch(number)
    }

    /// The number that travels and is stored.
    pub fn number(self) -> u64 {
        self.0
    }

    /// Which life of the storage node it comes from.
    pub fn incarnation(self) -> Incarnation {
        Incarnation(
            u32::try_from(self.0 >> Self::COUNTER_BITS).expect("what is left are 24 bits of 64"),
        )
    }

    /// The counter within the incarnation.
    pub fn counter(self) -> u64 {
        self.0 & ((1 << Self::COUNTER_BITS) - 1)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.incarnation(), self.counter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incarnation_outweighs_every_counter() {
        let last = Epoch::new(Incarnation::FIRST, (1 << Epoch::COUNTER_BITS) - 1).unwrap();
        let next = Epoch::new(Incarnation::new(2).unwrap(), 0).unwrap();
        assert!(last < next && Epoch::NONE < last);
        assert_eq!((next.incarnation().number(), next.counter()), (2, 0));
        assert_eq!(last.counter(), (1 << 40) - 1);
        assert_eq!(Epoch::from_number(last.number()), last);
        assert_eq!(next.to_string(), "2.0");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(Incarnation::new(1 << 24), None);
        assert_eq!(Epoch::new(Incarnation::FIRST, 1 << 40), None);
        assert!(Incarnation::new((1 << 24) - 1).is_some());
    }
}
