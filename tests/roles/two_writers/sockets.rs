//! Whose process has a socket, as the kernel says in `/proc`. A process that is frozen keeps its sockets.

use super::effects::Worker;
use std::net::SocketAddr;
use std::path::Path;

/// A table that is read while connections come and go may lack a row.
const TRIES: usize = 100;

/// Processes that may have sockets.
pub(super) struct Sockets(pub(super) Vec<(Worker, u32)>);

impl Sockets {
    /// Whose process has the end `peer` of a connection whose end `own` is here.
    pub(super) fn owner(&self, peer: SocketAddr, own: SocketAddr) -> Option<Worker> {
        (0..TRIES).find_map(|_| {
            let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
            let socket = format!("socket:[{}]", inode(&table, peer.port(), own.port())?);
            let mut processes = self.0.iter();
            let (worker, _) = processes.find(|(_, process)| has(*process, &socket))?;
            Some(worker.clone())
        })
    }
}

/// Of the socket with these ports, its own and the other end's.
fn inode(table: &str, own: u16, other: u16) -> Option<u64> {
    let is_port = |address: &str, port: u16| {
        let found = address.rsplit_once(':').map(|(_, port)| port);
        found.and_then(|found| u16::from_str_radix(found, 16).ok()) == Some(port)
    };
    let inodes = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = is_port(fields.get(1)?, own) && is_port(fields.get(2)?, other);
        let inode = fields.get(9)?.parse().ok()?;
        // 0: nobody has it any more.
        (is_it && inode != 0).then_some(inode)
    });
    inodes.last()
}

fn has(process: u32, socket: &str) -> bool {
    let open = std::fs::read_dir(format!("/proc/{process}/fd"));
    let mut open = open.into_iter().flatten().flatten();
    open.any(|file| {
        let leads_to = std::fs::read_link(file.path());
        leads_to.is_ok_and(|leads_to| leads_to == Path::new(socket))
    })
}

#[test]
fn both_ends_of_a_connection_are_told_apart() {
    let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 11 1 0 20 4 30 10 -1
   1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0 20 4 30 10 -1
   2: 0100007F:C350 0100007F:1F91 06 00000000:00000000 00:00000000 00000000     0        0 0 3 0\n";
    assert_eq!(inode(table, 50_000, 8_080), Some(12));
    assert_eq!(inode(table, 8_080, 50_000), Some(11));
    assert_eq!(inode(table, 50_000, 8_081), None);
    let own = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let near = std::net::TcpStream::connect(own.local_addr().unwrap()).unwrap();
    let sockets = Sockets(vec![("me".into(), std::process::id())]);
    let (far, peer) = own.accept().unwrap();
    let found = sockets.owner(peer, far.local_addr().unwrap());
    assert_eq!(found.as_deref(), Some("me"));
    let nobody = Sockets(vec![("init".into(), u32::MAX)]);
    assert_eq!(nobody.owner(peer, far.local_addr().unwrap()), None);
    drop(near);
}
