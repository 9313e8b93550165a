//! The layer of files.

use std::error::Error;
use std::fs;

use victor_config::ConfigCoordinator;
use victor_config_protocol::ConfigLoader;

use crate::check::{check, outcome};

/// Writes one file and builds from it; the directory is left out of what is shown.
#[track_caller]
fn check_file(name: &str, text: &str, expected: &str) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(name), text).unwrap();
    let found = outcome(ConfigCoordinator::builder().file(directory.path().join(name)));
    let found = found.replace(&format!("{}/", directory.path().display()), "");
    let (first, rest) = expected
        .split_once(" <- ")
        .map_or((expected, None), |(first, rest)| (first, Some(rest)));
    match rest {
        // The words are the parser's own affair, but the place must be among them.
        Some(part) => assert!(
            found.starts_with(&format!("{first} <- ")) && found.contains(part),
            "{found}"
        ),
        None => assert_eq!(found, first),
    }
}

#[test]
fn a_later_file_beats_an_earlier_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("project.toml"), "model = 'project'\ntemperature = 1.0").unwrap();
    fs::write(path("user.json"), r#"{"model": "user"}"#).unwrap();
    let config = ConfigCoordinator::builder()
        .file(path("project.toml"))
        .file(path("user.json"))
        .build()
        .unwrap();
    assert_eq!(config.config().settings.model, Some("user".into()));
    assert_eq!(config.config().settings.temperature, Some(1.0));
}

#[test]
fn each_format_is_read() {
    let check = |name: &str, text: &str, lines: [u32; 4]| {
        let [model, metrics, list, team] =
            lines.map(|line| format!("from file {name}, line {line}"));
        let expected = format!(
            "model = \"m\" {model}\nenable_metrics = false {metrics}\n\
             extra.list = [1,-2,0.5] {list}\nextra.team = {{\"name\":\"x\"}} {team}"
        );
        check_file(name, text, &expected);
    };
    let toml =
        "model = 'm'\nenable_metrics = false\nextra.list = [1, -2, 0.5]\n[extra.team]\nname = 'x'";
    check("a.toml", toml, [1, 2, 3, 4]);
    check("a.TOML", &format!("\u{feff}# x\n\n{toml}"), [3, 4, 5, 6]);
    let yaml = "model: m\nenable_metrics: false\nextra: {list: [1, -2, 0.5],\n  team: {name: x}}";
    check("a.yaml", yaml, [1, 2, 3, 4]);
    check("a.yml", &format!("# a comment\n{yaml}"), [2, 3, 4, 5]);
    let json = "{\"model\": \"m\", \"enable_metrics\": false,\n\"extra\": {\"list\": [1, -2, 0.5],\n\"team\": {\"name\": \"x\"}}}";
    check("a.json", json, [1, 1, 2, 3]);
    check_file("empty.toml", "", "");
    check_file("empty.yaml", "# nothing yet\n", "");
    check_file(
        "time.toml",
        "extra.day = 2026-11-20",
        "extra.day = \"2026-11-20\" from file time.toml, line 1",
    );
}

#[test]
fn yaml_has_no_surprises() {
    check_file(
        "a.yaml",
        "model: no",
        "model = \"no\" from file a.yaml, line 1",
    );
    check_file(
        "a.yaml",
        "enable_metrics: no",
        "setting `enable_metrics` in file a.yaml, line 1, column 1: expected true or false, found \"no\"",
    );
    check_file(
        "a.yaml",
        "model: a\nmodel: b",
        "file a.yaml cannot be read: it is not valid YAML <- duplicate",
    );
    check_file(
        "a.yaml",
        "extra:\n  base: &base {x: 1, y: 1}\n  own: {<<: *base, y: 2}",
        "extra.base = {\"x\":1,\"y\":1} from file a.yaml, line 2\n\
         extra.own = {\"x\":1,\"y\":2} from file a.yaml, line 3",
    );
    check_file(
        "a.yaml",
        "extra: {1: x}",
        "file a.yaml cannot be read: it is not valid YAML <- the key 1 is not a text",
    );
    check_file(
        "a.yaml",
        "model: !secret m",
        "file a.yaml cannot be read: it is not valid YAML <- the tag !secret",
    );
    check_file(
        "a.yaml",
        "temperature: .nan",
        "file a.yaml cannot be read: it is not valid YAML <- NaN is not a finite",
    );
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    check_file(
        "a.toml",
        "model = ",
        "file a.toml cannot be read: it is not valid TOML <- line 1, column",
    );
    check_file(
        "a.toml",
        "temperature = inf",
        "file a.toml cannot be read: it is not valid TOML <- inf is not a finite",
    );
    check_file(
        "a.toml",
        "model = 'a'\nmodel = 'b'",
        "file a.toml cannot be read: it is not valid TOML <- duplicate",
    );
    check_file(
        "a.json",
        "{",
        "file a.json cannot be read: it is not valid JSON <- line 1",
    );
    check_file(
        "a.json",
        r#"{"model":"a","model":"b"}"#,
        "file a.json cannot be read: it is not valid JSON <- duplicate",
    );
    check_file(
        "a.json",
        "[]",
        "file a.json cannot be read: it is no configuration <- expected keys",
    );
    check_file(
        "a.ini",
        "",
        "file a.ini cannot be read: its name must end in .toml, .yaml, .yml or .json",
    );
    let error = ConfigCoordinator::builder()
        .file("/nowhere/victor.toml")
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "file /nowhere/victor.toml cannot be read: there is no such file: check the path, or create the file"
    );
    assert!(error.source().unwrap().to_string().contains("No such file"));
}

