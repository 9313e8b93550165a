//! Text as it stands in a file or comes from a server: in one encoding or another, with a byte order mark or without.

use std::borrow::Cow;
use std::sync::LazyLock;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{EncoderResult, Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE};
use regex::bytes::Regex;
use victor_tool_protocol::ToolError;

/// The encoding of a text in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Charset {
    encoding: &'static Encoding,
    /// Whether a byte order mark stands before the text.
    mark: bool,
    /// Whether single bytes do not fit; U+FFFD stands for them.
    damaged: bool,
}

impl Charset {
    pub(crate) const UTF_8: Self = Self::of(UTF_8);

    const fn of(encoding: &'static Encoding) -> Self {
        Self {
            encoding,
            mark: false,
            damaged: false,
        }
    }

    /// Whether the text is not all that the bytes say, so that it cannot be written again.
    pub(crate) fn is_damaged(self) -> bool {
        self.damaged
    }

    /// Its name in the Encoding Standard, if it is not UTF-8.
    pub(crate) fn name(self) -> Option<&'static str> {
        (self.encoding != UTF_8).then(|| self.encoding.name())
    }

    /// The bytes of a text.
    ///
    /// # Errors
    ///
    /// The first character that the encoding does not have.
    pub(crate) fn encode(self, text: &str) -> Result<Vec<u8>, char> {
        let mark = if self.mark { "\u{feff}" } else { "" };
        let units = mark.encode_utf16().chain(text.encode_utf16());
        if self.encoding == UTF_16LE {
            return Ok(units.flat_map(u16::to_le_bytes).collect());
        }
        if self.encoding == UTF_16BE {
            return Ok(units.flat_map(u16::to_be_bytes).collect());
        }
        if self.encoding == UTF_8 {
            return Ok([mark, text].concat().into_bytes());
        }
        let mut encoder = self.encoding.new_encoder();
        let mut bytes = Vec::with_capacity(text.len());
        let mut at = 0;
        loop {
            let (result, read) =
                encoder.encode_from_utf8_to_vec_without_replacement(&text[at..], &mut bytes, true);
            at += read;
            match result {
                EncoderResult::InputEmpty => return Ok(bytes),
                EncoderResult::OutputFull => bytes.reserve(64 + text.len() - at),
                EncoderResult::Unmappable(c) => return Err(c),
            }
        }
    }
}

/// The new text of a file.
pub(crate) struct Text {
    pub(crate) text: String,
    /// The bytes that stand for it, where they are not those of UTF-8.
    bytes: Option<Vec<u8>>,
}

impl Text {
    /// A text in the encoding in which the file `shown` is written.
    pub(crate) fn new(text: String, charset: Charset, shown: &str) -> Result<Self, ToolError> {
        let bytes = (charset != Charset::UTF_8).then(|| charset.encode(&text));
        match bytes.transpose() {
            Ok(bytes) => Ok(Self { text, bytes }),
            Err(c) => Err(ToolError::InvalidArguments(format!(
                "`{shown}` is written in {}, which has no character {c:?} (U+{:04X}): write it in another way; nothing \
                 was changed",
                charset.name().unwrap_or("UTF-8"),
                u32::from(c)
            ))),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or(self.text.as_bytes())
    }
}

/// The text that bytes stand for, without a byte order mark, and how it is written; none if it is not text.
///
/// A byte order mark decides, then UTF-8 where the bytes are that, then what is declared with the text or in it, and
/// else a guess by what is usual in the languages of the world.
pub(crate) fn decode<'a>(
    bytes: &'a [u8],
    declared: Option<&'static Encoding>,
) -> Option<(Cow<'a, str>, Charset)> {
    let unmarked = |text, encoding| Some((text, Charset::of(encoding)));
    if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        let text = exactly(encoding, &bytes[length..])?;
        let mark = true;
        return Some((
            text,
            Charset {
                mark,
                ..Charset::of(encoding)
            },
        ));
    }
    if let Some(text) = exactly(UTF_8, bytes)
        // Which has seven bits, so that it would pass for ASCII.
        && (!text.contains('\x1b') || declared.or_else(|| in_text(bytes)) != Some(ISO_2022_JP))
    {
        return unmarked(text, UTF_8);
    }
    if let Some(encoding) = declared.or_else(|| in_text(bytes))
        && let Some(text) = exactly(encoding, bytes)
    {
        return unmarked(text, encoding);
    }
    if let Some((text, encoding)) = utf_16(bytes) {
        return unmarked(text, encoding);
    }
    if bytes.iter().any(is_control) {
        return None;
    }
    if is_mostly_utf_8(bytes) {
        let damaged = true;
        let charset = Charset {
            damaged,
            ..Charset::UTF_8
        };
        return Some((String::from_utf8_lossy(bytes), charset));
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let encoding = detector.guess(None, Utf8Detection::Deny);
    unmarked(exactly(encoding, bytes)?, encoding)
}

