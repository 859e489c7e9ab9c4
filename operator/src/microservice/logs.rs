//! The log of a microservice's container: whole lines, bounded.

use super::state::{container, newest};
use super::{CONTAINER, answers::api_error};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::api::LogParams;
use kube::{Api, ResourceExt};
use sluice_protocol::{Code, Error, LogsWanted, Result};

/// Most bytes of one answer, whatever is asked for.
const MOST_BYTES: u64 = 1 << 20;
/// Nanoseconds.
const SECOND: u64 = 1_000_000_000;
/// In place of what is left out.
const CUT: &str = "[what was said until here was more than can be read, and was cut]";
/// Most lines of one answer.
const MOST_LINES: u64 = 100_000;

/// Reads what the newest of these pods says. Of one that waits to be started again it is what it said before.
pub(super) async fn read(api: &Api<Pod>, pods: &[&Pod], wanted: &LogsWanted) -> Result<String> {
    let Some(pod) = newest(pods) else {
        let message = "there is no pod of it yet, which could have a log";
        return Err(Error::new(Code::Unavailable, "no-pod", message));
    };
    let since = wanted.since.map(moment).transpose()?;
    let bytes = wanted.bytes.clamp(1, MOST_BYTES);
    let state = container(pod).and_then(|container| container.state.as_ref());
    let was_there = container(pod).is_some_and(|container| container.restart_count > 0);
    let waits = state.is_some_and(|state| state.waiting.is_some());
    if waits && !was_there {
        return Ok(String::new());
    }
    let mut parameters = LogParams {
        container: Some(CONTAINER.to_owned()),
        limit_bytes: i64::try_from(bytes).ok(),
        previous: waits && was_there,
        since_time: since,
        tail_lines: match since {
            Some(_) => None,
            None => i64::try_from(wanted.lines.min(MOST_LINES)).ok(),
        },
        timestamps: true,
        ..LogParams::default()
    };
    let name = pod.name_any();
    let text = ask(api, &name, &parameters).await?;
    let lines = whole_lines(&text, wanted.since, bytes);
    let Some(end) = stuck(&text, &lines, wanted.since, bytes) else {
        return Ok(lines);
    };
    parameters.since_time = Some(moment(end + 1)?);
    let text = ask(api, &name, &parameters).await?;
    let lines = whole_lines(&text, Some(end), bytes);
    // Whoever follows goes on from the moment of this line.
    let end = moment(end)?;
    Ok(format!("{end} {CUT}\n{lines}"))
}

async fn ask(api: &Api<Pod>, pod: &str, parameters: &LogParams) -> Result<String> {
    let text = api.logs(pod, parameters).await;
    text.map_err(|error| api_error("read the log of", error))
}

/// The last moment of the second that nothing more is to be had of: it begins with more than an answer holds, all of it known to
/// whoever asks, and the API server begins with whole seconds.
fn stuck(text: &str, lines: &str, since: Option<u64>, bytes: u64) -> Option<u64> {
    let since = since.filter(|_| lines.is_empty() && text.len() as u64 >= bytes)?;
    (since / SECOND)
        .checked_add(1)?
        .checked_mul(SECOND)?
        .checked_sub(1)
}

fn moment(nanoseconds: u64) -> Result<Timestamp> {
    let moment = Timestamp::from_nanosecond(i128::from(nanoseconds));
    moment.map_err(|_| Error::invalid("invalid-parameter", "\"since\" is beyond all times"))
}

/// The API server knows whole seconds only, and cuts where the bytes end.
fn whole_lines(text: &str, since: Option<u64>, bytes: u64) -> String {
    let is_cut = text.len() as u64 >= bytes && !text.ends_with('\n');
    let end = match text.rfind('\n') {
        Some(end) if is_cut => end + 1,
        // One line that is longer than the answer may be: what there is of it.
        _ => text.len(),
    };
    let lines = text.get(..end).unwrap_or_default().split_inclusive('\n');
    let is_after = |line: &&str| match since {
        None => true,
        Some(since) => line
            .split(' ')
            .next()
            .and_then(|moment| moment.trim_end().parse::<Timestamp>().ok())
            .is_none_or(|moment| moment.as_nanosecond() > i128::from(since)),
    };
    lines.filter(is_after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_and_after_the_moment() {
        let text =
            "2026-01-01T00:00:00.5Z a\n2026-01-01T00:00:00.500000001Z b c\n2026-01-01T00:00:01Z d";
        assert_eq!(whole_lines(text, None, 1_000), text);
        let cut = whole_lines(text, None, text.len() as u64);
        assert!(cut.ends_with("b c\n"), "{cut}");
        let since = "2026-01-01T00:00:00.5Z".parse::<Timestamp>().unwrap();
        let since = u64::try_from(since.as_nanosecond()).unwrap();
        let after = whole_lines(text, Some(since), 1_000);
        assert_eq!(
            after,
            "2026-01-01T00:00:00.500000001Z b c\n2026-01-01T00:00:01Z d"
        );
        assert_eq!(whole_lines("no end", None, 3), "no end");
    }

    #[test]
    fn a_second_that_says_more_than_an_answer_holds_is_left_behind() {
        let nanos = |text: &str| {
            let moment = text.parse::<Timestamp>().unwrap();
            u64::try_from(moment.as_nanosecond()).unwrap()
        };
        let text = "2026-01-01T00:00:00.1Z a\n2026-01-01T00:00:00.2Z b\n2026-01-01T0";
        let bytes = text.len() as u64;
        let since = Some(nanos("2026-01-01T00:00:00.2Z"));
        let lines = whole_lines(text, since, bytes);
        let end = stuck(text, &lines, since, bytes);
        assert_eq!(end, Some(nanos("2026-01-01T00:00:00.999999999Z")));
        // The answer had room, there are new lines, or nobody follows.
        assert_eq!(stuck(text, &lines, since, bytes + 1), None);
        let earlier = Some(nanos("2026-01-01T00:00:00.1Z"));
        let lines = whole_lines(text, earlier, bytes);
        assert_eq!(stuck(text, &lines, earlier, bytes), None);
        assert_eq!(stuck("", "", None, 1), None);
        assert_eq!(stuck("x", "", Some(u64::MAX), 1), None);
    }
}
