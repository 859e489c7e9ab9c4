//! The first stage of a run: pulls pages from the source, cuts them into batches, waits while too much is in flight.

use super::state::FeedSeen;
use crate::pass_over::Passed;
use crate::shared::{BytesHeld, Shared};
use crate::slice::Slice;
use crate::source::{Item, Page, ReadError, SinceValue, Source, Strategy};
use sluice_entity::Entity;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Bytes of entities after which a batch ends, whatever its count.
const BATCH_BYTES: usize = 4 << 20;

/// Source entities that go through transforms and sink together.
pub(super) struct Batch {
    /// In the source's order.
    pub entities: Vec<Entity>,
    /// Hashes of their bytes, for those that will be compared; as many, or none at all.
    pub raw_hashes: Vec<Option<u128>>,
    /// Entities that were not read, with how many of the others come before each.
    pub passed: Vec<Passed>,
    /// Where the source goes on after them, by the source's strategy.
    pub since: Option<SinceValue>,
    /// What their hops see.
    pub slice: Arc<Slice>,
    /// Bytes of the entities; of those that were not read, of their text.
    pub bytes: usize,
    /// Spent waiting for the source so far.
    pub source_time: Duration,
    /// Returned when the batch is written.
    pub held: Held,
}

/// A batch's place in the run and its bytes in the worker.
pub(super) struct Held {
    _place: OwnedSemaphorePermit,
    _bytes: BytesHeld,
    bytes: u64,
    in_flight: u64,
    run: Arc<AtomicU64>,
}