/// The text of a document from the web, as [`decode`] does and a browser: where single bytes do not fit its
/// declaration, U+FFFD stands for them.
#[cfg(feature = "fetch")]
pub(crate) fn decode_page<'a>(
    bytes: &'a [u8],
    declared: Option<&'static Encoding>,
) -> Option<(Cow<'a, str>, Charset)> {
    let encoding = declared.or_else(|| in_text(bytes));
    let is_plain = Encoding::for_bom(bytes).is_none() && std::str::from_utf8(bytes).is_err();
    match encoding.filter(|_| is_plain && !bytes.iter().any(is_control)) {
        Some(encoding) => {
            let (text, damaged) = encoding.decode_without_bom_handling(bytes);
            Some((
                text,
                Charset {
                    damaged,
                    ..Charset::of(encoding)
                },
            ))
        }
        None => decode(bytes, declared),
    }
}

/// The encoding with this name.
pub(crate) fn named(label: &[u8]) -> Option<&'static Encoding> {
    let known = Encoding::for_label_no_replacement(label);
    known.or_else(|| {
        // Such as `latin-1` and `euc_jp`, as Python and editors call them.
        let label = String::from_utf8_lossy(label).replace('_', "-");
        let known = Encoding::for_label_no_replacement(label.as_bytes());
        known.or_else(|| Encoding::for_label_no_replacement(label.replace('-', "").as_bytes()))
    })
}

/// Reads the encoding that a text declares near its beginning: HTML and CSS by `charset`, XML by `encoding`, Python and
/// editors by `coding`.
fn in_text(bytes: &[u8]) -> Option<&'static Encoding> {
    static DECLARATION: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?i-u)(?:charset|coding)[ \t]*[=: ][ \t]*["']?([a-z0-9][a-z0-9._:-]*)"#)
            .expect("the expression is one")
    });
    let head = &bytes[..bytes.len().min(1024)];
    let mut labels = DECLARATION.captures_iter(head).map(|found| {
        let (_, [label]) = found.extract();
        label
    });
    labels
        .find_map(named)
        .filter(|encoding| *encoding != UTF_16LE && *encoding != UTF_16BE) // or this could not be read
}

/// The text, if the bytes are such text without an error.
fn exactly<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> Option<Cow<'a, str>> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
    text.filter(|text| !text.contains('\0'))
}

/// UTF-16 without a byte order mark. Half of its bytes are zero where most characters are Latin, and always the same
/// ones of each pair.
fn utf_16(bytes: &[u8]) -> Option<(Cow<'_, str>, &'static Encoding)> {
    let zeros = |first: usize| {
        let each_second = bytes.iter().skip(first).step_by(2);
        each_second.filter(|byte| **byte == 0).count()
    };
    let most = |zeros: usize| zeros > 1 && zeros >= bytes.len() / 4;
    let encoding = match (zeros(0), zeros(1)) {
        (0, low) if most(low) => UTF_16LE,
        (high, 0) if most(high) => UTF_16BE,
        _ => return None,
    };
    let text = exactly(encoding, bytes)?;
    (!text.bytes().any(|byte| is_control(&byte))).then_some((text, encoding))
}

/// Whether characters beyond ASCII are more often those of UTF-8 than not. In other encodings they hardly ever are.
fn is_mostly_utf_8(bytes: &[u8]) -> bool {
    let (mut good, mut bad) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    good > bad
}

