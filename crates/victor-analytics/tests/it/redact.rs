//! What exporters get to see behind a redactor: secrets in every field of every event.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use serde_json::{Value, json};
use victor_analytics::{
    BatchExporter, ConsoleExporter, FilterExporter, JsonLinesExporter, RedactExporter, Redactor,
    TeeExporter,
};
use victor_analytics_protocol::{AnalyticsEvent, AnalyticsExporter};

#[derive(Debug, Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn redactor() -> Redactor {
    Redactor::default()
        .with_pattern("employee", r"\bE-\d{6}\b")
        .unwrap()
}

#[test]
fn what_is_found_and_what_is_left() {
    let check = |text: &str, expected: &str| assert_eq!(redactor().text(text), expected);
    check("jo.doe+x@mail.example.org", "[email]");
    check("<müller@größe.example>, a@b", "<[email]>, a@b");
    check("E-123456 E-1234567", "[employee] E-1234567");
    check(
        "sk-ant-api03-abcdefghijklmnop and ghp_abcdefghijklmnopqrstuvwx",
        "[key] and [key]",
    );
    check(
        "Authorization: Bearer abcdefghijklmnop==",
        "Authorization: [key]",
    );
    check(
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
        "[key]",
    );
    check(
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
        "[key]",
    );
    check(
        "paid 4111 1111 1111 1111, IBAN DE89 3704 0044 0532 0130 00",
        "paid [card], IBAN [iban]",
    );
    check("call +49 30 1234567 at 10:00", "call [phone] at 10:00");
    for left in [
        "",
        "turn_finished",
        "01a22e3f-a6a1-79f7-a917-ed6b986fc1ee",
        "2026-11-30T20:57:33.089994327Z",
        "claude-sonnet-4-5-20250929",
        "1796065795137004",
        "gave no answer within 30s",
        "src/main.rs:12:34",
    ] {
        check(left, left);
    }
}

#[test]
fn values_of_fields_that_are_named_like_keys_are_not_passed_on() {
    let event = AnalyticsEvent::new("e")
        .with("api_key", "short")
        .with("password", 1234)
        .with("x-auth-token", json!(["a"]))
        .with(
            "nested",
            json!({"Authorization": "none", "input_tokens": 12}),
        )
        .with("secret", Value::Null)
        .with("tokens", 7);
    let event = redactor().event(&event);
    let expected = json!({
        "api_key": "[key]", "password": "[key]", "x-auth-token": "[key]", "secret": null, "tokens": 7,
        "nested": {"Authorization": "[key]", "input_tokens": 12},
    });
    assert_eq!(Value::Object(event.data.to_map()), expected);
}

#[test]
fn a_pattern_must_be_one() {
    let error = |pattern| {
        Redactor::default()
            .with_pattern("mine", pattern)
            .unwrap_err()
            .to_string()
    };
    assert!(error("(").starts_with("pattern `mine` is no regular expression: "));
    assert!(error("a*").ends_with("it matches the empty text"));
}

/// Appends the digit with which the check by Luhn succeeds.
fn card(mut digits: String) -> String {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let doubled = u32::from(byte - b'0') * if place % 2 == 0 { 2 } else { 1 };
            if doubled > 9 { doubled - 9 } else { doubled }
        })
        .sum();
    digits.push(char::from(b'0' + ((10 - sum % 10) % 10) as u8));
    digits
}

/// A German account number with the right check digits.
fn iban(account: &str) -> String {
    // DE is 1314, and 00 stands for the check digits.
    let rest = format!("{account}131400")
        .bytes()
        .fold(0, |rest, byte| (rest * 10 + u32::from(byte - b'0')) % 97);
    format!("DE{:02}{account}", 98 - rest)
}

