//! Bytes of an answer → UTF-8 text, chunk by chunk, with a bound on the length of a row.

use encoding_rs::{CoderResult, Decoder, DecoderResult, Encoding, UTF_8};
use futures::stream::{BoxStream, StreamExt};
use reqwest::Response;
use sluice_config::{CsvSource as Settings, DecodeErrors};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// A row longer than this is taken for a quote that never ends.
const ROW_BYTES: usize = 100 << 20;
/// What replaces a NUL where `escape_null_bytes` is set.
const ESCAPED_NUL: &str = "\\0";

/// Decoded text for the CSV reader.
pub(super) struct TextStream {
    chunks: BoxStream<'static, Result<Vec<u8>, reqwest::Error>>,
    decoder: Decoder,
    strict: bool,
    escape_nul: bool,
    text: Vec<u8>,
    position: usize,
    ended: bool,
    since_row: AtomicUsize,
}

impl TextStream {
    pub(super) fn new(answer: Response, settings: &Settings) -> Self {
        let chunks = answer
            .bytes_stream()
            .map(|chunk| chunk.map(|bytes| bytes.to_vec()))
            .boxed();
        Self::over(chunks, settings)
    }

    fn over(
        chunks: BoxStream<'static, Result<Vec<u8>, reqwest::Error>>,
        settings: &Settings,
    ) -> Self {
        let encoding = Encoding::for_label(settings.encoding.as_bytes()).unwrap_or(UTF_8);
        TextStream {
            chunks,
            decoder: encoding.new_decoder_with_bom_removal(),
            strict: settings.decode_error_strategy == DecodeErrors::Strict,
            escape_nul: settings.escape_null_bytes,
            text: Vec::new(),
            position: 0,
            ended: false,
            since_row: AtomicUsize::new(0),
        }
    }

    /// The beginning of the document, for guessing; it is read again by the CSV reader.
    pub(super) async fn peek(&mut self) -> io::Result<&str> {
        while self.text.is_empty() && !self.ended {
            let chunk = self.chunks.next().await;
            self.take(chunk)?;
        }
        std::str::from_utf8(&self.text)
            .map_err(|source| io::Error::new(io::ErrorKind::InvalidData, source))
    }

    /// Called after each row: the bound counts from here.
    pub(super) fn begin_row(&self) {
        self.since_row.store(0, Ordering::Relaxed);
    }

    fn take(&mut self, chunk: Option<Result<Vec<u8>, reqwest::Error>>) -> io::Result<()> {
        let (bytes, last) = match chunk {
            Some(chunk) => (
                chunk.map_err(|source| io::Error::other(source.without_url()))?,
                false,
            ),
            None => (Vec::new(), true),
        };
        self.ended = last;
        let mut text = String::with_capacity(
            self.decoder
                .max_utf8_buffer_length(bytes.len())
                .unwrap_or(bytes.len() * 3 + 16),
        );
        if self.strict {
            let (result, _) = self
                .decoder
                .decode_to_string_without_replacement(&bytes, &mut text, last);
            if let DecoderResult::Malformed(..) = result {
                let message = "a character is not in the document's encoding; see encoding and decode_error_strategy";
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        } else {
            let (result, _, _) = self.decoder.decode_to_string(&bytes, &mut text, last);
            debug_assert_eq!(
                result,
                CoderResult::InputEmpty,
                "the buffer was sized for the worst case"
            );
        }
        if self.escape_nul && text.contains('\0') {
            text = text.replace('\0', ESCAPED_NUL);
        }
        self.text = text.into_bytes();
        self.position = 0;
        Ok(())
    }
}

impl AsyncRead for TextStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.position == this.text.len() && !this.ended {
            let chunk = ready!(this.chunks.poll_next_unpin(context));
            this.take(chunk)?;
        }
        let rest = &this.text[this.position..];
        let length = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..length]);
        this.position += length;
        if this.since_row.fetch_add(length, Ordering::Relaxed) > ROW_BYTES {
            let message = format!("a row is longer than {ROW_BYTES} bytes: is a quote missing?");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, message)));
        }
        Poll::Ready(Ok(()))
    }
}
