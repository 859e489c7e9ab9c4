//! Programs that are run to their end, and conditions that are waited for.

use anyhow::{Context, Result, bail};
use std::future::Future;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Between two looks at a condition: each starts a program.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What it writes to standard output; a bad end is an error with its standard error.
pub(super) fn output(command: &mut Command) -> Result<String> {
    output_with(command, None)
}

/// The same, given this to read.
pub(super) fn output_with(command: &mut Command, input: Option<&str>) -> Result<String> {
    let stdin = match input {
        Some(_) => Stdio::piped(),
        None => Stdio::null(),
    };
    let mut process = command
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {command:?}"))?;
    if let (Some(mut stdin), Some(input)) = (process.stdin.take(), input) {
        // A program that ends without reading it says why itself.
        let _ = stdin.write_all(input.as_bytes());
    }
    let ended = process.wait_with_output()?;
    let text = String::from_utf8_lossy(&ended.stdout).into_owned();
    if !ended.status.success() {
        let errors = String::from_utf8_lossy(&ended.stderr);
        bail!("{command:?} ended with {}: {errors}{text}", ended.status);
    }
    Ok(text)
}

/// Waits until `look` says that it is so (`None`), at most this long; what it said last is in the error.
pub async fn until<F: Future<Output = Option<String>>>(
    what: &str,
    limit: Duration,
    look: impl Fn() -> F,
) -> Result<Duration> {
    let begun = Instant::now();
    loop {
        let Some(not_yet) = look().await else {
            return Ok(begun.elapsed());
        };
        if begun.elapsed() > limit {
            bail!("not within {limit:?}: {what}; it is {not_yet}");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
