//! The division of the texts of a call into pieces of work.

use std::ops::Range;

/// The maximum number of bytes of text in one piece, unless a single text is longer. At about four bytes to a token,
/// matrices of this height are multiplied at full speed, and a piece takes an eighth of a second at most.
const MOST: usize = 1024;

/// The minimum number of bytes in one piece, if there are that many: less is not worth a thread.
const LEAST: usize = 256;

/// Splits texts, of which only `max_tokens` each will be read, into pieces of about equal size for so many threads.
pub(crate) fn split(texts: &[&str], max_tokens: usize, threads: usize) -> Vec<Range<usize>> {
    let cost = |text: &&str| {
        let read = text.len().min(max_tokens.saturating_mul(4));
        // Eight bytes for the tokens that begin and end every text.
        read.saturating_add(8)
    };
    let total: usize = texts.iter().map(cost).sum();
    // Every thread has as many pieces as every other.
    let rounds = total.div_ceil(threads.saturating_mul(MOST)).max(1);
    let size = total.div_ceil(threads * rounds).max(LEAST);
    let mut pieces = Vec::new();
    let (mut start, mut sum) = (0, 0);
    for (index, text) in texts.iter().enumerate() {
        let cost = cost(text);
        if sum + cost > size && start < index {
            pieces.push(start..index);
            (start, sum) = (index, 0);
        }
        sum += cost;
    }
    if start < texts.len() {
        pieces.push(start..texts.len());
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::split;

    fn check(lengths: &[usize], max_tokens: usize, threads: usize, expected: &[usize]) {
        let long = "x".repeat(100_000);
        let texts: Vec<&str> = lengths.iter().map(|length| &long[..*length]).collect();
        let pieces = split(&texts, max_tokens, threads);
        let lengths: Vec<usize> = pieces.iter().map(ExactSizeIterator::len).collect();
        assert_eq!(lengths, expected, "{texts:?}");
        assert!(pieces.into_iter().flatten().eq(0..texts.len()));
    }

    #[test]
    fn pieces_are_neither_too_small_nor_too_large() {
        check(&[], 256, 2, &[]);
        check(&[0], 256, 2, &[1]);
        check(&[20, 20, 20, 20], 256, 2, &[4]);
        check(&[492; 2], 256, 2, &[1, 1]);
        check(&[92; 20], 256, 2, &[10, 10]);
        check(&[92; 32], 256, 2, &[8, 8, 8, 8]);
        check(&[92; 32], 256, 1, &[8, 8, 8, 8]);
        check(&[92; 5], 256, usize::MAX, &[2, 2, 1]);
    }

    #[test]
    fn a_long_text_is_alone_and_costs_what_is_read_of_it() {
        check(&[100_000, 10, 10], 256, 2, &[1, 2]);
        check(&[10, 100_000, 10], 1000, 2, &[1, 1, 1]);
        check(&[100_000; 4], 23, 2, &[2, 2]);
        check(&[100_000], usize::MAX, 1, &[1]);
    }
}
