//! `sluice verify`, which `helm test` runs: what it pushes comes back, nothing of it is left, and where it cannot it says why.

use sluice_tests::child::run;
use sluice_tests::roles::Roles;
use std::ffi::OsStr;
use std::path::Path;

fn verify(url: &str, ca: &Path, key: &Path, seconds: &str) -> anyhow::Result<String> {
    let flags = ["verify", "--url", url, "--timeout", seconds].map(OsStr::new);
    let files = ["--ca", "--signing-key"].map(OsStr::new);
    let files = [files[0], ca.as_os_str(), files[1], key.as_os_str()];
    run(&[&flags[..], &files[..]].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_is_verified_by_an_entity_that_goes_in_and_comes_out() {
    let hub = Roles::start(1, "15s").await.unwrap();
    let key = hub.data("a0").join("keys/token-signing.pem");
    let files = || std::fs::read_dir(key.parent().unwrap()).unwrap().count();
    let before = files();
    let said = verify(&hub.api.url, &hub.api.ca, &key, "60").unwrap();
    assert!(said.contains("was read again"), "{said}");
    // Nothing is left of it, and where the key lies nothing was written: in a cluster it cannot be.
    for path in ["/pipes", "/datasets"] {
        let left = hub.api.get(path).await.unwrap();
        assert!(!left.to_string().contains("sluice-verify-"), "{left}");
    }
    assert_eq!(files(), before);
    // Who is not known to be the hub gets no token.
    let refused = verify(&hub.api.url, &hub.data("trust.pem"), &key, "2").unwrap_err();
    assert!(
        refused.to_string().contains("the pipe is made"),
        "{refused}"
    );
}
