//! One line per comparison: ours, the peer or limit, the ratio, the goal.

use crate::{Ratio, median};
use std::time::Duration;

/// One comparison.
pub struct Row<'a> {
    /// What is done.
    pub work: &'a str,
    /// What it is held against.
    pub reference: &'a str,
    /// Entities (or requests) in one round.
    pub count: u64,
    /// Our rounds.
    pub ours: &'a [Duration],
    /// Those of the reference, in the same order.
    pub theirs: &'a [Duration],
    /// The ratio from which the goal is met; none for figures that only inform.
    pub goal: Option<f64>,
}

/// Prints a comparison: rates per second, the ratio with its range, and whether the goal is met.
#[allow(clippy::print_stdout)]
pub fn print(row: &Row<'_>) {
    let rate = |times: &[Duration]| row.count as f64 / median(times).as_secs_f64();
    let Ratio {
        median,
        smallest,
        largest,
    } = Ratio::of(row.ours, row.theirs);
    let verdict = match row.goal {
        None => String::new(),
        Some(goal) if median >= goal => format!("; goal {goal}: met"),
        Some(goal) => format!(
            "; goal {goal}: missed by {:.0} %",
            (1.0 - median / goal) * 100.0
        ),
    };
    println!(
        "{}: {:.0}/s; {}: {:.0}/s; ratio {median:.2} ({smallest:.2} to {largest:.2}){verdict}",
        row.work,
        rate(row.ours),
        row.reference,
        rate(row.theirs),
    );
}
