//! Connections from the machine's loopback into a cluster: the listener is outside, and each connection is carried on by a
//! socket made inside. So nothing routes between the machine's network and a cluster's.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use super::cgroups;
use super::folder::Id;
use super::namespace;
use super::state::{State, Tier, write_whole};

#[derive(Args)]
pub(crate) struct Options {
    /// An address inside: of a service, a pod, a node
    to: SocketAddr,
    /// Where to listen; port 0 takes a free port
    #[arg(long, default_value_t = super::ANY_LOOPBACK_PORT)]
    listen: SocketAddr,
    /// Written, whole, with the address that is listened at
    #[arg(long, value_name = "FILE")]
    address_file: Option<PathBuf>,
    /// For `up`, which forwards before the cluster runs
    #[arg(long, hide = true)]
    namespace: Option<PathBuf>,
}

const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Forwards until it is ended.
pub(super) fn forward(id: &Id, options: &Options) -> Result<()> {
    let namespace = match &options.namespace {
        Some(namespace) => Some(namespace.clone()),
        None => {
            let (_, state) = State::of_running(id)?;
            // Without nodes all is on the machine's own loopback.
            if state.tier == Tier::Full {
                cgroups::join(&state.prefix())?;
            }
            (state.tier == Tier::Full).then(|| namespace::path(&state.prefix(), None))
        }
    };
    let listener = TcpListener::bind(options.listen)
        .with_context(|| format!("could not listen at {}", options.listen))?;
    let address = listener.local_addr().context("no address was given")?;
    if let Some(file) = &options.address_file {
        write_whole(file, &address.to_string())?;
    }
    println!("{address} leads to {}", options.to);
    let (namespace, to) = (namespace.as_deref(), options.to);
    std::thread::scope(|scope| {
        for outside in listener.incoming() {
            let outside = outside.context("could not take a connection")?;
            scope.spawn(move || {
                if let Err(cause) = carry(&outside, namespace, to) {
                    println!("{cause:#}");
                }
            });
        }
        Ok(())
    })
}

/// Runs in a thread of its own, which ends with the connection.
fn carry(outside: &TcpStream, namespace: Option<&Path>, to: SocketAddr) -> Result<()> {
    if let Some(namespace) = namespace {
        namespace::move_this_thread(namespace)?;
    }
    let inside = TcpStream::connect_timeout(&to, CONNECT_LIMIT)
        .with_context(|| format!("could not connect to {to}"))?;
    for stream in [outside, &inside] {
        stream.set_nodelay(true).context("could not set nodelay")?;
    }
    std::thread::scope(|scope| {
        scope.spawn(|| copy(outside, &inside));
        copy(&inside, outside);
    });
    Ok(())
}

/// Until one side has no more to say, or is gone; the other is told.
fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    let ended_well = io::copy(&mut from, &mut to).is_ok();
    let _gone_is_fine = to.shutdown(Shutdown::Write);
    if !ended_well {
        let _gone_is_fine = from.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn both_directions_are_carried_and_the_end_of_each() {
        let server = TcpListener::bind(crate::cluster::ANY_LOOPBACK_PORT).unwrap();
        let outer = TcpListener::bind(crate::cluster::ANY_LOOPBACK_PORT).unwrap();
        let (to, at) = (server.local_addr().unwrap(), outer.local_addr().unwrap());
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let (outside, _) = outer.accept().unwrap();
                carry(&outside, None, to).unwrap();
            });
            scope.spawn(move || {
                let (mut stream, _) = server.accept().unwrap();
                let mut heard = String::new();
                stream.read_to_string(&mut heard).unwrap();
                stream.write_all(heard.to_uppercase().as_bytes()).unwrap();
            });
            let mut client = TcpStream::connect(at).unwrap();
            client.write_all(b"hello").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, "HELLO");
        });
    }
}
