//! Errors: as a status and back.

use super::generators;
use crate::wire::{from_status, to_status};
use crate::{Code, Error};
use proptest::prelude::*;
use sluice_entity::{Json, Limits};
use std::error::Error as _;
use std::sync::Arc;
use tonic::Status;

/// As it looks after the headers of HTTP/2.
fn through(status: &Status) -> Status {
    let mut headers = http::HeaderMap::new();
    status.add_header(&mut headers).unwrap();
    Status::from_header_map(&headers).unwrap()
}

#[track_caller]
fn assert_same(back: &Error, sent: &Error) {
    assert_eq!(back.code, sent.code);
    assert_eq!(back.reason, sent.reason);
    assert_eq!(back.message, sent.message);
    assert_eq!(back.members, sent.members);
}

#[test]
fn every_code_comes_back_with_everything_but_the_cause() {
    let member = r#"{"b":1.0,"a":[123456789012345678901234567890,"Ærø"]}"#;
    for code in Code::ALL {
        let error = Error::new(code, "some-reason", "it went wrong: Ærø \n%")
            .with("path", Json::from("/a/b"))
            .with(
                "what",
                Json::parse(member.as_bytes(), &Limits::default()).unwrap(),
            )
            .caused_by(std::io::Error::other("a secret of the inside"));
        let status = to_status(&error);
        let headers = format!("{:?}", status.clone().into_http::<()>().headers());
        assert!(!headers.contains("inside"), "{headers}");
        let back = from_status(through(&status));
        assert_same(&back, &error);
        assert!(back.source.is_none());
        assert_eq!(back.code.is_retryable(), error.code.is_retryable());
    }
}

proptest! {
    #[test]
    fn any_error_comes_back_equal(error in generators::error()) {
        assert_same(&from_status(through(&to_status(&error))), &error);
    }
}

#[test]
fn an_error_too_large_for_headers_keeps_code_and_reason() {
    let long = "æ".repeat(100_000);
    let error = Error::invalid("too-much", format!("so {long}"))
        .with("index", Json::from(3i64))
        .with("path", Json::from(long.as_str()));
    let status = to_status(&error);
    assert!(
        status.details().len() <= 8 << 10,
        "{}",
        status.details().len()
    );
    assert!(status.message().len() <= 512);
    let back = from_status(through(&status));
    assert_eq!((back.code, &*back.reason), (error.code, "too-much"));
    assert!(back.message.starts_with("so æ") && back.message.ends_with('…'));
    assert!(back.members.len() < 2);
}

#[test]
fn only_members_that_do_not_fit_are_left_out() {
    let error = Error::invalid("some", "short")
        .with("index", Json::from(3i64))
        .with("path", Json::from("x".repeat(9000).as_str()));
    let back = from_status(through(&to_status(&error)));
    assert_eq!(back.members, [("index".into(), Json::from(3i64))]);
    assert_eq!(back.message, "short");
}

#[test]
fn a_status_of_somebody_else_gets_a_code_that_knows_about_retries() {
    let of = |code: tonic::Code| from_status(Status::new(code, "words"));
    for (grpc, code, reason) in [
        (tonic::Code::OutOfRange, Code::TooLarge, "message-too-large"),
        (tonic::Code::Unavailable, Code::Unavailable, "unreachable"),
        (tonic::Code::Cancelled, Code::DeadlineExceeded, "cancelled"),
        (
            tonic::Code::DeadlineExceeded,
            Code::DeadlineExceeded,
            "deadline-exceeded",
        ),
        (
            tonic::Code::Unimplemented,
            Code::NotInThisVersion,
            "unknown-call",
        ),
        (tonic::Code::Unknown, Code::Internal, "call-failed"),
        (tonic::Code::DataLoss, Code::Internal, "call-failed"),
        (
            tonic::Code::ResourceExhausted,
            Code::ResourceExhausted,
            "call-failed",
        ),
    ] {
        let error = of(grpc);
        assert_eq!((error.code, &*error.reason), (code, reason), "{grpc:?}");
        assert!(error.source().is_some());
    }
}

#[test]
fn a_failure_on_the_way_is_worth_a_retry() {
    let mut broken = Status::internal("h2 protocol error");
    broken.set_source(Arc::new(std::io::Error::other("connection reset")));
    let error = from_status(broken);
    assert_eq!(
        (error.code, &*error.reason),
        (Code::Unavailable, "unreachable")
    );
    let late = Status::from_error(Box::new(tonic::TimeoutExpired(())));
    assert_eq!(from_status(late).code, Code::DeadlineExceeded);
}

#[test]
fn details_that_are_no_error_of_ours_are_passed_over() {
    for details in [
        &b"\xff\xff\xff"[..],
        b"\x08\x63",
        b"\x08\x00",
        b"\x08\x05\x22\x04\x12\x02{]",
    ] {
        let status = Status::with_details(tonic::Code::NotFound, "words", details.to_vec().into());
        let error = from_status(through(&status));
        assert_eq!(
            (error.code, &*error.reason),
            (Code::NotFound, "call-failed")
        );
    }
}
