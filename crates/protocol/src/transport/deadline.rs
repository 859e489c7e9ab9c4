//! The deadline that a caller sends along (`grpc-timeout`): past it, nobody waits for the answer any more.

use http::{HeaderMap, Response};
use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;
use tonic::Status;
use tonic::body::Body;

/// The time the caller gives, if it says so in a form that can be read.
pub(super) fn of(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    // The protocol allows eight digits, and no sign.
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// The answer, or `DeadlineExceeded`; the handler is dropped then. A stream that has begun is not ended by it.
pub(super) async fn within(
    time: Option<Duration>,
    answer: impl Future<Output = Result<Response<Body>, Infallible>>,
) -> Result<Response<Body>, Infallible> {
    let Some(time) = time else {
        return answer.await;
    };
    match tokio::time::timeout(time, answer).await {
        Ok(answer) => answer,
        Err(_) => Ok(Status::deadline_exceeded("the deadline of the call passed").into_http()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_read_in_every_unit_and_odd_ones_are_no_deadline() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            of(&headers)
        };
        for (text, time) in [
            ("2H", Duration::from_secs(7200)),
            ("3M", Duration::from_secs(180)),
            ("99999999S", Duration::from_secs(99_999_999)),
            ("5m", Duration::from_millis(5)),
            ("6u", Duration::from_micros(6)),
            ("7n", Duration::from_nanos(7)),
        ] {
            assert_eq!(read(text), Some(time), "{text}");
        }
        for odd in ["", "5", "m", "+5m", "123456789m", "5x", "5 m", "-1S"] {
            assert_eq!(read(odd), None, "{odd}");
        }
        assert_eq!(of(&HeaderMap::new()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_past_the_deadline_is_an_error_of_its_own() {
        let late = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Ok(Response::new(Body::empty()))
        };
        let answer = within(Some(Duration::from_secs(1)), late).await.unwrap();
        assert_eq!(
            Status::from_header_map(answer.headers()).unwrap().code(),
            tonic::Code::DeadlineExceeded
        );
    }
}
