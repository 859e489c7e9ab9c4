//! Fields of a form: url-encoded, or multipart as browsers and some clients send it.

use super::decode;
use super::error::Problem;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Request};

/// Name and value of every field.
pub(crate) async fn fields(parts: &Parts, body: Bytes) -> Result<Vec<(String, String)>, Problem> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    if is_multipart(&parts.headers) {
        let files = files(parts, body).await?;
        let field = |(name, bytes): (String, Bytes)| {
            let value = String::from_utf8(bytes.to_vec());
            value
                .map(|value| (name, value))
                .map_err(|_| Problem::encoding("form", decode::Malformed::Utf8))
        };
        return files.into_iter().map(field).collect();
    }
    let text = std::str::from_utf8(&body)
        .map_err(|_| Problem::encoding("form", decode::Malformed::Utf8))?;
    decode::pairs(text.trim_end_matches(['\r', '\n']))
        .map_err(|malformed| Problem::encoding("form", malformed))
}

/// Whether the body is a multipart form.
pub(crate) fn is_multipart(headers: &HeaderMap) -> bool {
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    media_type
        .get(..19)
        .is_some_and(|start| start.eq_ignore_ascii_case("multipart/form-data"))
}

/// Name and content of every part of a multipart form.
pub(crate) async fn files(parts: &Parts, body: Bytes) -> Result<Vec<(String, Bytes)>, Problem> {
    let mut request = Request::new(Body::from(body));
    *request.headers_mut() = parts.headers.clone();
    DefaultBodyLimit::disable().apply(&mut request);
    let malformed = |_| Problem::body("the multipart form is malformed");
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|_| Problem::body("the multipart form has no boundary"))?;
    let mut files = Vec::new();
    while let Some(part) = form.next_field().await.map_err(malformed)? {
        let name = part.name().unwrap_or_default().to_owned();
        files.push((name, part.bytes().await.map_err(malformed)?));
    }
    Ok(files)
}
