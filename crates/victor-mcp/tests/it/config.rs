//! The configuration file.

use victor_mcp::{McpConfig, McpConfigError, McpServerConfig};

fn parse(server: &str) -> Result<McpConfig, McpConfigError> {
    let text = format!(r#"{{ "theme": "dark", "mcpServers": {{ "s": {server} }} }}"#);
    McpConfig::parse_with("mcp.json", &text, &|name| {
        (name == "SET").then(|| "value-of-set".to_owned())
    })
}

#[test]
fn files_of_other_clients_are_understood() {
    for server in [
        r#"{ "command": "npx", "args": ["-y", "${SET}"], "env": { "A": "${UNSET:-b}" }, "cwd": "/" }"#,
        r#"{ "type": "stdio", "command": "c", "disabled": true, "autoApprove": ["x"], "alwaysAllow": [] }"#,
        r#"{ "type": "http", "url": "https://h/p", "headers": { "Authorization": "Bearer ${env:SET}" } }"#,
        r#"{ "type": "streamable-http", "serverUrl": "https://h/p", "disabledTools": ["x"] }"#,
        r#"{ "httpUrl": "https://h/p", "includeTools": ["x"], "excludeTools": ["y"], "trust": true }"#,
        r#"{ "command": "c", "timeout": 0.5, "startup_timeout": 60, "trust_annotations": true }"#,
        r#"{ "command": "c", "tools": ["*"], "enabled": true, "isActive": true, "gallery": true, "timeout": 60000 }"#,
        r#"{ "type": "local", "command": "c", "args": [] }"#,
        r#"{ "command": "c", "effects": { "a": "read_only", "b*": "destructive" }, "allow": ["a"], "deny": [] }"#,
    ] {
        let config = parse(server).unwrap_or_else(|error| panic!("{server}: {error}"));
        assert_eq!(config.servers()[0].name(), "s");
        assert_eq!(config.problems().len(), 0, "{server}: {config:?}");
    }
    let config = McpConfig::parse(
        "f",
        r#"{ "inputs": [], "servers": { "s": { "command": "c" } } }"#,
    );
    assert_eq!(config.unwrap().servers()[0].name(), "s");
}

#[test]
fn one_wrong_entry_keeps_nobody_from_the_others() {
    let text = r#"{ "mcpServers": {
        "bad": { "type": "sse", "url": "http://h/sse" },
        "good": { "command": "c" },
        "off": { "command": "c", "args": ["${UNSET}"], "disabled": true },
        "odd": { "command": "c", "headers": {}, "envFile": ".env" },
        "out": { "command": "c", "enabled": false },
        "unset": { "command": "c", "args": ["${UNSET}"] }
    } }"#;
    let config = McpConfig::parse_with("f", text, &|_| None).unwrap();
    let names: Vec<_> = config.servers().iter().map(McpServerConfig::name).collect();
    assert_eq!(names, ["good", "odd", "out"]);
    let problems: Vec<_> = config.problems().iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "f: server `bad`: `type` is `sse`, which MCP has given up: use `http` and the URL for it",
            "f: server `odd`: `envFile` is not known here, and passed over",
            "f: server `odd`: `headers` is not known here, and passed over",
            "f: server `unset`: `args[0]` needs the variable `UNSET`, which is not set and has no default",
        ]
    );
}

#[test]
fn what_makes_no_sense_is_named_and_no_secret_is_told() {
    let check = |server: &str, expected: &str| {
        let config = parse(server).unwrap();
        assert_eq!(config.servers().len(), 0, "{server}");
        assert_eq!(
            config.problems()[0].to_string(),
            format!("mcp.json: server `s`: {expected}"),
            "{server}"
        );
    };
    check("7", "`mcpServers` must hold an object for it");
    check("{}", "`command` is missing, and so is `url`");
    check(
        r#"{ "command": "c", "url": "u" }"#,
        "`url` cannot stand beside `command`",
    );
    check(r#"{ "command": ["c"] }"#, "`command` must be a string");
    check(
        r#"{ "command": "c", "args": "secret" }"#,
        "`args` must be a list",
    );
    check(
        r#"{ "command": "c", "args": ["a", 7] }"#,
        "`args[1]` must be a string",
    );
    check(
        r#"{ "command": "c", "env": { "TOKEN": ["secret"] } }"#,
        "`env.TOKEN` must be a string",
    );
    check(
        r#"{ "command": "c", "comand": "d" }"#,
        "`comand` is not a key of a server: did you mean `command`?",
    );
    check(
        r#"{ "command": "c", "denny": ["delete_*"] }"#,
        "`denny` is not a key of a server: did you mean `deny`?",
    );
    check(
        r#"{ "command": "c", "args": ["a${UNSET}"] }"#,
        "`args[0]` needs the variable `UNSET`, which is not set and has no default",
    );
    check(
        r#"{ "url": "u", "headers": { "A": "secret\n" } }"#,
        "`headers.A` is no value of a header",
    );
    check(
        r#"{ "url": "u", "headers": { "A B": "secret" } }"#,
        "`headers.A B` is no name of a header",
    );
    check(
        r#"{ "url": "u", "type": "sse" }"#,
        "`type` is `sse`, which MCP has given up: use `http` and the URL for it",
    );
    check(
        r#"{ "url": "u", "type": "stdio" }"#,
        "`type` does not fit: it is `stdio` with `command`, and `http` with `url`",
    );
    let seconds = "must be a number of seconds, more than 0 and at most 3600";
    for time in ["0", "-1", "1e9", "\"60\"", "null"] {
        check(
            &format!(r#"{{ "command": "c", "timeout": {time} }}"#),
            &format!("`timeout` {seconds}"),
        );
    }
    check(
        r#"{ "command": "c", "disabled": "no" }"#,
        "`disabled` must be `true` or `false`",
    );
    check(
        r#"{ "command": "c", "effects": { "a": "harmless" } }"#,
        "`effects.a` must be `read_only`, `idempotent`, `write` or `destructive`",
    );
    check(
        r#"{ "command": "c", "allow": [7] }"#,
        "`allow[0]` must be a string",
    );
}

#[test]
fn a_byte_order_mark_does_no_harm() {
    let config = McpConfig::parse("f", "\u{feff}{\"mcpServers\": {}}").unwrap();
    assert_eq!(config.servers().len(), 0);
}

#[test]
fn a_file_that_is_none_says_so() {
    let error = McpConfig::parse("f", "{\n  \"token\": secret }")
        .unwrap_err()
        .to_string();
    assert_eq!(error, "f is not JSON: line 2, column 12");
    let error = McpConfig::parse("f", "[]").unwrap_err().to_string();
    assert_eq!(error, "f has no object `mcpServers`");
    let error = McpConfig::from_file("/no/such/file").unwrap_err();
    assert_eq!(error.to_string(), "cannot read /no/such/file");
}

#[test]
fn secrets_are_not_shown() {
    let config =
        parse(r#"{ "command": "c", "args": ["secret"], "env": { "A": "secret" } }"#).unwrap();
    let http =
        parse(r#"{ "url": "https://h/secret?secret", "headers": { "A": "secret" } }"#).unwrap();
    let shown = format!("{config:?} {http:?}");
    assert!(
        !shown.contains("secret") && shown.contains("https://h"),
        "{shown}"
    );
}
