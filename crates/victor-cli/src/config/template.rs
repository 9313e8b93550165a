//! A file of settings to begin with, made from their declarations.

use serde_json::Value;
use victor_orchestrator::config::{Setting, SettingKind, Settings};

const HEAD: &str = "\
# Settings of Victor. Take the # from the beginning of a line to set a value; `victor config check` tells what is wrong.
# For an editor that knows schemas: victor config schema > victor.schema.json, and a first line `#:schema victor.schema.json`.
";

/// The most characters of a comment line.
const WIDTH: usize = 100;

/// Returns the file: every setting, commented out, with its documentation.
pub(super) fn toml() -> String {
    let defaults = Settings::default();
    let mut text = HEAD.to_owned();
    // Tables come last: what follows the head of one would be in it.
    let mut settings: Vec<_> = Settings::declarations().iter().collect();
    settings.sort_by_key(|setting| setting.kind == SettingKind::Table);
    for setting in settings {
        text.push('\n');
        for line in wrapped(&setting.description()) {
            text.push_str(&format!("# {line}\n"));
        }
        let default = defaults.get(setting.key).unwrap_or_default();
        text.push_str(&match setting.kind {
            SettingKind::Table => format!("# [{}]\n", setting.key),
            _ => format!("# {} = {}\n", setting.key, example(setting, &default)),
        });
    }
    text
}

/// Returns the default, or a value of the right kind where there is none. Texts, numbers and booleans are written in JSON
/// as in TOML.
fn example(setting: &Setting, default: &Value) -> String {
    match setting.kind {
        _ if !default.is_null() => default.to_string(),
        SettingKind::Text => format!("\"name-of-a-{}\"", setting.key.replace('_', "-")),
        SettingKind::Number => "1.0".to_owned(),
        _ => "1000".to_owned(),
    }
}

/// Breaks a paragraph into lines.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH - 2 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
