//! Names that follow from contents.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use victor_core::Message;

/// The SHA-256 hash of some content (FIPS 180-4): equal content has equal hashes, and nobody can make other content
/// that has the same.
///
/// ```
/// use victor_checkpoint_protocol::ContentHash;
///
/// let hash = ContentHash::of(b"abc");
/// assert_eq!(hash.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
/// assert_eq!(hash.to_string().parse(), Ok(hash));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// The hash of some bytes.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        let mut state = INITIAL;
        let (blocks, rest) = content.as_chunks::<64>();
        for block in blocks {
            compress(&mut state, block);
        }
        // The rest, one bit, zeros, and the length in bits, in one block or two.
        let mut tail = [0; 128];
        tail[..rest.len()].copy_from_slice(rest);
        tail[rest.len()] = 0x80;
        let end = if rest.len() < 56 { 64 } else { 128 };
        tail[end - 8..end].copy_from_slice(&(content.len() as u64 * 8).to_be_bytes());
        for block in tail[..end].as_chunks::<64>().0 {
            compress(&mut state, block);
        }
        let mut hash = [0; 32];
        for (bytes, word) in hash.as_chunks_mut::<4>().0.iter_mut().zip(state) {
            *bytes = word.to_be_bytes();
        }
        Self(hash)
    }

    /// The hash of a message in its stored form.
    #[must_use]
    pub fn of_message(message: &Message) -> Self {
        // A message has only fields and keys that JSON can hold, so this cannot fail.
        Self::of(&serde_json::to_vec(message).unwrap_or_default())
    }

    /// The hash with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A text that should have been a hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a content hash: expected 64 hexadecimal digits")]
pub struct ParseHashError(String);

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ContentHash {
    type Err = ParseHashError;

    fn from_str(text: &str) -> Result<Self, ParseHashError> {
        let mut hash = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let digit = |byte: u8| char::from(byte).to_digit(16);
        if !rest.is_empty() || pairs.len() != hash.len() {
            return Err(ParseHashError(text.to_owned()));
        }
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            let value = digit(*high)
                .zip(digit(*low))
                .map(|(high, low)| high * 16 + low);
            *byte = value
                .and_then(|value| u8::try_from(value).ok())
                .ok_or_else(|| ParseHashError(text.to_owned()))?;
        }
        Ok(Self(hash))
    }
}

impl Serialize for ContentHash {
    /// In hexadecimal digits.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// The first 32 bits behind the point of the square roots of the first eight primes.
const INITIAL: [u32; 8] = root_fractions(2);

/// The first 32 bits behind the point of the cube roots of the first sixty-four primes.
const ROUND: [u32; 64] = root_fractions(3);

/// The first 32 bits behind the point of the roots of the first `N` primes: the standard's constants, computed where
/// a table could have a slip of the pen.
const fn root_fractions<const N: usize>(degree: u32) -> [u32; N] {
    let mut fractions = [0; N];
    let (mut found, mut candidate) = (0, 2_u128);
    while found < N {
        let mut divisor = 2;
        while divisor * divisor <= candidate && candidate % divisor != 0 {
            divisor += 1;
        }
        if divisor * divisor > candidate {
            // The greatest number whose power is not above the prime times 2^(32 * degree).
            let target = candidate << (32 * degree);
            let (mut root, mut bit) = (0_u128, 1 << 36);
            while bit > 0 {
                if (root + bit).pow(degree) <= target {
                    root += bit;
                }
                bit >>= 1;
            }
            fractions[found] = (root & 0xffff_ffff) as u32;
            found += 1;
        }
        candidate += 1;
    }
    fractions
}

fn compress(state: &mut [u32; 8], block: &[u8; 64]) {
    let mut schedule = [0; 64];
    for (word, bytes) in schedule.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    for t in 16..64 {
        let (w15, w2) = (schedule[t - 15], schedule[t - 2]);
        let s0 = w15.rotate_right(7) ^ w15.rotate_right(18) ^ (w15 >> 3);
        let s1 = w2.rotate_right(17) ^ w2.rotate_right(19) ^ (w2 >> 10);
        schedule[t] = u32::wrapping_add(schedule[t - 16], s0)
            .wrapping_add(schedule[t - 7])
            .wrapping_add(s1);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for (constant, word) in ROUND.iter().zip(schedule) {
        let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choice = (e & f) ^ (!e & g);
        let first = h
            .wrapping_add(s1)
            .wrapping_add(choice)
            .wrapping_add(*constant)
            .wrapping_add(word);
        let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        let second = s0.wrapping_add(majority);
        (h, g, f, e) = (g, f, e, d.wrapping_add(first));
        (d, c, b, a) = (c, b, a, first.wrapping_add(second));
    }
    for (word, add) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = word.wrapping_add(add);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content: &[u8], expected: &str) {
        assert_eq!(ContentHash::of(content).to_string(), expected);
    }

    /// The examples of FIPS 180-4 and of the NIST validation suite; the others by GNU coreutils' `sha256sum`.
    #[test]
    fn the_standards_examples() {
        check(
            b"",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        );
        check(
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        );
        check(
            &[b'a'; 1_000_000],
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
        );
        check(
            &[b'a'; 55],
            "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318",
        );
        check(
            &[b'a'; 56],
            "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a",
        );
        check(
            &[b'a'; 63],
            "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34",
        );
        check(
            &[b'a'; 64],
            "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb",
        );
    }

    #[test]
    fn a_text_that_is_no_hash_is_named() {
        for text in ["", "ab", &"g".repeat(64), &"a".repeat(63), &"a".repeat(66)] {
            let error = text.parse::<ContentHash>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` is not a content hash")));
        }
    }
}
