//! The sample's source of data: a small server on the loopback address for the tables that Debian's packages bring.
//! `feed` decides what a reader gets, `http` how it is asked for, `tables` where it comes from.

mod feed;
mod http;
mod tables;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use clap::Args;

use crate::setup::{self, Choice};
use feed::Feed;

#[derive(Args)]
pub(crate) struct Options {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,
}

/// Where the README's commands look for the tables.
pub(crate) const DEFAULT_PORT: u16 = 8444;

/// The tables by the name they are served under.
type Feeds = BTreeMap<&'static str, Feed>;

/// Reads the tables and serves them on a thread of its own, for as long as the process lives.
///
/// `package_file` says where a file of a Debian package lies.
pub(crate) fn start(port: u16, package_file: &dyn Fn(&str) -> PathBuf) -> Result<SocketAddr> {
    let feeds: Feeds = tables::read(package_file)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("could not listen on 127.0.0.1:{port} for the sample's tables"))?;
    let address = listener
        .local_addr()
        .context("the sample server has no address")?;
    let names: Vec<&str> = feeds.keys().copied().collect();
    println!("    tables at http://{address}/: {}", names.join(", "));
    let feeds = Arc::new(Mutex::new(feeds));
    std::thread::Builder::new()
        .name("sample-tables".to_owned())
        .spawn(move || http::serve(&listener, &feeds))
        .context("could not start the thread of the sample server")?;
    Ok(address)
}

/// `cargo xtask sample-server`
pub(crate) fn serve_until_stopped(options: &Options, choice: Choice) -> Result<()> {
    let package_file = setup::provide_files(choice)?;
    start(options.port, &package_file)?;
    println!("    Ctrl-C stops it");
    crate::stop_signal::wait()
}
