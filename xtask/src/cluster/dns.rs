//! One question to the cluster's DNS server: the first ones are lost until every node knows the way to it.

use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::addresses;
use super::namespace;

const ANSWER_LIMIT: Duration = Duration::from_millis(500);
/// Answers are matched by it; each socket asks once.
const QUESTION: u16 = 0x5157;

/// Asks, from inside a namespace, for the address of the API server's service.
pub(super) fn ask(namespace: &Path) -> Result<()> {
    let name = format!("kubernetes.default.svc.{}", addresses::DOMAIN);
    let answer = namespace::within(namespace, || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).context("no socket")?;
        socket
            .set_read_timeout(Some(ANSWER_LIMIT))
            .context("no time limit")?;
        socket
            .connect((addresses::DNS, 53))
            .context("no way to the DNS server")?;
        socket.send(&question(&name)).context("could not ask")?;
        let mut answer = [0; 512];
        let length = socket.recv(&mut answer).context("no answer")?;
        Ok(answer[..length].to_vec())
    })?;
    if address_in(&answer) == Some(addresses::FIRST_SERVICE) {
        return Ok(());
    }
    bail!("the DNS server does not know {name} yet");
}

/// RFC 1035: a header with one question, for an address.
fn question(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in [QUESTION, 0x0100, 1, 0, 0, 0] {
        bytes.extend(number.to_be_bytes());
    }
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}

/// The address at the end of an answer that has one record and nothing behind it.
fn address_in(answer: &[u8]) -> Option<Ipv4Addr> {
    let number = |at: usize| Some(u16::from_be_bytes([*answer.get(at)?, *answer.get(at + 1)?]));
    let is_good = number(0)? == QUESTION && number(2)? & 0x800f == 0x8000 && number(6)? == 1;
    let end: [u8; 4] = answer.last_chunk().copied()?;
    is_good.then(|| Ipv4Addr::from(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn question_is_as_the_protocol_wants_it() {
        let bytes = question("a.bc");
        assert_eq!(bytes[..6], [0x51, 0x57, 1, 0, 0, 1]);
        assert_eq!(bytes[12..], [1, b'a', 2, b'b', b'c', 0, 0, 1, 0, 1]);
    }

    #[test]
    fn only_a_good_answer_has_an_address() {
        let mut answer = question("a");
        assert_eq!(address_in(&answer), None);
        answer[2] = 0x81;
        answer[7] = 1;
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 2, 0, 4, 10, 79, 0, 1]);
        assert_eq!(address_in(&answer), Some(addresses::FIRST_SERVICE));
        // The name does not exist.
        answer[3] = 3;
        assert_eq!(address_in(&answer), None);
        assert_eq!(address_in(&[]), None);
    }
}
