//! Errors on the wire: everything but the cause, which stays in its process.

use super::damaged::{Damaged, Within};
use super::json::json;
use super::proto;
use crate::{Code, Error};
use prost::Message;
use std::borrow::Cow;

/// Encoded bytes of an error at most: with headers of 16 KiB, which HTTP/2 libraries accept by default, there is room for the rest.
const MOST_BYTES: usize = 8 << 10;
/// Bytes of a message for people that are sent in any case.
const MESSAGE_BYTES: usize = 2 << 10;

impl From<&Error> for proto::Error {
    fn from(error: &Error) -> Self {
        let members = error.members.iter().map(|(name, json)| proto::Member {
            name: name.clone().into_owned(),
            json: json.to_string(),
        });
        proto::Error {
            code: proto::Code::from(error.code).into(),
            reason: error.reason.clone().into_owned(),
            message: error.message.clone(),
            members: members.collect(),
        }
    }
}

impl TryFrom<proto::Error> for Error {
    type Error = Damaged;

    fn try_from(error: proto::Error) -> Result<Self, Damaged> {
        let code = proto::Code::try_from(error.code)
            .map_err(|_| Damaged::new("code", format!("unknown value {}", error.code)))?;
        let members = error.members.into_iter().map(|member| {
            let value = json(&member.json, &member.name).within("members")?;
            Ok((Cow::from(member.name), value))
        });
        let members = members.collect::<Result<_, Damaged>>()?;
        Ok(Error {
            members,
            ..Error::new(Code::try_from(code)?, error.reason, error.message)
        })
    }
}

/// Makes an error small enough for headers: members go from the end, then the message is cut.
pub(crate) fn shorten(error: &mut proto::Error) {
    while error.encoded_len() > MOST_BYTES && error.members.pop().is_some() {}
    if error.encoded_len() > MOST_BYTES {
        let end = error.message.floor_char_boundary(MESSAGE_BYTES);
        error.message.truncate(end);
        error.message.push('…');
    }
    if error.encoded_len() > MOST_BYTES {
        let end = error.reason.floor_char_boundary(MESSAGE_BYTES);
        error.reason.truncate(end);
    }
}
