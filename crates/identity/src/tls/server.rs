//! What the HTTPS server holds: a TLS configuration whose certificate can be exchanged while connections go on.

use super::authority::{self, Authority};
use super::{end_of, leaf};
use crate::{Error, Result};
use jiff::Timestamp;
use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The certificate of the port. Clones share it.
#[derive(Clone)]
pub struct ServerCertificate {
    origin: Arc<Origin>,
    current: Arc<Current>,
}

/// Where the certificate comes from.
enum Origin {
    /// Our own authority in the data folder.
    Own { data: PathBuf, names: Vec<String> },
    /// Files somebody else looks after.
    Given { certificate: PathBuf, key: PathBuf },
}

/// What new handshakes get.
struct Current(RwLock<Held>);

struct Held {
    certified: Arc<CertifiedKey>,
    end: Timestamp,
}

impl ServerCertificate {
    /// A certificate of the hub's own authority for `localhost`, the loopback addresses and `names` (the host's name). Made,
    /// or renewed, if what the data folder holds does not serve.
    pub fn own(
        data: &Path,
        names: impl IntoIterator<Item = String>,
        now: Timestamp,
    ) -> Result<Self> {
        let always = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let names = leaf::usable(always.into_iter().chain(names));
        Self::open(
            Origin::Own {
                data: data.to_owned(),
                names,
            },
            now,
        )
    }

    /// Your own certificate chain and key, both PEM.
    pub fn given(certificate: &Path, key: &Path, now: Timestamp) -> Result<Self> {
        Self::open(
            Origin::Given {
                certificate: certificate.to_owned(),
                key: key.to_owned(),
            },
            now,
        )
    }

    fn open(origin: Origin, now: Timestamp) -> Result<Self> {
        let held = origin.load(now)?;
        Ok(ServerCertificate {
            origin: Arc::new(origin),
            current: Arc::new(Current(RwLock::new(held))),
        })
    }

    /// The file clients have to trust; `None` with your own certificate, whose authority we do not know.
    pub fn authority(&self) -> Option<PathBuf> {
        match &*self.origin {
            Origin::Own { data, .. } => Some(authority::certificate_path(data)),
            Origin::Given { .. } => None,
        }
    }

    /// When the present certificate ends.
    pub fn end(&self) -> Timestamp {
        self.current.0.read().end
    }

    /// To be called now and then: takes up changed files, makes a new certificate thirty days before the end. New handshakes
    /// see it; open connections go on. True if the certificate changed. After an error the present one stays in use.
    pub fn renew(&self, now: Timestamp) -> Result<bool> {
        let next = self.origin.load(now)?;
        let mut held = self.current.0.write();
        let changed = held.certified.cert != next.certified.cert;
        if changed {
            *held = next;
        }
        Ok(changed)
    }

    /// TLS 1.3 only, HTTP/2 and HTTP/1.1.
    pub fn tls_settings(&self) -> Result<Arc<ServerConfig>> {
        let mut settings = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(Error::crypto("set up TLS 1.3"))?
            .with_no_client_auth()
            .with_cert_resolver(self.current.clone());
        settings.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(settings))
    }
}

impl Origin {
    fn load(&self, now: Timestamp) -> Result<Held> {
        match self {
            Origin::Own { data, names } => own(data, names, now),
            Origin::Given { certificate, key } => given(certificate, key),
        }
    }
}

fn own(data: &Path, names: &[String], now: Timestamp) -> Result<Held> {
    let authority: Authority = authority::open_or_create(data, now)?;
    let path = data.join("tls/server.pem");
    if let Some(leaf) = leaf::open(&path, &authority, names, now)
        && let Ok(certified) = CertifiedKey::from_der(vec![leaf.certificate], leaf.key, &provider())
    {
        return Ok(Held {
            certified: Arc::new(certified),
            end: leaf.end,
        });
    }
    let leaf = leaf::issue(&path, &authority, names, now)?;
    let certified = CertifiedKey::from_der(vec![leaf.certificate], leaf.key, &provider())
        .map_err(Error::crypto("use the port's certificate"))?;
    Ok(Held {
        certified: Arc::new(certified),
        end: leaf.end,
    })
}

fn given(certificate: &Path, key: &Path) -> Result<Held> {
    let unusable = |problem: rustls::pki_types::pem::Error| {
        Error::content(certificate, "a certificate chain", problem)
    };
    let chain = CertificateDer::pem_file_iter(certificate).map_err(unusable)?;
    let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(unusable)?;
    let first = chain
        .first()
        .ok_or_else(|| Error::content(certificate, "a certificate chain", "it is empty"))?;
    let end = end_of(first)
        .map_err(|problem| Error::content(certificate, "a certificate chain", problem))?;
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| Error::content(key, "a private key", error))?;
    let certified = CertifiedKey::from_der(chain, private, &provider())
        .map_err(|error| Error::content(key, "the key of the certificate", error))?;
    Ok(Held {
        certified: Arc::new(certified),
        end,
    })
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().certified.clone())
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current")
            .field("end", &self.0.read().end)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.current.fmt(f)
    }
}
