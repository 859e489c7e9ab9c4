//! The start: whether disk and place belong together, which of them has more, and the record that everybody before finds.
//!
//! | disk | place | |
//! | --- | --- | --- |
//! | anything | empty | the disk counts: a first snapshot |
//! | empty | not empty | filled from the place, under a raised incarnation |
//! | follows the place, wrote last | | takes what only the place has |
//! | the same, and was used without the place since | | the disk counts: a snapshot |
//! | another one wrote last, or never followed it | | refused: it is not the newest |

use super::filling::{catch_up, fill};
use super::log::Log;
use super::object::{Kind, Object, Writer};
use super::place::{self, Place};
use super::snapshot::Previous;
use super::view::View;
use super::{Followed, ObjectSettings};
use crate::error::{OpenError, open_error};
use crate::placement_records;
use crate::records::{self, ReadError};
use sluice_entity::HashKey;
use sluice_format::Format;
use sluice_objects::Created;
use sluice_protocol::Incarnation;
use sluice_store::Store;
use std::path::Path;
use std::time::Duration;
use tokio::runtime::Handle;

/// How often it is looked again when something arrives in between.
const TRIES: usize = 5;

/// A place that is opened.
pub(crate) struct Opening {
    settings: ObjectSettings,
    place: Place,
    hash_key: Option<HashKey>,
    runtime: Handle,
}

impl Opening {
    /// Looks whose the place is. Blocks.
    pub(crate) fn begin(settings: ObjectSettings, format: Format) -> Result<Self, OpenError> {
        let runtime = Handle::current();
        let place = Place::new(settings.objects.clone(), settings.hub.clone(), format);
        let hash_key = runtime.block_on(place.hash_key())?;
        Ok(Opening {
            settings,
            place,
            hash_key,
            runtime,
        })
    }

    /// The hub's key of content hashes, if the place knows it.
    pub(crate) fn hash_key(&self) -> Option<HashKey> {
        self.hash_key
    }

    /// Brings disk and place together. Blocks.
    pub(crate) fn open(self, store: &Store, path: &Path) -> Result<Log, OpenError> {
        let runtime = self.runtime.clone();
        runtime.block_on(self.bring_together(store, path))
    }

    async fn bring_together(self, store: &Store, path: &Path) -> Result<Log, OpenError> {
        self.place.take(store.hash_key()).await?;
        let process = uuid::Uuid::new_v4().simple().to_string();
        for _ in 0..TRIES {
            let begun = self.attempt(store, path, &process).await?;
            if let Some(log) = begun {
                return Ok(log);
            }
        }
        Err(self.not_newest(path, "others write there at the same time"))
    }

    /// `None`: something has arrived meanwhile.
    async fn attempt(
        &self,
        store: &Store,
        path: &Path,
        process: &str,
    ) -> Result<Option<Log>, OpenError> {
        let failed = |error: ReadError| open_error(path, error);
        let view = View::read(&self.place).await?;
        let mut writer = Writer {
            process: process.to_owned(),
            ..Writer::default()
        };
        let is_new = records::is_new(store).map_err(failed)?;
        let followed = Followed::read(store).map_err(failed)?;
        let mut is_whole = view.snapshot.is_some();
        match followed.filter(|_| !is_new) {
            _ if view.newest == 0 => {
                let before = Followed::read(store).map_err(failed)?;
                writer.disk = before
                    .as_ref()
                    .map_or_else(name, |known| known.disk.clone());
                let applied = before.map_or(0, |known| known.applied);
                if applied > 0 {
                    tracing::warn!(
                        place = self.place.shown(),
                        "the object store has lost what was there; everything is written again"
                    );
                }
                self.raise(store, &mut writer).map_err(failed)?;
                let followed = Followed::new(applied, &writer.disk).detached(true);
                followed
                    .write(store)
                    .map_err(|error| failed(error.into()))?;
                return self.start(&view, store, path, writer, applied, false).await;
            }
            None if is_new => self.fill(&view, store, path, &mut writer).await?,
            None => {
                let problem = "it was never kept there, and the place has the state of another";
                return Err(self.not_newest(path, problem));
            }
            Some(known) => {
                writer.disk.clone_from(&known.disk);
                self.check_newest(&view, &known, store, path)?;
                if view.takes_back(known.applied) && !known.is_detached {
                    self.fill(&view, store, path, &mut writer).await?;
                } else {
                    catch_up(&view, store, &known).map_err(failed)?;
                    is_whole &= !known.is_detached;
                    self.raise(store, &mut writer).map_err(failed)?;
                }
            }
        }
        let newest = view.newest;
        self.start(&view, store, path, writer, newest, is_whole)
            .await
    }