fn secret() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9]{1,8}(\\.[a-z0-9]{1,8}){0,2}@[a-z0-9]{1,8}\\.(com|org|example)",
        "\\+[1-9][0-9]{7,14}",
        "\\+[1-9][0-9] [0-9]{2,4} [0-9]{4,7}",
        "\\([2-9][0-9]{2}\\) [0-9]{3}-[0-9]{4}",
        "4[0-9]{14}".prop_map(card),
        "5[1-5][0-9]{13}".prop_map(card),
        "4[0-9]{14}".prop_map(|digits| {
            let card = card(digits);
            let groups = [&card[..4], &card[4..8], &card[8..12], &card[12..]];
            groups.join(" ")
        }),
        "[0-9]{18}".prop_map(|account| iban(&account)),
        "sk-(proj-)?[A-Za-z0-9]{20,40}",
        "ghp_[A-Za-z0-9]{36}",
        "AKIA[A-Z0-9]{16}",
        "xoxb-[0-9]{10}-[A-Za-z0-9]{24}",
        "E-[0-9]{6}",
    ]
}

/// An event with the secret in one of its fields.
fn planted(field: usize, secret: &str, before: &str, behind: &str) -> AnalyticsEvent {
    let text = format!("{before} {secret} {behind}");
    let mut event = AnalyticsEvent::new("turn_finished")
        .with("tokens", 7)
        .with("model", "m");
    event.session_id = Some("s".into());
    event.tags = ["tenant".into()].into();
    match field {
        0 => event.event_type = text.into(),
        1 => event.session_id = Some(text.into()),
        2 => event.tags = ["tenant".into(), text.into()].into(),
        3 => event = event.with("text", text),
        4 => event = event.with(text, 1),
        5 => event = event.with("nested", json!([{"list": [1, text]}])),
        6 => event = event.with("nested", json!({"map": {text: null}})),
        7 => event.extra.insert("later", text),
        8 => event.extra.insert(text, 1),
        9 => event.extra.insert("later", json!({"map": [text]})),
        10 => event.event_type = secret.to_owned().into(),
        11 => event = event.with("text", secret),
        // As a number, if it is one.
        _ => match secret.parse::<u64>() {
            Ok(number) => event = event.with("number", number),
            Err(_) => event = event.with("text", secret),
        },
    }
    event
}

const FIELDS: usize = 13;

proptest! {
    #[test]
    fn no_exporter_sees_a_secret(
        secret in secret(),
        before in "[a-zä:=(\"]{0,8}",
        behind in "[a-zö.,;)\"]{0,8}",
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let (direct, shared) = (Memory::default(), Memory::default());
        let everything = |_: &AnalyticsEvent| true;
        let exporters: [Box<dyn AnalyticsExporter>; 3] = [
            Box::new(RedactExporter::new(ConsoleExporter::new(direct.clone()), redactor())),
            Box::new(RedactExporter::new(
                BatchExporter::new(JsonLinesExporter::new(&path)).with_events(3),
                redactor(),
            )),
            Box::new(FilterExporter::new(
                RedactExporter::new(
                    TeeExporter::new("tee", [Arc::new(ConsoleExporter::new(shared.clone()))]),
                    redactor(),
                ),
                everything,
            )),
        ];
        let events: Vec<_> = (0..FIELDS)
            .map(|field| planted(field, &secret, &before, &behind))
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for exporter in &exporters {
            let result = runtime.block_on(exporter.export(&events)).unwrap();
            prop_assert_eq!(result.exported_count, FIELDS);
        }
        let written = std::fs::read_to_string(&path).unwrap();
        let shown = [direct, shared].map(|memory| String::from_utf8(memory.0.lock().unwrap().clone()).unwrap());
        for output in [&written, &shown[0], &shown[1]] {
            prop_assert!(!output.contains(&secret), "{} in {}", secret, output);
            prop_assert_eq!(output.lines().count(), FIELDS);
        }
        // What is no secret is there.
        prop_assert!(written.contains("turn_finished") && written.contains("tenant"));
    }
}
