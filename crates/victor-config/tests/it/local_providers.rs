//! The providers that need nothing but this machine.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use victor_config::{EnvironmentConfigProvider, FileConfigProvider, StaticConfigProvider};
use victor_config_protocol::ConfigProvider;
use victor_core::SessionId;
use victor_testkit::conformance;

async fn ask(provider: &impl ConfigProvider, session: &str) -> Result<Value, String> {
    let values = provider.get_config(&session.into()).await;
    values.map(Value::Object).map_err(|error| error.to_string())
}

#[tokio::test]
async fn all_follow_the_laws() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), "model: m").unwrap();
    let sessions = ["a", "b", "../a", ""].map(SessionId::from);
    let fixed = StaticConfigProvider::new("plans")
        .set("model", "m")
        .set_for("a", "temperature", 1);
    conformance::config_provider(&fixed, &sessions).await;
    let environment =
        EnvironmentConfigProvider::new([("VICTOR_MODEL", "m"), ("PATH", "/bin")]).unwrap();
    conformance::config_provider(&environment, &sessions).await;
    let file = FileConfigProvider::new(folder.path().join("{session}.yaml"));
    conformance::config_provider(&file, &sessions).await;
}

#[tokio::test]
async fn a_file_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.toml");
    let provider = FileConfigProvider::new(&path)
        .with_name("tuning")
        .with_priority(7);
    assert_eq!((provider.name(), provider.priority()), ("tuning", 7));
    let becomes = |text: &str| {
        let new = path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, &path).unwrap();
    };
    assert_eq!(ask(&provider, "a").await, Ok(json!({})));
    becomes("temperature = 1");
    assert_eq!(ask(&provider, "a").await, Ok(json!({"temperature": 1})));
    becomes("temperature = 2");
    assert_eq!(ask(&provider, "b").await, Ok(json!({"temperature": 2})));
    becomes("temperature = 3");
    let error = ask(&provider, "a").await.unwrap_err();
    assert!(
        error.ends_with("all.toml, line 1, column 1: expected from 0 to 2, found 3"),
        "{error}"
    );
    fs::remove_file(&path).unwrap();
    assert_eq!(ask(&provider, "a").await, Ok(json!({})));
}

#[tokio::test]
async fn a_session_has_its_own_file_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let tenants = folder.path().join("tenants");
    fs::create_dir(&tenants).unwrap();
    let write = |path: &Path, model: &str| fs::write(path, format!("model = '{model}'")).unwrap();
    write(&folder.path().join("secret.toml"), "secret");
    write(&tenants.join("a.toml"), "a");
    write(&tenants.join("ä b.toml"), "ä");
    write(&tenants.join(".hidden.toml"), "hidden");
    let provider = FileConfigProvider::new(tenants.join("{session}.toml"));
    assert_eq!(ask(&provider, "a").await, Ok(json!({"model": "a"})));
    assert_eq!(ask(&provider, "ä b").await, Ok(json!({"model": "ä"})));
    for other in [
        "b",
        "../secret",
        "./a",
        "/etc/a",
        ".hidden",
        "..",
        "",
        "a\0",
        "C:a",
        "..\\secret",
    ] {
        assert_eq!(ask(&provider, other).await, Ok(json!({})), "{other:?}");
    }
}

#[test]
fn variables_that_do_not_fit_are_all_told() {
    let variables = [
        ("VICTOR_TEMPERATURE", "9"),
        ("VICTOR_MAX_TOOL_CALLS", "many"),
        ("VICTOR_PORT", "tcp://1"),
    ];
    let error = EnvironmentConfigProvider::new(variables).unwrap_err();
    assert_eq!(error.all().len(), 2, "{error}");
}
