//! What a feed's headers say of the dataset behind it (JP2, AR3).

use crate::pipe::state::FeedSeen;
use reqwest::header::HeaderMap;

impl FeedSeen {
    /// From the headers of an answer.
    pub(super) fn from_headers(headers: &HeaderMap) -> Self {
        let text = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?.trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        FeedSeen {
            generation: text("x-dataset-generation"),
            max_updated: text("x-dataset-max-updated"),
            restore_uuid: text("x-dataset-restore-uuid"),
            restore_offset: text("x-dataset-restore-offset").filter(|offset| offset != "null"),
        }
    }

    /// True if both are told and differ: since values of the one mean nothing in the other (DS5).
    pub(crate) fn is_other_generation(&self, known: &FeedSeen) -> bool {
        self.generation
            .as_ref()
            .zip(known.generation.as_ref())
            .is_some_and(|(now, known)| now != known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_told_as_they_are_and_absent_ones_are_not_made_up() {
        let mut headers = HeaderMap::new();
        assert_eq!(FeedSeen::from_headers(&headers), FeedSeen::default());
        for (name, value) in [
            ("x-dataset-generation", "g1"),
            ("x-dataset-max-updated", "null"),
            ("x-dataset-restore-uuid", " u "),
            ("x-dataset-restore-offset", "null"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let seen = FeedSeen::from_headers(&headers);
        let expected = FeedSeen {
            generation: Some("g1".into()),
            max_updated: Some("null".into()),
            restore_uuid: Some("u".into()),
            restore_offset: None,
        };
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_generation_that_is_not_told_is_no_other_one() {
        let of = |generation: Option<&str>| FeedSeen {
            generation: generation.map(str::to_owned),
            ..FeedSeen::default()
        };
        assert!(of(Some("b")).is_other_generation(&of(Some("a"))));
        for (now, known) in [(Some("a"), Some("a")), (None, Some("a")), (Some("a"), None)] {
            assert!(!of(now).is_other_generation(&of(known)));
        }
    }
}
