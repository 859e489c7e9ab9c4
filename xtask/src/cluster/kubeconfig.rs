//! Who talks to the API server, as which user: kubeconfig files. Pure.

use serde_json::json;

use super::certificates::Authority;

/// JSON, which is YAML too. Certificates are named by path: nothing secret is copied.
pub(super) fn text(server: &str, user: &str, authority: &Authority) -> String {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": "sluice",
            "cluster": {"server": server, "certificate-authority": authority.path("ca.crt")},
        }],
        "users": [{
            "name": user,
            "user": {
                "client-certificate": authority.path(&format!("{user}.crt")),
                "client-key": authority.path(&format!("{user}.key")),
            },
        }],
        "contexts": [{"name": "sluice", "context": {"cluster": "sluice", "user": user}}],
        "current-context": "sluice",
    });
    format!("{config:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn user_is_the_holder_of_the_certificate_of_that_name() {
        let text = text(
            "https://127.0.0.1:1",
            "admin",
            &Authority::at(Path::new("/c")),
        );
        let config: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(config["users"][0]["user"]["client-key"], "/c/admin.key");
        assert_eq!(
            config["clusters"][0]["cluster"]["server"],
            "https://127.0.0.1:1"
        );
    }
}
