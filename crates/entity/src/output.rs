//! A growing buffer for many short pieces. It always has room behind what was written, so that a short piece is
//! one fixed move instead of a call. Length and content are those of what was written.

/// Pieces up to this length are written with one fixed move, if so many bytes lie behind their beginning.
const BLOCK: usize = 32;

/// Room that is made at least.
const ROOM: usize = 256;

#[derive(Default)]
pub(crate) struct Output {
    /// Zeros behind `at`.
    bytes: Vec<u8>,
    at: usize,
}

impl Output {
    /// Goes on behind `bytes`; `expected` more bytes will do as a rule.
    pub(crate) fn behind(mut bytes: Vec<u8>, expected: usize) -> Output {
        let at = bytes.len();
        bytes.resize(at + expected + BLOCK, 0);
        Output { bytes, at }
    }

    pub(crate) fn into_vec(mut self) -> Vec<u8> {
        self.bytes.truncate(self.at);
        self.bytes
    }

    /// Lets `write` append to `out`.
    #[inline]
    pub(crate) fn append_to(out: &mut Vec<u8>, expected: usize, write: impl FnOnce(&mut Output)) {
        let mut output = Output::behind(std::mem::take(out), expected);
        write(&mut output);
        *out = output.into_vec();
    }

    /// What was written.
    #[inline(always)]
    pub(crate) fn written(&self) -> &[u8] {
        self.bytes.get(..self.at).unwrap_or_default()
    }

    /// What was written from `start` on.
    #[inline(always)]
    pub(crate) fn written_from(&self, start: usize) -> &[u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.at
    }

    pub(crate) fn clear(&mut self) {
        self.at = 0;
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        self.at = self.at.min(length);
    }

    /// Changes a byte that was written.
    #[inline(always)]
    pub(crate) fn set(&mut self, at: usize, byte: u8) {
        if let Some(place) = self.bytes.get_mut(at) {
            *place = byte;
        }
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, byte: u8) {
        if self.at >= self.bytes.len() {
            self.grow(1);
        }
        if let Some(place) = self.bytes.get_mut(self.at) {
            *place = byte;
            self.at += 1;
        }
    }

    /// Room for `length` bytes, which count as written.
    #[inline(always)]
    pub(crate) fn take(&mut self, length: usize) -> &mut [u8] {
        if self.bytes.len() - self.at < length {
            self.grow(length);
        }
        let start = self.at;
        self.at += length;
        self.bytes.get_mut(start..self.at).unwrap_or_default()
    }

    #[inline(always)]
    pub(crate) fn extend_from_slice(&mut self, piece: &[u8]) {
        self.take(piece.len()).copy_from_slice(piece);
    }

    /// As `extend_from_slice`, for pieces of which most are short: those are two moves instead of a call.
    #[inline(always)]
    pub(crate) fn short(&mut self, piece: &[u8]) {
        let place = self.take(piece.len());
        match (piece.first_chunk::<8>(), piece.last_chunk::<8>()) {
            (Some(first), Some(last)) if piece.len() <= 16 => {
                if let Some(place) = place.first_chunk_mut() {
                    *place = *first;
                }
                if let Some(place) = place.last_chunk_mut() {
                    *place = *last;
                }
            }
            _ => place.copy_from_slice(piece),
        }
    }

    /// Writes the first `length` bytes of a block.
    #[inline(always)]
    pub(crate) fn block<const N: usize>(&mut self, block: &[u8; N], length: usize) {
        if let Some(room) = self.room::<N>() {
            *room = *block;
            self.advance(length.min(N));
        }
    }

    /// A block of room, to be written into before [`advance`](Self::advance); there always is one.
    #[inline(always)]
    pub(crate) fn room<const N: usize>(&mut self) -> Option<&mut [u8; N]> {
        if self.bytes.len() < self.at + N {
            self.grow(N);
        }
        self.bytes.get_mut(self.at..self.at + N)?.first_chunk_mut()
    }

    /// So many bytes of the room count as written.
    #[inline(always)]
    pub(crate) fn advance(&mut self, length: usize) {
        self.at = (self.at + length).min(self.bytes.len());
    }

    /// Writes `source[from..to]`.
    #[inline(always)]
    pub(crate) fn range(&mut self, source: &[u8], from: usize, to: usize) {
        let length = to.wrapping_sub(from);
        if length <= BLOCK
            && let Some(block) = source
                .get(from..)
                .and_then(|rest| rest.first_chunk::<BLOCK>())
        {
            self.block(block, length);
        } else {
            self.extend_from_slice(source.get(from..to).unwrap_or_default());
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, length: usize) {
        let wanted = (self.at + length + ROOM).max(self.bytes.len() * 2);
        self.bytes.resize(wanted, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_arrive_whole_wherever_they_lie() {
        let source: Vec<u8> = (0..100).collect();
        for from in 0..=100 {
            for to in from..=100 {
                let piece = &source[from..to];
                let mut out = Output::behind(vec![7], from);
                out.range(&source, from, to);
                out.push(9);
                out.extend_from_slice(piece);
                out.block(b"abcdef", 2);
                assert_eq!(out.written(), [&[7], piece, &[9], piece, b"ab"].concat());
                assert_eq!(out.into_vec().len(), 4 + 2 * piece.len());
            }
        }
        let mut out = Output::default();
        out.range(&source, 101, 105);
        out.range(&source, 5, 3);
        assert_eq!(out.len(), 0);
        out.extend_from_slice(&[1; 10_000]);
        out.truncate(3);
        assert_eq!(out.written(), [1; 3]);
    }
}
