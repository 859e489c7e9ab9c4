//! Names of objects: by content, and for ids that may hold any character.

/// Letters of an id that stay readable in a [`segment`].
const READABLE: usize = 40;

/// The content's BLAKE3 hash, in hexadecimal.
pub fn digest(content: &[u8]) -> String {
    blake3::hash(content).to_hex().to_string()
}

/// The content's BLAKE3 hash.
pub fn fingerprint(content: &[u8]) -> [u8; 32] {
    *blake3::hash(content).as_bytes()
}

/// One part of an object's name for an id: its beginning to be read by people, then enough of its hash to be its alone.
pub fn segment(id: &str) -> String {
    let readable = id.chars().take(READABLE);
    let readable = readable.map(|letter| match letter {
        'a'..='z' | '0'..='9' | '-' => letter,
        'A'..='Z' => letter.to_ascii_lowercase(),
        _ => '-',
    });
    let hash = blake3::hash(id.as_bytes()).to_hex();
    format!("{}-{}", readable.collect::<String>(), &hash[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_id_becomes_one_part_of_a_name_of_its_own() {
        let ids = ["a", "A", "../a", "a/b", "a:b", "Ærø", "", &"x".repeat(300)];
        let segments: Vec<String> = ids.iter().map(|id| segment(id)).collect();
        for (position, one) in segments.iter().enumerate() {
            assert!(one.len() <= READABLE + 17, "{one}");
            assert!(
                one.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            );
            assert!(!segments[..position].contains(one), "{one}");
        }
        assert!(segments[2].starts_with("---a-"));
    }

    #[test]
    fn equal_content_has_one_name() {
        assert_eq!(digest(b"x"), digest(b"x"));
        assert_ne!(digest(b"x"), digest(b"y"));
        assert_eq!(digest(b"x").len(), 64);
    }
}
