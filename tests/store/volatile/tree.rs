//! The state of the disk: what is visible now, what was synced, what happened in between. No I/O.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};

/// Number of an inode; the root is 1.
pub(crate) type Node = u64;
pub(crate) const ROOT: Node = 1;

/// What a power loss leaves of unsynced operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Nothing.
    Dropped,
    /// Of each file and folder a random prefix, the last write cut at a random byte.
    Torn,
}

/// Why an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    NoEntry,
    Exists,
    NotEmpty,
    NotADirectory,
    IsADirectory,
    PowerOff,
}

type Outcome<T> = Result<T, Failure>;

#[derive(Clone)]
enum Write {
    At(usize, Vec<u8>),
    Truncate(usize),
}

#[derive(Default)]
struct File {
    now: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<Write>,
}

#[derive(Clone)]
enum Naming {
    Put(OsString, Node),
    Remove(OsString),
}

#[derive(Default)]
struct Directory {
    now: BTreeMap<OsString, Node>,
    synced: BTreeMap<OsString, Node>,
    unsynced: Vec<Naming>,
}

enum Content {
    File(File),
    Directory(Directory),
}

struct Inode {
    content: Content,
    mode: u32,
}

/// What `stat` shows.
pub(crate) struct Shape {
    pub(crate) directory: bool,
    pub(crate) size: u64,
    pub(crate) mode: u32,
}

pub(crate) struct Tree {
    nodes: HashMap<Node, Inode>,
    next: Node,
    powered: bool,
}

fn apply(bytes: &mut Vec<u8>, write: &Write) {
    match write {
        Write::At(offset, data) => {
            let end = offset + data.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[*offset..end].copy_from_slice(data);
        }
        Write::Truncate(length) => bytes.resize(*length, 0),
    }
}

fn rename_entry(entries: &mut BTreeMap<OsString, Node>, naming: &Naming) {
    match naming {
        Naming::Put(name, node) => entries.insert(name.clone(), *node),
        Naming::Remove(name) => entries.remove(name),
    };
}

impl Tree {
    pub(crate) fn new() -> Self {
        let root = Inode {
            content: Content::Directory(Directory::default()),
            mode: 0o755,
        };
        Tree {
            nodes: HashMap::from([(ROOT, root)]),
            next: ROOT + 1,
            powered: true,
        }
    }

    pub(crate) fn power_on(&mut self) {
        self.powered = true;
    }

    pub(crate) fn cut(&mut self) {
        self.powered = false;
    }

    pub(crate) fn unsynced_operations(&self) -> usize {
        self.nodes
            .values()
            .map(|node| match &node.content {
                Content::File(file) => file.unsynced.len(),
                Content::Directory(directory) => directory.unsynced.len(),
            })
            .sum()
    }

    /// What is visible becomes what was synced, plus a random prefix of the rest where torn.
    pub(crate) fn lose(&mut self, loss: Loss, random: &mut dyn FnMut(usize) -> usize) {
        let mut order: Vec<Node> = self.nodes.keys().copied().collect();
        order.sort_unstable();
        for number in order {
            let Some(node) = self.nodes.get_mut(&number) else {
                continue;
            };
            match &mut node.content {
                Content::File(file) => {
                    let kept = if loss == Loss::Torn {
                        random(file.unsynced.len() + 1)
                    } else {
                        0
                    };
                    for (index, write) in file.unsynced.iter().take(kept).enumerate() {
                        match write {
                            Write::At(offset, data) if index + 1 == kept => {
                                let part = data[..random(data.len() + 1)].to_vec();
                                apply(&mut file.synced, &Write::At(*offset, part));
                            }
                            whole => apply(&mut file.synced, whole),
                        }
                    }
                    file.unsynced.clear();
                    file.now.clone_from(&file.synced);
                }
                Content::Directory(directory) => {
                    let kept = if loss == Loss::Torn {
                        random(directory.unsynced.len() + 1)
                    } else {
                        0
                    };
                    for naming in directory.unsynced.iter().take(kept) {
                        rename_entry(&mut directory.synced, naming);
                    }
                    directory.unsynced.clear();
                    directory.now.clone_from(&directory.synced);
                }
            }
        }
        self.forget_unreachable();
    }

    fn forget_unreachable(&mut self) {
        let mut reachable = vec![ROOT];
        let mut at = 0;
        while let Some(number) = reachable.get(at).copied() {
            at += 1;
            if let Some(Inode {
                content: Content::Directory(directory),
                ..
            }) = self.nodes.get(&number)
            {
                reachable.extend(directory.now.values());
            }
        }
        self.nodes.retain(|number, _| reachable.contains(number));
    }

    fn powered(&self) -> Outcome<()> {
        if self.powered {
            Ok(())
        } else {
            Err(Failure::PowerOff)
        }
    }

    fn directory(&mut self, number: Node) -> Outcome<&mut Directory> {
        self.powered()?;
        match self.nodes.get_mut(&number).map(|node| &mut node.content) {
            Some(Content::Directory(directory)) => Ok(directory),
            Some(Content::File(_)) => Err(Failure::NotADirectory),
            None => Err(Failure::NoEntry),
        }
    }

