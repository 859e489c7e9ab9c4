//! Push logs in an object store in a folder, written down while the hub runs: what checkpoints contain is removed soon.

use super::effects::{Pipe, PushObject};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Far less than from one checkpoint to the next.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Format version, kind, epoch, nonce.
const HEAD: usize = 26;
const SEAL: usize = 32;

/// Looks until it is asked what it has seen.
pub(super) struct PushLogs {
    stop: Arc<AtomicBool>,
    looking: JoinHandle<BTreeMap<Pipe, Vec<PushObject>>>,
}

impl PushLogs {
    /// Looks at the push logs of these pipes.
    pub(super) fn watch(objects: &Path, pipes: impl Iterator<Item = Pipe>) -> Self {
        let folders: BTreeMap<Pipe, PathBuf> = pipes
            .map(|pipe| {
                let segment = sluice_objects::segment(&pipe);
                let folder = objects.join("pipes").join(segment).join("pushes");
                (pipe, folder)
            })
            .collect();
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        let looking = std::thread::spawn(move || {
            let mut logs: BTreeMap<Pipe, Seen> = BTreeMap::new();
            loop {
                // First this: the last look comes after everything has ended.
                let is_last = asked.load(Ordering::Acquire);
                for (pipe, folder) in &folders {
                    logs.entry(pipe.clone()).or_default().look(folder);
                }
                if is_last {
                    let logs = logs.into_iter();
                    return logs.map(|(pipe, seen)| (pipe, seen.objects())).collect();
                }
                std::thread::sleep(LOOK_EVERY);
            }
        });
        PushLogs { stop, looking }
    }

    /// Everything that was there at any time, in the order of numbers.
    pub(super) fn end(self) -> BTreeMap<Pipe, Vec<PushObject>> {
        self.stop.store(true, Ordering::Release);
        self.looking.join().unwrap()
    }
}

/// A push log so far.
#[derive(Default)]
struct Seen {
    /// Numbers at the last look.
    there: BTreeSet<u64>,
    /// By number and seal: a number that is given again has another object.
    objects: BTreeMap<(u64, Vec<u8>), PushObject>,
}

impl Seen {
    fn look(&mut self, folder: &Path) {
        // Before the first push there is none.
        let names = std::fs::read_dir(folder).into_iter().flatten();
        let names = names.filter_map(|file| file.unwrap().file_name().into_string().ok());
        // What is still being written has a name of another form.
        let numbers: BTreeMap<u64, String> = names
            .filter_map(|name| Some((name.parse().ok()?, name)))
            .collect();
        for (number, name) in &numbers {
            if self.there.contains(number) {
                continue;
            }
            // Removed between the two looks.
            let Ok(bytes) = std::fs::read(folder.join(name)) else {
                continue;
            };
            let (object, seal) = parse(*number, &bytes).unwrap();
            self.objects.insert((*number, seal), object);
        }
        self.there = numbers.into_keys().collect();
    }

    fn objects(self) -> Vec<PushObject> {
        self.objects.into_values().collect()
    }
}

/// The beginning of an object, whose end has to be the hash of all before it.
fn parse(number: u64, bytes: &[u8]) -> Result<(PushObject, Vec<u8>), String> {
    let end = bytes.len().checked_sub(SEAL).filter(|end| *end >= HEAD);
    let end = end.ok_or_else(|| format!("object {number} is too short"))?;
    let (content, seal) = bytes.split_at(end);
    if sluice_objects::fingerprint(content) != *seal {
        return Err(format!("object {number} is damaged"));
    }
    let is_take_over = match content[..2] {
        [1, 0] => false,
        [1, 1] => true,
        ref other => return Err(format!("object {number} is of form and kind {other:?}")),
    };
    let epoch = u64::from_le_bytes(content[2..10].try_into().unwrap());
    let object = PushObject {
        number,
        epoch,
        is_take_over,
    };
    Ok((object, seal.to_vec()))
}
