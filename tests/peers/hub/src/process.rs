//! What the kernel says about a process: processor time and memory.

use anyhow::{Context, Result};
use std::time::Duration;

/// Processor time of all its threads so far, in steps of 10 ms.
pub fn cpu(pid: u32) -> Result<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = text
        .rsplit_once(')')
        .context("the name of a process ends with a parenthesis")?;
    let mut times = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse::<u64>);
    let (user, system) = times.next().zip(times.next()).context("two times")?;
    Ok(Duration::from_millis((user? + system?) * 10))
}

/// The most memory it ever had, in bytes.
pub fn peak(pid: u32) -> Result<u64> {
    status(pid, "VmHWM:")
}

/// The memory it has now, in bytes.
pub fn resident(pid: u32) -> Result<u64> {
    status(pid, "VmRSS:")
}

fn status(pid: u32, name: &str) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .with_context(|| format!("no {name}"))?;
    let kilobytes: u64 = line
        .split_whitespace()
        .next()
        .context("a number")?
        .parse()?;
    Ok(kilobytes << 10)
}
