//! Bytes of an answer → UTF-8 text, chunk by chunk, with a bound on the length of a row.

use encoding_rs::{Decoder, DecoderResult};
use futures::stream::{BoxStream, StreamExt};
use reqwest::Response;
use sluice_config::{CsvSource as Settings, DecodeErrors, TextEncoding};
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
    decoding: Decoding,
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
        TextStream {
            chunks,
            decoding: Decoding::of(settings.encoding),
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
        let mut text = self
            .decoding
            .decode(&bytes, last, self.strict)
            .ok_or_else(|| {
                let message = "a character is not in the document's encoding; see encoding and decode_error_strategy";
                io::Error::new(io::ErrorKind::InvalidData, message)
            })?;
        if self.escape_nul && text.contains('\0') {
            text = text.replace('\0', ESCAPED_NUL);
        }
        self.text = text.into_bytes();
        self.position = 0;
        Ok(())
    }
}

/// How the bytes of a character set become text.
enum Decoding {
    /// Keeps what a chunk cut off.
    Stateful(Box<Decoder>),
    /// Each byte up to this one is the character of that number.
    SingleBytes(u8),
}

impl Decoding {
    fn of(encoding: TextEncoding) -> Self {
        let decoder = match encoding {
            TextEncoding::Utf8 { .. } => encoding_rs::UTF_8.new_decoder_with_bom_removal(),
            // The mark says which byte comes first.
            TextEncoding::Utf16 { marked: true, .. } => encoding_rs::UTF_16LE.new_decoder(),
            TextEncoding::Utf16 { big_endian, .. } => {
                let encoding = if big_endian {
                    encoding_rs::UTF_16BE
                } else {
                    encoding_rs::UTF_16LE
                };
                encoding.new_decoder_with_bom_removal()
            }
            TextEncoding::Latin1 => return Decoding::SingleBytes(0xff),
            TextEncoding::Ascii => return Decoding::SingleBytes(0x7f),
            TextEncoding::Legacy(encoding) => encoding.new_decoder_without_bom_handling(),
        };
        Decoding::Stateful(Box::new(decoder))
    }

    /// The text of the next bytes; `None` if they hold what is no character and `strict` forbids to replace it.
    fn decode(&mut self, bytes: &[u8], last: bool, strict: bool) -> Option<String> {
        match self {
            Decoding::SingleBytes(known) => {
                let character = |byte: &u8| match *byte <= *known {
                    true => Some(char::from(*byte)),
                    false => (!strict).then_some(char::REPLACEMENT_CHARACTER),
                };
                bytes.iter().map(character).collect()
            }
            Decoding::Stateful(decoder) => {
                // The worst case, so that one call takes all.
                let room = decoder.max_utf8_buffer_length(bytes.len());
                let mut text = String::with_capacity(room.unwrap_or(bytes.len() * 3 + 16));
                if strict {
                    let (result, _) =
                        decoder.decode_to_string_without_replacement(bytes, &mut text, last);
                    return (!matches!(result, DecoderResult::Malformed(..))).then_some(text);
                }
                let _ = decoder.decode_to_string(bytes, &mut text, last);
                Some(text)
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of a document that comes byte by byte.
    fn decoded(name: &str, bytes: &[u8], strict: bool) -> Option<String> {
        let mut decoding = Decoding::of(TextEncoding::named(name).unwrap());
        let mut text = String::new();
        for byte in bytes {
            text.push_str(&decoding.decode(&[*byte], false, strict)?);
        }
        text.push_str(&decoding.decode(&[], true, strict)?);
        Some(text)
    }

    #[test]
    fn each_set_is_read_in_whatever_pieces_it_comes() {
        let read = |name, bytes: &[u8]| decoded(name, bytes, true).unwrap();
        assert_eq!(read("utf-8", b"\xef\xbb\xbfa\xc3\xa6"), "aæ");
        assert_eq!(read("utf-16", b"\xff\xfea\0\xe6\0"), "aæ");
        assert_eq!(read("utf-16", b"\xfe\xff\0a\0\xe6"), "aæ");
        assert_eq!(read("utf-16-be", b"\0a\xd8\x3d\xde\x00"), "a😀");
        assert_eq!(read("latin-1", b"\xe6\x80"), "æ\u{80}");
        assert_eq!(read("cp1252", b"\x80"), "€");
        assert_eq!(read("ascii", b"az"), "az");
    }

    #[test]
    fn what_is_no_character_is_refused_or_replaced() {
        for (name, bytes) in [
            ("ascii", &b"a\xe6"[..]),
            ("utf-8", b"a\xe6"),
            ("utf-16-le", b"a\0\x3d\xd8"),
        ] {
            assert_eq!(decoded(name, bytes, true), None, "{name}");
            assert_eq!(
                decoded(name, bytes, false).as_deref(),
                Some("a\u{fffd}"),
                "{name}"
            );
        }
    }
}
