//! Short pieces of blocking work done together: what arrives while a blocking thread is at it goes along, so that a thread is
//! woken for many pieces and not for each, which costs several times what a look-up does.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// So many pieces that wait ask for another thread.
const WAITING: usize = 16;
/// A piece that comes after so long without one having been taken asks for another thread: the others read a disk.
const STUCK: Duration = Duration::from_micros(500);
/// Threads at most.
const THREADS: usize = 8;

type Piece = Box<dyn FnOnce() + Send>;

/// The pieces that wait. Memory is bounded by the callers, of which each waits for one.
#[derive(Clone, Default)]
pub(crate) struct ShortWork {
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Piece>,
    threads: usize,
    /// When a piece was last taken, or a thread asked for.
    moved: Option<Instant>,
}

impl ShortWork {
    /// Runs `work`, which must be over in microseconds unless a disk keeps it, on a blocking thread. A panic there goes on here.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let (answer, answered) = oneshot::channel();
        let span = tracing::Span::current();
        let piece = Box::new(move || {
            // Nobody wants to know any more.
            if !answer.is_closed() {
                let _ = answer.send(catch_unwind(AssertUnwindSafe(|| span.in_scope(work))));
            }
        });
        if self.queue.lock().needs_thread_for(piece) {
            let queue = self.queue.clone();
            tokio::task::spawn_blocking(move || work_off(&queue));
        }
        match answered.await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => resume_unwind(panic),
            // The runtime is going down and dropped the work: this task will not be polled again either.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Queue {
    fn needs_thread_for(&mut self, piece: Piece) -> bool {
        self.waiting.push_back(piece);
        let is_needed = self.threads == 0
            || self.threads < THREADS
                && (self.waiting.len() > WAITING * self.threads
                    || self.moved.is_none_or(|moved| moved.elapsed() > STUCK));
        if is_needed {
            self.threads += 1;
            self.moved = Some(Instant::now());
        }
        is_needed
    }

    /// The next piece; without any the thread counts as gone.
    fn take(&mut self) -> Option<Piece> {
        let piece = self.waiting.pop_front();
        match piece {
            Some(_) => self.moved = Some(Instant::now()),
            None => self.threads -= 1,
        }
        piece
    }
}

fn work_off(queue: &Mutex<Queue>) {
    loop {
        let Some(piece) = queue.lock().take() else {
            return;
        };
        piece();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use tokio::task::JoinSet;

    #[tokio::test]
    async fn everybody_gets_their_own_answer() {
        let short = ShortWork::default();
        let mut callers = JoinSet::new();
        for number in 0..1_000 {
            let short = short.clone();
            callers.spawn(async move { (number, short.run(move || number * 2).await) });
        }
        while let Some(answer) = callers.join_next().await {
            let (number, doubled) = answer.unwrap();
            assert_eq!(doubled, number * 2);
        }
        let queue = short.queue.lock();
        assert!(queue.waiting.is_empty() && queue.threads <= THREADS);
    }

    #[tokio::test]
    async fn a_piece_that_blocks_does_not_keep_others_waiting() {
        let short = ShortWork::default();
        let (release, released) = mpsc::channel::<()>();
        let (begin, began) = oneshot::channel();
        let blocked = short.run(move || {
            begin.send(()).unwrap();
            released.recv()
        });
        let others = async {
            began.await.unwrap();
            let pieces = (0..=WAITING).map(|number| short.run(move || number));
            let done = futures::future::join_all(pieces).await;
            release.send(()).unwrap();
            done
        };
        let (first, done) = tokio::join!(blocked, others);
        assert_eq!(first, Ok(()));
        assert_eq!(done, (0..=WAITING).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_panic_reaches_its_caller_and_nobody_else() {
        let short = ShortWork::default();
        let caller = short.clone();
        let failed = tokio::spawn(async move { caller.run(|| panic!("on purpose")).await }).await;
        assert!(failed.unwrap_err().is_panic());
        assert_eq!(short.run(|| 1).await, 1);
    }
}
