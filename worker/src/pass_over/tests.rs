//! Reading but for some is reading: the same entities in the same places, and the same error in the same place.

use super::array::SparingReader;
use proptest::prelude::*;
use sluice_entity::{ArrayReader, Limits, Numbers, ReadError, Reader};

/// Number and place of each entity, and what is wrong behind them.
type Read = (Vec<(u64, u64)>, Option<ReadError>);

fn reader() -> ArrayReader {
    let limits = Limits {
        depth: 5,
        entity_bytes: 200,
        ..Limits::default()
    };
    ArrayReader::new(Reader::new(limits, Numbers::default())).allow_single(true)
}

fn read_all(pieces: &[Vec<u8>]) -> Read {
    let mut reader = reader();
    let mut found = Vec::new();
    for piece in pieces {
        reader.push(piece);
        loop {
            match reader.next() {
                Ok(Some(_)) => found.push((reader.count() - 1, reader.latest_offset())),
                Ok(None) => break,
                Err(error) => return (found, Some(error)),
            }
        }
    }
    (found, reader.finish().err())
}

/// Spares what `choice` says, of what can be read, as an entity that is passed over could be once.
fn read_sparingly(pieces: &[Vec<u8>], choice: &[bool]) -> (Read, usize) {
    let mut reader = SparingReader::new(reader());
    let mut choice = choice.iter().cycle();
    let (mut found, mut count, mut begin) = (Vec::new(), 0, 0);
    let mut is_stuck = false;
    for piece in pieces {
        let elements = reader.cut(piece);
        assert!(
            !is_stuck || elements.is_empty(),
            "cut behind what has no end"
        );
        let spared: Vec<bool> = elements
            .iter()
            .map(|element| {
                let text = &piece[element.range.clone()];
                let limits = Limits {
                    depth: 5,
                    entity_bytes: 200,
                    ..Limits::default()
                };
                let is_good = Reader::new(limits, Numbers::default())
                    .read_entity(text)
                    .is_ok();
                element.id.is_some() && is_good && *choice.next().unwrap()
            })
            .collect();
        reader.give(piece, &elements, &spared);
        let mut here = Vec::new();
        let error = loop {
            match reader.next() {
                Ok(Some(read)) => {
                    let element = read
                        .element
                        .map(|element| elements[element].range.start as u64);
                    assert!(element.is_none_or(|start| begin + start == read.offset));
                    here.push((Some(read.index), read.offset));
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        // What lies behind an error nobody gets to see.
        let stuck = reader.stuck_before();
        is_stuck = stuck.is_some();
        let spared_offsets = elements.iter().zip(&spared).filter(|(_, spared)| **spared);
        for (element, _) in spared_offsets {
            let offset = begin + element.range.start as u64;
            let is_asked_for = stuck.is_none_or(|stuck| offset < stuck);
            if is_asked_for && error.as_ref().is_none_or(|error| offset < error.offset) {
                count += 1;
                here.push((None, offset));
            }
        }
        here.sort_by_key(|(_, offset)| *offset);
        for (index, offset) in here {
            let number = found.len() as u64;
            assert!(
                index.is_none_or(|index| index == number),
                "a number is wrong"
            );
            found.push((number, offset));
        }
        if error.is_some() {
            return ((found, error), count);
        }
        begin += piece.len() as u64;
    }
    ((found, reader.finish().err()), count)
}

fn element() -> impl Strategy<Value = String> {
    let tail = prop_oneof![
        Just(String::new()),
        Just(r#","n":{"a":[{"_id":"x"},{}]}"#.to_owned()),
        Just(",\n \"text\": \"}{\\\"][\\\\\"\n".to_owned()),
        Just(r#","æ":"ø}"#.to_owned() + "\""),
        Just(r#","deep":[[[[[1]]]]]"#.to_owned()),
        Just(r#","_id":"again""#.to_owned()),
        "[a-z]{180}".prop_map(|text| format!(r#","long":"{text}""#)),
    ];
    (0..3_u8, 0..4_u32, tail).prop_map(|(kind, id, tail)| match kind {
        0 => format!(r#"{{"n":{id}{tail}}}"#),
        _ => format!("{{ \"_id\" : \"{id}\"{tail}}}"),
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let space = prop_oneof![Just(""), Just(" "), Just("\n"), Just("\n\t ")];
    let elements = prop::collection::vec((element(), space), 0..8);
    // Most bodies are good; in the others something is replaced, removed or put in.
    let damage = prop::option::weighted(0.5, (any::<prop::sample::Index>(), 0..3_u8, any::<u8>()));
    (elements, damage).prop_map(|(elements, damage)| {
        let texts: Vec<String> = elements
            .iter()
            .map(|(element, space)| format!("{space}{element}{space}"))
            .collect();
        let mut body = format!("[{}]", texts.join(",")).into_bytes();
        if let Some((place, kind, byte)) = damage {
            let place = place.index(body.len());
            match kind {
                0 => body[place] = byte,
                1 => {
                    body.remove(place);
                }
                _ => body.insert(place, b",]}{[\" \n"[usize::from(byte) % 8]),
            }
        }
        body
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]
    #[test]
    fn sparing_changes_neither_places_nor_errors(
        body in body(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        choice in prop::collection::vec(any::<bool>(), 1..5),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        cuts.extend([0, body.len()]);
        cuts.sort_unstable();
        let pieces: Vec<Vec<u8>> = cuts.windows(2).map(|cut| body[cut[0]..cut[1]].to_vec()).collect();
        let (sparing, _) = read_sparingly(&pieces, &choice);
        prop_assert_eq!(sparing, read_all(&pieces));
    }
}

#[test]
fn what_is_spared_is_most_of_an_ordinary_body() {
    let body = br#"[{"_id":"1"}, {"_id":"2","n":1} ,{"_id":"3"}]"#.to_vec();
    let ((found, error), spared) = read_sparingly(&[body], &[true]);
    assert_eq!((found.len(), error, spared), (3, None, 3));
}

#[test]
fn a_text_that_only_looks_like_an_entity_is_found_wrong_where_it_is() {
    let body = br#"[{"_id":"0","n":1},{"_id":"1"},{"n"[:0,"t":"}{"},{"_id":"2"} , {"_id":"3"}]"#;
    for first in 0..=body.len() {
        for second in first..=body.len() {
            let pieces =
                [&body[..first], &body[first..second], &body[second..]].map(<[u8]>::to_vec);
            let (sparing, _) = read_sparingly(&pieces, &[true]);
            assert_eq!(sparing, read_all(&pieces), "{first}, {second}");
        }
    }
}
