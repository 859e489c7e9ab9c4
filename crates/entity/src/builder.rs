//! Making a value in one pass into one buffer.
//! Total: no sequence of calls panics or makes damaged bytes (see [`Builder`] for what odd ones give).

use crate::buffer::ValueBuf;
use crate::datetime::Datetime;
use crate::layout::{self, BYTES, DATETIME, DICT, FALSE, LIST, NI, NULL, TRUE, URI, UUID};
use crate::names::{Name, Names};
use crate::number::{self, Number};
use crate::output::Output;
use crate::shapes::{self, Shapes};
use crate::transit::push_transit;
use crate::value::Value;

/// Writes one value of less than 4 GiB. A name given twice in a dict keeps its first position and its last value.
///
/// Odd calls have a meaning too: a name without a value is null, a value in a dict without a name has the
/// empty name, an `end` too many is ignored, `finish` closes what is open, and of several values side by side
/// at the top the first one counts; nothing at all is null.
#[derive(Default)]
pub struct Builder {
    out: Output,
    /// Ends of the entries of all open containers, relative to the first entry of each.
    ends: Vec<u32>,
    open: Vec<Open>,
    shapes: Shapes,
    finished: bool,
}

struct Open {
    /// Where the tag lies.
    start: usize,
    /// Where its ends begin in `ends`.
    base: usize,
    dict: bool,
    named: bool,
    /// The names are those of [`Builder::dict_of`]; no other is taken.
    known: bool,
}

impl Builder {
    /// An empty builder.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Writes to a buffer that was used before; what it holds is dropped.
    pub fn with_buffer(mut buffer: Vec<u8>) -> Builder {
        buffer.clear();
        Builder {
            out: Output::behind(buffer, 0),
            ..Builder::default()
        }
    }

    /// Ready for another value; the buffers stay.
    pub fn clear(&mut self) {
        self.out.clear();
        self.ends.clear();
        self.open.clear();
        self.finished = false;
    }

    /// Opens a dict.
    pub fn begin_dict(&mut self) {
        self.begin(true);
    }

    /// Opens a list.
    pub fn begin_list(&mut self) {
        self.begin(false);
    }

    fn begin(&mut self, dict: bool) {
        if !self.before_value() {
            return;
        }
        self.open.push(Open {
            start: self.out.len(),
            base: self.ends.len(),
            dict,
            named: false,
            known: false,
        });
        self.out.push(if dict { DICT } else { LIST });
    }

    /// The name of the next value of a dict.
    pub fn name(&mut self, name: &str) {
        self.name_by(|out| layout::push_name(out, name.as_bytes()));
    }

    /// As [`Builder::name`], for a name encoded before.
    #[inline]
    pub fn encoded_name(&mut self, name: &Name) {
        self.name_by(|out| name.push(out));
    }

    #[inline(always)]
    fn name_by(&mut self, write: impl FnOnce(&mut Output)) {
        if !matches!(self.open.last(), Some(open) if open.dict && !open.known) {
            return;
        }
        if self.open.last().is_some_and(|open| open.named) {
            self.null();
        }
        write(&mut self.out);
        if let Some(open) = self.open.last_mut() {
            open.named = true;
        }
    }

