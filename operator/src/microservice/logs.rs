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
    let parameters = LogParams {
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
    let text = api.logs(&pod.name_any(), &parameters).await;
    let text = text.map_err(|error| api_error("read the log of", error))?;
    Ok(whole_lines(&text, wanted.since, bytes))
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
}
