//! In which format the hub is written, and when it gets the next one. Pure.
//!
//! A hub is finalized in a format when everything is written in it: then versions that do not read it have no place in it any more,
//! and there is no way back. It comes to that by itself some time after all roles that write read the format, or on request.

use sluice_format::{Formats, VERSION};
use sluice_protocol::{Code, Error, FormatRange, FormatReport, Result, WorkerFormats, WorkerId};
use std::collections::BTreeMap;
use std::time::Duration;

/// What is kept of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HubFormat {
    /// What is written; 0: nothing was said of it yet.
    pub(crate) finalized: u32,
    /// The format that all roles read, and since when.
    pub(crate) ready: Option<Ready>,
}

/// All roles read a later format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) format: u32,
    /// Microseconds since 1970 UTC.
    pub(crate) since: u64,
}

/// What is known of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reader {
    /// As it said last; `None`: it was not heard of since the start.
    pub(crate) reads: Option<FormatRange>,
    /// It has a session.
    pub(crate) is_present: bool,
    /// The format that its disk is in.
    pub(crate) disk: u32,
}

/// All workers that may come back.
pub(crate) type Readers = BTreeMap<WorkerId, Reader>;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Nothing,
    Keep(HubFormat),
}

/// What follows by itself. `after`: how long all roles have to read a format before the hub is finalized in it; `None`: that is
/// only done on request.
pub(crate) fn step(
    hub: HubFormat,
    knows: Formats,
    readers: &Readers,
    now: u64,
    after: Option<Duration>,
) -> Step {
    let keep = |next: HubFormat| match next == hub {
        true => Step::Nothing,
        false => Step::Keep(next),
    };
    // A disk that is further than this node remembers: it was finalized before, and the node's own disk is lost.
    let ahead = readers.values().map(|reader| reader.disk).max();
    if let Some(ahead) = ahead.filter(|ahead| *ahead > hub.finalized && *ahead <= knows.newest()) {
        return keep(finalized(ahead));
    }
    let wanted = knows.newest();
    let Some(after) = after.filter(|_| wanted > hub.finalized) else {
        return keep(HubFormat { ready: None, ..hub });
    };
    if !behind(readers, wanted).is_empty() {
        return keep(HubFormat { ready: None, ..hub });
    }
    let is_whole = readers.values().all(|reader| reader.is_present);
    // One that has heard of nobody yet can wait.
    let is_known = !readers.is_empty();
    match hub.ready.filter(|ready| ready.format == wanted) {
        Some(ready) if is_whole && is_known && now >= due(ready, after) => keep(finalized(wanted)),
        // Somebody who is away reads what they read before, as far as is known: the time goes on.
        Some(_) => Step::Nothing,
        None if is_whole => {
            let ready = Ready {
                format: wanted,
                since: now,
            };
            keep(HubFormat {
                ready: Some(ready),
                ..hub
            })
        }
        None => keep(HubFormat { ready: None, ..hub }),
    }
}

/// How long nothing follows if nothing changes; `None`: ever. Behind its end it is somebody who is away that is waited for.
pub(crate) fn pause(hub: HubFormat, now: u64, after: Option<Duration>) -> Option<Duration> {
    let left = due(hub.ready?, after?)
        .checked_sub(now)
        .filter(|left| *left > 0);
    left.map(Duration::from_micros)
}

/// What a request makes of it.
pub(crate) fn on_request(hub: HubFormat, knows: Formats, readers: &Readers) -> Result<HubFormat> {
    let wanted = knows.newest();
    if wanted <= hub.finalized {
        return Ok(hub);
    }
    let read_less = behind(readers, wanted).into_iter();
    let mut behind: Vec<String> = read_less
        .map(|(worker, reads)| format!("{worker} ({reads})"))
        .collect();
    let unheard = readers.iter().filter(|(_, reader)| reader.reads.is_none());
    behind.extend(
        unheard
            .map(|(worker, _)| format!("{worker} (not heard of since the storage node started)")),
    );
    if behind.is_empty() {
        return Ok(finalized(wanted));
    }
    let message = format!(
        "format {wanted} is not read by all workers, so the hub goes on in format {}; upgrade these first, and retire those that do not come back: {}",
        hub.finalized,
        behind.join(", ")
    );
    Err(Error::new(Code::Conflict, "not-all-upgraded", message))
}

