//! Interleaved rounds of several contestants and the ratios between them: the only figures that survive a shared machine.

use std::time::{Duration, Instant};

/// Median, smallest and largest of a contestant's advantage over the reference, round by round.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    pub median: f64,
    pub smallest: f64,
    pub largest: f64,
}

/// A named piece of work that handles the whole data set once.
pub struct Contestant<'a> {
    pub name: &'static str,
    pub work: Box<dyn FnMut() + 'a>,
}

/// Runs each contestant once per round and gives the times, `[contestant][round]`.
pub fn run(contestants: &mut [Contestant<'_>], rounds: usize) -> Vec<Vec<Duration>> {
    let mut times = vec![Vec::with_capacity(rounds); contestants.len()];
    for _ in 0..rounds {
        for (contestant, times) in contestants.iter_mut().zip(&mut times) {
            let start = Instant::now();
            (contestant.work)();
            times.push(start.elapsed());
        }
    }
    times
}

/// How many times faster `ours` is than `theirs`, compared within each round.
pub fn ratio(ours: &[Duration], theirs: &[Duration]) -> Ratio {
    let mut each: Vec<f64> =
        ours.iter().zip(theirs).map(|(ours, theirs)| theirs.as_secs_f64() / ours.as_secs_f64()).collect();
    each.sort_by(f64::total_cmp);
    Ratio { median: each[each.len() / 2], smallest: each[0], largest: each[each.len() - 1] }
}
