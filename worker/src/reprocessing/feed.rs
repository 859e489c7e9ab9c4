//! What happened to the dataset behind another hub's feed, and where to go on after a restore (AR3, DU3).

use crate::pipe::state::{FeedSeen, Progress};
use crate::source::SinceValue;

const MADE_AGAIN: &str = "the dataset behind the feed was deleted and made again";
const TRUNCATED: &str = "the dataset behind the feed was truncated";
const RESTORED: &str = "the dataset behind the feed was restored from a backup";

/// A feed that a run has read to its end.
pub(crate) struct FeedRead<'a> {
    /// What its headers say.
    pub now: &'a FeedSeen,
    /// Where the run went on.
    pub since: Option<&'a SinceValue>,
    /// The run found another generation and began again.
    pub started_over: bool,
    /// It read everything there is.
    pub is_full: bool,
}

impl FeedRead<'_> {
    /// Notes what happened to the feed; it stays a reason until everything is read again.
    pub(crate) fn note(&self, progress: &mut Progress) {
        if self.is_full && !self.started_over {
            progress.feed_reasons.clear();
            progress.rewind = None;
        } else {
            let before = progress.feed.clone();
            self.note_reasons(before.as_ref(), progress);
        }
        progress.feed = Some(self.now.clone());
    }

    fn note_reasons(&self, before: Option<&FeedSeen>, progress: &mut Progress) {
        let reasons = &mut progress.feed_reasons;
        if self.started_over || before.is_some_and(|before| self.now.is_other_generation(before)) {
            reasons.insert(MADE_AGAIN.to_owned());
            return;
        }
        let is_restored = before.is_some_and(|before| {
            self.now.restore_uuid.is_some() && self.now.restore_uuid != before.restore_uuid
        });
        if is_restored {
            let mark = self.now.restore_offset.as_deref();
            let mark = mark.map(SinceValue::from_text);
            // What was read up to the restored offset is there as it was read.
            let is_unharmed = self
                .since
                .zip(mark.as_ref())
                .is_some_and(|(since, mark)| since == mark || is_below(since, mark));
            if !is_unharmed {
                reasons.insert(RESTORED.to_owned());
                note_rewind(progress, mark);
            }
        } else if self.is_truncated() && !reasons.contains(RESTORED) {
            // A restore that is known explains it.
            reasons.insert(TRUNCATED.to_owned());
        }
    }

    fn is_truncated(&self) -> bool {
        match (self.now.max_updated.as_deref(), self.since) {
            (Some("null"), Some(SinceValue::Offset(_))) => true,
            (Some(newest), Some(since)) => is_below(&SinceValue::from_text(newest), since),
            _ => false,
        }
    }
}

/// The earliest mark of all restores counts.
fn note_rewind(progress: &mut Progress, mark: Option<SinceValue>) {
    let known = progress.rewind.as_ref().map(|known| known.value());
    let earliest = match (known, mark) {
        (Some(known), Some(mark)) if is_below(&known, &mark) => Some(known),
        (_, mark) => mark,
    };
    progress.rewind = earliest.as_ref().map(Into::into);
}

fn is_below(left: &SinceValue, right: &SinceValue) -> bool {
    left.is_comparable_with(right) && left.order(right).is_lt()
}

/// Goes back to where the feed was restored to, if that is all that `reasons` ask for (AR2). False: everything has to be read
/// again.
pub(crate) fn rewind(progress: &mut Progress, reasons: &[String]) -> bool {
    if reasons.iter().any(|reason| reason != RESTORED) {
        return false;
    }
    let (Some(mark), Some(since)) = (&progress.rewind, &progress.since) else {
        return false;
    };
    if !mark.value().is_comparable_with(&since.value()) {
        return false;
    }
    if is_below(&mark.value(), &since.value()) {
        progress.since = Some(mark.clone());
    }
    progress.rewind = None;
    progress.feed_reasons.clear();
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipe::state::KeptSince;

    fn seen(max: &str, restored: Option<(&str, &str)>) -> FeedSeen {
        FeedSeen {
            generation: Some("g".into()),
            max_updated: Some(max.into()),
            restore_uuid: restored.map(|(uuid, _)| uuid.into()),
            restore_offset: restored.map(|(_, offset)| offset.into()),
        }
    }

    fn read(progress: &mut Progress, now: &FeedSeen, since: &str) -> Vec<String> {
        FeedRead {
            now,
            since: Some(&SinceValue::from_text(since)),
            started_over: false,
            is_full: false,
        }
        .note(progress);
        progress.since = Some((&SinceValue::from_text(since)).into());
        progress.feed_reasons.iter().cloned().collect()
    }

    #[test]
    fn a_restore_rewinds_to_its_mark_where_more_was_read() {
        let mut progress = Progress::default();
        assert!(read(&mut progress, &seen("9", None), "9").is_empty());
        let reasons = read(&mut progress, &seen("7", Some(("r1", "6"))), "9");
        assert_eq!(reasons, [RESTORED]);
        // Told once more it is the same restore; an earlier mark of another one counts, a later one does not.
        read(&mut progress, &seen("9", Some(("r1", "6"))), "9");
        read(&mut progress, &seen("9", Some(("r2", "4"))), "9");
        read(&mut progress, &seen("9", Some(("r3", "8"))), "9");
        let mark = progress.rewind.as_ref().map(KeptSince::value);
        assert_eq!(mark.and_then(|mark| mark.offset()), Some(4));
        assert!(rewind(&mut progress, &reasons));
        let since = progress.since.as_ref().map(KeptSince::value);
        assert_eq!(since.and_then(|since| since.offset()), Some(4));
        assert_eq!((progress.feed_reasons.len(), progress.rewind), (0, None));
    }

    #[test]
    fn a_restore_to_beyond_what_was_read_is_no_reason() {
        let mut progress = Progress::default();
        read(&mut progress, &seen("9", None), "5");
        assert!(read(&mut progress, &seen("7", Some(("r1", "7"))), "5").is_empty());
    }

    #[test]
    fn anything_but_a_restore_with_a_mark_that_can_be_compared_needs_a_reset() {
        let mut progress = Progress::default();
        read(&mut progress, &seen("9", None), "9");
        let reasons = read(&mut progress, &seen("null", None), "9");
        assert_eq!(reasons, [TRUNCATED]);
        assert!(!rewind(&mut progress, &reasons));
        let reasons = read(&mut progress, &seen("9", Some(("r", "\"x\""))), "9");
        assert_eq!(reasons.len(), 2);
        assert!(!rewind(&mut progress, &[RESTORED.to_owned()]));
    }
}
