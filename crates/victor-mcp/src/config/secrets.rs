//! The secrets in the configuration of a server.

use std::path::Path;

use victor_http::header::HeaderMap;
use victor_process::{Secrets, has_secret, is_secret_name, looks_like_key};

use super::{Program, Transport};

/// All that may be a secret, and so must not be in an error: it is of little use there. Arguments are, unless they are
/// those of any program: options, paths that exist, packages and plain words.
pub(super) fn told(transport: &Transport) -> Secrets {
    let mut told = sure(transport);
    match transport {
        Transport::Stdio(program) => {
            told.extend(program.env.values().filter_map(|value| value.to_str()));
            let values = arguments(program).map(|(_, value)| value);
            told.extend(values.filter(|value| !is_plain(value)));
        }
        Transport::Http { url, headers } => {
            let parts = Parts::of(url);
            told.extend([parts.path]);
            told.extend(parts.path.split('/'));
            told.extend(parts.query.split(['&', '=', '#']));
            told.extend(values(headers, |_| true));
        }
    }
    told
}

/// Collects the values that are secrets by name or form. They are removed from results and recordings, so no harmless
/// value may be among them: the folder that a server works in appears in many results.
pub(super) fn sure(transport: &Transport) -> Secrets {
    let mut sure = Secrets::default();
    match transport {
        Transport::Stdio(program) => {
            for (name, value) in &program.env {
                if let Some(value) = value.to_str()
                    && (is_secret_name(name) || has_secret(value))
                {
                    sure.extend([value]);
                    sure.extend(login(value));
                }
            }
            for (name, value) in arguments(program) {
                if name.is_some_and(is_secret_name) || has_secret(value) {
                    sure.extend([value]);
                    sure.extend(login(value));
                }
            }
        }
        Transport::Http { url, headers } => {
            let parts = Parts::of(url);
            sure.extend(login(url));
            sure.extend(parts.path.split('/').filter(|part| is_random(part)));
            let pairs = parts.query.split(['&', '#']);
            for (name, value) in pairs.filter_map(|pair| pair.split_once('=')) {
                if is_secret_name(name) || is_random(value) {
                    sure.extend([value]);
                }
            }
            sure.extend(values(headers, is_secret_name));
        }
    }
    sure
}

/// The arguments of a program with the names of the options whose values they are: `--name=value`, `--name value`, or a
/// value alone. A value of the form `Name: value`, as headers are given, is one of that name too.
fn arguments(program: &Program) -> impl Iterator<Item = (Option<&str>, &str)> {
    let args = || program.args.iter().filter_map(|arg| arg.to_str());
    let before = std::iter::once("").chain(args());
    let option = |arg: &str| arg.starts_with('-') && !arg.contains('=');
    args().zip(before).flat_map(move |(arg, before)| {
        let header = arg
            .split_once(": ")
            .map(|(name, value)| (Some(name), value));
        let named = match arg.split_once('=') {
            Some((name, value)) => Some((Some(name), value)),
            None if option(arg) => None,
            None if option(before) => Some((Some(before), arg)),
            None => Some((None, arg)),
        };
        [named, header].into_iter().flatten()
    })
}

/// Whether an argument is one that any program could be given.
fn is_plain(arg: &str) -> bool {
    let is_letter =
        |char: char| char.is_ascii_lowercase() || matches!(char, '-' | '_' | '.' | '/' | '@' | ':');
    let is_package = arg.starts_with('@') && arg.contains('/');
    is_package || arg.chars().all(is_letter) || Path::new(arg).exists()
}

/// Whether a text is as random as keys are: long, and of capitals, small letters and digits, or all of it hexadecimal.
fn is_random(text: &str) -> bool {
    let has = |is: fn(&u8) -> bool| text.as_bytes().iter().any(is);
    let is_mixed = text.len() >= 20
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit);
    let is_hex = text.len() >= 32
        && text
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    looks_like_key(text) && (is_mixed || is_hex)
}

/// The values of headers with such names, whole and without the word for the scheme before them.
fn values(headers: &HeaderMap, is_wanted: impl Fn(&str) -> bool) -> Vec<&str> {
    let headers = headers.iter();
    let wanted = headers.filter(|(name, _)| is_wanted(name.as_str()));
    wanted
        .filter_map(|(_, value)| value.to_str().ok())
        .flat_map(|value| std::iter::once(value).chain(value.split_whitespace()))
        .collect()
}

/// The password of a URL, or what stands in the place of its user.
fn login(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (login, _) = authority.rsplit_once('@')?;
    Some(
        login
            .split_once(':')
            .map_or(login, |(_, password)| password),
    )
}

/// The parts of a URL behind its host.
struct Parts<'a> {
    path: &'a str,
    query: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Self {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let rest = &rest[rest.find(['/', '?', '#']).unwrap_or(rest.len())..];
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        Self { path, query }
    }
}

#[cfg(test)]
mod tests {
    use victor_http::header::{HeaderName, HeaderValue};

    use crate::McpServerConfig;

    #[track_caller]
    fn check(config: &McpServerConfig, text: &str, in_errors: &str, in_results: &str) {
        assert_eq!(config.redact(text.to_owned()), in_errors);
        assert_eq!(config.secrets().redact(text), in_results);
    }

    #[test]
    fn what_a_program_is_told() {
        let config = McpServerConfig::stdio("s", "npx")
            .args(["-y", "@scope/server-2", "plain-word", "Positional-1"])
            .args([
                "--key=secret-1",
                "--token",
                "secret-2",
                "--dir",
                "/no/such-3",
            ])
            .args([
                "--header",
                "X-Api-Key: secret-4",
                "--db",
                "pg://u:secret-5@h",
            ])
            .env("A", "value-6")
            .env("TOKEN", "secret-7")
            .env("PROXY", "http://u:secret-8@h");
        check(
            &config,
            "-y @scope/server-2 plain-word",
            "-y @scope/server-2 plain-word",
            "-y @scope/server-2 plain-word",
        );
        check(
            &config,
            "die --key=secret-1",
            "die --key=***",
            "die --key=***",
        );
        check(
            &config,
            "Positional-1 secret-2 /no/such-3 secret-4 secret-5",
            "*** *** *** *** ***",
            "Positional-1 *** /no/such-3 *** ***",
        );
        check(
            &config,
            "value-6 secret-7 secret-8",
            "*** *** ***",
            "value-6 *** ***",
        );
    }

    #[test]
    fn what_a_url_and_headers_tell() {
        let random = "Zk3Jq8Lm2Nv7Rt5Xw1Yb";
        let url =
            format!("https://user:secret-1@host:1/path-2/{random}/mcp?key=secret-3&page=value-4");
        let header = |name, value| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        let (authorization, bearer) = header("authorization", "Bearer secret-5");
        let (accept, language) = header("accept-language", "language-6");
        let config = McpServerConfig::http("s", url)
            .header(authorization, bearer)
            .header(accept, language);
        check(
            &config,
            "at host:1, user: secret-1 secret-3 secret-5",
            "at host:1, user: *** *** ***",
            "at host:1, user: *** *** ***",
        );
        check(
            &config,
            &format!("path-2 {random} value-4 language-6"),
            "*** *** *** ***",
            "path-2 *** value-4 language-6",
        );
        let whole = format!("no https://host:1/path-2/{random}/mcp there");
        assert_eq!(config.redact(whole), "no https://host:1*** there");
    }
}
