//! The recognition of secrets, by name and by value.

use std::path::Path;

/// Words that make a variable a secret wherever they stand in its name.
const WORDS: [&str; 10] = [
    "AUTH",
    "AUTHORIZATION",
    "BEARER",
    "COOKIE",
    "COOKIES",
    "CREDS",
    "JWT",
    "NETRC",
    "PAT",
    "WEBHOOK",
];

/// Words that contain one of these are secrets, as in `PGPASSWORD`.
const PARTS: [&str; 5] = ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "CREDENTIAL"];

/// Such words may be the end of others, as in `GITHUBTOKEN`; and these of last words, as in `SSHPASS`.
const ENDINGS: [&str; 4] = ["KEY", "KEYS", "TOKEN", "TOKENS"];
const LAST_ENDINGS: [&str; 2] = ["PASS", "PWD"];

/// Last words that make a variable a secret.
const LAST_WORDS: [&str; 2] = ["HEADERS", "PRIVATE"];

/// Words that end so and are none of them.
const OTHER_WORDS: [&str; 12] = [
    "ASKPASS", "BYPASS", "COMPASS", "DONKEY", "HOCKEY", "HOTKEY", "JOCKEY", "MONKEY", "PUBKEY",
    "SURPASS", "TURKEY", "WHISKEY",
];

/// Last words of variables that say something about a secret, and not the secret: a measure, a switch, a place.
const ABOUT: [&str; 44] = [
    "AGE",
    "ALG",
    "ALGORITHM",
    "AUDIENCE",
    "BACKEND",
    "COUNT",
    "DELAY",
    "DIR",
    "DISABLED",
    "DOMAIN",
    "EMAIL",
    "ENABLED",
    "ENDPOINT",
    "EXPIRATION",
    "EXPIRES",
    "EXPIRY",
    "FILE",
    "FORMAT",
    "HELPER",
    "HOST",
    "INTERVAL",
    "ISSUER",
    "KIND",
    "LAYOUT",
    "LENGTH",
    "LIFETIME",
    "LIMIT",
    "METHOD",
    "MODE",
    "NAME",
    "PATH",
    "POLICY",
    "PORT",
    "PREFIX",
    "PROVIDER",
    "REQUIRED",
    "SIZE",
    "SOCK",
    "TIMEOUT",
    "TTL",
    "TYPE",
    "URL",
    "USER",
    "VERSION",
];

/// Words beside which keys and tokens are counted, or for everybody.
const COUNTED_OR_PUBLIC: [&str; 5] = ["MAX", "MIN", "NUM", "PUBLIC", "PUBLISHABLE"];

/// Whether an environment variable holds a secret: by its [name](is_secret_name), or by its [value](has_secret).
///
/// `PWD` and its kin are secrets only where their value is no folder, and the token of a session only where it looks
/// like one: many a `SESSION` is the name of a desktop.
///
/// ```
/// use victor_process::is_secret;
///
/// assert!(is_secret("GITHUB_TOKEN", "t"));
/// assert!(is_secret("SENTRY", "https://key@sentry.example/1"));
/// assert!(!is_secret("GIT_AUTHOR_NAME", "Ada"));
/// assert!(!is_secret("XDG_SESSION_TYPE", "wayland"));
/// ```
#[must_use]
pub fn is_secret(name: &str, value: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let by_name = match () {
        () if words(&upper).any(|word| word == "SESSION") && looks_like_key(value) => true,
        () if upper.ends_with("PWD") => is_secret_name(name) && !Path::new(value).is_dir(),
        () => is_secret_name(name),
    };
    by_name || has_secret(value)
}

