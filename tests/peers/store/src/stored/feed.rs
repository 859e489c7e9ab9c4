//! W3 without TLS: a whole dataset as JSON against a scan of the same log that looks at no value.
//!
//! Pages are read and printed as the service prints them: from the stored bytes, without an entity in between, on a blocking thread.

use anyhow::{Result, ensure};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use sluice_dataset::VersionBatch;
use sluice_entity::Style;
use sluice_peers_rounds::{Row, on_processor, print, run, timed};
use sluice_peers_store::ours::{Ours, World};
use sluice_peers_store::raw::Raw;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// Smaller than the data: a whole dataset is read from files, as a dataset that matters is larger than a cache.
const SMALL_CACHE: usize = 4 << 20;
/// Larger than the data.
const LARGE_CACHE: usize = 256 << 20;

pub fn compare(world: &World, rounds: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let raw = Raw::open(folder.path())?;
    for pairs in world.pairs.chunks(1_000) {
        raw.put(pairs, false)?;
    }
    raw.flush()?;
    drop(raw);
    for (place, cache, goal) in [
        ("files", SMALL_CACHE, Some(0.5)),
        ("cache", LARGE_CACHE, None),
    ] {
        let raw = Raw::open_with_cache(folder.path(), cache)?;
        let ours = Arc::new(Ours::open_with_cache(world.folder.path(), cache)?);
        against_scan(world, rounds, ours, &raw, place, goal)?;
    }
    Ok(())
}

fn against_scan(
    world: &World,
    rounds: usize,
    ours: Arc<Ours>,
    raw: &Raw,
    place: &str,
    goal: Option<f64>,
) -> Result<()> {
    let expected = printed(&ours)?;
    check(&expected, world)?;
    let runtime = Runtime::new()?;
    let address = serve(&runtime, Arc::clone(&ours))?;
    ensure!(
        download(address)? >= expected.len(),
        "the answer is shorter than its entities"
    );
    let count = world.documents.len();
    let [served, scan] = run(
        [
            timed(|| assert!(download(address).expect("an answer") >= expected.len())),
            timed(|| assert_eq!(raw.scan().expect("a scan").0, count)),
        ],
        rounds,
    );
    let [pages, json, scan_alone] = run(
        [
            on_processor(|| assert_eq!(ours.pages(|_| {}).expect("pages"), count)),
            on_processor(|| {
                let bytes = print_pages(&ours, |_| {}).expect("pages");
                assert_eq!(bytes + 2, expected.len());
            }),
            on_processor(|| assert_eq!(raw.scan().expect("a scan").0, count)),
        ],
        rounds,
    );
    let row = |work: &str, ours, theirs, goal| {
        let work = format!("{work}, from {place}");
        print(&Row {
            work: &work,
            reference: "raw scan",
            count: count as u64,
            ours,
            theirs,
            goal,
        });
    };
    row("W3 feed over HTTP without TLS", &served, &scan, goal);
    row("W3 feed printed, processor time", &json, &scan_alone, None);
    row(
        "W3 pages in stored form, processor time",
        &pages,
        &scan_alone,
        None,
    );
    Ok(())
}

/// Every entity that comes out is the one that went in.
fn check(printed: &[u8], world: &World) -> Result<()> {
    let entities: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_slice(printed)?;
    ensure!(
        entities.len() == world.documents.len(),
        "{} entities came out",
        entities.len()
    );
    for (mut entity, document) in entities.into_iter().zip(&world.documents) {
        entity.retain(|name, _| name == "_id" || !name.starts_with('_'));
        let source: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(document)?;
        // A price is a decimal: tagged where it is printed.
        ensure!(
            entity.len() == source.len(),
            "an entity came out with other properties"
        );
        for name in ["_id", "order", "customer", "paid", "created", "lines"] {
            ensure!(
                entity.get(name) == source.get(name),
                "`{name}` came out changed: {:?}",
                entity.get(name)
            );
        }
        let price = entity
            .get("price")
            .map(|price| price.to_string().replace(['"', '~', 'f'], ""));
        let same = price.and_then(|text| text.parse::<f64>().ok())
            == source.get("price").and_then(|price| price.as_f64());
        ensure!(same, "a price came out changed");
    }
    Ok(())
}

fn print_page(page: &VersionBatch, out: &mut Vec<u8>, is_first: &mut bool) {
    let style = Style::default();
    for version in page.iter() {
        out.extend_from_slice(if *is_first { b"[\n" } else { b",\n" });
        *is_first = false;
        version.write_json(out, &style);
    }
}

/// The whole array.
fn printed(ours: &Ours) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    print_pages(ours, |page| text.extend_from_slice(page))?;
    text.extend_from_slice(b"\n]");
    Ok(text)
}

/// Prints each page into the same buffer; the bytes of all.
fn print_pages(ours: &Ours, mut take: impl FnMut(&[u8])) -> Result<usize> {
    let (mut page_text, mut is_first, mut total) = (Vec::new(), true, 0);
    ours.pages(|page| {
        page_text.clear();
        print_page(page, &mut page_text, &mut is_first);
        total += page_text.len();
        take(&page_text);
    })?;
    Ok(total)
}

fn serve(runtime: &Runtime, ours: Arc<Ours>) -> Result<SocketAddr> {
    let handler = move || {
        let ours = Arc::clone(&ours);
        async move {
            let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
            tokio::task::spawn_blocking(move || {
                let mut is_first = true;
                let outcome = ours.pages(|page| {
                    let mut text = Vec::with_capacity(page.bytes() + page.bytes() / 2);
                    print_page(page, &mut text, &mut is_first);
                    // The reader may be gone; the rest is read in vain, which this comparison never does.
                    let _ = sender.blocking_send(Ok(Bytes::from(text)));
                });
                let _ = sender.blocking_send(match outcome {
                    Ok(_) => Ok(Bytes::from_static(b"\n]")),
                    Err(error) => Err(std::io::Error::other(error)),
                });
            });
            let chunks = futures::stream::unfold(receiver, |mut receiver| async {
                receiver.recv().await.map(|chunk| (chunk, receiver))
            });
            Body::from_stream(chunks)
        }
    };
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    runtime.spawn(async move {
        axum::serve(listener, Router::new().route("/entities", get(handler))).await
    });
    Ok(address)
}

/// Bytes of the answer; they are thrown away as they come.
fn download(address: SocketAddr) -> Result<usize> {
    let mut connection = TcpStream::connect(address)?;
    connection
        .write_all(b"GET /entities HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut buffer = vec![0; 256 << 10];
    let mut total = 0;
    let mut last = Vec::new();
    loop {
        let count = connection.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        total += count;
        last.extend_from_slice(&buffer[count.saturating_sub(16)..count]);
    }
    ensure!(last.ends_with(b"\r\n0\r\n\r\n"), "the answer broke off");
    Ok(total)
}
