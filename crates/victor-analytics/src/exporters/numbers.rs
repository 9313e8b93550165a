//! Numbers of persons in texts: of cards, accounts and phones.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// A digit and its place in the text.
type Digit = (usize, u8);

/// Finds card numbers: 13 to 19 digits, alone or in groups with single spaces or hyphens, that begin as those of a card
/// network do (ISO/IEC 7812) and have the right check digit.
pub(super) fn cards(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() || at > 0 && bytes[at - 1].is_ascii_digit() {
            at += 1;
            continue;
        }
        // Groups are tried from the longest, since a card number may be followed by other numbers.
        let digits = digits(bytes, at);
        let ends = (13..=digits.len().min(19)).rev().filter(|count| {
            let last = digits[count - 1].0;
            !bytes.get(last + 1).is_some_and(u8::is_ascii_digit)
        });
        let card = ends
            .map(|count| &digits[..count])
            .find(|digits| is_card(digits));
        at = match card.and_then(|digits| digits.last()) {
            Some((last, _)) => {
                found.push(at..last + 1);
                last + 1
            }
            None => at + 1,
        };
    }
    found
}

/// Returns up to 19 digits from a place on, which single spaces or hyphens may part.
fn digits(bytes: &[u8], start: usize) -> Vec<Digit> {
    let mut digits = Vec::new();
    let mut at = start;
    while let Some(byte) = bytes.get(at).filter(|_| digits.len() < 19) {
        let next_is_digit = bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        match byte {
            b'0'..=b'9' => digits.push((at, byte - b'0')),
            b' ' | b'-' if next_is_digit => {}
            _ => break,
        }
        at += 1;
    }
    digits
}

fn is_card(digits: &[Digit]) -> bool {
    let first = |count: usize| {
        digits[..count]
            .iter()
            .fold(0_u32, |number, (_, digit)| number * 10 + u32::from(*digit))
    };
    let is_known = matches!(first(1), 4) // Visa
        || matches!(first(2), 34 | 37) // American Express
        || matches!(first(2), 51..=55) || matches!(first(4), 2221..=2720) // Mastercard
        || matches!(first(2), 50 | 56..=69) // Maestro, Discover, UnionPay, RuPay
        || matches!(first(2), 30 | 36 | 38 | 39) // Diners Club
        || matches!(first(2), 35) // JCB
        || matches!(first(4), 2200..=2204); // Mir
    let sum = digits.iter().rev().enumerate().map(|(place, (_, digit))| {
        let doubled = u32::from(*digit) * if place % 2 == 1 { 2 } else { 1 };
        if doubled > 9 { doubled - 9 } else { doubled }
    });
    is_known && sum.sum::<u32>().is_multiple_of(10)
}

