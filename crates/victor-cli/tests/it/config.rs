//! `victor config`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::run::{Ran, chat, folder, ran, victor};

fn config(folder: &Path, arguments: &[&str]) -> Ran {
    ran(victor(folder).arg("config").args(arguments), "")
}

#[track_caller]
fn prints(folder: &Path, arguments: &[&str]) -> String {
    let ran = config(folder, arguments);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout
}

/// A folder with settings of the project and of the user.
fn configured() -> tempfile::TempDir {
    let folder = folder();
    let project = "model = \"project\"\ntemperature = 0.5\n[extra.service]\nurl = \"http://h\"\napi_key = \"sk-12345\"\n";
    fs::write(folder.path().join("victor.toml"), project).unwrap();
    let user = folder.path().join(".config/victor");
    fs::create_dir_all(&user).unwrap();
    fs::write(
        user.join("victor.yaml"),
        "# mine\nmodel: user\nextra: {service: {region: eu}}\n",
    )
    .unwrap();
    folder
}

#[test]
fn values_are_shown_with_their_sources() {
    let folder = configured();
    let text = prints(folder.path(), &["show"]);
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let row = |key: &str| {
        rows.iter()
            .find(|row| row[0] == key)
            .unwrap_or_else(|| panic!("{key}: {text}"))[1..]
            .join(" ")
    };
    assert!(
        row("model").starts_with("\"user\" file ") && row("model").ends_with("victor.yaml, line 2"),
        "{text}"
    );
    assert!(
        row("temperature").ends_with("victor.toml, line 2"),
        "{text}"
    );
    assert_eq!(row("max_tool_iterations"), "20 the defaults");
    assert_eq!(row("max_tool_calls"), "- the defaults");
    assert!(
        row("extra.service.url").contains("victor.toml, line 4"),
        "{text}"
    );
    assert!(
        row("extra.service.region").contains("victor.yaml, line 3"),
        "{text}"
    );
    assert!(
        row("extra.service.api_key").starts_with("\"...\" ") && !text.contains("sk-12345"),
        "{text}"
    );

    let set = prints(folder.path(), &["show", "--set", "--json"]);
    let lines: Vec<Value> = set
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 5, "{set}");
    assert_eq!(
        (&lines[0]["key"], &lines[0]["value"]),
        (&"model".into(), &"user".into())
    );
    assert!(!set.contains("sk-12345"), "{set}");
}

#[test]
fn one_setting_is_explained() {
    let folder = configured();
    let mut command = victor(folder.path());
    command
        .args(["config", "explain", "temperature"])
        .env("VICTOR_TEMPERATURE", "1");
    let explained = ran(&mut command, "").stdout;
    for expected in [
        "temperature = 1.0 from environment variable VICTOR_TEMPERATURE",
        "Freedom in the model's choice of words",
        "a number, from 0 to 2, or none",
        "VICTOR_TEMPERATURE",
        "for every turn",
    ] {
        assert!(explained.contains(expected), "{explained}");
    }
    assert!(
        prints(folder.path(), &["explain", "service.region"])
            .starts_with("service.region = \"eu\" from file ")
    );
    let unknown = config(folder.path(), &["explain", "tempratur"]);
    assert_eq!(unknown.code, Some(2));
    assert!(
        unknown.stderr.contains("did you mean `temperature`?"),
        "{unknown:?}"
    );
}

#[test]
fn everything_that_is_wrong_with_a_file_is_told() {
    let folder = folder();
    let file = folder.path().join("bad.yaml");
    fs::write(&file, "temprature: 1\nmodel: m\nmax_tool_calls: many\n").unwrap();
    let ran = config(folder.path(), &["check", "bad.yaml"]);
    assert_eq!(ran.code, Some(1));
    let lines: Vec<_> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{ran:?}");
    assert!(
        lines[0].contains("bad.yaml, line 3, column 1: expected a whole number"),
        "{ran:?}"
    );
    assert!(
        lines[1].contains("bad.yaml, line 1, column 1: did you mean `temperature`?"),
        "{ran:?}"
    );
    for (name, text, expected) in [
        ("torn.toml", "model = ", "line 1, column 9"),
        ("torn.json", "{\n\"model\": \"m\",\n", "line 3"),
        ("torn.yaml", "model: m\n  x: [", "line 2"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
        let ran = config(folder.path(), &["check", name]);
        assert!(
            ran.code == Some(1) && ran.stderr.contains(expected),
            "{name}: {ran:?}"
        );
    }
    fs::write(folder.path().join("good.json"), r#"{"model": "m"}"#).unwrap();
    assert_eq!(
        prints(folder.path(), &["check", "good.json"]),
        "no problem in good.json: 1 setting\n"
    );
}

#[test]
fn a_file_to_begin_with_has_every_setting_and_is_right() {
    let folder = folder();
    prints(folder.path(), &["init"]);
    let file = folder.path().join("victor.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(
        prints(folder.path(), &["check"]),
        "no problem in the settings: 0 settings\n"
    );
    let is_value =
        |line: &&str| line.starts_with("# ") && (line.contains(" = ") || line.starts_with("# ["));
    let values: Vec<_> = text
        .lines()
        .filter(is_value)
        .map(|line| &line[2..])
        .collect();
    fs::write(folder.path().join("all.toml"), values.join("\n")).unwrap();
    prints(folder.path(), &["check", "all.toml"]);
    let schema: Value = serde_json::from_str(&prints(folder.path(), &["schema"])).unwrap();
    assert_eq!(
        values.len(),
        schema["properties"].as_object().unwrap().len(),
        "{text}"
    );

    fs::write(&file, "model = 'mine'").unwrap();
    let again = config(folder.path(), &["init"]);
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("is there already"), "{again:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "model = 'mine'");
}

#[test]
fn a_file_that_the_flag_names_beats_that_of_the_user() {
    let folder = configured();
    fs::write(folder.path().join("own.toml"), "model = 'own'").unwrap();
    let model =
        |arguments: &[&str]| prints(folder.path(), &[&["explain", "model"], arguments].concat());
    assert!(
        model(&["--config", "own.toml"]).starts_with("model = \"own\" from file own.toml, line 1")
    );
    let unknown = chat(folder.path(), &["--config", "missing.toml", "hi"], "");
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
}