/// Whether a variable, header or option of this name holds a secret.
///
/// A name consists of words, which are parted by whatever is no letter or digit, in any case. It is that of a secret
/// where a word is
///
/// - `KEY`, `TOKEN`, `AUTH`, `AUTHORIZATION`, `BEARER`, `COOKIE`, `CREDS`, `JWT`, `NETRC`, `PAT`, `WEBHOOK`, or a
///   compound such as `APIKEY`,
/// - or contains `PASSWORD`, `PASSWD`, `PASSPHRASE`, `SECRET` or `CREDENTIAL`,
/// - or is the last one and is `PASS`, `PWD`, `PRIVATE` or `HEADERS`, or a compound such as `SSHPASS`,
///
/// and where the last word does not say that it is only about a secret: `TOKEN_LIMIT`, `AUTH_TYPE`, `KEY_FILE`,
/// `SSH_AUTH_SOCK`. `PUBLIC_KEY` and `MAX_TOKENS` are none, nor are `PWD` and `OLDPWD`.
///
/// ```
/// use victor_process::is_secret_name;
///
/// assert!(is_secret_name("DB_PASS") && is_secret_name("x-api-key") && is_secret_name("--token"));
/// assert!(!is_secret_name("TOKENIZERS_PARALLELISM") && !is_secret_name("KEYMAP"));
/// ```
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    if matches!(&*name, "PWD" | "OLDPWD") {
        return false;
    }
    let words: Vec<&str> = words(&name).collect();
    let Some((last, before)) = words.split_last() else {
        return false;
    };
    if words.iter().any(|word| word.starts_with("WEBHOOK")) {
        return true; // its URL is the secret
    }
    if ABOUT.contains(last) && !before.is_empty() {
        return false;
    }
    let is_other = |word: &str| OTHER_WORDS.contains(&word);
    let is_whole = |word: &str| PARTS.iter().any(|part| word.contains(part));
    let is_counted = words.iter().any(|word| COUNTED_OR_PUBLIC.contains(word));
    let is_word = |word: &str| {
        let is_one = WORDS.contains(&word) || ENDINGS.iter().any(|end| word.ends_with(end));
        is_one && !is_other(word) && !is_counted
    };
    let ends = |word: &str| {
        let ends = LAST_ENDINGS.iter().any(|ending| word.ends_with(ending));
        (ends && !is_other(word)) || LAST_WORDS.contains(&word)
    };
    let is_connection = words
        .windows(2)
        .any(|pair| pair == ["CONNECTION", "STRING"]);
    words.iter().any(|word| is_whole(word) || is_word(word)) || ends(last) || is_connection
}

/// The words of a name in capitals, without the numbers behind them.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|char: char| !char.is_ascii_alphanumeric())
        .map(|word| word.trim_end_matches(|char: char| char.is_ascii_digit()))
        .filter(|word| !word.is_empty())
}

/// Whether a text has a secret in it, whatever it is called: a private key in PEM, or a URL with a password, with a
/// token in the place of its user, or with a secret in its query.
///
/// The user alone is none where it is not that of a page: `ssh://git@host/path`.
///
/// ```
/// use victor_process::has_secret;
///
/// assert!(has_secret("http://plain.example postgres://me:hidden@host/db"));
/// assert!(!has_secret("ssh://git@github.com/a/b https://host/a@b"));
/// ```
#[must_use]
pub fn has_secret(text: &str) -> bool {
    let is_pem = text.contains("-----BEGIN ") && text.contains("PRIVATE KEY");
    is_pem || logins(text).next().is_some() || is_bare_login(text) || has_secret_query(text)
}

/// A text with `***` in the place of the users and passwords of its URLs.
///
/// ```
/// use victor_process::without_logins;
///
/// assert_eq!(without_logins("at https://me:hidden@host/x?"), "at https://***@host/x?");
/// ```
#[must_use]
pub fn without_logins(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut end = 0;
    for login in logins(text) {
        shown += &text[end..login.start];
        shown += "***";
        end = login.end;
    }
    shown + &text[end..]
}

/// Finds the logins of URLs in a text, without the `@`.
fn logins(text: &str) -> impl Iterator<Item = std::ops::Range<usize>> {
    text.match_indices("://").filter_map(|(at, separator)| {
        let start = at + separator.len();
        let rest = &text[start..];
        let is_end = |char: char| {
            char.is_whitespace()
                || char.is_control()
                || matches!(
                    char,
                    '/' | '?' | '#' | '"' | '\'' | '<' | '>' | '\\' | '|' | '`'
                )
        };
        let authority = &rest[..rest.find(is_end).unwrap_or(rest.len())];
        let (login, _) = authority.rsplit_once('@')?;
        let is_page = text[..at].to_ascii_lowercase().ends_with("http")
            || text[..at].to_ascii_lowercase().ends_with("https");
        let is_secret = match login.split_once(':') {
            Some((_, password)) => !password.is_empty() || is_page,
            None => is_page && !login.is_empty(),
        };
        is_secret.then_some(start..start + login.len())
    })
}

/// Whether a value is `user:password@host`, as proxies are named.
fn is_bare_login(value: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && !part.contains(['/', '@', ' ', '\n']);
    value.split_once('@').is_some_and(|(login, host)| {
        login
            .split_once(':')
            .is_some_and(|(user, password)| plain(user) && plain(password) && plain(host))
    })
}

/// Whether a URL has a secret in its query.
fn has_secret_query(text: &str) -> bool {
    let urls = text
        .split(|char: char| char.is_whitespace() || matches!(char, '"' | '\'' | '<' | '>' | '`'));
    let queries = urls
        .filter(|url| url.contains("://"))
        .filter_map(|url| url.split_once('?'));
    queries
        .flat_map(|(_, query)| query.split(['&', '#']))
        .filter_map(|pair| pair.split_once('='))
        .any(|(name, value)| {
            let is_signature = ["sig", "signature", "x-amz-signature"]
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known));
            !value.is_empty() && (is_signature || is_secret_name(name))
        })
}

