//! The proxies that can be used.

use crate::HttpError;
use crate::error::without_secrets;

/// The variables that name proxies, each of which may be written in small letters.
const VARIABLES: [&str; 3] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

/// The kinds of proxies that the client beneath can use. It passes others by in silence.
const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// Checks the proxies that the environment names.
///
/// # Errors
///
/// One of them is of a kind that cannot be used, so that servers would be reached without it.
pub(crate) fn check_environment(var: impl Fn(&str) -> Option<String>) -> Result<(), HttpError> {
    for name in VARIABLES {
        for name in [name.to_owned(), name.to_lowercase()] {
            if let Some(value) = var(&name) {
                check(&format!("the variable {name}"), &value)?;
            }
        }
    }
    Ok(())
}

/// Checks the URL of a proxy. Without a scheme it is one of HTTP.
///
/// # Errors
///
/// It is of a kind that cannot be used.
pub(crate) fn check(place: &str, url: &str) -> Result<(), HttpError> {
    let url = url.trim();
    let Some((scheme, _)) = url.split_once("://") else {
        return Ok(());
    };
    if SCHEMES.contains(&&*scheme.to_ascii_lowercase()) {
        return Ok(());
    }
    Err(HttpError::InvalidOptions {
        reason: format!(
            "{place} names `{}`, and a proxy of the kind `{scheme}` cannot be used: name one that begins with {}",
            without_secrets(url),
            SCHEMES.map(|scheme| format!("{scheme}://")).join(", ")
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_of_unknown_kinds_are_not_passed_by() {
        let check = |name: &'static str, value: &'static str| {
            check_environment(|var| (var == name).then(|| value.to_owned())).is_ok()
        };
        for value in [
            "",
            "h:3128",
            "http://h",
            "socks5h://user:pass@h:1080",
            "SOCKS5://h",
        ] {
            assert!(check("ALL_PROXY", value), "{value}");
        }
        assert!(!check("https_proxy", "quic://h"));
        let error = super::check("the proxy", "ftp://user:PLANT@h").unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot build an HTTP client: the proxy names `ftp://h`, and a proxy of the kind `ftp` cannot be used: \
             name one that begins with http://, https://, socks4://, socks4a://, socks5://, socks5h://"
        );
    }
}
