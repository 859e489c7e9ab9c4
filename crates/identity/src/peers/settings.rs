//! The TLS settings of both sides: TLS 1.3 and HTTP/2 only, nothing resumed, so that every connection is verified.

use super::verifier::{ClientVerifier, ServerVerifier, Trusted};
use super::{Admission, Expected, RoleCertificate, TrustBundle, provider};
use crate::names::check_hub;
use crate::{Error, Result, Role};
use rustls::client::{ClientConfig, Resumption, WantsClientCert};
use rustls::server::{NoServerSessionStorage, ServerConfig, WantsServerCert};
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{ConfigBuilder, WantsVerifier};
use std::sync::Arc;

impl RoleCertificate {
    /// For a port where only these roles of the same hub may enter, each with a certificate.
    pub fn server_settings(&self, admission: Admission) -> Result<Arc<ServerConfig>> {
        let verifier = ClientVerifier {
            trusted: self.trusted.clone(),
            admission,
        };
        let builder = self.server_builder()?;
        Ok(self.serving(builder.with_client_cert_verifier(Arc::new(verifier))))
    }

    /// For the port where first certificates are got: the client has none yet, and nothing else may be served there.
    pub fn enrolment_settings(&self) -> Result<Arc<ServerConfig>> {
        Ok(self.serving(self.server_builder()?.with_no_client_auth()))
    }

    /// For connections to this peer.
    pub fn client_settings(&self, expected: Expected) -> Result<Arc<ClientConfig>> {
        let builder = client_builder(self.trusted.clone(), expected, self.clock.clone())?;
        Ok(connecting(
            builder.with_client_cert_resolver(self.current.clone()),
        ))
    }

    fn server_builder(&self) -> Result<ConfigBuilder<ServerConfig, WantsVerifier>> {
        ServerConfig::builder_with_details(provider(), self.clock.clone())
            .with_protocol_versions(&[&TLS13])
            .map_err(Error::crypto("set up TLS 1.3"))
    }

    fn serving(&self, builder: ConfigBuilder<ServerConfig, WantsServerCert>) -> Arc<ServerConfig> {
        let mut settings = builder.with_cert_resolver(self.current.clone());
        settings.alpn_protocols = vec![b"h2".to_vec()];
        // A resumed session is not verified again: it would outlive the certificate it began with.
        settings.session_storage = Arc::new(NoServerSessionStorage {});
        settings.send_tls13_tickets = 0;
        Arc::new(settings)
    }
}

/// For the connection on which a role without a certificate asks for its first one. The server must be the storage node of
/// the hub; the bundle comes with the bootstrap secret.
pub fn enrolment_client_settings(
    hub: &str,
    trust: &TrustBundle,
    clock: Arc<dyn TimeProvider>,
) -> Result<Arc<ClientConfig>> {
    check_hub(hub)?;
    let trusted = Arc::new(Trusted::new(hub, trust.roots()?)?);
    let builder = client_builder(trusted, Expected::any(Role::StorageNode), clock)?;
    Ok(connecting(builder.with_no_client_auth()))
}

fn client_builder(
    trusted: Arc<Trusted>,
    expected: Expected,
    clock: Arc<dyn TimeProvider>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>> {
    Ok(ClientConfig::builder_with_details(provider(), clock)
        .with_protocol_versions(&[&TLS13])
        .map_err(Error::crypto("set up TLS 1.3"))?
        // Ours verifies no less than rustls' own; it compares identities where that compares host names.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(ServerVerifier { trusted, expected })))
}

fn connecting(mut settings: ClientConfig) -> Arc<ClientConfig> {
    settings.alpn_protocols = vec![b"h2".to_vec()];
    settings.resumption = Resumption::disabled();
    settings.enable_sni = false;
    Arc::new(settings)
}
