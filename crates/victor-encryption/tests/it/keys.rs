use victor_encryption::{KeyError, Keys, generate_key};

const HEX: &str = "00ff000000000000000000000000000000000000000000000000000000fbeff0";

/// The fingerprints of the keys in a text.
#[track_caller]
fn fingerprints(text: &str) -> Vec<String> {
    let keys = Keys::parse(text).unwrap();
    keys.fingerprints().map(str::to_owned).collect()
}

#[test]
fn a_key_may_be_written_in_several_ways() {
    let expected = fingerprints(HEX);
    assert_eq!(expected.len(), 1);
    for text in [
        &HEX.to_uppercase(),
        "AP8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAD77/A=",
        "AP8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAD77/A",
        "AP8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAD77_A",
        " \n AP8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAD77_A=,\n",
    ] {
        assert_eq!(fingerprints(text), expected, "{text}");
    }
    let other = generate_key().unwrap();
    let both = fingerprints(&format!("{HEX}, {other}"));
    assert_eq!(both[0], expected[0]);
    assert_ne!(both[1], expected[0]);
    assert_ne!(other, generate_key().unwrap());
}

#[track_caller]
fn check(found: Result<Keys, KeyError>, expected: &str) {
    let error = found.unwrap_err().to_string();
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn what_is_no_key_is_told_by_its_place_and_never_shown() {
    for text in ["", " , \n"] {
        check(
            Keys::parse(text),
            "there is no key: expected 32 bytes in base64",
        );
    }
    for (text, place) in [
        ("c2hvcnQ=", 1),
        (&HEX[1..], 1),
        (&HEX.replace('f', "g"), 1),
        (&format!("{HEX} {HEX}x"), 2),
    ] {
        let expected = format!("key {place} is not 32 bytes in base64 or hexadecimal digits");
        check(Keys::parse(text), &expected);
    }
    check(
        Keys::from_env("VICTOR_NO_SUCH_VARIABLE"),
        "the variable `VICTOR_NO_SUCH_VARIABLE` is not set",
    );
}

#[test]
fn keys_come_from_the_environment_or_from_a_command() {
    // Cargo sets this one, and it is no key.
    check(Keys::from_env("CARGO_PKG_NAME"), "key 1 is not 32 bytes");
    let printed = Keys::from_command("echo", &[HEX]).unwrap();
    assert_eq!(
        printed.fingerprints().collect::<Vec<_>>(),
        fingerprints(HEX)
    );
    check(
        Keys::from_command("victor-no-such-command", &[]),
        "the command `victor-no-such-command`, which should print the keys, could not be run",
    );
    check(
        Keys::from_command("false", &[]),
        "the command `false`, which should print the keys, failed with exit status: 1",
    );
}

#[test]
fn no_key_is_shown() {
    let keys = Keys::parse(HEX).unwrap();
    let fingerprint = keys.fingerprints().next().unwrap();
    assert_eq!(format!("{keys:?}"), format!("[{fingerprint:?}]"));
    assert!(!HEX.contains(fingerprint));
}
