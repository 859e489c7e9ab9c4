//! FUSE requests → calls on the tree. Translation only.

use super::Disk;
use super::tree::{Failure, Node, Shape};
use fuser::{
    BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate,
    ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request,
    TimeOrNow, WriteFlags,
};
use std::ffi::OsStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The kernel asks each time: after a loss nothing remembered may be shown.
const NO_CACHE: Duration = Duration::ZERO;

pub(super) struct Volatile {
    disk: Disk,
}

pub(super) fn options() -> Config {
    let mut config = Config::default();
    config.mount_options = vec![MountOption::FSName("volatile".to_owned()), MountOption::RW];
    config
}

impl Volatile {
    pub(super) fn new(disk: Disk) -> Self {
        Volatile { disk }
    }

    fn attributes(&self, node: Node) -> Result<FileAttr, Failure> {
        self.disk
            .lock()
            .shape(node)
            .map(|shape| attributes(node, &shape))
    }
}

fn attributes(node: Node, shape: &Shape) -> FileAttr {
    FileAttr {
        ino: INodeNo(node),
        size: shape.size,
        blocks: shape.size.div_ceil(512),
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: if shape.directory {
            FileType::Directory
        } else {
            FileType::RegularFile
        },
        perm: (shape.mode & 0o7777) as u16,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

fn errno(failure: Failure) -> Errno {
    match failure {
        Failure::NoEntry => Errno::ENOENT,
        Failure::Exists => Errno::EEXIST,
        Failure::NotEmpty => Errno::ENOTEMPTY,
        Failure::NotADirectory => Errno::ENOTDIR,
        Failure::IsADirectory => Errno::EISDIR,
        Failure::PowerOff => Errno::EIO,
    }
}

fn answer(reply: ReplyEmpty, outcome: Result<(), Failure>) {
    match outcome {
        Ok(()) => reply.ok(),
        Err(failure) => reply.error(errno(failure)),
    }
}

fn enter(reply: ReplyEntry, outcome: Result<FileAttr, Failure>) {
    match outcome {
        Ok(attributes) => reply.entry(&NO_CACHE, &attributes, Generation(0)),
        Err(failure) => reply.error(errno(failure)),
    }
}

impl Filesystem for Volatile {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.disk.lock().look_up(parent.0, name);
        enter(reply, found.and_then(|node| self.attributes(node)));
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.attributes(ino.0) {
            Ok(attributes) => reply.attr(&NO_CACHE, &attributes),
            Err(failure) => reply.error(errno(failure)),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let changed = {
            let mut tree = self.disk.lock();
            mode.map_or(Ok(()), |mode| tree.set_mode(ino.0, mode))
                .and_then(|()| size.map_or(Ok(()), |size| tree.truncate(ino.0, size as usize)))
        };
        match changed.and_then(|()| self.attributes(ino.0)) {
            Ok(attributes) => reply.attr(&NO_CACHE, &attributes),
            Err(failure) => reply.error(errno(failure)),
        }
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let made = self.disk.lock().make(parent.0, name, true, mode & !umask);
        enter(reply, made.and_then(|node| self.attributes(node)));
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(reply, self.disk.lock().remove(parent.0, name));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(reply, self.disk.lock().remove(parent.0, name));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        _: RenameFlags,
        reply: ReplyEmpty,
    ) {
        answer(
            reply,
            self.disk
                .lock()
                .rename(parent.0, name, new_parent.0, new_name),
        );
    }

    fn link(&self, _: &Request, ino: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let linked = self.disk.lock().link(ino.0, parent.0, name);
        enter(reply, linked.and_then(|()| self.attributes(ino.0)));
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let made = self.disk.lock().make(parent.0, name, false, mode & !umask);
        match made.and_then(|node| self.attributes(node)) {
            Ok(attributes) => {
                reply.created(
                    &NO_CACHE,
                    &attributes,
                    Generation(0),
                    FileHandle(0),
                    FopenFlags::empty(),
                );
            }
            Err(failure) => reply.error(errno(failure)),
        }
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.attributes(ino.0) {
            Ok(_) => reply.opened(FileHandle(0), FopenFlags::empty()),
            Err(failure) => reply.error(errno(failure)),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.disk.lock().read(ino.0, offset as usize, size as usize) {
            Ok(bytes) => reply.data(&bytes),
            Err(failure) => reply.error(errno(failure)),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.disk.lock().write(ino.0, offset as usize, data) {
            Ok(()) => reply.written(data.len() as u32),
            Err(failure) => reply.error(errno(failure)),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer(reply, self.disk.lock().sync(ino.0));
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer(reply, self.disk.lock().sync(ino.0));
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let mut tree = self.disk.lock();
        let entries = match tree.entries(ino.0) {
            Ok(entries) => entries,
            Err(failure) => return reply.error(errno(failure)),
        };
        for (index, (name, node)) in entries.into_iter().enumerate().skip(offset as usize) {
            let directory = tree.shape(node).is_ok_and(|shape| shape.directory);
            let kind = if directory {
                FileType::Directory
            } else {
                FileType::RegularFile
            };
            if reply.add(INodeNo(node), index as u64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        // Plenty of room: running out of it is another test's business.
        reply.statfs(1 << 24, 1 << 23, 1 << 23, 1 << 20, 1 << 19, 4096, 255, 4096);
    }
}
