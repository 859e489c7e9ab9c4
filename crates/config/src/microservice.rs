//! A microservice as the operator runs it and workers find it (MS1). Texts may hold `$SECRET(x)`.

use crate::content_hash;
use crate::fields::Fields;
use sluice_entity::Json;
use std::fmt;

/// Characters of an id that are kept in the name of its objects.
const SLUG: usize = 40;
/// Hexadecimal digits that tell apart what is slugged alike.
const DIGITS: usize = 8;

/// The container of a `system:microservice`. `Debug` shows no value of its environment.
#[derive(Clone, PartialEq, Eq)]
pub struct Microservice {
    /// The image.
    pub image: String,
    /// Where it listens.
    pub port: u16,
    /// It speaks HTTPS.
    pub use_https: bool,
    /// Names and values; a value that is no text is its JSON.
    pub environment: Vec<(String, String)>,
    /// User name and password at the registry of the image.
    pub login: Option<(String, String)>,
    /// Most memory, MB.
    pub memory: u64,
    /// Most processor time, percent of one processor.
    pub cpu_quota: u64,
    /// Host names and their addresses inside the container.
    pub hosts: Vec<(String, String)>,
    /// An image that is there already is not asked for again.
    pub skip_pull: bool,
    /// Run it also where no pipe uses it.
    pub eager_load: bool,
    /// Whom the container runs as; 0 is root.
    pub run_as_user: u64,
}

impl Microservice {
    /// The container of a valid effective configuration; `None` for what is no microservice.
    pub fn of(effective: &Json) -> Option<Self> {
        let kind = effective.get("type").and_then(Json::as_str);
        (kind == Some("system:microservice")).then(|| Self::read(&Fields::of(Some(effective))))
    }

    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let docker = fields.inner("docker");
        let environment = docker.any("environment").and_then(Json::as_object);
        let value = |value: &Json| match value {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        let login = docker.optional_text("username");
        Microservice {
            image: docker.text("image"),
            port: u16::try_from(docker.count("port")).unwrap_or_default(),
            use_https: fields.flag("use_https"),
            environment: environment
                .unwrap_or_default()
                .iter()
                .map(|(name, given)| (name.clone(), value(given)))
                .collect(),
            login: login.map(|user| (user, docker.text("password"))),
            memory: docker.count("memory"),
            cpu_quota: docker.count("cpu_quota"),
            hosts: docker.text_map("hosts"),
            skip_pull: docker.flag("skip_pull"),
            eager_load: fields.flag("eager_load"),
            run_as_user: docker.count("run_as_user"),
        }
    }
}

impl fmt::Debug for Microservice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Microservice")
            .field("image", &self.image)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// What the objects of a hub's microservice are called in its namespace, its address among them: the same for whoever makes it and
/// for whoever calls it.
pub fn microservice_name(hub: &str, system: &str) -> String {
    let both = Json::Object(vec![
        ("hub".to_owned(), Json::from(hub)),
        ("system".to_owned(), Json::from(system)),
    ]);
    let hash = content_hash(&both);
    let hash: String = hash.chars().take(DIGITS).collect();
    let mut slug = String::new();
    for c in system.chars().flat_map(char::to_lowercase) {
        let c = if c.is_ascii_alphanumeric() { c } else { '-' };
        if slug.len() < SLUG && !(c == '-' && slug.ends_with('-')) {
            slug.push(c);
        }
    }
    match slug.trim_matches('-') {
        "" => format!("ms-{hash}"),
        slug => format!("ms-{slug}-{hash}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_host_names_and_each_system_has_its_own() {
        for (id, slug) in [
            ("orders", "ms-orders-"),
            ("A_b.c", "ms-a-b-c-"),
            ("Ø", "ms-"),
        ] {
            let name = microservice_name("hub", id);
            assert!(name.starts_with(slug), "{name}");
            assert_eq!(name.len(), slug.len() + DIGITS, "{name}");
        }
        let of = |hub, id| microservice_name(hub, id);
        assert_ne!(of("one", "a"), of("other", "a"));
        assert_ne!(of("one", "a_b"), of("one", "a-b"));
        assert!(of("one", &"x".repeat(300)).len() <= 63);
    }
}
