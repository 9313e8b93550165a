//! The layer of environment variables.

use std::ffi::OsString;

use victor_config::ConfigCoordinator;
use victor_core::Coordinator as _;

use crate::check::check;

#[track_caller]
fn check_environment(variable: (&str, &str), expected: &str) {
    check(
        ConfigCoordinator::builder().environment([variable]),
        expected,
    );
}

#[test]
fn variables_are_read_by_the_kind_of_their_setting() {
    let set = |variable, value: &str, key: &str, shown: &str| {
        check_environment(
            (variable, value),
            &format!("{key} = {shown} from environment variable {variable}"),
        );
    };
    set("VICTOR_MODEL", "5", "model", "\"5\"");
    set("VICTOR_ENABLE_METRICS", "off", "enable_metrics", "false");
    set("VICTOR_TEMPERATURE", "1", "temperature", "1.0");
    set(
        "VICTOR_CONTEXT_WINDOW",
        "200000",
        "context_window",
        "200000",
    );
    set("VICTOR_EXTRA", r#"{"tenant":"a"}"#, "extra.tenant", "\"a\"");
}

#[test]
fn a_variable_that_does_not_fit_is_named() {
    check_environment(
        ("VICTOR_ENABLE_METRICS", "maybe"),
        "setting `enable_metrics` in environment variable VICTOR_ENABLE_METRICS: expected true or false, found \"maybe\"",
    );
    check_environment(
        ("VICTOR_TEMPERATURE", "2.5"),
        "setting `temperature` in environment variable VICTOR_TEMPERATURE: expected from 0 to 2, found 2.5",
    );
    check_environment(
        ("VICTOR_MAX_OUTPUT_TOKENS", "5000000000"),
        "setting `max_output_tokens` in environment variable VICTOR_MAX_OUTPUT_TOKENS: \
         expected a whole number from 0 to 4294967295, found 5000000000",
    );
}

#[test]
fn a_variable_that_is_no_setting_is_at_most_a_remark() {
    let check = |variable: &str, remark: &[&str]| {
        let built = ConfigCoordinator::builder().environment([(variable, "5")]);
        assert_eq!(
            built.build().unwrap().health().problems,
            remark,
            "{variable}"
        );
    };
    check(
        "VICTOR_MAX_TOOL_ITERATION",
        &[
            "environment variable VICTOR_MAX_TOOL_ITERATION: it is no setting and has no effect; did you mean \
           VICTOR_MAX_TOOL_ITERATIONS?",
        ],
    );
    check(
        "VICTOR_model",
        &[
            "environment variable VICTOR_model: it is no setting and has no effect; did you mean VICTOR_MODEL?",
        ],
    );
    // Variables that other crates of Victor and their tests read, and those that Kubernetes sets in every pod beside a
    // service named `victor`.
    for variable in [
        "VICTOR_CASSETTES",
        "VICTOR_DATA",
        "VICTOR_DATA_DIR",
        "VICTOR_DRY_RUN_MODE",
        "VICTOR_ENCRYPTION_KEYS",
        "VICTOR_HEADLESS_MODE",
        "VICTOR_LLAMA",
        "VICTOR_LLMOCK",
        "VICTOR_LOG_LEVEL",
        "VICTOR_MCP_SERVERS",
        "VICTOR_MINILM",
        "VICTOR_PG_URL",
        "VICTOR_SERVER",
        "VICTOR_PORT",
        "VICTOR_SERVICE_HOST",
        "VICTOR_SERVICE_PORT",
        "VICTOR_PORT_80_TCP_ADDR",
        "VICTOR_BIN",
    ] {
        check(variable, &[]);
    }
}

#[test]
fn what_is_secret_is_not_shown() {
    check_environment(
        ("VICTOR_EXTRA", "sk-secret"),
        "setting `extra` in environment variable VICTOR_EXTRA: expected a table of values by their names, found a text",
    );
}

#[test]
fn variables_of_others_are_passed_over() {
    check_environment(("PATH", "/bin"), "");
    check_environment(("VICTOR_TEMPERATURE", ""), "");
    check(
        ConfigCoordinator::builder()
            .reserve("VICTOR_HOME")
            .environment([("VICTOR_HOME", "/srv")]),
        "",
    );
}

#[cfg(unix)]
#[test]
fn a_variable_must_be_text() {
    use std::os::unix::ffi::OsStringExt;
    let latin = OsString::from_vec(vec![b'm', 0xe4]);
    check(
        ConfigCoordinator::builder().environment([(OsString::from("VICTOR_MODEL"), latin)]),
        "setting `model` in environment variable VICTOR_MODEL: expected text in UTF-8",
    );
}