/// Whether it stands in no text, in whatever encoding.
fn is_control(byte: &u8) -> bool {
    matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes that are this text in this encoding, and become the same again.
    #[track_caller]
    fn check(bytes: &[u8], text: &str, name: Option<&str>) {
        let (found, charset) = decode(bytes, None).expect("it is text");
        assert_eq!((&*found, charset.name()), (text, name));
        assert_eq!(charset.encode(&found).as_deref(), Ok(bytes));
    }

    #[test]
    fn text_is_known_by_its_mark_its_bytes_or_its_language() {
        check(b"", "", None);
        check("grün".as_bytes(), "grün", None);
        check(b"\xef\xbb\xbfa", "a", None);
        check(b"\xff\xfea\0\xfc\0", "aü", Some("UTF-16LE"));
        check(b"\xfe\xff\0a\0\xfc", "aü", Some("UTF-16BE"));
        check(b"a\0b\0\n\0", "ab\n", Some("UTF-16LE"));
        check(b"\0a\0b\0\n", "ab\n", Some("UTF-16BE"));
        check(b"caf\xe9 cr\xe8me\n", "café crème\n", Some("windows-1252"));
        let japanese =
            b"\x93\xfa\x96\x7b\x8c\xea\x82\xcc\x83\x65\x83\x4c\x83\x58\x83\x67\x82\xc5\x82\xb7\x81\x42\n";
        check(japanese, "日本語のテキストです。\n", Some("Shift_JIS"));
        let chinese = b"\xd5\xe2\xca\xc7\xd2\xbb\xb8\xf6\xd6\xd0\xce\xc4\xce\xc4\xbc\xfe\xa1\xa3\n";
        check(chinese, "这是一个中文文件。\n", Some("GBK"));
        let russian =
            b"\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0! \xdd\xf2\xee \xf2\xe5\xea\xf1\xf2.\n";
        check(russian, "Привет, мир! Это текст.\n", Some("windows-1251"));
    }

    #[test]
    fn what_text_says_of_itself_counts_where_it_is_not_utf_8() {
        check(
            b"# -*- coding: latin-1 -*-\n\xe9",
            "# -*- coding: latin-1 -*-\né",
            Some("windows-1252"),
        );
        check(
            b"<?xml version=\"1.0\" encoding='ISO-8859-2'?>\xb1",
            "<?xml version=\"1.0\" encoding='ISO-8859-2'?>ą",
            Some("ISO-8859-2"),
        );
        check(
            b"<meta charset=koi8-r>\xc1",
            "<meta charset=koi8-r>а",
            Some("KOI8-R"),
        );
        check(
            b"<meta charset=iso-2022-jp>\x1b$B$\"\x1b(B",
            "<meta charset=iso-2022-jp>あ",
            Some("ISO-2022-JP"),
        );
        check(
            "<meta charset=koi8-r>ä".as_bytes(),
            "<meta charset=koi8-r>ä",
            None,
        );
        check(b"\x1b[1mbold", "\x1b[1mbold", None);
    }

    #[test]
    fn what_is_no_text_is_known() {
        for bytes in [
            &b"a\0b"[..],
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            b"\xff\xfe\0\0a\0\0\0",
            b"\x01\0\x02\0\x03\0\x04\0",
            b"\xe9\x01",
        ] {
            assert!(decode(bytes, None).is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn a_wrong_byte_in_utf_8_is_no_other_encoding() {
        let decoded =
            |bytes| decode(bytes, None).map(|(text, charset)| (text, charset.is_damaged()));
        let damaged = b"gr\xc3\xbc\xc3\x9fe \xff\n";
        assert_eq!(decoded(damaged), Some(("grüße \u{fffd}\n".into(), true)));
        assert_eq!(decoded(b"gr\xfc\xdfe\n"), Some(("grüße\n".into(), false)));
    }

    #[test]
    fn a_character_that_an_encoding_lacks_is_told() {
        let (_, charset) = decode(b"caf\xe9", None).unwrap();
        assert_eq!(charset.encode("5 €"), Ok(b"5 \x80".to_vec()));
        assert_eq!(charset.encode("a → b"), Err('→'));
    }

    proptest! {
        #[test]
        fn any_text_comes_back_from_any_unicode_encoding(
            text in "[^\0]{0,40}",
            mark in any::<bool>(),
            encoding in prop::sample::select(vec![UTF_8, UTF_16LE, UTF_16BE]),
        ) {
            // Without a mark it need not be known for what it is.
            prop_assume!(mark || encoding == UTF_8 && !text.starts_with('\u{feff}'));
            let charset = Charset { mark, ..Charset::of(encoding) };
            let bytes = charset.encode(&text).unwrap();
            prop_assert_eq!(decode(&bytes, None), Some((text.into(), charset)));
        }

        #[test]
        fn whatever_is_read_as_text_is_written_as_text_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some((text, charset)) = decode(&bytes, None) {
                let written = charset.encode(&text);
                prop_assert!(written.is_err() || decode(&written.unwrap(), None).is_some());
            }
        }
    }
}
