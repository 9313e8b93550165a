//! One layer over another, and the layer of the program.

use std::fs;

use serde_json::json;
use victor_config::ConfigCoordinator;
use victor_config_protocol::{ConfigError, ConfigLoader, Settings};

use crate::check::check;

#[test]
fn without_layers_everything_is_default() {
    let config = ConfigCoordinator::new([]);
    assert_eq!(config.config().settings, Settings::default());
    assert!(
        config
            .explain_all()
            .iter()
            .all(|explained| explained.to_string().ends_with(" from the defaults"))
    );
    assert_eq!(
        config.explain_all().len(),
        Settings::keys().len() - 1,
        "all but the empty `extra`"
    );
}

#[test]
fn later_layers_beat_earlier_ones_key_by_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("victor.toml");
    fs::write(
        &path,
        "model = 'file'\ntemperature = 1\nmax_tool_iterations = 1\n[extra]\na = 1\nb = 1\n",
    )
    .unwrap();
    let builder = ConfigCoordinator::builder()
        .set("max_tool_iterations", 3) // the order of calls does not matter
        .environment([
            ("VICTOR_TEMPERATURE", "0.5"),
            ("VICTOR_MAX_TOOL_ITERATIONS", "2"),
            ("VICTOR_EXTRA", r#"{"b":2}"#),
        ])
        .discover(directory.path());
    let expected = format!(
        "model = \"file\" from file {path}, line 1\n\
         temperature = 0.5 from environment variable VICTOR_TEMPERATURE\n\
         max_tool_iterations = 3 from code\n\
         extra.a = 1 from file {path}, line 5\n\
         extra.b = 2 from environment variable VICTOR_EXTRA",
        path = path.display()
    );
    check(builder, &expected);
}

#[test]
fn settings_of_the_program_count_where_they_differ_from_the_defaults() {
    let settings = Settings::default()
        .with_max_tool_iterations(5)
        .with_temperature(None);
    let builder = || ConfigCoordinator::builder().environment([("VICTOR_TEMPERATURE", "0.5")]);
    check(
        builder().settings(settings),
        "temperature = 0.5 from environment variable VICTOR_TEMPERATURE\nmax_tool_iterations = 5 from code",
    );
    check(
        builder().set("temperature", json!(null)),
        "temperature = null from code",
    );
}

#[test]
fn values_of_the_program_are_checked() {
    let builder = ConfigCoordinator::builder;
    check(
        builder().set("max_iterations", 5),
        "unknown setting `max_iterations` in code: did you mean `max_tool_iterations`?",
    );
    check(
        builder().set("enable_metrics", "yes"),
        "setting `enable_metrics` in code: expected true or false, found \"yes\"",
    );
    check(
        builder().set("enable_metrics", json!(null)),
        "setting `enable_metrics` in code: expected true or false, found null",
    );
    for bad in [f64::NAN, f64::INFINITY, -1.0] {
        let settings = Settings::default().with_temperature(Some(bad));
        check(
            builder().settings(settings),
            "setting `temperature` in code: expected from 0 to 2",
        );
    }
}

#[test]
fn a_table_of_several_sources_is_explained_value_by_value() {
    let lower = json!({"team": {"name": "a", "region": "eu"}, "whole": {"a": 1, "b": {"c": 2}}});
    let builder = ConfigCoordinator::builder()
        .environment([("VICTOR_EXTRA", lower.to_string())])
        .set("extra", json!({"team": {"region": "us"}}));
    check(
        builder,
        "extra.team.name = \"a\" from environment variable VICTOR_EXTRA\n\
         extra.team.region = \"us\" from code\n\
         extra.whole = {\"a\":1,\"b\":{\"c\":2}} from environment variable VICTOR_EXTRA",
    );
}

#[test]
fn what_is_secret_by_its_name_is_shown_as_dots() {
    let extra = json!({
        "api_key": "sk-1", "max_tokens": 5, "db": {"user": "u", "Password": "p", "tokens": {"token": 7}},
    });
    let config = ConfigCoordinator::builder()
        .set("extra", extra)
        .build()
        .unwrap();
    let shown: Vec<_> = config
        .explain_all()
        .iter()
        .map(ToString::to_string)
        .collect();
    let shown = shown.join("\n");
    for expected in [
        "extra.api_key = \"...\" from code",
        "extra.max_tokens = 5 from code",
        "extra.db = {\"Password\":\"...\",\"tokens\":{\"token\":\"...\"},\"user\":\"u\"} from code",
    ] {
        assert!(shown.contains(expected), "{shown}");
    }
    assert_eq!(
        config.explain("db.Password").unwrap().to_string(),
        "db.Password = \"...\" from code"
    );
    assert_eq!(
        config.explain("api_key").unwrap().value,
        "sk-1",
        "the program gets it"
    );
}

#[test]
fn a_key_is_explained_with_its_source() {
    let config = ConfigCoordinator::builder()
        .set("extra", json!({"tenant": "a", "model": "x"}))
        .build()
        .unwrap();
    let check =
        |key: &str, expected: &str| assert_eq!(config.explain(key).unwrap().to_string(), expected);
    check("tenant", "tenant = \"a\" from code");
    check("extra.tenant", "extra.tenant = \"a\" from code");
    check("model", "model = null from the defaults");
    check("extra.model", "extra.model = \"x\" from code");
    check(
        "max_tool_iterations",
        "max_tool_iterations = 20 from the defaults",
    );
    let error = config.explain("tempratur").unwrap_err();
    assert!(
        matches!(&error, ConfigError::UnknownKey { unknown, .. } if unknown.closest() == Some("temperature")),
        "{error}"
    );
}
