//! Who calls, as its certificate says, and what it may ask of placement. Without mutual TLS nobody is refused: there is no such port
//! between processes.

use crate::transport::Peer;
use crate::{Code, Error, Result};
use sluice_identity::{Identity, Role};
use tonic::Request;

/// Whoever sent a request; `None`: it came without a certificate.
pub(super) struct Caller(Option<Identity>);

impl Caller {
    pub(super) fn of<T>(request: &Request<T>) -> Self {
        let peer = Peer::of(request).ok();
        Caller(peer.map(|peer| peer.identity().clone()))
    }

    /// The worker that it is, if it says who it is.
    pub(super) fn worker(&self) -> Result<Option<&str>> {
        match &self.0 {
            None => Ok(None),
            Some(identity) if identity.role() == Role::Worker => Ok(Some(identity.id())),
            Some(_) => Err(self.foreign("a worker")),
        }
    }

    /// Refuses everybody but this worker.
    pub(super) fn must_be_worker(&self, expected: &str) -> Result<()> {
        match self.worker()? {
            Some(worker) if worker != expected => {
                Err(self.foreign(&format!("worker \"{expected}\"")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses everybody but the operator.
    pub(super) fn must_be_operator(&self) -> Result<()> {
        match &self.0 {
            Some(identity) if identity.role() != Role::Operator => {
                let message = format!("{identity} is not the operator");
                Err(Error::new(Code::PermissionDenied, "operator-only", message))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn foreign(&self, expected: &str) -> Error {
        let caller = self.0.as_ref().map(Identity::to_string);
        let caller = caller.unwrap_or_else(|| "the caller".to_owned());
        let message = format!("{caller} is not {expected}");
        Error::new(Code::PermissionDenied, "foreign-worker", message)
    }
}
