//! Interleaved rounds of several contestants, the ratios between them, and the lines that show them against their goals.
//!
//! Ratios within one round are the only figures that survive a shared machine; absolute ones are printed beside them.

mod table;

pub use table::{Row, print};

use rustix::time::{ClockId, Timespec, clock_gettime};
use std::time::{Duration, Instant};

/// Median, smallest and largest of a contestant's advantage over the reference, round by round.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    /// The median of the rounds.
    pub median: f64,
    /// The worst round.
    pub smallest: f64,
    /// The best round.
    pub largest: f64,
}

impl Ratio {
    /// How many times faster `ours` is than `theirs`, compared within each round.
    pub fn of(ours: &[Duration], theirs: &[Duration]) -> Ratio {
        let each = ours
            .iter()
            .zip(theirs)
            .map(|(ours, theirs)| theirs.as_secs_f64() / ours.as_secs_f64());
        Ratio::from_rounds(each.collect())
    }

    /// From the advantage in each round; at least one round.
    pub fn from_rounds(mut each: Vec<f64>) -> Ratio {
        each.sort_by(f64::total_cmp);
        let at = |position: usize| each.get(position).copied().unwrap_or(f64::NAN);
        Ratio {
            median: at(each.len() / 2),
            smallest: at(0),
            largest: at(each.len().saturating_sub(1)),
        }
    }
}

/// A piece of work that handles the whole data set once and says how long the part that counts took.
pub type Contestant<'a> = Box<dyn FnMut() -> Duration + 'a>;

/// A contestant whose whole work counts.
pub fn timed<'a>(mut work: impl FnMut() + 'a) -> Contestant<'a> {
    Box::new(move || {
        let started = Instant::now();
        work();
        started.elapsed()
    })
}

/// A contestant that works on this thread alone and waits for nothing: its processor time counts, which others on the machine
/// distort less than wall time.
pub fn on_processor<'a>(mut work: impl FnMut() + 'a) -> Contestant<'a> {
    Box::new(move || {
        let started = clock_gettime(ClockId::ThreadCPUTime);
        work();
        let ended = clock_gettime(ClockId::ThreadCPUTime);
        let nanoseconds = |time: Timespec| time.tv_sec * 1_000_000_000 + time.tv_nsec;
        Duration::from_nanos(nanoseconds(ended).abs_diff(nanoseconds(started)))
    })
}

/// Runs each contestant once per round and gives the times, `[contestant][round]`.
///
/// Every second round goes backwards, so that nobody always works in the wake of the same neighbour.
pub fn run<const N: usize>(
    mut contestants: [Contestant<'_>; N],
    rounds: usize,
) -> [Vec<Duration>; N] {
    let mut times = [const { Vec::new() }; N];
    for round in 0..rounds {
        let mut work: Vec<_> = contestants.iter_mut().zip(&mut times).collect();
        if round % 2 == 1 {
            work.reverse();
        }
        for (contestant, times) in work {
            times.push(contestant());
        }
    }
    times
}

/// The middle one.
pub fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
