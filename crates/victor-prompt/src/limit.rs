//! The size limit of contributions.

use victor_context_protocol::TokenCounter;
use victor_core::contain_sync;
use victor_prompt_protocol::Contribution;

/// Bytes of a token, where nobody counts.
const TOKEN_BYTES: usize = 4;

/// Bytes that no token exceeds in a text that is worth counting. A longer text is cut before it is counted.
const MOST_BYTES: usize = 16;

/// Cuts a contribution that has more than `limit` tokens, and returns a remark about it.
pub(crate) fn cut(
    contribution: Contribution,
    limit: u32,
    counter: Option<&dyn TokenCounter>,
) -> (Contribution, Option<String>) {
    let text = contribution.text();
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    // No text has more tokens than bytes.
    if text.len() <= most {
        return (contribution, None);
    }
    let count = |text: &str| match counter {
        Some(counter) => contain_sync(|| counter.count_text(text) as usize)
            .unwrap_or_else(|_| text.len().div_ceil(TOKEN_BYTES)),
        None => text.len().div_ceil(TOKEN_BYTES),
    };
    let mut kept = &text[..text.floor_char_boundary(most.saturating_mul(MOST_BYTES))];
    loop {
        let tokens = count(kept);
        if tokens <= most {
            break;
        }
        // In proportion, and a little less, so that it ends.
        let bytes = (kept.len() as u128 * most as u128 / tokens as u128) as usize;
        kept = &kept[..kept.floor_char_boundary(bytes.min(kept.len() - 1))];
    }
    if kept.len() == text.len() {
        return (contribution, None);
    }
    let left_out = text.len() - kept.trim_end().len();
    let remark = format!(
        "its contribution was cut to {limit} tokens; {left_out} of {} bytes were left out",
        text.len()
    );
    let text = format!(
        "{}\n\n[The rest, {left_out} bytes, was too long and is left out.]",
        kept.trim_end()
    );
    (contribution.with_text(text), Some(remark))
}

#[cfg(test)]
mod tests {
    use victor_testkit::CharCounter;

    use super::*;

    #[track_caller]
    fn check(text: &str, limit: u32, counter: Option<&dyn TokenCounter>, kept: Option<usize>) {
        let (cut, remark) = cut(text.into(), limit, counter);
        assert_eq!(remark.is_some(), kept.is_some());
        match kept {
            None => assert_eq!(cut.text(), text),
            Some(kept) => {
                let note = format!(
                    "{}\n\n[The rest, {} bytes, was too long and is left out.]",
                    &text[..kept],
                    text.len() - kept
                );
                assert_eq!(cut.text(), note);
            }
        }
    }

    #[test]
    fn what_is_beyond_the_limit_is_cut_between_characters() {
        check("", 0, None, None);
        check("abcdefgh", 2, None, None);
        check("abcdefghi", 2, None, Some(6));
        check("ééééé", 2, None, Some(6));
        check("ééééé", 5, Some(&CharCounter), None);
        check("ééééé", 3, Some(&CharCounter), Some(6));
        check(&"x".repeat(5_000_000), 1_000, None, Some(4_000));
        check(
            &"x".repeat(5_000_000),
            1_000,
            Some(&CharCounter),
            Some(1_000),
        );
    }
}
