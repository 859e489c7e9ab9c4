//! The file that tells scripts and tests that requests are served, and where.

use anyhow::{Context, Result};
use serde::Serialize;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// What is in it.
#[derive(Serialize)]
struct Ready<'a> {
    url: String,
    pid: u32,
    /// The certificate to trust; null with your own certificate.
    ca: Option<&'a Path>,
    /// Where health and metrics are, if anywhere.
    admin: Option<SocketAddr>,
}

/// A written ready file; removed when dropped.
pub(crate) struct ReadyFile(Option<PathBuf>);

impl ReadyFile {
    /// Writes it, whole or not at all; nothing to do without a path.
    pub(crate) fn write(
        path: Option<&Path>,
        address: SocketAddr,
        authority: Option<&Path>,
        admin: Option<SocketAddr>,
    ) -> Result<Self> {
        let authority =
            authority.map(|path| path.canonicalize().unwrap_or_else(|_| path.to_owned()));
        let ready = Ready {
            url: url(address),
            pid: std::process::id(),
            ca: authority.as_deref(),
            admin,
        };
        Self::write_json(path, &ready)
    }

    /// The same with other facts.
    pub(crate) fn write_json(path: Option<&Path>, facts: &impl Serialize) -> Result<Self> {
        let Some(path) = path else {
            return Ok(ReadyFile(None));
        };
        let text = serde_json::to_string(facts).context("cannot print the ready file")?;
        sluice_identity::replace_private(path, format!("{text}\n").as_bytes())?;
        Ok(ReadyFile(Some(path.to_owned())))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The address as clients on this machine use it.
pub(crate) fn url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("https://{}", SocketAddr::new(ip, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_urls_that_can_be_called() {
        for (address, expected) in [
            ("127.0.0.1:8443", "https://127.0.0.1:8443"),
            ("0.0.0.0:1", "https://127.0.0.1:1"),
            ("[::]:1", "https://[::1]:1"),
            ("10.1.2.3:443", "https://10.1.2.3:443"),
        ] {
            assert_eq!(url(address.parse().unwrap()), expected);
        }
    }

    #[test]
    fn the_file_appears_whole_and_goes_with_the_hub() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready");
        let file = ReadyFile::write(
            Some(&path),
            "127.0.0.1:5".parse().unwrap(),
            Some(folder.path()),
            None,
        )
        .unwrap();
        let ready: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(ready["url"], "https://127.0.0.1:5");
        assert_eq!(ready["pid"], std::process::id());
        drop(file);
        assert!(!path.exists());
    }
}
