//! What is followed: where a reader stands, and what it hears beside versions.

use super::damaged::{Damaged, Within, required};
use super::pages::checked_page;
use super::proto::{self, feed_part::Part, follow_note::Note};
use crate::{Followed, OwnerFacts, Page};
use sluice_dataset::{DatasetNumber, Generation, SinceToken, VersionBatch};

/// A position as it goes out.
pub(crate) fn to_position(token: SinceToken) -> proto::FollowPosition {
    proto::FollowPosition {
        generation: token.generation.0.to_vec().into(),
        epoch: token.epoch,
        offset: token.offset,
    }
}

/// A position as it arrives.
pub(crate) fn position(position: proto::FollowPosition) -> Result<SinceToken, Damaged> {
    Ok(SinceToken {
        generation: generation(&position.generation).within("position")?,
        epoch: position.epoch,
        offset: position.offset,
    })
}

/// A note as it goes out; versions travel as pages.
pub(crate) fn to_note(followed: Followed) -> Result<proto::FollowNote, VersionBatch> {
    let note = match followed {
        Followed::Absent => Note::Absent(proto::Absent {}),
        Followed::Facts(facts) => Note::Facts(proto::OwnerFacts {
            number: facts.number.0,
            generation: facts.generation.0.to_vec().into(),
            epoch: facts.epoch,
            populated: facts.populated,
        }),
        Followed::Rewind(offset) => Note::Rewind(proto::OffsetOrNone { offset }),
        Followed::Level(offset) => Note::Level(proto::OffsetOrNone { offset }),
        Followed::Versions(versions) => return Err(versions),
    };
    Ok(proto::FollowNote { note: Some(note) })
}

/// A part of what is followed as it arrives.
pub(crate) fn followed(part: Part) -> Result<Followed, Damaged> {
    match part {
        Part::Page(page) => match checked_page(page)? {
            Page::Versions(versions) => Ok(Followed::Versions(versions)),
            Page::Entities(_) => Err(Damaged::new("page", "no versions")),
        },
        Part::Note(note) => match required(note.note, "note")? {
            Note::Absent(proto::Absent {}) => Ok(Followed::Absent),
            Note::Facts(facts) => Ok(Followed::Facts(OwnerFacts {
                number: DatasetNumber(facts.number),
                generation: generation(&facts.generation).within("facts")?,
                epoch: facts.epoch,
                populated: facts.populated,
            })),
            Note::Rewind(to) => Ok(Followed::Rewind(to.offset)),
            Note::Level(at) => Ok(Followed::Level(at.offset)),
        },
        _ => Err(Damaged::new("part", "neither a page nor a note")),
    }
}

fn generation(bytes: &[u8]) -> Result<Generation, Damaged> {
    match bytes.try_into() {
        Ok(bytes) => Ok(Generation(bytes)),
        Err(_) => Err(Damaged::new("generation", "not of 16 bytes")),
    }
}
