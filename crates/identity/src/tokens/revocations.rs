//! The file of revoked token ids, and following it while another process adds to it.

use crate::files::read_if_there;
use crate::{Error, Result};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// How old what we know of the file may be: well below the promised second.
const FRESH: Duration = Duration::from_millis(200);

/// One line of the file.
#[derive(Serialize, Deserialize)]
pub(super) struct Revocation {
    pub(super) jti: String,
    pub(super) at: i64,
}

pub(super) fn path(data: &Path) -> PathBuf {
    data.join("keys/revoked-tokens")
}

/// The ids in the file. A torn line revokes nothing: the command that wrote it did not report success.
pub(super) fn read(path: &Path) -> Result<HashSet<String>> {
    let text = read_if_there(path)?.unwrap_or_default();
    Ok(text
        .lines()
        .filter_map(|line| serde_json::from_str::<Revocation>(line).ok())
        .map(|line| line.jti)
        .collect())
}

/// Size and time of change: enough to see an append.
type Stamp = Option<(u64, SystemTime)>;

/// What this process knows of the file, refreshed when it is asked.
pub(super) struct Revocations {
    path: PathBuf,
    known: Mutex<Known>,
}

struct Known {
    ids: Arc<HashSet<String>>,
    stamp: Stamp,
    checked: Instant,
}

impl Revocations {
    pub(super) fn open(data: &Path) -> Result<Self> {
        let path = path(data);
        // The stamp is taken before the content, so that a line added in between is read again, not missed.
        let stamp = stamp(&path)?;
        let ids = Arc::new(read(&path)?);
        Ok(Revocations {
            path,
            known: Mutex::new(Known {
                ids,
                stamp,
                checked: Instant::now(),
            }),
        })
    }

    /// The revoked ids as of at most [`FRESH`] ago. What was seen once stays revoked while this process lives, even if the
    /// file is removed.
    pub(super) fn current(&self) -> Result<Arc<HashSet<String>>> {
        let mut known = self.known.lock();
        if known.checked.elapsed() >= FRESH {
            let stamp = stamp(&self.path)?;
            if stamp != known.stamp {
                let mut ids = read(&self.path)?;
                ids.extend(known.ids.iter().cloned());
                known.ids = Arc::new(ids);
                known.stamp = stamp;
            }
            known.checked = Instant::now();
        }
        Ok(known.ids.clone())
    }
}

fn stamp(path: &Path) -> Result<Stamp> {
    match fs::metadata(path).and_then(|metadata| Ok((metadata.len(), metadata.modified()?))) {
        Ok(stamp) => Ok(Some(stamp)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file("look at", path)(error)),
    }
}
