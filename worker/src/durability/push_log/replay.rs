//! Reading a push log back: the requests whose last part is there, in the order in which they ended.

use super::super::error::{Error, Result};
use super::super::manifest::{Place, numbers};
use super::object::{Kind, LoggedRequest, Object};
use bytes::Bytes;
use futures::StreamExt;
use sluice_protocol::{ByteStream, Code, PushRequest};
use std::collections::HashMap;

/// The part of a push log behind a number.
pub(crate) struct Replay {
    place: Place,
    numbers: std::vec::IntoIter<u64>,
    /// Objects with parts of requests that have not ended.
    open: HashMap<String, Open>,
    /// Requests of the object read last.
    ready: std::vec::IntoIter<Replayed>,
}

#[derive(Default)]
struct Open {
    objects: Vec<u64>,
    parts: u64,
    bytes: u64,
}

/// A request as it was pushed.
pub(crate) struct Replayed {
    pub(crate) request: PushRequest,
    /// The number of the sequence that it was taken as a part of.
    pub(crate) sequence: Option<u64>,
    pub(crate) body: ByteStream,
}

impl Replay {
    /// Looks at what is there. Numbers are dense: one that is missing in between is an error.
    pub(crate) async fn behind(place: Place, behind: u64) -> Result<Self> {
        let there = numbers(&place.objects, &place.pushes()).await?;
        let wanted: Vec<u64> = there
            .into_iter()
            .filter(|number| *number > behind)
            .collect();
        for (expected, number) in (behind + 1..).zip(&wanted) {
            if expected != *number {
                let name = place.push(expected);
                return Err(Error::Missing { name });
            }
        }
        Ok(Replay {
            place,
            numbers: wanted.into_iter(),
            open: HashMap::new(),
            ready: Vec::new().into_iter(),
        })
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Result<Option<Replayed>> {
        loop {
            if let Some(ready) = self.ready.next() {
                return Ok(Some(ready));
            }
            let Some(number) = self.numbers.next() else {
                return Ok(None);
            };
            let name = self.place.push(number);
            let bytes = self.place.objects.get(&name).await?;
            let bytes = bytes.ok_or_else(|| Error::Missing { name: name.clone() })?;
            let object = Object::read(&name, bytes, self.place.format.reads())?;
            if object.kind == Kind::TakeOver {
                // Requests that were under way then were never answered.
                self.open.clear();
                continue;
            }
            self.ready = self.ended(number, object).into_iter();
        }
    }

    fn ended(&mut self, number: u64, object: Object) -> Vec<Replayed> {
        let mut ended = Vec::new();
        for entry in object.entries {
            let bytes = entry.body.len() as u64;
            let is_whole = entry.head.part == 0 && entry.head.is_last;
            if let (true, Some(request)) = (is_whole, &entry.head.request) {
                let body = futures::stream::iter([Ok(entry.body)]).boxed();
                ended.push(replayed(request.clone(), bytes, body));
                continue;
            }
            let open = self.open.entry(entry.head.id.clone()).or_default();
            if open.objects.last() != Some(&number) {
                open.objects.push(number);
            }
            open.parts += 1;
            open.bytes += bytes;
            if let Some(request) = entry.head.request.filter(|_| entry.head.is_last) {
                let id = entry.head.id;
                let open = self.open.remove(&id).unwrap_or_default();
                let Open {
                    objects,
                    parts: there,
                    bytes,
                } = open;
                if there != entry.head.part + 1 {
                    // Its beginning is contained, so all of it is: it was given up while its end was on its way.
                    continue;
                }
                ended.push(replayed(
                    request,
                    bytes,
                    parts(self.place.clone(), id, objects),
                ));
            }
        }
        ended
    }
}

fn replayed(request: LoggedRequest, bytes: u64, body: ByteStream) -> Replayed {
    Replayed {
        sequence: request.sequence,
        request: request.again(bytes),
        body,
    }
}

/// The parts of a long request, object by object: never all of them at a time.
fn parts(place: Place, id: String, objects: Vec<u64>) -> ByteStream {
    let parts = futures::stream::iter(objects).then(move |number| {
        let (place, id) = (place.clone(), id.clone());
        async move { parts_in(&place, &id, number).await.map_err(unavailable) }
    });
    let parts = parts.flat_map(|parts| {
        let parts = match parts {
            Ok(parts) => parts.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        futures::stream::iter(parts)
    });
    parts.boxed()
}

async fn parts_in(place: &Place, id: &str, number: u64) -> Result<Vec<Bytes>> {
    let name = place.push(number);
    let bytes = place.objects.get(&name).await?;
    let bytes = bytes.ok_or_else(|| Error::Missing { name: name.clone() })?;
    let object = Object::read(&name, bytes, place.format.reads())?;
    let parts = object
        .entries
        .into_iter()
        .filter(|entry| entry.head.id == id);
    Ok(parts.map(|entry| entry.body).collect())
}

fn unavailable(error: Error) -> sluice_protocol::Error {
    sluice_protocol::Error::new(Code::Unavailable, "not-durable", error.to_string())
}
