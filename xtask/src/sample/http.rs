//! Just enough HTTP for the sample: one request per connection, on the loopback address, with bounded sizes and times.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::Feeds;
use super::feed::Row;

const HEAD_LIMIT: usize = 16 << 10;
const BODY_LIMIT: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

/// What a request gets.
struct Answer {
    status: &'static str,
    content_type: &'static str,
    body: Vec<u8>,
}

/// Answers requests one after the other: a handful of pipes are all that ask.
pub(super) fn serve(listener: &TcpListener, feeds: &Mutex<Feeds>) {
    for connection in listener.incoming() {
        let served = connection.and_then(|connection| answer_one(connection, feeds));
        if let Err(cause) = served {
            eprintln!("sample server: a request was cut short: {cause}");
        }
    }
}

fn answer_one(mut connection: TcpStream, feeds: &Mutex<Feeds>) -> io::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let answer = match read_request(&mut connection)? {
        Ok(request) => {
            // A panic under the lock leaves rows that are still whole.
            let mut feeds = feeds.lock().unwrap_or_else(PoisonError::into_inner);
            respond(&request, &mut feeds)
        }
        Err(why) => refusal("400 Bad Request", why),
    };
    let head = format!(
        "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.status,
        answer.content_type,
        answer.body.len()
    );
    connection.write_all(head.as_bytes())?;
    connection.write_all(&answer.body)?;
    connection.flush()
}

struct Request {
    method: String,
    /// Path and query as sent.
    target: String,
    body: Vec<u8>,
}

/// Reads one request. The outer error is the connection's, the inner one the sender's.
fn read_request(connection: &mut impl Read) -> io::Result<Result<Request, &'static str>> {
    let mut bytes = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Request::new(&mut headers);
        match parsed.parse(&bytes) {
            Ok(httparse::Status::Complete(head)) => {
                let length = parsed
                    .headers
                    .iter()
                    .find(|header| header.name.eq_ignore_ascii_case("content-length"));
                let length = length
                    .and_then(|header| std::str::from_utf8(header.value).ok()?.trim().parse().ok());
                let length: usize = length.unwrap_or(0);
                if length > BODY_LIMIT {
                    return Ok(Err("the body is too big"));
                }
                let method = parsed.method.unwrap_or_default().to_owned();
                let target = parsed.path.unwrap_or_default().to_owned();
                let mut body = bytes.split_off(head);
                let arrived = body.len();
                if arrived < length {
                    body.resize(length, 0);
                    connection.read_exact(&mut body[arrived..])?;
                }
                body.truncate(length);
                return Ok(Ok(Request {
                    method,
                    target,
                    body,
                }));
            }
            Ok(httparse::Status::Partial) if bytes.len() < HEAD_LIMIT => {
                let mut chunk = [0; 4096];
                let read = connection.read(&mut chunk)?;
                if read == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                bytes.extend_from_slice(&chunk[..read]);
            }
            Ok(httparse::Status::Partial) => return Ok(Err("the head is too big")),
            Err(_) => return Ok(Err("this is not HTTP")),
        }
    }
}

/// `GET /TABLE?since=&limit=`, `GET /TABLE.csv`, `PATCH /TABLE/ID`.
fn respond(request: &Request, feeds: &mut Feeds) -> Answer {
    let (path, query) = request
        .target
        .split_once('?')
        .unwrap_or((&request.target, ""));
    let path = path.trim_start_matches('/');
    let (table, id) = path
        .split_once('/')
        .map_or((path, None), |(table, id)| (table, Some(decode(id))));
    let (table, as_csv) = table
        .strip_suffix(".csv")
        .map_or((table, false), |table| (table, true));
    let Some(feed) = feeds.get_mut(table) else {
        return refusal("404 Not Found", "there is no such table");
    };
    match (request.method.as_str(), id) {
        ("GET", None) if as_csv => csv_table(&feed.rows()),
        ("GET", None) => match (number(query, "since"), number(query, "limit")) {
            (Ok(since), Ok(limit)) => {
                let limit = limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
                in_json("200 OK", &Value::Array(feed.entities(since, limit)))
            }
            _ => refusal("400 Bad Request", "since and limit are whole numbers"),
        },
        ("PATCH", Some(id)) => match serde_json::from_slice::<Row>(&request.body) {
            Ok(changes) => match feed.change(&id, changes) {
                Some(entity) => in_json("200 OK", &entity),
                None => refusal("404 Not Found", "the table has no such row"),
            },
            Err(_) => refusal("400 Bad Request", "the body is not a JSON object"),
        },
        _ => refusal("405 Method Not Allowed", "GET a table, or PATCH a row"),
    }
}