    fn file(&mut self, number: Node) -> Outcome<&mut File> {
        self.powered()?;
        match self.nodes.get_mut(&number).map(|node| &mut node.content) {
            Some(Content::File(file)) => Ok(file),
            Some(Content::Directory(_)) => Err(Failure::IsADirectory),
            None => Err(Failure::NoEntry),
        }
    }

    pub(crate) fn look_up(&mut self, parent: Node, name: &OsStr) -> Outcome<Node> {
        self.directory(parent)?
            .now
            .get(name)
            .copied()
            .ok_or(Failure::NoEntry)
    }

    pub(crate) fn shape(&self, number: Node) -> Outcome<Shape> {
        self.powered()?;
        let node = self.nodes.get(&number).ok_or(Failure::NoEntry)?;
        Ok(match &node.content {
            Content::File(file) => Shape {
                directory: false,
                size: file.now.len() as u64,
                mode: node.mode,
            },
            Content::Directory(_) => Shape {
                directory: true,
                size: 4096,
                mode: node.mode,
            },
        })
    }

    pub(crate) fn set_mode(&mut self, number: Node, mode: u32) -> Outcome<()> {
        self.powered()?;
        self.nodes.get_mut(&number).ok_or(Failure::NoEntry)?.mode = mode & 0o7777;
        Ok(())
    }

    pub(crate) fn make(
        &mut self,
        parent: Node,
        name: &OsStr,
        directory: bool,
        mode: u32,
    ) -> Outcome<Node> {
        let number = self.next;
        let parent = self.directory(parent)?;
        if parent.now.contains_key(name) {
            return Err(Failure::Exists);
        }
        let naming = Naming::Put(name.to_owned(), number);
        rename_entry(&mut parent.now, &naming);
        parent.unsynced.push(naming);
        let content = match directory {
            true => Content::Directory(Directory::default()),
            false => Content::File(File::default()),
        };
        self.nodes.insert(
            number,
            Inode {
                content,
                mode: mode & 0o7777,
            },
        );
        self.next += 1;
        Ok(number)
    }

    pub(crate) fn remove(&mut self, parent: Node, name: &OsStr) -> Outcome<()> {
        let number = self.look_up(parent, name)?;
        if let Some(Inode {
            content: Content::Directory(directory),
            ..
        }) = self.nodes.get(&number)
            && !directory.now.is_empty()
        {
            return Err(Failure::NotEmpty);
        }
        self.name(parent, Naming::Remove(name.to_owned()))
    }

    pub(crate) fn rename(
        &mut self,
        from: Node,
        name: &OsStr,
        to: Node,
        new_name: &OsStr,
    ) -> Outcome<()> {
        let number = self.look_up(from, name)?;
        self.directory(to)?;
        self.name(to, Naming::Put(new_name.to_owned(), number))?;
        self.name(from, Naming::Remove(name.to_owned()))
    }

    pub(crate) fn link(&mut self, number: Node, parent: Node, name: &OsStr) -> Outcome<()> {
        self.name(parent, Naming::Put(name.to_owned(), number))
    }

    fn name(&mut self, parent: Node, naming: Naming) -> Outcome<()> {
        let directory = self.directory(parent)?;
        rename_entry(&mut directory.now, &naming);
        directory.unsynced.push(naming);
        Ok(())
    }

    pub(crate) fn entries(&mut self, number: Node) -> Outcome<Vec<(OsString, Node)>> {
        Ok(self
            .directory(number)?
            .now
            .iter()
            .map(|(name, node)| (name.clone(), *node))
            .collect())
    }

    pub(crate) fn read(&mut self, number: Node, offset: usize, length: usize) -> Outcome<Vec<u8>> {
        let bytes = &self.file(number)?.now;
        let start = offset.min(bytes.len());
        Ok(bytes[start..(start + length).min(bytes.len())].to_vec())
    }

    pub(crate) fn write(&mut self, number: Node, offset: usize, data: &[u8]) -> Outcome<()> {
        self.change(number, Write::At(offset, data.to_vec()))
    }

    pub(crate) fn truncate(&mut self, number: Node, length: usize) -> Outcome<()> {
        self.change(number, Write::Truncate(length))
    }

    fn change(&mut self, number: Node, write: Write) -> Outcome<()> {
        let file = self.file(number)?;
        apply(&mut file.now, &write);
        file.unsynced.push(write);
        Ok(())
    }

    pub(crate) fn sync(&mut self, number: Node) -> Outcome<()> {
        self.powered()?;
        match &mut self.nodes.get_mut(&number).ok_or(Failure::NoEntry)?.content {
            Content::File(file) => {
                for write in std::mem::take(&mut file.unsynced) {
                    apply(&mut file.synced, &write);
                }
            }
            Content::Directory(directory) => {
                for naming in std::mem::take(&mut directory.unsynced) {
                    rename_entry(&mut directory.synced, &naming);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
