//! Names of resources for ids. An id that is a name is the name.

/// Characters of an id that are kept in a made name.
const SLUG: usize = 40;
const MOST: usize = 253;

/// The name of the resource for an id; another one than the id if that is no name, or `is_taken`.
pub(crate) fn name_of(id: &str, is_taken: impl Fn(&str) -> bool) -> String {
    if is_name(id) && !is_taken(id) {
        return id.to_owned();
    }
    let hash = blake3::hash(id.as_bytes()).to_hex();
    let hash = hash.get(..8).unwrap_or_default();
    match slug(id) {
        slug if slug.is_empty() => hash.to_owned(),
        slug => format!("{slug}-{hash}"),
    }
}

/// Lower-case letters, digits, `-` and `.`, the first and last of each part a letter or digit.
fn is_name(id: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_part = |part: &str| {
        part.starts_with(is_plain)
            && part.ends_with(is_plain)
            && part.chars().all(|c| is_plain(c) || c == '-')
    };
    id.len() <= MOST && id.split('.').all(is_part)
}

fn slug(id: &str) -> String {
    let mut slug = String::new();
    for c in id.chars().flat_map(char::to_lowercase) {
        let c = if c.is_ascii_alphanumeric() { c } else { '-' };
        if slug.len() < SLUG && !(c == '-' && (slug.is_empty() || slug.ends_with('-'))) {
            slug.push(c);
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_is_a_name_stays_and_others_get_one_that_is_theirs() {
        let free = |_: &str| false;
        for id in ["orders", "a.b-c", "0"] {
            assert_eq!(name_of(id, free), id);
        }
        let hash = |id: &str| blake3::hash(id.as_bytes()).to_hex()[..8].to_owned();
        for (id, slug) in [("Ærø", "r"), ("A_b", "a-b"), ("-x-", "x"), ("a..b", "a-b")] {
            assert_eq!(name_of(id, free), format!("{slug}-{}", hash(id)));
        }
        assert_eq!(name_of("ÆØ", free), hash("ÆØ"));
        assert_eq!(
            name_of("orders", |name| name == "orders"),
            format!("orders-{}", hash("orders"))
        );
        let long = "x".repeat(300);
        let name = name_of(&long, free);
        assert_eq!(name.len(), 49);
        assert!(is_name(&name));
    }
}
