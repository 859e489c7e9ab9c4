//! The way from any other role to the storage node.

use super::certificate;
use crate::settings::Settings;
use anyhow::Result;
use sluice_identity::{Role, RoleCertificate};
use sluice_protocol::client::{ClientSettings, RemoteAssignments, RemoteStorageNode};
use sluice_telemetry::{Readiness, Stop};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a role has once it has reached the storage node.
pub(super) struct Link {
    pub(super) certificate: RoleCertificate,
    pub(super) client: ClientSettings,
    pub(super) storage: RemoteStorageNode,
    pub(super) assignments: RemoteAssignments,
}

impl Link {
    /// Waits for the storage node. `None`: asked to stop before.
    pub(super) async fn open(
        settings: &Settings,
        role: Role,
        tasks: &TaskTracker,
        ending: &CancellationToken,
        readiness: &Readiness,
        stop: &mut Stop,
    ) -> Result<Option<Link>> {
        readiness.waits_for("it waits for the storage node");
        let opening = async {
            let (certificate, channel) =
                certificate::of_client(settings, role, tasks, ending).await?;
            let client = ClientSettings::default();
            let (storage, assignments) = tokio::join!(
                RemoteStorageNode::connect(channel.clone(), client),
                RemoteAssignments::connect(channel, client),
            );
            Ok(Link {
                certificate,
                client,
                storage,
                assignments,
            })
        };
        tokio::select! {
            link = opening => link.map(Some),
            () = stop.asked() => Ok(None),
        }
    }
}