/// As everybody is told.
pub(crate) fn report(
    hub: HubFormat,
    knows: Formats,
    readers: &Readers,
    after: Option<Duration>,
) -> FormatReport {
    let workers = readers.iter().map(|(worker, reader)| {
        let formats = WorkerFormats {
            reads: reader.reads,
            is_present: reader.is_present,
        };
        (worker.clone(), formats)
    });
    let finalizes = hub.ready.zip(after).map(|(ready, after)| due(ready, after));
    FormatReport {
        format: hub.finalized,
        reads: range(knows),
        workers: workers.collect(),
        finalizes,
    }
}

/// Why a worker cannot have a session; nothing: it can. `disk` is the format that its disk is in.
pub(crate) fn admit(
    worker: &WorkerId,
    reads: FormatRange,
    disk: u32,
    finalized: u32,
    knows: FormatRange,
) -> Result<()> {
    let refuse = |reason, message| Err(Error::new(Code::FailedPrecondition, reason, message));
    if reads.newest < finalized {
        let message = format!(
            "this hub is finalized in format {finalized}, and worker {worker} reads {reads}: it needs version {VERSION}, which the storage node has, or a later one; nothing was changed"
        );
        return refuse("unreadable-format", message);
    }
    if reads.oldest > finalized {
        let message = format!(
            "this hub is in format {finalized}, and worker {worker} reads {reads}: upgrade by a version in between, and finalize the hub there; nothing was changed"
        );
        return refuse("unreadable-format", message);
    }
    if disk > knows.newest {
        let message = format!(
            "the disk of worker {worker} is in format {disk}, and the storage node, which is version {VERSION}, reads {knows}: it needs a later version"
        );
        return refuse("older-storage-node", message);
    }
    Ok(())
}

/// In words of the protocol.
pub(crate) fn range(formats: Formats) -> FormatRange {
    FormatRange {
        oldest: formats.oldest(),
        newest: formats.newest(),
    }
}

fn finalized(format: u32) -> HubFormat {
    HubFormat {
        finalized: format,
        ready: None,
    }
}

fn due(ready: Ready, after: Duration) -> u64 {
    let after = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
    ready.since.saturating_add(after)
}

