//! Names of files in diffs, as Git writes them.

/// The names of the old and the new file, where there is one.
pub(crate) type Names = (Option<String>, Option<String>);

/// The path in a header: `Some(None)` for `/dev/null`, and none if it is not well formed. A time stamp may follow after
/// a tab.
pub(crate) fn path(text: &str) -> Option<Option<String>> {
    let text = text.trim_end_matches('\r');
    let path = if text.starts_with('"') {
        unquoted(text)?.0
    } else {
        let name = text.split('\t').next().unwrap_or_default();
        name.trim_end().to_owned()
    };
    Some((path != "/dev/null").then_some(path))
}

/// The names without Git's `a/` and `b/`, if both have them.
pub(crate) fn names(old: Option<String>, new: Option<String>) -> Names {
    let prefixed =
        |name: &Option<String>, prefix| name.as_ref().is_none_or(|name| name.starts_with(prefix));
    if !prefixed(&old, "a/") || !prefixed(&new, "b/") {
        return (old, new);
    }
    let strip = |name: Option<String>| name.map(|name| name[2..].to_owned());
    (strip(old), strip(new))
}

/// The two names after `diff --git`. If they have spaces, only equal ones can be told apart.
pub(crate) fn git_names(text: &str) -> Option<(String, String)> {
    let text = text.trim_end();
    let (old, new) = if text.starts_with('"') {
        let (old, rest) = unquoted(text)?;
        let new = rest.strip_prefix(' ')?;
        let quoted = unquoted(new).map(|(new, _)| new);
        (old, quoted.unwrap_or_else(|| new.to_owned()))
    } else if text.matches(' ').count() == 1 {
        let (old, new) = text.split_once(' ')?;
        (
            old.to_owned(),
            unquoted(new).map_or_else(|| new.to_owned(), |(new, _)| new),
        )
    } else {
        let middle = text.len() / 2;
        let (old, new) = (text.get(..middle)?, text.get(middle + 1..)?);
        if old.strip_prefix("a/") != new.strip_prefix("b/") && old != new {
            return None;
        }
        (old.to_owned(), new.to_owned())
    };
    let (old, new) = names(Some(old), Some(new));
    old.zip(new)
}

/// A path in quotes, as Git writes one with special characters, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut bytes = Vec::new();
    let mut rest = text.strip_prefix('"')?;
    loop {
        let end = rest.find(['"', '\\'])?;
        bytes.extend_from_slice(&rest.as_bytes()[..end]);
        let special = rest.as_bytes()[end];
        rest = &rest[end + 1..];
        if special == b'"' {
            return Some((String::from_utf8(bytes).ok()?, rest));
        }
        let escaped = *rest.as_bytes().first()?;
        let mut length = 1;
        bytes.push(match escaped {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'a' => 7,
            b'b' => 8,
            b'v' => 11,
            b'f' => 12,
            b'"' | b'\\' => escaped,
            b'0'..=b'3' => {
                length = 3;
                u8::from_str_radix(rest.get(..3)?, 8).ok()?
            }
            _ => return None,
        });
        rest = &rest[length..];
    }
}

/// A path in which characters that would break a line are written as Git does.
pub(crate) fn quoted(path: &str) -> String {
    let special = |c: char| c.is_ascii_control() || c == '"' || c == '\\';
    if !path.contains(special) {
        return path.to_owned();
    }
    let mut text = "\"".to_owned();
    for c in path.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            _ if special(c) => text.push_str(&format!("\\{:03o}", u32::from(c))),
            _ => text.push(c),
        }
    }
    text + "\""
}
