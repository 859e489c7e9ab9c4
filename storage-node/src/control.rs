//! What the operator asks of the node about configuration.

use crate::contents::Referenced;
use crate::service::Node;
use crate::writers::Truth;
use async_trait::async_trait;
use sluice_protocol::{
    Code, ConfigurationControl, Error, HandOver, HandOverOutcome, HandedSecrets, RequestId, Result,
    SecretScope, WriteAnswer, WriteIntent,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

impl Node {
    /// A node that is the truth itself takes nothing from custom resources.
    pub(crate) fn admit(&self, operator_epoch: u64) -> Result<()> {
        if self.truth == Truth::OwnHistory {
            let message =
                "this storage node keeps the configuration itself: nothing is handed over to it";
            return Err(Error::new(Code::FailedPrecondition, "own-history", message));
        }
        self.writes.admit(operator_epoch)
    }
}

#[async_trait]
impl ConfigurationControl for Node {
    async fn hand_over(&self, handed: HandOver) -> Result<HandOverOutcome> {
        self.admit(handed.operator_epoch)?;
        let write = handed.request.as_ref();
        let write = write.and_then(|request| self.writes.begun(request));
        self.inner
            .change(move |change| change.hand_over(&handed, write.as_ref()))
            .await
    }

    async fn hand_over_secrets(&self, handed: HandedSecrets) -> Result<()> {
        self.admit(handed.operator_epoch)?;
        self.inner
            .change(move |change| {
                change.edit("custom-resources", |contents| {
                    let scope = SecretScope::System(handed.system);
                    let before = contents.referenced.remove(&scope).unwrap_or_default();
                    let mut secrets = BTreeMap::new();
                    for (name, secret) in handed.secrets {
                        // Each sealing gives other bytes: what is the same stays as it is.
                        let same = before.get(&name).filter(|known| {
                            let opened = change.inner.key.open(&scope, &name, &known.sealed);
                            known.kept_in == secret.kept_in
                                && opened.is_ok_and(|value| *value == secret.value)
                        });
                        let referenced = match same {
                            Some(known) => known.clone(),
                            None => Referenced {
                                sealed: change.seal(&scope, &name, &secret.value)?,
                                kept_in: secret.kept_in,
                            },
                        };
                        secrets.insert(name, referenced);
                    }
                    contents.referenced.insert(scope, secrets);
                    Ok(())
                })
            })
            .await
    }

    async fn watch_writes(
        &self,
        operator_epoch: u64,
    ) -> Result<watch::Receiver<Arc<Vec<WriteIntent>>>> {
        self.admit(operator_epoch)?;
        self.writes.watch(operator_epoch)
    }

    async fn begin_write(&self, operator_epoch: u64, request: &RequestId) -> Result<()> {
        self.admit(operator_epoch)?;
        self.writes.begin(operator_epoch, request).await
    }

    async fn answer_write(
        &self,
        operator_epoch: u64,
        request: &RequestId,
        answer: WriteAnswer,
    ) -> Result<()> {
        self.admit(operator_epoch)?;
        self.writes.answer(operator_epoch, request, answer).await
    }
}
