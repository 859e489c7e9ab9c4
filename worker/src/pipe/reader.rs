//! The first stage of a run: pulls pages from the source, cuts them into batches, waits while too much is in flight.

use super::state::FeedSeen;
use crate::shared::{BytesHeld, Shared};
use crate::slice::Slice;
use crate::source::{Item, ReadError, SinceValue, Source, Strategy};
use sluice_entity::Entity;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Bytes of entities after which a batch ends, whatever its count.
const BATCH_BYTES: usize = 4 << 20;

/// Source entities that go through transforms and sink together.
pub(super) struct Batch {
    /// In the source's order.
    pub entities: Vec<Entity>,
    /// Where the source goes on after them, by the source's strategy.
    pub since: Option<SinceValue>,
    /// What their hops see.
    pub slice: Arc<Slice>,
    /// Bytes of the entities.
    pub bytes: usize,
    /// Returned when the batch is written.
    pub held: Held,
}

/// A batch's place in the run and its bytes in the worker.
pub(super) struct Held {
    _place: OwnedSemaphorePermit,
    _bytes: BytesHeld,
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

struct Reading {
    reader: Reader,
    out: mpsc::Sender<Read>,
    pending: VecDeque<Item>,
    /// The last value by the strategy: the latest, or the greatest.
    latest: Option<SinceValue>,
    /// Where the last page ended, beyond its items.
    tail: Option<SinceValue>,
    time: Duration,
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
            let Some(page) = page else { break };
            self.pending.extend(page.items);
            self.tail = page.end;
            self.send_batches(&slice, self.reader.batch_size).await?;
        }
        self.send_batches(&slice, 1).await?;
        if self.reader.strategy == Strategy::Chronological && self.tail.is_some() {
            self.latest = self.tail.take();
        }
        let end = End {
            populated: self.reader.source.is_populated(),
            feed: self.reader.source.feed(),
            since: self.latest.clone(),
            source_time: self.time,
        };
        self.send(Read::End(end)).await
    }

    /// Sends batches while at least `least` entities are there.
    async fn send_batches(&mut self, slice: &Arc<Slice>, least: usize) -> Result<(), Stopped> {
        while self.pending.len() >= least {
            let batch = self.cut(slice).await;
            self.send(Read::Batch(batch)).await?;
        }
        Ok(())
    }

    async fn cut(&mut self, slice: &Arc<Slice>) -> Batch {
        let mut entities = Vec::new();
        let mut bytes = 0;
        while let Some(item) = self.pending.front() {
            let size = item.entity.encoded_len();
            if entities.len() == self.reader.batch_size
                || (!entities.is_empty() && bytes + size > BATCH_BYTES)
            {
                break;
            }
            let item = self.pending.pop_front().expect("front() just showed it");
            bytes += size;
            self.note(item.since);
            entities.push(item.entity);
        }
        let place = self
            .reader
            .places
            .clone()
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let held = Held {
            _place: place,
            _bytes: self.reader.shared.hold_bytes(bytes).await,
        };
        Batch {
            entities,
            since: self.latest.clone(),
            slice: slice.clone(),
            bytes,
            held,
        }
    }

    fn note(&mut self, since: Option<SinceValue>) {
        let Some(since) = since else { return };
        let is_later = |latest: &SinceValue| since.order(latest).is_gt();
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
