//! Waiting for a condition: every wait has a limit and says at its end what it waited for.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Most conditions come true within a second: looking much more often would only take the machine away from them.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What one look at a condition found.
pub(crate) enum Look<T> {
    /// It holds.
    There(T),
    /// It does not hold yet; why, as far as one can say.
    NotYet(String),
}

/// Looks until the condition holds. An error of `look` ends the waiting at once.
pub(crate) fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<Look<T>>,
) -> Result<T> {
    let started = Instant::now();
    loop {
        let why = match look()? {
            Look::There(found) => return Ok(found),
            Look::NotYet(why) => why,
        };
        if started.elapsed() > limit {
            let why = if why.is_empty() {
                String::new()
            } else {
                format!(": {why}")
            };
            bail!("waited {} s for {what}, in vain{why}", limit.as_secs());
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

impl<T> Look<T> {
    /// For conditions of which nothing is known while they do not hold.
    pub(crate) fn at(found: Option<T>) -> Self {
        found.map_or_else(|| Look::NotYet(String::new()), Look::There)
    }
}

impl<T> From<Result<T>> for Look<T> {
    /// For conditions that are looked at by trying: what failed may work the next time.
    fn from(tried: Result<T>) -> Self {
        match tried {
            Ok(found) => Look::There(found),
            Err(cause) => Look::NotYet(format!("{cause:#}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_in_vain_says_what_for_and_what_it_last_saw() {
        let mut looks = 0;
        let failure = until::<()>("the tide", Duration::ZERO, || {
            looks += 1;
            Ok(Look::NotYet(format!("ebb {looks}")))
        });
        let text = failure.unwrap_err().to_string();
        assert!(
            text.contains("the tide") && text.contains("ebb 1"),
            "{text}"
        );
    }

    #[test]
    fn error_ends_the_waiting_before_the_limit() {
        let failure = until::<()>("the tide", Duration::from_secs(3600), || bail!("no sea"));
        assert_eq!(failure.unwrap_err().to_string(), "no sea");
    }
}