/// Whether a text looks like a random key: at least 16 letters and digits, of both some, in one piece.
///
/// ```
/// use victor_process::looks_like_key;
///
/// assert!(looks_like_key("c2VjcmV0LXZhbHVl0"));
/// assert!(!looks_like_key("filesystem-server") && !looks_like_key("/home/me/notes/2026"));
/// ```
#[must_use]
pub fn looks_like_key(text: &str) -> bool {
    let is_part =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'=' | b'.');
    text.len() >= 16
        && text.bytes().all(is_part)
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets() {
        for name in [
            "ANTHROPIC_API_KEY",
            "API_KEY_2",
            "KEY",
            "OPENAIKEY",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "SECRET_KEY_BASE",
            "VICTOR_ENCRYPTION_KEYS",
            "github_token",
            "npm_config_//registry.npmjs.org/:_authToken",
            "PGPASSWORD",
            "SUDO_PASSWD_1",
            "GPG_PASSPHRASE",
            "DB_PASS",
            "dbPass",
            "SSHPASS",
            "MYSQL_PWD",
            "DBPWD",
            "GITHUB_PAT",
            "BEARER",
            "JWT",
            "CI_JOB_JWT_V2",
            "SESSION_COOKIE",
            "ANTHROPIC_CUSTOM_HEADERS",
            "OTEL_EXPORTER_OTLP_HEADERS",
            "SLACK_WEBHOOK",
            "DISCORD_WEBHOOK_URL",
            "NETRC",
            "PRIVATE",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "REDISCLI_AUTH",
            "DOCKER_AUTH_CONFIG",
            "AZURE_STORAGE_CONNECTION_STRING",
            "x-api-key",
            "--api-key",
            "Authorization",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn names_of_other_things() {
        for name in [
            "PATH",
            "HOME",
            "PWD",
            "OLDPWD",
            "GIT_AUTHOR_NAME",
            "XAUTHORITY",
            "KEYMAP",
            "KEYTIMEOUT",
            "KEYBOARD_LAYOUT",
            "TOKENIZERS_PARALLELISM",
            "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
            "TOKEN_LIMIT",
            "JWT_PUBLIC_KEY",
            "PASSWORD_FILE",
            "SSH_KEY_PATH",
            "SSH_AUTH_SOCK",
            "SSH_ASKPASS",
            "GIT_ASKPASS",
            "AUTH_TYPE",
            "COOKIE_DOMAIN",
            "GOPRIVATE",
            "PRIVATE_NETWORK",
            "PASS_FILENAMES",
            "MONKEY",
            "PATTERN",
            "COMPASS",
            "SESSION_MANAGER",
            "DESKTOP_SESSION",
            "MAKEFLAGS",
            "_",
            "",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn values_that_are_secrets_whatever_they_are_called() {
        for value in [
            "postgres://me:secret@host/db",
            "https://ghp_0123@github.com/a/b.git",
            "http://a.example http://u:p@b.example",
            r#"{"proxy":"HTTPS://u:p@host:1"}"#,
            "user:pass@proxy:3128",
            "https://h/blob?sv=1&sig=abc%3D",
            "wss://h/socket?access_token=x",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA",
        ] {
            assert!(has_secret(value), "{value}");
        }
        for value in [
            "",
            "http://host:1/a@b",
            "ssh://git@github.com/a/b",
            "git@github.com:a/b.git",
            "postgres://me@host/db",
            "https://host/?page=2&token=",
            "-----BEGIN CERTIFICATE-----\nAAAA",
            "unix:path=/run/user/1000/bus",
            "Ada <ada@example.org>",
            "a://",
        ] {
            assert!(!has_secret(value), "{value}");
        }
    }

    #[test]
    fn name_and_value_decide_together() {
        assert!(!is_secret("BUILD_PWD", "/"), "it is a folder");
        assert!(is_secret("BUILD_PWD", "/no/such/folder"));
        assert!(is_secret("BW_SESSION", "a1b2c3d4e5f6a7b8=="));
        assert!(!is_secret("DESKTOP_SESSION", "gnome"));
        assert!(!is_secret(
            "DBUS_SESSION_BUS_ADDRESS",
            "unix:path=/run/user/1000/bus"
        ));
        assert!(is_secret("URLS", "http://a http://u:p@b"));
    }

    #[test]
    fn logins_are_taken_out_of_texts() {
        let check = |text: &str, expected: &str| assert_eq!(without_logins(text), expected);
        check("", "");
        check("ä http://u:p@h/ http://h/", "ä http://***@h/ http://h/");
        check("a://u:p@h, b://u:q@h", "a://***@h, b://***@h");
        check("ssh://git@h/x", "ssh://git@h/x");
        check("url=\"https://u:p@q@h\"", "url=\"https://***@h\"");
    }
}
