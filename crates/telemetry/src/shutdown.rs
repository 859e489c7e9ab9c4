//! Ending a process in good order: one asks, all tasks listen.

use tokio::sync::watch;

/// Asks for the end. Dropping it asks too, so that nothing outlives its owner.
#[derive(Debug)]
pub struct Shutdown(watch::Sender<bool>);

/// Listens for the end. Clones listen to the same.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl Shutdown {
    /// A shutdown nobody has asked for yet.
    pub fn new() -> Self {
        Shutdown(watch::Sender::new(false))
    }

    /// Something to listen with.
    pub fn listen(&self) -> Stop {
        Stop(self.0.subscribe())
    }

    /// Asks everybody to end.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Shutdown::new()
    }
}

impl Stop {
    /// Whether the end was asked for.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until the end is asked for; at once if it was. Safe to drop and call again.
    pub async fn asked(&mut self) {
        // An error means that the asker is gone, which asks too.
        let _ = self.0.wait_for(|asked| *asked).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_hears_it_also_late_and_also_when_the_asker_is_gone() {
        let shutdown = Shutdown::new();
        let (mut early, dropped) = (shutdown.listen(), Shutdown::new().listen());
        assert!(!early.is_asked());
        assert!(dropped.is_asked());
        let waiting = tokio::spawn(async move { early.asked().await });
        shutdown.ask();
        waiting.await.unwrap();
        let mut late = shutdown.listen();
        late.asked().await;
        assert!(late.is_asked());
    }
}
