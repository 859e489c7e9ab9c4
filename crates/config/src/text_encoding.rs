//! Names of character sets: those of the Python codecs, which existing configurations use, and those of the web.
//! Says which set a name means; reading and writing it is the worker's work.

use encoding_rs::Encoding;

/// A character set that documents can be read and written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextEncoding {
    /// UTF-8.
    Utf8 {
        /// Documents begin with U+FEFF (`utf-8-sig`).
        marked: bool,
    },
    /// UTF-16.
    Utf16 {
        /// The higher byte comes first.
        big_endian: bool,
        /// Documents begin with U+FEFF (`utf-16`).
        marked: bool,
    },
    /// ISO 8859-1: each byte is the character of that number. On the web the name means windows-1252, in Python it does not.
    Latin1,
    /// The first 128 characters.
    Ascii,
    /// One of the old sets of the web.
    Legacy(&'static Encoding),
}

impl Default for TextEncoding {
    fn default() -> Self {
        TextEncoding::Utf8 { marked: false }
    }
}

impl TextEncoding {
    /// The set of that name; `None` if this version knows none. Case, hyphens and underscores do not matter.
    pub fn named(name: &str) -> Option<Self> {
        let utf16 = |big_endian, marked| TextEncoding::Utf16 { big_endian, marked };
        let dashed = name.trim().to_ascii_lowercase().replace(['_', ' '], "-");
        let bare = dashed.replace('-', "");
        let known = match bare.as_str() {
            "utf8" | "u8" | "utf" | "cp65001" => TextEncoding::Utf8 { marked: false },
            "utf8sig" => TextEncoding::Utf8 { marked: true },
            "utf16" | "u16" => utf16(false, true),
            "utf16le" => utf16(false, false),
            "utf16be" => utf16(true, false),
            "latin" | "latin1" | "l1" | "iso88591" | "88591" | "cp819" | "ibm819" => {
                TextEncoding::Latin1
            }
            "ascii" | "usascii" | "646" => TextEncoding::Ascii,
            "macroman" => TextEncoding::Legacy(encoding_rs::MACINTOSH),
            _ => {
                let legacy = [&dashed, &bare].into_iter();
                let legacy = legacy
                    .filter_map(|label| Encoding::for_label_no_replacement(label.as_bytes()))
                    .next()?;
                TextEncoding::Legacy(legacy)
            }
        };
        Some(known)
    }

    /// What `charset=` says of a document.
    pub fn charset(self) -> String {
        match self {
            TextEncoding::Utf8 { .. } => "utf-8".to_owned(),
            TextEncoding::Utf16 { marked: true, .. } => "utf-16".to_owned(),
            TextEncoding::Utf16 { big_endian, .. } => {
                if big_endian { "utf-16be" } else { "utf-16le" }.to_owned()
            }
            TextEncoding::Latin1 => "iso-8859-1".to_owned(),
            TextEncoding::Ascii => "us-ascii".to_owned(),
            TextEncoding::Legacy(encoding) => encoding.name().to_ascii_lowercase(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_python_and_of_the_web_are_understood() {
        for (name, charset) in [
            ("UTF-8", "utf-8"),
            ("utf_8_sig", "utf-8"),
            ("utf-16", "utf-16"),
            ("UTF-16LE", "utf-16le"),
            ("utf_16_be", "utf-16be"),
            ("latin-1", "iso-8859-1"),
            ("iso8859-1", "iso-8859-1"),
            ("ISO_8859_1", "iso-8859-1"),
            ("us-ascii", "us-ascii"),
            ("cp1252", "windows-1252"),
            ("windows-1252", "windows-1252"),
            ("iso8859-15", "iso-8859-15"),
            ("latin_2", "iso-8859-2"),
            ("mac_roman", "macintosh"),
            ("shift_jis", "shift_jis"),
            ("euc-jp", "euc-jp"),
        ] {
            let known = TextEncoding::named(name).map(TextEncoding::charset);
            assert_eq!(known.as_deref(), Some(charset), "{name}");
        }
    }

    #[test]
    fn other_names_are_not() {
        for name in ["", "nonsense", "utf-32", "cp437", "iso-2022-kr", "utf-7"] {
            assert_eq!(TextEncoding::named(name), None, "{name}");
        }
    }
}