/// Finds IBANs, with or without spaces (ISO 13616; lengths from the registry of SWIFT, release 99).
pub(super) fn ibans(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let is_start = at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
        match is_start.then(|| iban(bytes, at)).flatten() {
            Some(end) => {
                found.push(at..end);
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

/// Returns the end of the IBAN that begins at a place.
fn iban(bytes: &[u8], start: usize) -> Option<usize> {
    let country = bytes.get(start..start + 2)?.to_ascii_uppercase();
    let (_, length) = *LENGTHS
        .iter()
        .find(|(name, _)| name.as_bytes() == country)?;
    let mut characters = Vec::with_capacity(length);
    let mut at = start;
    while characters.len() < length {
        match bytes.get(at)? {
            byte if byte.is_ascii_alphanumeric() => characters.push(byte.to_ascii_uppercase()),
            b' ' | b'-' if bytes.get(at + 1)?.is_ascii_alphanumeric() => {}
            _ => return None,
        }
        at += 1;
    }
    let is_end = !bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    // The country and the check digits go to the end, letters count from 10, and the rest by 97 is 1.
    characters.rotate_left(4);
    let rest = characters.iter().fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        letter => (rest * 100 + u32::from(letter - b'A') + 10) % 97,
    });
    (is_end && rest == 1).then_some(at)
}

#[rustfmt::skip]
const LENGTHS: [(&str, usize); 77] = [
    ("AD", 24), ("AE", 23), ("AL", 28), ("AT", 20), ("AZ", 28), ("BA", 20), ("BE", 16), ("BG", 22), ("BH", 22),
    ("BI", 27), ("BR", 29), ("BY", 28), ("CH", 21), ("CR", 22), ("CY", 28), ("CZ", 24), ("DE", 22), ("DJ", 27),
    ("DK", 18), ("DO", 28), ("EE", 20), ("EG", 29), ("ES", 24), ("FI", 18), ("FO", 18), ("FR", 27), ("GB", 22),
    ("GE", 22), ("GI", 23), ("GL", 18), ("GR", 27), ("GT", 28), ("HR", 21), ("HU", 28), ("IE", 22), ("IL", 23),
    ("IQ", 23), ("IS", 26), ("IT", 27), ("JO", 30), ("KW", 30), ("KZ", 20), ("LB", 28), ("LC", 32), ("LI", 21),
    ("LT", 20), ("LU", 20), ("LV", 21), ("LY", 25), ("MC", 27), ("MD", 24), ("ME", 22), ("MK", 19), ("MN", 20),
    ("MR", 27), ("MT", 31), ("MU", 30), ("NL", 18), ("NO", 15), ("OM", 23), ("PK", 24), ("PL", 28), ("PS", 29),
    ("PT", 25), ("QA", 29), ("RO", 24), ("RS", 22), ("SA", 24), ("SE", 24), ("SI", 19), ("SK", 24), ("SM", 27),
    ("TN", 24), ("TR", 26), ("UA", 29), ("VA", 22), ("XK", 20),
];

/// Finds phone numbers: with a country code, or in the American form.
pub(super) fn phones(text: &str) -> Vec<Range<usize>> {
    static PHONES: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(concat!(
            r"(?:^|[^\p{L}\p{N}_-])(",
            r"(?:\+|00)[1-9](?:[ ./()-]{0,2}[0-9]){7,14}",
            r"|(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])[0-9]{3}[ .-][0-9]{4}",
            r")(?:$|[^\p{L}\p{N}_-])",
        ))
        .expect("the pattern is right, as the tests know")
    });
    let (mut found, mut start) = (Vec::new(), 0);
    // A number's end may be the next one's beginning, so searching goes on at the last digit.
    while let Some(phone) = PHONES
        .captures_at(text, start)
        .and_then(|captures| captures.get(1))
    {
        start = phone.end();
        found.push(phone.range());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str, find: fn(&str) -> Vec<Range<usize>>) -> Vec<&str> {
        find(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn card_numbers() {
        let check =
            |text: &str, expected: &[&str]| assert_eq!(texts(text, cards), expected, "{text}");
        check("4111111111111111", &["4111111111111111"]);
        check("pay 5555-5555-5555-4444!", &["5555-5555-5555-4444"]);
        check("3782 822463 10005 12/27", &["3782 822463 10005"]);
        check(
            "4111 1111 1111 1111 4111 1111 1111 1111",
            &["4111 1111 1111 1111", "4111 1111 1111 1111"],
        );
        check("7 6011111111111117", &["6011111111111117"]);
        check("4111111111111112", &[]);
        check("41111111111111110000000", &[]);
        check("1796065795137004", &[]);
        check("01a22e3f-a6a1-79f7-a917-ed6b986fc1ee", &[]);
        check("", &[]);
    }

    #[test]
    fn accounts() {
        let check =
            |text: &str, expected: &[&str]| assert_eq!(texts(text, ibans), expected, "{text}");
        check("DE89370400440532013000", &["DE89370400440532013000"]);
        check(
            "to gb29 nwbk 6016 1331 9268 19, please",
            &["gb29 nwbk 6016 1331 9268 19"],
        );
        check(
            "NO93 8601 1117 947 and BE68-5390-0754-7034",
            &["NO93 8601 1117 947", "BE68-5390-0754-7034"],
        );
        check("DE88370400440532013000", &[]);
        check("XDE89370400440532013000 DE893704004405320130001", &[]);
        check("größe DE", &[]);
    }

    #[test]
    fn phone_numbers() {
        let check =
            |text: &str, expected: &[&str]| assert_eq!(texts(text, phones), expected, "{text}");
        check("+49 30 1234567", &["+49 30 1234567"]);
        check(
            "call +1 (555) 123-4567 or 0049 (0)30/1234567.",
            &["+1 (555) 123-4567", "0049 (0)30/1234567"],
        );
        check(
            "(555) 123-4567, 555-123-4567 555.123.4567",
            &["(555) 123-4567", "555-123-4567", "555.123.4567"],
        );
        check("+1 2 3", &[]);
        check("0012-7000-8000-000000000000", &[]);
        check("01a22e3f-0049-3012-3456-7ed6b986fc1e", &[]);
        check("1796065795137004", &[]);
        check("2026-11-30 21:00:00", &[]);
    }
}
