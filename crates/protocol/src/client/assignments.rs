//! The assignments of a storage node somewhere else.

use super::ClientSettings;
use super::call::{answered, within};
use super::channel::Way;
use super::follow::{Following, never};
use crate::wire::proto::{self, assignments_client::AssignmentsClient};
use crate::wire::{GatheredAssigned, GatheredTopology, to_report};
use crate::{
    Assigned, Assignments, Code, Departure, Error, Incarnation, OpenSession, Renewal, Report,
    Result, Session, SessionId, Topology,
};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What tonic generated, over our way.
type Client = AssignmentsClient<Way>;

/// The reason of whoever asks for a session that is over.
const SESSION_ENDED: &str = "session-ended";

/// Assignments behind a channel. It follows the topology for as long as it lives: through interruptions the last one stays, and
/// the newest comes as soon as the storage node is there again. A call is sent once: it is answered or fails.
pub struct RemoteAssignments {
    client: Client,
    settings: ClientSettings,
    topology: watch::Sender<Arc<Topology>>,
    seen: Arc<Seen>,
    /// What follows the topology, and the sessions that are watched.
    tasks: Mutex<JoinSet<()>>,
}

impl RemoteAssignments {
    /// Waits for the first topology, however long that takes: a role cannot begin without. A topology of a lower incarnation than
    /// one that was seen, here or by the caller of [`Assignments::open_session`], is not shown.
    pub async fn connect(way: impl Into<Way>, settings: ClientSettings) -> Self {
        let most = settings.bounds.message_bytes();
        let client = AssignmentsClient::new(way.into())
            .max_decoding_message_size(most)
            .max_encoding_message_size(most);
        let remote = RemoteAssignments {
            client,
            settings,
            topology: watch::Sender::default(),
            seen: Arc::default(),
            tasks: Mutex::default(),
        };
        let mut first = remote.topology.subscribe();
        remote.follow_topology();
        // The sender is held above, so there is nothing that could fail.
        let _ = first.changed().await;
        remote
    }

    fn follow_topology(&self) {
        let client = self.client.clone();
        let open = move || {
            let mut client = client.clone();
            async move { client.watch_topology(proto::WatchTopologyRequest {}).await }
        };
        let following = Following::<GatheredTopology, _>::new("the topology", self.settings, open);
        let (published, seen) = (self.topology.clone(), Arc::clone(&self.seen));
        let mut is_first = true;
        let publish = move |topology: Topology| {
            seen.accept(topology.incarnation)?;
            // An empty one is news, too, as long as there is none.
            show(&published, topology, std::mem::take(&mut is_first));
            Ok(())
        };
        self.spawn(following.run(publish, never));
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    fn client(&self) -> Client {
        self.client.clone()
    }
}

#[async_trait]
impl Assignments for RemoteAssignments {
    async fn open_session(&self, open: OpenSession) -> Result<Session> {
        self.seen.raise(open.seen);
        let limit = within(self.settings.deadlines.change);
        let request = limit.request(proto::OpenSessionRequest::from(open));
        let session = limit.answer(self.client().open_session(request)).await?;
        let session = answered(Session::try_from(session))?;
        self.seen.raise(session.incarnation);
        Ok(session)
    }

    async fn renew(&self, renewal: Renewal) -> Result<()> {
        let limit = within(self.settings.deadlines.change);
        let request = limit.request(proto::RenewRequest::from(renewal));
        let proto::Renewed {} = limit.answer(self.client().renew(request)).await?;
        Ok(())
    }

    /// Waits for the first state. The receiver ends when the storage node says that the session has; whatever else happens to
    /// the watch, it is begun anew, and the newest state comes as soon as the storage node is there again.
    async fn watch_assigned(&self, session: SessionId) -> Result<watch::Receiver<Arc<Assigned>>> {
        let client = self.client();
        let open = move || {
            let mut client = client.clone();
            let wanted = proto::WatchAssignedRequest { session: session.0 };
            async move { client.watch_assigned(wanted).await }
        };
        let what = "what is assigned";
        let mut following = Following::<GatheredAssigned, _>::new(what, self.settings, open);
        let first = following.first().await?;
        let (published, watched) = watch::channel(Arc::new(first));
        self.spawn(async move {
            let publish = |assigned| {
                show(&published, assigned, false);
                Ok(())
            };
            tokio::select! {
                () = following.run(publish, |error| error.reason == SESSION_ENDED) => {}
                () = published.closed() => {}
            }
        });
        Ok(watched)
    }

    async fn report(&self, session: SessionId, report: Report) -> Result<()> {
        let limit = within(self.settings.deadlines.change);
        let request = limit.request(to_report(session, report));
        let proto::Reported {} = limit.answer(self.client().report(request)).await?;
        Ok(())
    }

    async fn leave(&self, session: SessionId) -> Result<Departure> {
        let limit = within(self.settings.deadlines.change);
        let request = limit.request(proto::LeaveRequest { session: session.0 });
        let departure = limit.answer(self.client().leave(request)).await?;
        Ok(departure.into())
    }

    async fn close_session(&self, session: SessionId) -> Result<()> {
        let limit = within(self.settings.deadlines.change);
        let request = limit.request(proto::CloseSessionRequest { session: session.0 });
        let closed = limit.answer(self.client().close_session(request)).await?;
        let proto::SessionClosed {} = closed;
        Ok(())
    }

    fn watch_topology(&self) -> watch::Receiver<Arc<Topology>> {
        self.topology.subscribe()
    }
}

/// Shows a state unless it is the present one: every new stream begins with it.
fn show<T: PartialEq>(published: &watch::Sender<Arc<T>>, state: T, in_any_case: bool) {
    published.send_if_modified(|present| {
        let is_news = in_any_case || **present != state;
        if is_news {
            *present = Arc::new(state);
        }
        is_news
    });
}

/// The largest incarnation of a storage node that was seen.
#[derive(Default)]
struct Seen(Mutex<Incarnation>);

impl Seen {
    fn raise(&self, incarnation: Incarnation) {
        let mut seen = self.0.lock();
        *seen = incarnation.max(*seen);
    }

    /// Refuses a storage node that a later one has followed.
    fn accept(&self, offered: Incarnation) -> Result<()> {
        let mut seen = self.0.lock();
        if offered < *seen {
            let message = format!(
                "the storage node is incarnation {offered}, but {} was seen before",
                *seen
            );
            return Err(Error::new(
                Code::FailedPrecondition,
                "lower-incarnation",
                message,
            ));
        }
        *seen = offered;
        Ok(())
    }
}
