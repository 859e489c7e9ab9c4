//! Appending short pieces: a fixed move and a cut cost less than a move of variable length.

/// Pieces up to this length are appended with one fixed move, if so many bytes lie behind their beginning.
const BLOCK: usize = 32;

/// Appends `source[from..to]`.
#[inline(always)]
pub(crate) fn push_range(out: &mut Vec<u8>, source: &[u8], from: usize, to: usize) {
    let length = to.wrapping_sub(from);
    if length <= BLOCK
        && let Some(block) = source
            .get(from..)
            .and_then(|rest| rest.first_chunk::<BLOCK>())
    {
        let end = out.len() + length;
        out.extend_from_slice(block);
        out.truncate(end);
    } else {
        out.extend_from_slice(source.get(from..to).unwrap_or_default());
    }
}

/// Appends a byte and `source[from..to]`.
#[inline(always)]
pub(crate) fn push_byte_and_range(
    out: &mut Vec<u8>,
    byte: u8,
    source: &[u8],
    from: usize,
    to: usize,
) {
    let length = to.wrapping_sub(from);
    if length <= BLOCK
        && let Some(block) = source
            .get(from..)
            .and_then(|rest| rest.first_chunk::<BLOCK>())
    {
        let mut bytes = [byte; BLOCK + 1];
        bytes[1..].copy_from_slice(block);
        let end = out.len() + 1 + length;
        out.extend_from_slice(&bytes);
        out.truncate(end);
    } else {
        out.push(byte);
        out.extend_from_slice(source.get(from..to).unwrap_or_default());
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
                let mut out = vec![7];
                push_range(&mut out, &source, from, to);
                push_byte_and_range(&mut out, 9, &source, from, to);
                let piece = &source[from..to];
                assert_eq!(out, [&[7], piece, &[9], piece].concat());
            }
        }
        let mut out = Vec::new();
        push_range(&mut out, &source, 101, 105);
        push_range(&mut out, &source, 5, 3);
        assert!(out.is_empty());
    }
}
