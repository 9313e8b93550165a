//! Decodes server-sent events.

use std::mem;
use std::ops::Range;

use memchr::{memchr, memchr2};

/// Decodes a stream of server-sent events from chunks of bytes, however they are cut.
///
/// It follows the [HTML
/// standard](https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation): lines end
/// with LF, CR or both; a byte order mark at the beginning, comments and unknown fields are skipped. It departs from
/// the standard where model APIs do, or where a reader that wants every event right must:
///
/// - the last event counts without its blank line ([`finish`](Self::finish));
/// - an event that is larger than the limit, or not UTF-8, is an error and is not repaired: the stream is over with it;
/// - `id` and `retry` are skipped, since these streams cannot be resumed.
///
/// An event whose data is one line, as nearly all are, is borrowed from the decoder's buffer as it came. The work is
/// linear in the bytes, and the memory is bounded by the limit and the largest chunk, whatever is sent.
///
/// ```
/// use victor_http::SseDecoder;
///
/// let mut decoder = SseDecoder::new(1024);
/// decoder.push(b"event: ping\ndata: {}\n\ndata: to be con");
/// let event = decoder.next_event()?.unwrap();
/// assert_eq!((event.event, event.data), ("ping", "{}"));
/// assert!(decoder.next_event()?.is_none());
/// decoder.push(b"tinued");
/// assert_eq!(decoder.finish()?.unwrap().data, "to be continued");
/// # Ok::<(), victor_http::SseError>(())
/// ```
#[derive(Debug)]
pub struct SseDecoder {
    /// The bytes of the event that is being read, and what is around it.
    buffer: Vec<u8>,
    /// Beginning of the event that is being read.
    start: usize,
    /// Beginning of the line that is being read.
    line: usize,
    /// Up to where the end of that line has been looked for.
    searched: usize,
    /// Whether the line before ended with CR, so that an LF here belongs to it.
    after_cr: bool,
    /// Whether nothing has been read yet, so that a byte order mark may follow.
    at_start: bool,
    /// The name of the event that is being read.
    event: Vec<u8>,
    /// Place of its data in the buffer. Further lines of data are moved to the end of the first.
    data: Option<Range<usize>>,
    /// Whether that event is whole and has been handed out.
    handed_out: bool,
    /// Largest size of an event, in bytes.
    limit: usize,
    /// Whether one was larger.
    too_large: bool,
}

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SseEvent<'a> {
    /// Kind of the event; empty if the server names none.
    pub event: &'a str,
    /// Data of the event.
    pub data: &'a str,
    /// Whether the blank line came that ends an event. If not, the stream ended first, and the data may be cut off.
    pub complete: bool,
}

