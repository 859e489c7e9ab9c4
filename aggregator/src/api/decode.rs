//! Percent-encoding, read strictly: what is malformed is refused and never passed on half decoded.

use percent_encoding::percent_decode_str;

/// Why an encoded text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// A `%` without two hexadecimal digits.
    Percent,
    /// The bytes are not UTF-8.
    Utf8,
}

impl Malformed {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Malformed::Percent => "a % that is not followed by two hexadecimal digits",
            Malformed::Utf8 => "bytes that are not UTF-8",
        }
    }
}

/// Checks a whole path, still encoded.
pub(crate) fn check(path: &str) -> Result<(), Malformed> {
    decode(path).map(drop)
}

/// Decodes once.
pub(crate) fn decode(text: &str) -> Result<String, Malformed> {
    let bytes = text.as_bytes();
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%') {
        let digits = bytes.get(at + 1..at + 3).ok_or(Malformed::Percent)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(Malformed::Percent);
        }
    }
    percent_decode_str(text)
        .decode_utf8()
        .map(|text| text.into_owned())
        .map_err(|_| Malformed::Utf8)
}

/// Reads `a=b&c=d`, with `+` for a space, in the order given.
pub(crate) fn pairs(query: &str) -> Result<Vec<(String, String)>, Malformed> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((
                decode(&name.replace('+', " "))?,
                decode(&value.replace('+', " "))?,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_decoded_once_or_refused() {
        let cases = [
            ("a%2Fb", Ok("a/b")),
            ("%252f", Ok("%2f")),
            ("bl%C3%A5b%c3%a6r", Ok("blåbær")),
            ("100%", Err(Malformed::Percent)),
            ("%4", Err(Malformed::Percent)),
            ("%zz", Err(Malformed::Percent)),
            ("%ff", Err(Malformed::Utf8)),
            ("%ed%a0%80", Err(Malformed::Utf8)),
        ];
        for (text, expected) in cases {
            assert_eq!(decode(text), expected.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn pairs_keep_their_order_and_a_plus_is_a_space() {
        let read = pairs("a=1&&b=x+y%2Bz&c&d==").unwrap();
        let expected = [("a", "1"), ("b", "x y+z"), ("c", ""), ("d", "=")];
        assert_eq!(
            read,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert_eq!(pairs("a=%"), Err(Malformed::Percent));
    }
}
