//! `${VARIABLE}` in strings.

/// Puts the values of variables in the place of `${NAME}`, `${NAME:-default}` and `${env:NAME}`. Everything else stays,
/// also a lone `$` and what a variable holds.
///
/// # Errors
///
/// The name of a variable that is not set and has no default.
pub(super) fn expand<'a>(
    mut text: &'a str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, &'a str> {
    let mut expanded = String::with_capacity(text.len());
    while let Some((before, rest)) = text.split_once("${") {
        let Some((inside, after)) = rest.split_once('}') else {
            break;
        };
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        let name = name.strip_prefix("env:").unwrap_or(name);
        // As in a shell, what is empty counts as not set where there is a default.
        let value = lookup(name).filter(|value| default.is_none() || !value.is_empty());
        expanded.push_str(before);
        match (value, default) {
            (Some(value), _) => expanded.push_str(&value),
            (None, Some(default)) => expanded.push_str(default),
            (None, None) => return Err(name),
        }
        text = after;
    }
    expanded.push_str(text);
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::expand;

    fn check(text: &str, expected: Result<&str, &str>) {
        let lookup = |name: &str| match name {
            "A" => Some("a".to_owned()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${A}".to_owned()),
            _ => None,
        };
        let found = expand(text, &lookup);
        assert_eq!(found, expected.map(str::to_owned), "{text}");
    }

    #[test]
    fn variables_are_replaced_once() {
        check("", Ok(""));
        check("plain $A $", Ok("plain $A $"));
        check("${A}${A}!", Ok("aa!"));
        check("${env:A}", Ok("a"));
        check("${NESTED}", Ok("${A}"));
        check("${EMPTY}", Ok(""));
        check("${A", Ok("${A"));
    }

    #[test]
    fn a_variable_that_is_not_set_has_a_default_or_is_an_error() {
        check("${B:-b c}", Ok("b c"));
        check("${A:-b}", Ok("a"));
        check("${EMPTY:-b}", Ok("b"));
        check("${B:-}", Ok(""));
        check("x ${B} y", Err("B"));
        check("${env:B}", Err("B"));
    }
}