/// Why an event cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SseError {
    /// An event is larger than it may be. Nothing can be decoded after it.
    #[error("an event is larger than {limit} bytes")]
    TooLarge {
        /// Largest size in bytes, with the names of fields, the line ends and the comments.
        limit: usize,
    },
    /// The name or the data of an event is not UTF-8. The next call goes on with the event after it.
    #[error("an event is not valid UTF-8")]
    InvalidUtf8,
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl SseDecoder {
    /// A decoder for events of up to `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            line: 0,
            searched: 0,
            after_cr: false,
            at_start: true,
            event: Vec::new(),
            data: None,
            handed_out: false,
            limit,
            too_large: false,
        }
    }

    /// Returns whether a body that came whole is a stream of events, by how its first line begins.
    #[must_use]
    pub fn is_stream(body: &str) -> bool {
        let body = body.trim_start_matches('\u{feff}').trim_start();
        let fields = [":", "data:", "event:", "id:", "retry:"];
        fields.iter().any(|field| body.starts_with(field))
    }

    /// Takes the next bytes of the stream. Call [`next_event`](Self::next_event) until there is none before you push
    /// more: what is pushed waits in memory until it has been read.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.too_large {
            return;
        }
        self.forget_handed_out();
        // Moving the rest to the front only when it is the smaller part keeps the work linear.
        if self.start >= self.buffer.len() - self.start {
            self.buffer.drain(..self.start);
            self.line -= self.start;
            self.searched -= self.start;
            if let Some(data) = &mut self.data {
                *data = data.start - self.start..data.end - self.start;
            }
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next event that is whole, or none until more bytes come.
    ///
    /// # Errors
    ///
    /// [`SseError`]: the event is too large or not UTF-8.
    pub fn next_event(&mut self) -> Result<Option<SseEvent<'_>>, SseError> {
        if self.advance()? {
            self.current(true).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The next event when no more bytes come: those that are whole, and at last the one that lacks its blank line.
    /// Call it until there is none.
    ///
    /// # Errors
    ///
    /// [`SseError`]: the event is too large or not UTF-8.
    pub fn finish(&mut self) -> Result<Option<SseEvent<'_>>, SseError> {
        if self.advance()? {
            self.current(true).map(Some)
        } else if self.advance_at_end() {
            self.current(false).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Reads up to the end of the next event. Whether there was one: then it is the [`current`](Self::current) one.
    pub(crate) fn advance(&mut self) -> Result<bool, SseError> {
        self.forget_handed_out();
        if self.at_start && !self.skip_byte_order_mark() {
            return Ok(false);
        }
        loop {
            if self.after_cr && self.line < self.buffer.len() {
                self.after_cr = false;
                if self.buffer[self.line] == b'\n' {
                    self.line += 1;
                    self.searched = self.line;
                    self.skip_unless_begun();
                }
            }
            let Some(length) = memchr2(b'\n', b'\r', &self.buffer[self.searched..]) else {
                self.searched = self.buffer.len();
                self.check_size(self.searched)?;
                return Ok(false);
            };
            let end = self.searched + length;
            self.check_size(end)?;
            self.after_cr = self.buffer[end] == b'\r';
            let line = mem::replace(&mut self.line, end + 1)..end;
            self.searched = self.line;
            if !line.is_empty() {
                self.read_field(line);
            } else if self.data.is_some() {
                self.start = self.line;
                self.handed_out = true;
                return Ok(true);
            } else {
                self.event.clear();
            }
            self.skip_unless_begun();
        }
    }

    /// Takes what is left as the last event. Whether there was one.
    pub(crate) fn advance_at_end(&mut self) -> bool {
        let end = self.buffer.len();
        let line = mem::replace(&mut self.line, end)..end;
        self.searched = end;
        self.start = end;
        self.read_field(line);
        self.handed_out = true;
        self.data.is_some()
    }

    /// The event that was read last.
    pub(crate) fn current(&self, complete: bool) -> Result<SseEvent<'_>, SseError> {
        let text = |bytes| str::from_utf8(bytes).map_err(|_| SseError::InvalidUtf8);
        let data = self.data.clone().unwrap_or_default();
        Ok(SseEvent {
            event: text(&self.event)?,
            data: text(&self.buffer[data])?,
            complete,
        })
    }

    fn forget_handed_out(&mut self) {
        if mem::take(&mut self.handed_out) {
            self.event.clear();
            self.data = None;
        }
    }

    /// Whether it is known that there is none, or none any more.
    fn skip_byte_order_mark(&mut self) -> bool {
        if self.buffer.starts_with(BYTE_ORDER_MARK) {
            self.start = BYTE_ORDER_MARK.len();
            self.line = self.start;
            self.searched = self.start;
        } else if BYTE_ORDER_MARK.starts_with(&self.buffer) {
            return false;
        }
        self.at_start = false;
        true
    }

    /// Leaves comments and unknown fields behind, so that any number of them may come between two events.
    fn skip_unless_begun(&mut self) {
        if self.data.is_none() && self.event.is_empty() {
            self.start = self.line;
        }
    }

    /// Counts bytes from the beginning of the event, so that it does not matter how the stream is cut.
    fn check_size(&mut self, end: usize) -> Result<(), SseError> {
        if end - self.start > self.limit {
            self.buffer = Vec::new();
            (self.start, self.line, self.searched) = (0, 0, 0);
            self.too_large = true;
        }
        if self.too_large {
            return Err(SseError::TooLarge { limit: self.limit });
        }
        Ok(())
    }

    fn read_field(&mut self, line: Range<usize>) {
        let bytes = &self.buffer[line.clone()];
        let (name, value) = match memchr(b':', bytes) {
            Some(colon) => {
                let space = usize::from(bytes.get(colon + 1) == Some(&b' '));
                (&bytes[..colon], line.start + colon + 1 + space..line.end)
            }
            None => (bytes, line.end..line.end),
        };
        match (name, &mut self.data) {
            (b"data", None) => self.data = Some(value),
            (b"data", Some(data)) => {
                // There is always room: between them are at least a line end and the name of the field.
                self.buffer[data.end] = b'\n';
                let target = data.end + 1;
                data.end = target + value.len();
                self.buffer.copy_within(value, target);
            }
            (b"event", _) => {
                self.event.clear();
                self.event.extend_from_slice(&self.buffer[value]);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SseDecoder, SseError};

    #[test]
    fn a_stream_is_told_from_a_document() {
        for stream in [
            "data: 1\n\n",
            "\u{feff}\r\n: hi\n",
            "event:a\ndata: 1",
            "id: 1\n",
        ] {
            assert!(SseDecoder::is_stream(stream), "{stream:?}");
        }
        for document in ["", "{\"data\": 1}", "[1]", "data", "<html>data: 1"] {
            assert!(!SseDecoder::is_stream(document), "{document:?}");
        }
    }

    #[test]
    fn memory_is_bounded_by_the_limit_and_the_chunk() {
        let limit = 1000;
        for stream in [
            "data: a\n\n",
            "data: a\n",
            "data",
            ": ping\n",
            ": no end ",
            "event: a\n",
            "event: a\nevent:\n",
            "id: 7\r\n\r\n",
            "\n\r\n\r",
            "data: \u{fffd}\n\ndata: begun",
        ] {
            for repeat in [1, 100] {
                let chunk = stream.repeat(repeat).into_bytes();
                let mut decoder = SseDecoder::new(limit);
                for _ in 0..2_000 {
                    decoder.push(&chunk);
                    while let Ok(Some(_)) | Err(SseError::InvalidUtf8) = decoder.next_event() {}
                }
                let held = decoder.buffer.capacity() + decoder.event.capacity();
                assert!(held <= 5 * (limit + chunk.len()), "{stream:?}: {held}");
            }
        }
    }
}
