//! The place of an operation in a distributed trace.

use std::fmt;
use std::sync::Arc;

use crate::EventId;

/// The place of an operation in a distributed trace: its trace and its span, as
/// [W3C Trace Context](https://www.w3.org/TR/trace-context/) carries them from one program to the next.
///
/// ```
/// use victor_core::TraceContext;
///
/// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let caller = TraceContext::parse(header).unwrap();
/// assert_eq!(caller.to_string(), header);
/// let inner = caller.child("call 1");
/// assert_eq!(inner.trace_id(), caller.trace_id());
/// assert_ne!(inner.span_id(), caller.span_id());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    flags: u8,
    state: Option<Arc<str>>,
}

impl TraceContext {
    const SAMPLED: u8 = 1;

    /// Most bytes of a `tracestate` that is passed on. The standard demands 512; a longer one is left out.
    const MAX_STATE: usize = 8 * 1024;

    /// The place of the first operation of a new trace, which is sampled.
    #[must_use]
    pub fn generate() -> Self {
        Self {
            trace_id: EventId::generate().as_u128(),
            span_id: fresh_span(),
            flags: Self::SAMPLED,
            state: None,
        }
    }

    /// Reads the header `traceparent`. None if it is not of the standard's form; the trace then begins anew.
    #[must_use]
    pub fn parse(traceparent: &str) -> Option<Self> {
        let (version, rest) = traceparent.split_once('-')?;
        let mut fields = rest.splitn(4, '-');
        let trace_id = hex(fields.next()?, 32)?;
        let span_id = u64::try_from(hex(fields.next()?, 16)?).ok()?;
        let flags = u8::try_from(hex(fields.next()?, 2)?).ok()?;
        let version = hex(version, 2)?;
        // A later version may have more fields at its end; this one has not.
        let is_known = version != 0xff && (version != 0 || fields.next().is_none());
        (is_known && trace_id != 0 && span_id != 0).then_some(Self {
            trace_id,
            span_id,
            flags: flags & Self::SAMPLED,
            state: None,
        })
    }

    /// Sets the header `tracestate`, which goes along as it is. An empty one, one of more than 8 KiB and one with
    /// characters that no header may have is left out.
    #[must_use]
    pub fn with_state(mut self, state: &str) -> Self {
        let is_sendable = state
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
        let is_kept = !state.trim().is_empty() && state.len() <= Self::MAX_STATE && is_sendable;
        self.state = is_kept.then(|| state.trim().into());
        self
    }

    /// The trace; never zero.
    #[must_use]
    pub fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// The span; never zero.
    #[must_use]
    pub fn span_id(&self) -> u64 {
        self.span_id
    }

    /// Whether the caller records the trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & Self::SAMPLED != 0
    }

    /// The header `tracestate`.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The place of a new operation below this one.
    #[must_use]
    pub fn fresh_child(&self) -> Self {
        Self {
            span_id: fresh_span(),
            ..self.clone()
        }
    }

    /// The place of the operation below this one that has this key. It follows from the two alone, so that whoever
    /// runs the operation and whoever records it name it alike.
    #[must_use]
    pub fn child(&self, key: &str) -> Self {
        // FNV-1a, and the last steps of SplitMix64, so that similar keys have span identifiers that differ everywhere.
        let bytes = self.span_id.to_be_bytes();
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in bytes.iter().chain(key.as_bytes()) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        hash ^= hash >> 31;
        Self {
            span_id: hash.max(1),
            ..self.clone()
        }
    }
}

impl fmt::Display for TraceContext {
    /// Writes the header `traceparent`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            trace_id,
            span_id,
            flags,
            ..
        } = self;
        write!(f, "00-{trace_id:032x}-{span_id:016x}-{flags:02x}")
    }
}

/// A span identifier that nothing else has: the random half of a UUID.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the upper half is the time"
)]
fn fresh_span() -> u64 {
    EventId::generate().as_u128() as u64
}

/// Reads exactly `digits` lower-case hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_number = text.len() == digits && text.bytes().all(is_hex);
    is_number.then(|| u128::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_standard_are_read_and_others_are_not() {
        const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
        const SPAN: &str = "00f067aa0ba902b7";
        let read = |text: &str| TraceContext::parse(text).map(|context| context.to_string());
        for (flags, sampled) in [("00", false), ("01", true), ("03", true), ("02", false)] {
            let context = TraceContext::parse(&format!("00-{TRACE}-{SPAN}-{flags}")).unwrap();
            assert_eq!(context.is_sampled(), sampled, "{flags}");
            assert_eq!(context.span_id(), 0x00f0_67aa_0ba9_02b7);
        }
        // A later version is read as far as it is known, and what goes on is of ours.
        let known = Some(format!("00-{TRACE}-{SPAN}-01"));
        assert_eq!(read(&format!("cc-{TRACE}-{SPAN}-01-what-ever")), known);
        for wrong in [
            String::new(),
            "00".into(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{}-{SPAN}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-+0f067aa0ba902b7-01"),
            format!("00-{TRACE}-é0f067aa0ba902b-01"),
            format!(" 00-{TRACE}-{SPAN}-01"),
        ] {
            assert_eq!(read(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_state_goes_along_unless_it_cannot_be_sent() {
        let root = TraceContext::generate();
        for (state, kept) in [
            ("a=1,b=2", Some("a=1,b=2")),
            ("", None),
            ("  ", None),
            ("a=1\r\nx: y", None),
        ] {
            let child = root.clone().with_state(state).child("x");
            assert_eq!(child.state(), kept);
        }
        assert_eq!(root.with_state(&"a".repeat(9000)).state(), None);
    }

    #[test]
    fn children_follow_from_their_keys() {
        let root = TraceContext::generate();
        assert!(root.is_sampled());
        assert_eq!(root.child("a/1"), root.child("a/1"));
        let names = ["", "a/1", "a/2", "b/1"].map(|key| root.child(key).span_id());
        for (index, name) in names.iter().enumerate() {
            assert!(*name != root.span_id() && !names[..index].contains(name));
        }
        assert_ne!(root.fresh_child(), root.fresh_child());
    }
}
