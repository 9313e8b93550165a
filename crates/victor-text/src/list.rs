//! Lists of names.

use crate::one_line;

/// Lists names in backquotes, the last two joined by a word such as `and` or `or`. Hidden characters are escaped.
///
/// ```
/// use victor_text::listed;
///
/// assert_eq!(listed(["build", "plan", "explore"], "or"), "`build`, `plan` or `explore`");
/// assert_eq!(listed(["build"], "or"), "`build`");
/// assert_eq!(listed([""; 0], "or"), "");
/// ```
#[must_use]
pub fn listed(names: impl IntoIterator<Item = impl AsRef<str>>, word: &str) -> String {
    let quoted = |name: &str| format!("`{}`", one_line(name));
    let quoted: Vec<String> = names
        .into_iter()
        .map(|name| quoted(name.as_ref()))
        .collect();
    match &quoted[..] {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}
