//! The one door to blocking threads: RocksDB and DTL run behind it, never on an async thread.

use std::panic::resume_unwind;

/// Runs `work` on a blocking thread. A panic there goes on here.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let span = tracing::Span::current();
    match tokio::task::spawn_blocking(move || span.in_scope(work)).await {
        Ok(result) => result,
        Err(stopped) => match stopped.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is going down and dropped the work before it began: this task will not be polled again either.
            Err(_) => std::future::pending().await,
        },
    }
}
