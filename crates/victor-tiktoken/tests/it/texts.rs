//! Counts of texts, against those of OpenAI's own `tiktoken` (0.14.0, with the vocabularies that it names by their hash).

use victor_context_protocol::TokenCounter;
use victor_tiktoken::{Encoding, TiktokenCounter};

#[track_caller]
fn check(text: &str, cl100k: u32, o200k: u32) {
    let count = |encoding| TiktokenCounter::new(encoding).count_text(text);
    let found = (count(Encoding::Cl100kBase), count(Encoding::O200kBase));
    assert_eq!(found, (cl100k, o200k));
    assert_eq!(count(Encoding::O200kHarmony), o200k);
}

#[test]
fn a_text_has_the_tokens_that_openai_counts() {
    check("tiktoken is great!", 6, 6);
    check(
        "The session store owns the transcript: append-only, complete, never rewritten.",
        15,
        15,
    );
    check("Don't you'd say it's WE'LL or they'Re?", 14, 11);
    check(
        "antidisestablishmentarianism, pneumonoultramicroscopicsilicovolcanoconiosis",
        22,
        20,
    );
    check(
        "fn main() {\n    let mut total = 0_u64;\n    for (index, value) in values.iter().enumerate() {\n        total += value * index as u64;\n    }\n}\n",
        41,
        42,
    );
    check(
        "{\"id\": 48213, \"name\": \"user_17\", \"score\": 0.7312, \"tags\": [\"alpha\", \"beta\"]}",
        33,
        34,
    );
    check(
        "2026-11-25T03:17:13.482Z ERROR http: 503 after 1234567 ms https://example.org/a/b?c=d&e=%20#f",
        40,
        40,
    );
    check("系统保存完整的对话记录，用户以后可以随时返回查看。", 20, 16);
    check("これは日本語の文章です。トークンの数を数えます。", 21, 17);
    check("대화는 언제나 유효한 상태로 저장됩니다.", 19, 13);
    check("Всё, что сказано, остаётся в журнале.", 23, 13);
    check("تُحفظ المحادثة كاملة ولا تُعاد كتابتها أبدًا.", 33, 17);
    check("यह एक उदाहरण वाक्य है।", 26, 8);
    check(
        "👩\u{200d}👩\u{200d}👧\u{200d}👦 family 🏳\u{fe0f}\u{200d}🌈 flag 🇩🇪 👍🏽",
        40,
        27,
    );
    check(
        "e\u{301} is not é, ﬁ is not fi, x² ≠ x₂ — “quotes” … ‰",
        24,
        24,
    );
    check(
        "\ttabs\t\tand  two   three    spaces \n\n\n and\r\nlines \r\n\r\n",
        15,
        15,
    );
    check(
        "camelCaseIdentifier HTTPServer snake_case_name SCREAMING_CASE kebab-case",
        15,
        15,
    );
    check("<|endoftext|> <|im_start|>system<|im_end|>", 19, 20);
    check(
        "path/to/file.rs:12:5 //// ...\n/ C:\\Windows\\System32",
        16,
        17,
    );
    check("0 12 345 6789 1234567890 3.14159 1e-9 0x7fff ½ Ⅷ ٣", 36, 35);
    check("aGVsbG8gd29ybGQsIHRoaXMgaXMgYmFzZTY0IGRhdGE=", 30, 28);
    check(
        "\u{a0}non-breaking\u{3000}ideographic\u{2028}separator\u{85}next\u{200b}zero",
        13,
        13,
    );
    check(
        "\u{feff}\u{0}\u{7}\u{1b}[31mred\u{1b}[0m\u{fffd}\u{10ffff}",
        15,
        17,
    );
    check("   leading and trailing   ", 5, 5);
    check("!!!???...---===*** ((([[[{{{}}}]]])))", 13, 15);
}

/// One piece is 12 KiB. The reference overflows its stack on some of these texts; its merge alone counts them.
#[test]
fn a_run_without_boundaries_is_counted_piece_by_piece() {
    #[track_caller]
    fn check_nearly(text: &str, cl100k: u32, o200k: u32) {
        let off = u32::try_from(text.len() / (12 << 10)).unwrap();
        for (encoding, expected) in [(Encoding::Cl100kBase, cl100k), (Encoding::O200kBase, o200k)] {
            let found = TiktokenCounter::new(encoding).count_text(text);
            assert!(found.abs_diff(expected) <= off, "{found} for {expected}");
        }
    }
    const LENGTH: usize = 120_000;
    check(&" ".repeat(LENGTH), 938, 938);
    check(&"a".repeat(LENGTH), 15_000, 15_000);
    check(&"\n".repeat(LENGTH), 3_750, 7_500);
    check(&"7".repeat(LENGTH), 40_000, 40_000);
    check(&"中".repeat(LENGTH), 120_000, 120_000);
    check(&"=-".repeat(LENGTH / 2), 7_500, 7_500);
    check(&"🙂".repeat(LENGTH / 4), 60_000, 30_000);
    check(&"word ".repeat(LENGTH / 5), 24_001, 24_001);
    check_nearly(&base64(LENGTH), 86_259, 82_080);
}

/// The digits of a generator whose numbers anybody can make again: that of Knuth's MMIX.
fn base64(length: usize) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let digits = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(DIGITS[usize::try_from(state >> 58).unwrap()])
    });
    digits.take(length).collect()
}
