//! Publishers (PB1, PB3): what a pipe with an endpoint sink shows, as entities or as a document.

use super::answer;
use super::call::Call;
use super::error::Problem;
use super::feed;
use axum::body::Body;
use axum::response::Response;
use http::HeaderValue;
use http::header::CONTENT_DISPOSITION;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sluice_dataset::ReadOptions;
use sluice_protocol::{ComponentKind, PublishRequest, Published, ReadRequest};

/// Shown where it is opened; otherwise kept as a file.
const INLINE: &str = "inline";
/// What a file name may keep in the encoded form of Content-Disposition.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

pub(crate) async fn entities(call: Call) -> Result<Response, Problem> {
    publish(call, "json", None).await
}
pub(crate) async fn entities_file(call: Call) -> Result<Response, Problem> {
    let file = call.text("filename").to_owned();
    publish(call, "json", Some(file)).await
}
pub(crate) async fn csv(call: Call) -> Result<Response, Problem> {
    refuse_linked(&call)?;
    publish(call, "csv", None).await
}
pub(crate) async fn csv_file(call: Call) -> Result<Response, Problem> {
    refuse_linked(&call)?;
    let file = call.text("filename").to_owned();
    publish(call, "csv", Some(file)).await
}

fn refuse_linked(call: &Call) -> Result<(), Problem> {
    match call.optional_text("linked_excel_file") {
        Some(_) => Err(Problem::not_in_this_version("linked Excel files")),
        None => Ok(()),
    }
}

async fn publish(call: Call, format: &str, file: Option<String>) -> Result<Response, Problem> {
    // Latest versions only, deletes included (R64); every parameter of the query is `_B` for the transforms.
    let mut parameters = call.others.clone();
    for name in ["since", "limit"] {
        let given = if name == "limit" {
            call.number(name).map(|n| n.to_string())
        } else {
            call.optional_text(name).map(str::to_owned)
        };
        parameters.extend(given.map(|value| (name.to_owned(), value)));
    }
    let read = ReadRequest {
        options: ReadOptions {
            limit: call.number("limit"),
            ..ReadOptions::latest()
        },
        since_text: call.optional_text("since").map(str::to_owned),
        parameters,
        ..ReadRequest::default()
    };
    let request = PublishRequest {
        read,
        format: format.to_owned(),
        file: file.clone(),
    };
    let (disposition, suggested) = presentation(&call);
    let (mut response, rendered) = match call
        .hub
        .worker
        .publish(call.text("pipe_id"), request)
        .await?
    {
        Published::Entities(feed) => (feed::print(feed).await?, None),
        Published::Bytes {
            content_type,
            file,
            body,
        } => (answer::typed(&content_type, Body::from_stream(body)), file),
    };
    if let Some(name) = file.or(rendered).or(suggested) {
        response
            .headers_mut()
            .insert(CONTENT_DISPOSITION, named(&disposition, &name));
    }
    Ok(response)
}

/// How the sink's configuration wants the answer shown, and the file name it suggests.
fn presentation(call: &Call) -> (String, Option<String>) {
    let configuration = call.hub.configuration();
    let pipe = (ComponentKind::Pipe, call.text("pipe_id").to_owned());
    let sink = configuration.components.get(&pipe);
    let sink = sink.and_then(|pipe| pipe.effective.get("sink"));
    let text = |name| sink?.get(name)?.as_str().map(str::to_owned);
    let disposition = text("content_disposition").filter(|wanted| wanted == INLINE);
    (
        disposition.unwrap_or_else(|| "attachment".to_owned()),
        text("filename"),
    )
}

/// The name twice: plain for old clients, encoded for all others.
fn named(disposition: &str, name: &str) -> HeaderValue {
    let harmless = |character: char| match character {
        ' '..='~' if !matches!(character, '"' | '\\' | '/' | ';' | ',' | '%') => character,
        _ => '_',
    };
    let plain: String = name.chars().map(harmless).collect();
    let value = format!(
        "{disposition}; filename=\"{plain}\"; filename*=UTF-8''{}",
        utf8_percent_encode(name, KEPT)
    );
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_cannot_break_out_of_the_header() {
        let cases = [
            (
                "data.csv",
                "attachment; filename=\"data.csv\"; filename*=UTF-8''data.csv",
            ),
            (
                "a\"; x=\"y",
                "attachment; filename=\"a__ x=_y\"; filename*=UTF-8''a%22%3B%20x%3D%22y",
            ),
            (
                "blå\r\nx",
                "attachment; filename=\"bl___x\"; filename*=UTF-8''bl%C3%A5%0D%0Ax",
            ),
        ];
        for (name, expected) in cases {
            assert_eq!(named("attachment", name).to_str().unwrap(), expected);
        }
    }
}