    /// Writes a dict with these names. `value` writes the value of the name with that index; what it leaves open is
    /// closed, names and ends too many are ignored. When it fails the dict stays open.
    pub fn dict_of<E>(
        &mut self,
        names: &Names,
        mut value: impl FnMut(&mut Builder, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        let level = self.open.len();
        self.begin(true);
        for (index, name) in names.iter().enumerate() {
            let Some(open) = self.open.get_mut(level) else {
                return Ok(());
            };
            open.known = true;
            open.named = true;
            name.push(&mut self.out);
            value(self, index)?;
            while self.open.len() > level + 1 {
                self.end();
            }
            if self.open.last().is_some_and(|open| open.named) {
                self.null();
            }
        }
        if self.open.len() == level + 1
            && let Some(open) = self.open.pop()
        {
            let ends = self.ends.get(open.base..).unwrap_or_default();
            shapes::finish(&mut self.out, open.start, ends, names.order());
            self.ends.truncate(open.base);
            self.after_value();
        }
        Ok(())
    }

    /// Closes the innermost dict or list.
    pub fn end(&mut self) {
        match self.open.last() {
            Some(open) if open.known => return,
            Some(open) if open.named => self.null(),
            _ => {}
        }
        let Some(open) = self.open.pop() else { return };
        if open.dict {
            self.shapes
                .close_dict_last_wins(&mut self.out, open.start, &mut self.ends, open.base);
        } else {
            let ends = self.ends.get(open.base..).unwrap_or_default();
            layout::close_container(&mut self.out, open.start, LIST, ends, None);
        }
        self.ends.truncate(open.base);
        self.after_value();
    }

    /// Whether a value may come here; gives it an empty name if it has none in a dict.
    #[inline(always)]
    fn before_value(&mut self) -> bool {
        match self.open.last() {
            None => !self.finished,
            Some(open) if !open.dict || open.named => true,
            // A second value for one name.
            Some(open) if open.known => false,
            Some(_) => {
                self.name("");
                true
            }
        }
    }

    #[inline(always)]
    fn after_value(&mut self) {
        match self.open.last_mut() {
            None => self.finished = true,
            Some(open) => {
                open.named = false;
                self.ends.push((self.out.len() - open.start - 1) as u32);
            }
        }
    }

    #[inline(always)]
    fn scalar(&mut self, write: impl FnOnce(&mut Output)) {
        if self.before_value() {
            write(&mut self.out);
            self.after_value();
        }
    }

    fn tagged(&mut self, tag: u8, payload: &[u8]) {
        self.scalar(|out| {
            out.push(tag);
            out.extend_from_slice(payload);
        });
    }

    /// `null`
    pub fn null(&mut self) {
        self.tagged(NULL, &[]);
    }

    /// `true` or `false`
    pub fn bool(&mut self, value: bool) {
        self.tagged(if value { TRUE } else { FALSE }, &[]);
    }

    /// An integer.
    pub fn int(&mut self, number: i64) {
        self.scalar(|out| layout::push_int(out, number));
    }

    /// Any number; NaN and infinities become null (EM14).
    pub fn number(&mut self, number: &Number) {
        self.scalar(|out| number::push_number(out, number));
    }

    /// A float; NaN and infinities become null (EM14).
    pub fn float(&mut self, number: f64) {
        self.scalar(|out| number::push_float(out, number));
    }

    /// A plain string, whatever it begins with.
    pub fn str(&mut self, text: &str) {
        self.scalar(|out| layout::push_string(out, text.as_bytes()));
    }

    /// The value of a JSON string: transit tags are decoded (EM12).
    pub fn transit(&mut self, text: &str) {
        if text.starts_with('~') {
            self.scalar(|out| push_transit(out, text.as_bytes()));
        } else {
            self.str(text);
        }
    }

    /// A namespaced identifier, without its tag.
    pub fn ni(&mut self, text: &str) {
        self.tagged(NI, text.as_bytes());
    }

    /// A URI, without its tag.
    pub fn uri(&mut self, text: &str) {
        self.tagged(URI, text.as_bytes());
    }

    /// A date or point in time.
    pub fn datetime(&mut self, datetime: Datetime) {
        self.scalar(|out| push_datetime(out, datetime));
    }

    /// A UUID.
    pub fn uuid(&mut self, uuid: [u8; 16]) {
        self.tagged(UUID, &uuid);
    }

    /// Bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.tagged(BYTES, bytes);
    }

    /// A copy of a value, whole.
    #[inline]
    pub fn value(&mut self, value: Value<'_>) {
        let bytes = value.encoded();
        self.scalar(|out| out.short(if bytes.is_empty() { &[NULL] } else { bytes }));
    }

    /// A whole dict entry as it lies in another dict.
    pub(crate) fn entry(&mut self, entry: &[u8]) {
        if matches!(self.open.last(), Some(open) if open.dict && !open.named) {
            self.out.extend_from_slice(entry);
            self.after_value();
        }
    }

    /// Bytes written so far: a bound for what is being built.
    pub fn written(&self) -> usize {
        self.out.len()
    }

    /// Closes what is open and borrows the value; [`Builder::clear`] makes the builder ready for the next one.
    pub fn as_value(&mut self) -> Value<'_> {
        self.open.iter_mut().for_each(|open| open.known = false);
        while !self.open.is_empty() {
            self.end();
        }
        if self.out.len() == 0 {
            Value::NULL
        } else {
            Value::from_encoded(self.out.written())
        }
    }

    /// The value.
    pub fn finish(mut self) -> ValueBuf {
        self.as_value().to_owned()
    }
}

pub(crate) fn push_datetime(out: &mut Output, datetime: Datetime) {
    out.push(DATETIME);
    out.extend_from_slice(&datetime.seconds().to_le_bytes());
    out.extend_from_slice(&datetime.nanos().to_le_bytes());
    out.push(datetime.precision());
}
