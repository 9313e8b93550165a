//! The environment of a command.

use std::ffi::OsString;

use victor_process::{Secrets, is_secret, is_secret_name};

/// The shortest value of a secret variable that is looked for in others. A shorter one may well be a common word, such
/// as the password `postgres`.
const MIN_VALUE: usize = 16;

/// The names of the variables that a command is not told: those that are secrets by their name or value, and those in
/// whose value one of these secrets, or one that the program knows, stands.
pub(crate) fn withheld(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    known: &Secrets,
) -> Vec<OsString> {
    let mut known = known.clone();
    let mut names = Vec::new();
    let mut others = Vec::new();
    for (name, value) in variables {
        let (shown, value) = (name.to_string_lossy(), value.to_string_lossy());
        if is_secret(&shown, &value) {
            // A path is a place, which others may name as well.
            if is_secret_name(&shown) && value.len() >= MIN_VALUE && !value.starts_with('/') {
                known.extend([value]);
            }
            names.push(name);
        } else {
            let value = value.into_owned();
            others.push((name, value));
        }
    }
    others.retain(|(_, value)| known.are_in(value));
    names.extend(others.into_iter().map(|(name, _)| name));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_withheld_wherever_they_stand() {
        let variables = [
            ("OPENAI_API_KEY", "sk-0123456789abcdef"),
            ("CONF", r#"{"api":"sk-0123456789abcdef"}"#),
            ("OTHER_CONF", "token is: known-to-us"),
            ("URLS", "http://a http://u:p@b"),
            ("DB_PASS", "postgres"),
            ("PGUSER", "postgres"),
            ("NETRC", "/home/me/.config/netrc"),
            ("CONFIG", "/home/me/.config/netrc.d"),
            ("PATH", "/bin"),
            ("GIT_AUTHOR_NAME", "Ada"),
        ]
        .map(|(name, value)| (name.into(), value.into()));
        let known = Secrets::from_iter(["known-to-us"]);
        assert_eq!(
            withheld(variables, &known),
            [
                "OPENAI_API_KEY",
                "URLS",
                "DB_PASS",
                "NETRC",
                "CONF",
                "OTHER_CONF"
            ]
        );
    }
}