impl Held {
    /// Bytes of the run's batches between source and sink when this one joined them.
    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.run.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What the reader says.
pub(super) enum Read {
    /// The next batch.
    Batch(Batch),
    /// A read failed and is tried again (PU11).
    Retried(ReadError),
    /// A read failed for good.
    Failed(ReadError),
    /// The source was read to its end.
    End(End),
}

/// Facts about the source that are known at its end.
pub(super) struct End {
    /// Whether what was read is populated (SK2).
    pub populated: bool,
    /// What the other side says of its dataset (AR3).
    pub feed: Option<FeedSeen>,
    /// It was found in another generation and read from its beginning (DS5).
    pub started_over: bool,
    /// Where to go on, left-out entities included.
    pub since: Option<SinceValue>,
    /// Spent waiting for the source.
    pub source_time: Duration,
}

/// Reads one source.
pub(super) struct Reader {
    /// The worker.
    pub shared: Arc<Shared>,
    /// What to read.
    pub source: Box<dyn Source>,
    /// Where to begin.
    pub since: Option<SinceValue>,
    /// How since values are kept.
    pub strategy: Strategy,
    /// Entities per batch.
    pub batch_size: usize,
    /// Batches between reading and being written.
    pub places: Arc<Semaphore>,
    /// `max_read_retries`
    pub max_retries: u64,
    /// `read_retry_delay`
    pub retry_delay: Duration,
}

impl Reader {
    /// Reads to the end, a failure, or until nobody listens any more.
    pub(super) async fn run(self, out: mpsc::Sender<Read>) {
        let latest = self.since.clone();
        let mut reading = Reading {
            reader: self,
            out,
            pending: VecDeque::new(),
            latest,
            tail: None,
            time: Duration::ZERO,
            in_flight: Arc::default(),
            started_over: false,
        };
        let mut retries = 0;
        loop {
            let Err(stopped) = reading.read_once().await else {
                return;
            };
            match stopped {
                Stopped::NobodyListens => return,
                Stopped::Failed(error) if retries < reading.reader.max_retries => {
                    retries += 1;
                    if reading.out.send(Read::Retried(error)).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(reading.reader.retry_delay).await;
                }
                Stopped::Failed(error) => {
                    let _ = reading.out.send(Read::Failed(error)).await;
                    return;
                }
            }
        }
    }
}

enum Stopped {
    NobodyListens,
    Failed(ReadError),
}

impl From<ReadError> for Stopped {
    fn from(error: ReadError) -> Self {
        Stopped::Failed(error)
    }
}

/// What was taken from the source and is in no batch yet.
enum Pending {
    Item(Item, Option<u128>),
    Passed(Passed),
}

struct Reading {
    reader: Reader,
    out: mpsc::Sender<Read>,
    pending: VecDeque<Pending>,
    /// The last value by the strategy: the latest, or the greatest.
    latest: Option<SinceValue>,
    /// Where the last page ended, beyond its items.
    tail: Option<SinceValue>,
    time: Duration,
    /// Bytes of batches between source and sink.
    in_flight: Arc<AtomicU64>,
    /// The source began again, in another generation.
    started_over: bool,
}

impl Reading {
    /// From where the last attempt stopped to the end.
    async fn read_once(&mut self) -> Result<(), Stopped> {
        let mut slice = self.reader.shared.slice().await;
        let since = match self.reader.strategy {
            Strategy::Chronological => self.latest.clone(),
            // What came may come again; what is equal appends nothing (R2).
            Strategy::Max | Strategy::None => self.reader.since.clone(),
        };
        self.reader.source.open(since.as_ref(), &slice).await?;
        loop {
            if slice.is_over() {
                slice = self.reader.shared.slice().await;
            }
            let waited = Instant::now();
            let page = self.reader.source.next(&slice).await;
            self.time += waited.elapsed();
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    // What came before the bad entity is good; the next attempt begins after it.
                    self.send_batches(&slice, 1).await?;
                    return Err(error.into());
                }
            };
            if self.reader.source.take_started_over() {
                self.send_batches(&slice, 1).await?;
                self.start_over();
            }
            let Some(page) = page else { break };
            self.tail = page.end.clone();
            self.take(page);
            self.send_batches(&slice, self.reader.batch_size).await?;
        }
        self.send_batches(&slice, 1).await?;
        if self.reader.strategy == Strategy::Chronological && self.tail.is_some() {
            self.latest = self.tail.take();
        }
        let end = End {
            populated: self.reader.source.is_populated(),
            feed: self.reader.source.feed(),
            started_over: self.started_over,
            since: self.latest.clone(),
            source_time: self.time,
        };
        self.send(Read::End(end)).await
    }

    /// What comes is of another generation: since values of the one before must not be compared with its own.
    fn start_over(&mut self) {
        self.started_over = true;
        self.latest = (self.reader.strategy != Strategy::None).then(SinceValue::nowhere);
        self.tail = None;
    }

    /// Sends batches while at least `least` entities are there.
    async fn send_batches(&mut self, slice: &Arc<Slice>, least: usize) -> Result<(), Stopped> {
        while self.pending.len() >= least {
            let batch = self.cut(slice).await;
            self.send(Read::Batch(batch)).await?;
        }
        Ok(())
    }

    /// The page behind what is pending, in the source's order.
    fn take(&mut self, page: Page) {
        let mut raw_hashes = page.raw_hashes.into_iter();
        let mut passed = page.passed.into_iter().peekable();
        for (position, item) in page.items.into_iter().enumerate() {
            while let Some(passed) = passed.next_if(|passed| passed.before <= position) {
                self.pending.push_back(Pending::Passed(passed));
            }
            let raw_hash = raw_hashes.next().flatten();
            self.pending.push_back(Pending::Item(item, raw_hash));
        }
        self.pending.extend(passed.map(Pending::Passed));
    }

    async fn cut(&mut self, slice: &Arc<Slice>) -> Batch {
        let (mut entities, mut raw_hashes, mut passed) = (Vec::new(), Vec::new(), Vec::new());
        let mut bytes = 0;
        while let Some(pending) = self.pending.front() {
            let size = match pending {
                Pending::Item(item, _) => item.entity.encoded_len(),
                Pending::Passed(passed) => passed.len(),
            };
            let count = entities.len() + passed.len();
            if count == self.reader.batch_size || (count > 0 && bytes + size > BATCH_BYTES) {
                break;
            }
            bytes += size;
            match self.pending.pop_front().expect("front() just showed it") {
                Pending::Item(item, raw_hash) => {
                    self.note(item.since);
                    entities.push(item.entity);
                    raw_hashes.push(raw_hash);
                }
                Pending::Passed(one) => passed.push(one.behind(entities.len())),
            }
        }
        let place = self
            .reader
            .places
            .clone()
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let permit = self.reader.shared.hold_bytes(bytes).await;
        let before = self.in_flight.fetch_add(bytes as u64, Ordering::Relaxed);
        let held = Held {
            _place: place,
            _bytes: permit,
            bytes: bytes as u64,
            in_flight: before + bytes as u64,
            run: self.in_flight.clone(),
        };
        Batch {
            entities,
            raw_hashes,
            passed,
            since: self.latest.clone(),
            slice: slice.clone(),
            bytes,
            source_time: self.time,
            held,
        }
    }

    fn note(&mut self, since: Option<SinceValue>) {
        let Some(since) = since else { return };
        let is_later = |latest: &SinceValue| latest.is_nowhere() || since.order(latest).is_gt();
        match self.reader.strategy {
            Strategy::None => {}
            Strategy::Chronological => self.latest = Some(since),
            Strategy::Max if self.latest.as_ref().is_none_or(is_later) => self.latest = Some(since),
            Strategy::Max => {}
        }
    }

    async fn send(&mut self, read: Read) -> Result<(), Stopped> {
        self.out
            .send(read)
            .await
            .map_err(|_| Stopped::NobodyListens)
    }
}