/// A number in the query; None where it is not given.
fn number(query: &str, name: &str) -> Result<Option<u64>, std::num::ParseIntError> {
    let value = query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    value
        .filter(|value| !value.is_empty())
        .map(str::parse)
        .transpose()
}

/// Undoes percent encoding; what is not valid stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let code = (*first == b'%').then(|| behind.get(..2)).flatten();
        let code =
            code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The rows as CSV; the columns are those of the first row.
fn csv_table(rows: &[&Row]) -> Answer {
    let columns: Vec<&str> = rows
        .first()
        .map(|row| row.keys().map(String::as_str).collect())
        .unwrap_or_default();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let cell = |row: &Row, column: &str| match row.get(column) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let mut written = writer.write_record(&columns);
    for row in rows {
        written = written
            .and_then(|()| writer.write_record(columns.iter().map(|column| cell(row, column))));
    }
    match (written, writer.into_inner()) {
        (Ok(()), Ok(body)) => Answer {
            status: "200 OK",
            content_type: "text/csv; charset=utf-8",
            body,
        },
        _ => refusal(
            "500 Internal Server Error",
            "the table could not be written as CSV",
        ),
    }
}

fn refusal(status: &'static str, why: &str) -> Answer {
    in_json(status, &json!({ "error": why }))
}

fn in_json(status: &'static str, value: &Value) -> Answer {
    let mut body = value.to_string().into_bytes();
    body.push(b'\n');
    Answer {
        status,
        content_type: "application/json",
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::super::feed::Feed;
    use super::*;

    fn feeds() -> Feeds {
        let row = |name: &str| {
            Row::from_iter([
                ("name".to_owned(), json!(name)),
                ("code".to_owned(), json!(7)),
            ])
        };
        let rows = [
            ("NO".to_owned(), row("Norway")),
            ("a/b".to_owned(), row("A, B")),
        ];
        Feeds::from_iter([("countries", Feed::new(rows, 1))])
    }

    fn ask(feeds: &mut Feeds, method: &str, target: &str, body: &str) -> (u16, String) {
        let sent = format!(
            "{method} {target} HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let request = read_request(&mut sent.as_bytes())
            .unwrap()
            .unwrap_or_else(|why| panic!("{why}"));
        let answer = respond(&request, feeds);
        (
            answer.status[..3].parse().unwrap(),
            String::from_utf8(answer.body).unwrap(),
        )
    }

    #[test]
    fn table_is_read_from_a_number_on() {
        let (status, body) = ask(&mut feeds(), "GET", "/countries?limit=5&since=1", "");
        assert_eq!(status, 200);
        assert_eq!(
            body,
            "[{\"_id\":\"a/b\",\"_updated\":2,\"code\":7,\"name\":\"A, B\"}]\n"
        );
    }

    #[test]
    fn table_is_read_as_csv() {
        let (status, body) = ask(&mut feeds(), "GET", "/countries.csv", "");
        assert_eq!(
            (status, body.as_str()),
            (200, "code,name\n7,Norway\n7,\"A, B\"\n")
        );
    }

    #[test]
    fn changed_row_is_what_a_reader_gets_next() {
        let mut feeds = feeds();
        let (status, _) = ask(&mut feeds, "PATCH", "/countries/a%2Fb", r#"{"name": "C"}"#);
        assert_eq!(status, 200);
        let (_, body) = ask(&mut feeds, "GET", "/countries?since=2", "");
        assert_eq!(
            body,
            "[{\"_id\":\"a/b\",\"_updated\":3,\"code\":7,\"name\":\"C\"}]\n"
        );
    }

    #[test]
    fn bad_requests_are_refused() {
        let cases = [
            ("GET", "/planets", "", 404),
            ("PATCH", "/countries/XX", "{}", 404),
            ("PATCH", "/countries/NO", "[1]", 400),
            ("GET", "/countries?since=x", "", 400),
            ("DELETE", "/countries/NO", "", 405),
        ];
        for (method, target, body, expected) in cases {
            assert_eq!(
                ask(&mut feeds(), method, target, body).0,
                expected,
                "{method} {target}"
            );
        }
        assert!(
            read_request(&mut "nonsense\r\n\r\n".as_bytes())
                .unwrap()
                .is_err()
        );
        let endless = format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(HEAD_LIMIT));
        assert!(read_request(&mut endless.as_bytes()).unwrap().is_err());
    }
}