#[test]
fn a_wrong_key_or_value_is_named_with_its_place() {
    check_file(
        "a.toml",
        "# comment\n\n  compaction_threshold = 0.5",
        "unknown setting `compaction_threshold` in file a.toml, line 3, column 3: \
         did you mean `context_compaction_threshold`?",
    );
    check_file(
        "a.toml",
        "favourite_colour = 'blue'",
        "unknown setting `favourite_colour` in file a.toml, line 1, column 1: \
         values of the program belong under `extra`",
    );
    check_file(
        "a.json",
        "{\n  \"temperature\": 3}",
        "setting `temperature` in file a.json, line 2, column 3: expected from 0 to 2, found 3",
    );
    check_file(
        "a.toml",
        "max_tool_iterations = 5.0",
        "setting `max_tool_iterations` in file a.toml, line 1, column 1: \
         expected a whole number from 0 to 4294967295, found 5.0",
    );
    check_file(
        "a.toml",
        "model = ['a', 'b']",
        "setting `model` in file a.toml, line 1, column 1: expected a text, found a list",
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.yaml");
    fs::write(&path, "temprature: 1\nmodel: m\nmax_tool_calls: many\n").unwrap();
    let builder = ConfigCoordinator::builder()
        .file("/nowhere/b.toml")
        .file(&path)
        .environment([("VICTOR_TEMPERATURE", "hot")])
        .set("mode", 5);
    let error = builder.build().unwrap_err();
    let found: Vec<_> = error.all().iter().map(ToString::to_string).collect();
    let found = found
        .join("\n")
        .replace(&format!("{}/", directory.path().display()), "");
    assert_eq!(
        found,
        "file /nowhere/b.toml cannot be read: there is no such file: check the path, or create the file\n\
         setting `max_tool_calls` in file a.yaml, line 3, column 1: \
         expected a whole number from 0 to 4294967295, found \"many\"\n\
         unknown setting `temprature` in file a.yaml, line 1, column 1: did you mean `temperature`?\n\
         setting `temperature` in environment variable VICTOR_TEMPERATURE: expected a number, found \"hot\"\n\
         setting `mode` in code: expected a text, found 5"
    );
    assert!(
        error
            .to_string()
            .starts_with("5 problems: file /nowhere/b.toml cannot"),
        "{error}"
    );
}

#[test]
fn a_file_without_end_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.json");
    let file = fs::File::create(&path).unwrap();
    file.set_len(1 << 40).unwrap(); // it takes no room on the disk
    let error = ConfigCoordinator::builder()
        .file(&path)
        .build()
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("it has more than 4194304 bytes"),
        "{error}"
    );
}

#[test]
fn discovery_takes_the_one_file_that_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let discover = || ConfigCoordinator::builder().discover(directory.path());
    let path = |name: &str| directory.path().join(name);
    check(discover(), "");
    for name in ["victor.toml", "victor.yaml", "victor.yml", "victor.json"] {
        fs::write(
            path(name),
            if name == "victor.toml" {
                "model = 'm'"
            } else {
                r#"{"model": "m"}"#
            },
        )
        .unwrap();
        check(
            discover(),
            &format!("model = \"m\" from file {}, line 1", path(name).display()),
        );
        fs::remove_file(path(name)).unwrap();
    }
    fs::write(path("victor.toml"), "").unwrap();
    fs::write(path("victor.json"), "{}").unwrap();
    let expected = format!(
        "directory {} cannot be read: it has victor.toml and victor.json: keep one of them",
        directory.path().display()
    );
    check(discover(), &expected);
}
