//! Templates with the variables of a test.

use serde_json::{Map, Value};

use crate::pydantic::text;

/// Fills `{{ name }}` in. Anything else between braces, such as filters and loops, is an error, and so is a name that
/// has no value.
pub(crate) fn fill(template: &str, vars: &Map<String, Value>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some(begin) = rest.find("{{") {
        let end = rest[begin..].find("}}").ok_or("`{{` without `}}`")? + begin;
        let name = rest[begin + 2..end].trim();
        let is_name =
            |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !is_name(name) {
            return Err(format!(
                "`{{{{ {name} }}}}` is more than a variable, and only variables are filled in"
            ));
        }
        let value = vars
            .get(name)
            .ok_or_else(|| format!("the variable `{name}` has no value"))?;
        filled += &rest[..begin];
        filled += &text(value);
        rest = &rest[end + 2..];
    }
    if rest.contains("{%") {
        return Err("a statement between `{%` and `%}`: only variables are filled in".to_owned());
    }
    Ok(filled + rest)
}
