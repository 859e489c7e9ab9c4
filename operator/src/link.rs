//! The way from the operator to the storage nodes of its hubs: one channel each, with a certificate that the hub's own authority signs.

use crate::datahub;
use crate::names::{self, PEER_PORT};
use crate::objects::Namespace;
use crate::{Error, Result};
use k8s_openapi::jiff::Timestamp;
use parking_lot::Mutex;
use rustls::time_provider::DefaultTimeProvider;
use sluice_identity::{Expected, Identity, Role, RoleCertificate, SigningRequest};
use sluice_protocol::client::{ClientSettings, RemoteAssignments, RemotePlacementControl};
use sluice_protocol::transport::PeerChannel;
use sluice_protocol::{Assignments as _, Topology};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::task::AbortHandle;

/// A certificate lasts a day; a link this long, so that it never meets the end of its own.
const LIFE: Duration = Duration::from_secs(8 * 3600);

/// The links there are, by namespace and hub.
pub struct Links {
    open: Mutex<HashMap<(String, String), Slot>>,
    /// Storage nodes that are not where their Service is.
    elsewhere: BTreeMap<(String, String), String>,
}

/// A link that is there or is being made: nobody waits for a storage node that is away.
struct Slot {
    opened: Instant,
    /// The authority that signed our certificate: another one means another link.
    authority: String,
    link: Arc<OnceLock<Arc<Link>>>,
    connecting: AbortHandle,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.connecting.abort();
    }
}

/// A link to the storage node of one hub.
pub struct Link {
    hub: String,
    channel: PeerChannel,
    /// Says what may be placed where.
    pub control: RemotePlacementControl,
    assignments: RemoteAssignments,
}

impl Links {
    /// None yet. Storage nodes are where their Service is, but those that are `elsewhere`.
    pub fn new(elsewhere: BTreeMap<(String, String), String>) -> Self {
        Links {
            open: Mutex::default(),
            elsewhere,
        }
    }

    /// The link to a hub's storage node; `None` where there is none yet: no keys, or it has not answered.
    pub async fn get(&self, namespace: &Namespace, hub: &str) -> Result<Option<Arc<Link>>> {
        let Some(texts) = namespace.secret(&names::authority(hub)).await? else {
            return Ok(None);
        };
        let authority = texts.get("tls.crt").cloned().unwrap_or_default();
        let key = (namespace.name().to_owned(), hub.to_owned());
        let mut slots = self.open.lock();
        let is_good = |slot: &&Slot| slot.authority == authority && slot.opened.elapsed() < LIFE;
        if let Some(slot) = slots.get(&key).filter(is_good) {
            return Ok(slot.link.get().cloned());
        }
        let certificate = certificate(hub, &texts)?;
        let address = self.elsewhere.get(&key).cloned().unwrap_or_else(|| {
            let host = names::host(&names::storage_node(hub), namespace.name());
            format!("{host}:{PEER_PORT}")
        });
        let channel = PeerChannel::new(&address, Expected::any(Role::StorageNode), &certificate);
        let channel = channel.map_err(Error::Keys)?;
        let link: Arc<OnceLock<Arc<Link>>> = Arc::default();
        let (hub, slot) = (hub.to_owned(), link.clone());
        let connecting = tokio::spawn(async move {
            let settings = ClientSettings::default();
            let link = Link {
                assignments: RemoteAssignments::connect(channel.clone(), settings).await,
                control: RemotePlacementControl::new(channel.clone(), settings),
                channel,
                hub,
            };
            let _ = slot.set(Arc::new(link));
        });
        let slot = Slot {
            opened: Instant::now(),
            authority,
            link,
            connecting: connecting.abort_handle(),
        };
        slots.insert(key, slot);
        Ok(None)
    }

    /// The link to a hub's storage node, if there is one already: nothing is asked for it.
    pub fn known(&self, namespace: &str, hub: &str) -> Option<Arc<Link>> {
        let slots = self.open.lock();
        let slot = slots.get(&(namespace.to_owned(), hub.to_owned()))?;
        slot.link.get().cloned()
    }

    /// Lets go of the link to a hub.
    pub fn forget(&self, namespace: &str, hub: &str) {
        self.open
            .lock()
            .remove(&(namespace.to_owned(), hub.to_owned()));
    }
}

impl Link {
    /// The channel, for other services of the storage node.
    pub fn channel(&self) -> &PeerChannel {
        &self.channel
    }

    /// Who is where, and each later state.
    pub fn watch_topology(&self) -> tokio::sync::watch::Receiver<Arc<Topology>> {
        self.assignments.watch_topology()
    }

    /// Who is where, as far as is known: the last state stays while the storage node is away.
    pub fn topology(&self) -> Arc<Topology> {
        self.assignments.watch_topology().borrow().clone()
    }

    /// For a failed request.
    pub fn failed(&self, verb: &'static str) -> impl FnOnce(sluice_protocol::Error) -> Error {
        let hub = self.hub.clone();
        move |source| Error::StorageNode {
            verb,
            hub,
            source: Box::new(source),
        }
    }
}

/// A certificate in the operator's name, signed here: the operator has made the authority.
fn certificate(
    hub: &str,
    texts: &std::collections::BTreeMap<String, String>,
) -> Result<RoleCertificate> {
    let issuer = datahub::open(hub, texts).map_err(Error::Keys)?;
    let make = || {
        let identity = Identity::new(hub, Role::Operator, "operator")?;
        let request = SigningRequest::new(&identity)?;
        let signed = issuer.renew(&identity, request.der(), Timestamp::now());
        let signed = signed.map_err(|refused| sluice_identity::Error::Crypto {
            attempt: "sign the operator's certificate",
            problem: refused.to_string(),
        })?;
        let credential = request.with_chain(signed.chain)?;
        RoleCertificate::new(credential, signed.trust, Arc::new(DefaultTimeProvider))
    };
    make().map_err(Error::Keys)
}
