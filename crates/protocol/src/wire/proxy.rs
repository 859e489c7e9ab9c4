//! Requests that go on to microservices, and the beginning of what they answer.

use super::damaged::{Damaged, name, required};
use super::proto;
use crate::{HttpHeaders, ProxyRequest};

/// A request going out; its body follows.
pub(crate) fn to_open_proxy(system: &str, request: ProxyRequest) -> proto::OpenProxy {
    proto::OpenProxy {
        system: system.to_owned(),
        method: request.method,
        target: request.target,
        headers: to_headers(request.headers),
        has_body: request.has_body,
    }
}

/// A request as it arrives.
pub(crate) fn open_proxy(open: proto::OpenProxy) -> Result<(String, ProxyRequest), Damaged> {
    let request = ProxyRequest {
        method: name(open.method, "method")?,
        target: open.target,
        headers: headers(open.headers)?,
        has_body: open.has_body,
    };
    Ok((name(open.system, "system")?, request))
}

/// Headers going out.
pub(crate) fn to_headers(headers: HttpHeaders) -> Vec<proto::HttpHeader> {
    let headers = headers.into_iter();
    let headers = headers.map(|(name, value)| proto::HttpHeader {
        name,
        value: value.into(),
    });
    headers.collect()
}

/// Headers as they arrive.
pub(crate) fn headers(headers: Vec<proto::HttpHeader>) -> Result<HttpHeaders, Damaged> {
    let headers = headers.into_iter();
    let headers = headers.map(|header| Ok((name(header.name, "name")?, header.value.to_vec())));
    headers.collect()
}

/// The head of an answer as it arrives.
pub(crate) fn proxied(head: proto::Proxied) -> Result<(u16, HttpHeaders), Damaged> {
    let status = u16::try_from(head.status).ok();
    let status = status.filter(|status| (100..1000).contains(status));
    Ok((required(status, "status")?, headers(head.headers)?))
}
