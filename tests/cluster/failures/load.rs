//! Somebody who pushes and reads all the time, and remembers what was promised.

use super::hub::{Failing, PAIRS};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Between two rounds.
const PAUSE: Duration = Duration::from_millis(50);

/// A client at work.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    task: Option<JoinHandle<Seen>>,
}

/// What it saw.
#[derive(Default)]
pub(crate) struct Seen {
    /// Ids that were acknowledged, by receiver.
    pub(crate) acknowledged: BTreeMap<usize, Vec<String>>,
    /// Answers to pushes by status; 0: none.
    pub(crate) pushes: BTreeMap<u16, usize>,
    /// Answers to reads by status; 0: none.
    pub(crate) reads: BTreeMap<u16, usize>,
    /// What was said where something was refused, and how often.
    pub(crate) said: BTreeMap<String, usize>,
    /// The longest time between two acknowledged pushes to one receiver.
    pub(crate) longest_pause: Duration,
    /// How long each receiver refused pushes in all: from the first refusal to the next acknowledgement.
    pub(crate) refused: [Duration; PAIRS],
}

impl Load {
    /// Begins; ids start with this.
    pub(crate) fn begin(failing: &'static Failing, prefix: &str) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let (until, prefix) = (stop.clone(), prefix.to_owned());
        let task = tokio::spawn(async move {
            let mut seen = Seen::default();
            let mut last = [Instant::now(); PAIRS];
            let mut refused_since = [None; PAIRS];
            let mut number = 0;
            while !until.load(Ordering::Relaxed) {
                for (n, last) in last.iter_mut().enumerate() {
                    let id = format!("{prefix}{number}");
                    let entity = json!([{"_id": id, "n": number}]);
                    let path = format!("/receivers/in{n}/entities");
                    let push = failing.hub.request(Method::POST, &path).json(&entity);
                    let (status, said) = answer(push).await;
                    seen.note(said);
                    if status == 200 {
                        let since = refused_since[n].take();
                        seen.refused[n] +=
                            since.map_or(Duration::ZERO, |since: Instant| since.elapsed());
                    } else {
                        refused_since[n].get_or_insert_with(Instant::now);
                    }
                    *seen.pushes.entry(status).or_default() += 1;
                    if status == 200 {
                        seen.acknowledged.entry(n).or_default().push(id);
                        seen.longest_pause = seen.longest_pause.max(last.elapsed());
                        *last = Instant::now();
                    }
                    let path = format!("/datasets/in{n}/entities?limit=1");
                    let (status, said) = read(failing, &path).await;
                    seen.note(said);
                    *seen.reads.entry(status).or_default() += 1;
                }
                number += 1;
                tokio::time::sleep(PAUSE).await;
            }
            // One that goes on is a pause, too.
            let since = last.iter().map(Instant::elapsed).max();
            seen.longest_pause = seen.longest_pause.max(since.unwrap_or_default());
            seen
        });
        let task = Some(task);
        Load { stop, task }
    }

    /// Ends; everything that was acknowledged has to be there, and what was not taken has to have been refused as it should:
    /// 503, or no answer at all.
    pub(crate) async fn end(mut self, failing: &Failing) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        let seen = self.task.take().unwrap().await.unwrap();
        println!(
            "pushes {:?}, reads {:?}, longest pause of writes {:.1} s",
            seen.pushes,
            seen.reads,
            seen.longest_pause.as_secs_f64()
        );
        for (said, times) in &seen.said {
            println!("    {times} times: {said}");
        }
        for status in seen.pushes.keys().chain(seen.reads.keys()) {
            assert!([0, 200, 503].contains(status), "an answer of {status}");
        }
        assert_eq!(
            seen.acknowledged.len(),
            PAIRS,
            "each receiver took something"
        );
        failing.until_level(super::hub::SOON).await;
        for (n, ids) in &seen.acknowledged {
            let there = failing.hub.offsets(&format!("read{n}")).await.unwrap();
            let lost: Vec<_> = ids.iter().filter(|id| !there.contains_key(*id)).collect();
            assert!(lost.is_empty(), "in{n} lost {lost:?}");
        }
        seen
    }
}

impl Seen {
    fn note(&mut self, said: String) {
        if !said.is_empty() {
            *self.said.entry(said).or_default() += 1;
        }
    }
}

/// The status of an answer, 0 without one, and what it says where it is not 200.
async fn answer(request: RequestBuilder) -> (u16, String) {
    let answer = match request.timeout(Duration::from_secs(20)).send().await {
        Ok(answer) => answer,
        Err(error) => return (0, error.without_url().to_string()),
    };
    let status = answer.status().as_u16();
    let said = match status {
        200 => String::new(),
        _ => answer.text().await.unwrap_or_default(),
    };
    (status, said)
}

/// Asks once more where the connection ended, as any client does.
async fn read(failing: &Failing, path: &str) -> (u16, String) {
    let read = || failing.hub.request(Method::GET, path);
    match answer(read()).await {
        (0, _) => answer(read()).await,
        answered => answered,
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // Also where a test fails: the next one shares the hub.
        self.stop.store(true, Ordering::Relaxed);
    }
}
