//! The gRPC side of whoever signs: translates, and takes the asker's name from its connection.

use super::Certificates;
use crate::transport::{Peer, in_full};
use crate::wire::proto;
use crate::wire::proto::certificates_server::CertificatesServer;
use sluice_identity::{Identity, SignedCertificate, SigningRefused, TrustBundle};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// A signing request has about 300 bytes.
const MOST_BYTES: usize = 64 * 1024;

/// The service for both ports: the one where every peer has a certificate, and the one for first certificates.
pub fn service<C: Certificates>(certificates: Arc<C>) -> CertificatesServer<impl Served> {
    CertificatesServer::new(Handler(certificates)).max_decoding_message_size(MOST_BYTES)
}

/// What tonic serves. It has no other use.
pub trait Served: proto::certificates_server::Certificates {}

struct Handler<C>(Arc<C>);

impl<C: Certificates> Served for Handler<C> {}

#[tonic::async_trait]
impl<C: Certificates> proto::certificates_server::Certificates for Handler<C> {
    async fn sign(
        &self,
        request: Request<proto::SigningRequest>,
    ) -> Result<Response<proto::SignedCertificate>, Status> {
        let peer = Peer::of(&request);
        let proto::SigningRequest { request, bootstrap } = request.into_inner();
        let signed = match (peer, bootstrap) {
            (Ok(peer), None) => self.0.renew(peer.identity(), &request).await,
            (Ok(peer), Some(_)) => {
                let message = format!("{} has a certificate and needs no secret", peer.identity());
                return Err(Status::invalid_argument(message));
            }
            (Err(_), Some(bootstrap)) => {
                let asked = self.asked(&bootstrap)?;
                self.0.enrol(&asked, &bootstrap.secret, &request).await
            }
            (Err(status), None) => return Err(status),
        };
        match signed {
            Ok(signed) => Ok(Response::new(signed_to_wire(signed))),
            Err(refused) => Err(status_of(&refused)),
        }
    }

    async fn bundle(
        &self,
        request: Request<proto::BundleRequest>,
    ) -> Result<Response<proto::TrustBundle>, Status> {
        Peer::of(&request)?;
        Ok(Response::new(trust_to_wire(&self.0.trust())))
    }
}

impl<C: Certificates> Handler<C> {
    fn asked(&self, bootstrap: &proto::Bootstrap) -> Result<Identity, Status> {
        bootstrap
            .role
            .parse()
            .and_then(|role| Identity::new(&self.0.hub(), role, &bootstrap.id))
            .map_err(|error| Status::invalid_argument(error.to_string()))
    }
}

fn status_of(refused: &SigningRefused) -> Status {
    let message = refused.to_string();
    match refused {
        SigningRefused::Unusable(_) | SigningRefused::BadSignature => {
            Status::invalid_argument(message)
        }
        SigningRefused::ForeignName { .. }
        | SigningRefused::OtherHub { .. }
        | SigningRefused::SecretForOthers { .. }
        | SigningRefused::Denied { .. } => Status::permission_denied(message),
        SigningRefused::UnknownSecret => Status::unauthenticated(message),
        SigningRefused::IssuerEnded(_) => {
            tracing::error!(message, "certificates cannot be signed");
            Status::unavailable(message)
        }
        SigningRefused::Failed(error) => {
            let problem = in_full(error);
            tracing::error!(problem, "certificates cannot be signed");
            Status::internal("the certificate could not be made")
        }
    }
}

fn signed_to_wire(signed: SignedCertificate) -> proto::SignedCertificate {
    proto::SignedCertificate {
        trust: Some(trust_to_wire(&signed.trust)),
        chain: signed.chain.iter().map(|der| der.to_vec().into()).collect(),
    }
}

fn trust_to_wire(trust: &TrustBundle) -> proto::TrustBundle {
    let authorities = trust.certificates().iter();
    proto::TrustBundle {
        authorities: authorities.map(|der| der.to_vec().into()).collect(),
    }
}