/// Those that are known not to read it.
fn behind(readers: &Readers, format: u32) -> BTreeMap<&WorkerId, FormatRange> {
    let known = readers
        .iter()
        .filter_map(|(worker, reader)| Some((worker, reader.reads?)));
    known.filter(|(_, reads)| !reads.contains(format)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);
    const MICROS: u64 = 3_600_000_000;

    fn next() -> Formats {
        Formats::with_next("2").unwrap()
    }

    fn first() -> HubFormat {
        finalized(1)
    }

    fn ready(since: u64) -> HubFormat {
        let ready = Ready { format: 2, since };
        HubFormat {
            ready: Some(ready),
            ..first()
        }
    }

    fn worker(newest: u32, is_present: bool) -> Reader {
        Reader {
            reads: Some(FormatRange { oldest: 1, newest }),
            is_present,
            disk: 1,
        }
    }

    fn unheard() -> Reader {
        Reader {
            reads: None,
            is_present: false,
            disk: 0,
        }
    }

    fn readers<const N: usize>(workers: [Reader; N]) -> Readers {
        let named = workers.into_iter().enumerate();
        let named = named.map(|(n, reader)| (WorkerId(format!("w{n}")), reader));
        named.collect()
    }

    #[test]
    fn the_time_begins_when_all_read_the_next_format_and_ends_in_it() {
        let all = readers([worker(2, true), worker(2, true)]);
        let go = |hub, now| step(hub, next(), &all, now, Some(HOUR));
        assert_eq!(go(first(), 7), Step::Keep(ready(7)));
        assert_eq!(go(ready(7), 8), Step::Nothing);
        assert_eq!(
            pause(ready(7), 8, Some(HOUR)),
            Some(Duration::from_micros(MICROS - 1))
        );
        assert_eq!(go(ready(7), 7 + MICROS - 1), Step::Nothing);
        assert_eq!(go(ready(7), 7 + MICROS), Step::Keep(finalized(2)));
        assert_eq!(go(finalized(2), 7 + MICROS), Step::Nothing);
    }

    #[test]
    fn nothing_begins_while_somebody_reads_less_or_is_not_heard_of() {
        for other in [
            worker(1, true),
            worker(1, false),
            worker(2, false),
            unheard(),
        ] {
            let some = readers([worker(2, true), other]);
            assert_eq!(
                step(first(), next(), &some, 7, Some(HOUR)),
                Step::Nothing,
                "{other:?}"
            );
        }
    }

    #[test]
    fn who_goes_back_stops_the_time_and_who_is_away_only_delays_its_end() {
        let back = readers([worker(2, true), worker(1, true)]);
        assert_eq!(
            step(ready(7), next(), &back, 8, Some(HOUR)),
            Step::Keep(first())
        );
        for other in [worker(2, false), unheard()] {
            let away = readers([worker(2, true), other]);
            let late = 8 + 2 * MICROS;
            assert_eq!(
                step(ready(7), next(), &away, late, Some(HOUR)),
                Step::Nothing
            );
        }
        // A storage node that went back does not know the format.
        let all = readers([worker(2, true)]);
        assert_eq!(
            step(ready(7), Formats::RELEASE, &all, 8, Some(HOUR)),
            Step::Keep(first())
        );
    }

    #[test]
    fn without_a_time_it_takes_a_request() {
        let all = readers([worker(2, true)]);
        assert_eq!(step(first(), next(), &all, u64::MAX, None), Step::Nothing);
        assert_eq!(
            step(ready(7), next(), &all, u64::MAX, None),
            Step::Keep(first())
        );
        assert_eq!(on_request(first(), next(), &all).unwrap(), finalized(2));
        assert_eq!(
            on_request(first(), Formats::RELEASE, &all).unwrap(),
            first()
        );
    }

    #[test]
    fn behind_the_end_of_the_time_somebody_is_waited_for_and_nobody_looks_all_the_time() {
        let ready = Ready {
            format: 2,
            since: 0,
        };
        let hub = HubFormat {
            ready: Some(ready),
            ..first()
        };
        assert_eq!(pause(hub, MICROS / 2, Some(HOUR)), Some(HOUR / 2));
        for late in [MICROS, 2 * MICROS] {
            assert_eq!(pause(hub, late, Some(HOUR)), None);
            // Of a hub that has heard of nobody since its disk was lost nothing is known.
            let nobody = Readers::new();
            assert_eq!(step(hub, next(), &nobody, late, Some(HOUR)), Step::Nothing);
        }
    }

    #[test]
    fn a_request_names_who_reads_less() {
        let some = readers([
            worker(2, true),
            worker(1, true),
            worker(1, false),
            unheard(),
        ]);
        let refused = on_request(first(), next(), &some).unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (Code::Conflict, "not-all-upgraded")
        );
        assert!(
            refused.message.ends_with(
                "w1 (format 1), w2 (format 1), w3 (not heard of since the storage node started)"
            ),
            "{}",
            refused.message
        );
    }

    #[test]
    fn a_disk_that_is_further_says_what_a_lost_one_forgot() {
        let further = Reader {
            disk: 2,
            ..worker(2, true)
        };
        let all = readers([further, worker(1, true)]);
        assert_eq!(
            step(first(), next(), &all, 7, None),
            Step::Keep(finalized(2))
        );
        assert_eq!(
            step(first(), Formats::RELEASE, &all, 7, None),
            Step::Nothing
        );
    }

    #[test]
    fn who_cannot_read_the_hub_is_told_what_it_needs() {
        let id = WorkerId("w".into());
        let refused = |reads, disk, finalized, knows| {
            let admitted = admit(&id, reads, disk, finalized, knows);
            admitted.map_err(|error| (error.reason.into_owned(), error.message))
        };
        let (old, new) = (FormatRange::FIRST, range(next()));
        let later = FormatRange {
            oldest: 2,
            newest: 3,
        };
        for (reads, disk, finalized) in [
            (old, 1, 1),
            (old, 0, 1),
            (new, 1, 1),
            (new, 2, 1),
            (new, 1, 2),
            (later, 2, 2),
        ] {
            refused(reads, disk, finalized, new).unwrap();
        }
        let (reason, message) = refused(old, 1, 2, new).unwrap_err();
        assert_eq!(reason, "unreadable-format");
        assert!(
            message.contains("reads format 1: it needs version"),
            "{message}"
        );
        let (reason, message) = refused(later, 2, 1, new).unwrap_err();
        assert_eq!(reason, "unreadable-format");
        assert!(message.contains("a version in between"), "{message}");
        let (reason, _) = refused(new, 2, 1, old).unwrap_err();
        assert_eq!(reason, "older-storage-node");
    }
}