    /// Says that this life of the storage node begins. Everything that the disk has is in the place then.
    async fn start(
        &self,
        view: &View,
        store: &Store,
        path: &Path,
        writer: Writer,
        newest: u64,
        is_whole: bool,
    ) -> Result<Option<Log>, OpenError> {
        // What the disk learnt of the place counts from the first word on.
        let hub = records::hub_format(store).map_err(|error| open_error(path, error))?;
        let raised = store.raise_format(hub.finalized);
        raised.map_err(|error| open_error(path, error.into()))?;
        let number = newest + 1;
        let (name, start) = (place::change(number), Object::new(Kind::Start, &writer));
        let created = self
            .place
            .objects
            .create(&name, start.write(self.place.format.writes()))
            .await;
        let created = created.map_err(|source| self.place.failed(source))?;
        if let Created::Taken(_) = created {
            return Ok(None);
        }
        let in_store = |error: sluice_store::Error| open_error(path, error.into());
        let followed = Followed::of(&writer, number);
        // A start that ends before the snapshot is there leaves it to the next one.
        let begun = followed.clone().detached(!is_whole);
        begun.write(store).map_err(in_store)?;
        let mut starts = view.starts.clone();
        starts.push(number);
        let previous = Previous::new(view, starts);
        let log = Log::new(self.place.clone(), writer, number + 1, previous);
        if !is_whole {
            log.snapshot(store).await?;
            followed.write(store).map_err(in_store)?;
        }
        Ok(Some(log))
    }

    /// Fills the disk, which is a new one from now on.
    async fn fill(
        &self,
        view: &View,
        store: &Store,
        path: &Path,
        writer: &mut Writer,
    ) -> Result<(), OpenError> {
        let last = view.writer.clone().unwrap_or_default();
        let raised = Incarnation::new(last.incarnation + 1).ok_or_else(|| {
            let problem = "the incarnations of this hub are used up";
            self.place.damaged(&place::change(view.newest), problem)
        })?;
        let raised = self
            .settings
            .incarnation
            .max(Some(raised))
            .unwrap_or(raised);
        writer.incarnation = raised.number();
        writer.lease = last.lease.max(milliseconds(self.settings.lease));
        writer.disk = name();
        let failed = |error: ReadError| open_error(path, error);
        fill(&self.place, view, store, writer, &failed).await
    }

    /// The incarnation of a disk that goes on, or begins.
    fn raise(&self, store: &Store, writer: &mut Writer) -> Result<(), ReadError> {
        let given = self.settings.incarnation;
        let (incarnation, lease) = placement_records::raise(store, given)?;
        writer.incarnation = incarnation.number();
        writer.lease = milliseconds(lease.max(self.settings.lease));
        Ok(())
    }

    /// An error if another disk has the hub's later state.
    fn check_newest(
        &self,
        view: &View,
        known: &Followed,
        store: &Store,
        path: &Path,
    ) -> Result<(), OpenError> {
        let failed = |error: ReadError| open_error(path, error);
        let own = placement_records::incarnation(store).map_err(failed)?;
        let own = own.map_or(0, Incarnation::number);
        let last = view.writer.clone().unwrap_or_default();
        if last.disk != known.disk && last.incarnation >= own {
            let problem = format!(
                "it is of incarnation {own}, and incarnation {} goes on elsewhere",
                last.incarnation
            );
            return Err(self.not_newest(path, &problem));
        }
        let contained = view.snapshot.as_ref().map_or(0, |(number, _)| *number);
        if known.applied < contained
            && view
                .changes
                .first()
                .is_none_or(|(n, _)| *n > known.applied + 1)
        {
            return Err(self.not_newest(path, "changes between it and the place are gone"));
        }
        if known.applied > view.newest {
            let place = self.place.shown();
            let problem = format!(
                "the disk has changes up to {}, the place up to {}: the place is an older copy; give an empty one",
                known.applied, view.newest
            );
            return Err(OpenError::Object {
                place,
                name: place::change(view.newest + 1),
                problem,
            });
        }
        Ok(())
    }

    fn not_newest(&self, path: &Path, problem: &str) -> OpenError {
        OpenError::NotNewest {
            path: path.to_owned(),
            place: self.place.shown(),
            problem: problem.to_owned(),
        }
    }
}

fn name() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
