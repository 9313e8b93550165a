//! The ledger: what model calls have cost, whatever ended them.

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use victor_testkit::ApiRequest;

use crate::run::{QUESTION, Ran, chat, folder, ran, victor};
use crate::server::{Api, KEY, anthropic, anthropic_error};

/// The prices of the model of the tests: 5 tokens in and 7 out cost 110 millionths of a dollar.
const PRICES: &str = "[[price]]\nmodel = \"claude-exact\"\ninput = 8\noutput = 10\n";
const CALL: u64 = 110_000;

fn priced() -> TempDir {
    let folder = folder();
    fs::write(folder.path().join("prices.toml"), PRICES).unwrap();
    folder
}

fn ask(folder: &Path, api: &Api, arguments: &[&str]) -> Ran {
    let model = ["--model", "claude-sonnet-4-5"];
    ask_by_route(folder, api, &[&model, arguments].concat())
}

/// Asks the model that the settings choose.
fn ask_by_route(folder: &Path, api: &Api, arguments: &[&str]) -> Ran {
    let mut command = victor(folder);
    command
        .env("ANTHROPIC_API_KEY", KEY)
        .env("ANTHROPIC_BASE_URL", api.url())
        .arg("chat")
        .args(arguments);
    ran(&mut command, "")
}

#[track_caller]
fn usage(folder: &Path, arguments: &[&str]) -> String {
    let ran = ran(victor(folder).arg("usage").args(arguments), "");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout
}

#[track_caller]
fn lines(folder: &Path, by: &str) -> Vec<Value> {
    let text = usage(folder, &["--json", "--by", by]);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn what_a_session_costs_is_shown_and_kept() {
    let (folder, api) = (priced(), Api::start(anthropic));
    let folder = folder.path();
    let first = ask(folder, &api, &["--session", "one", QUESTION]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(
        first.stderr.contains("2 model calls") && first.stderr.contains(", $0.00022, "),
        "{first:?}"
    );
    let again = ask(folder, &api, &["--session", "one", "And?"]);
    assert!(
        again
            .stderr
            .contains(", $0.00011 ($0.00033 in the session), "),
        "{again:?}"
    );
    let free = chat(
        folder,
        &["--session", "two", "--provider", "offline", QUESTION],
        "",
    );
    assert_eq!(free.code, Some(0), "{free:?}");
    assert!(!free.stderr.contains('$'), "{free:?}");

    let by_session = lines(folder, "session");
    assert_eq!(by_session.len(), 2, "{by_session:?}");
    assert_eq!(by_session[0]["session"], "one");
    assert_eq!(by_session[0]["cost_nanos"], json!(3 * CALL));
    assert_eq!(
        (&by_session[0]["attempts"], &by_session[0]["cut_off"]),
        (&json!(3), &json!(0))
    );
    assert_eq!(by_session[1]["cost_nanos"], json!(0));
    let table = usage(folder, &["--by", "model", "--session", "on"]);
    assert_eq!(
        table,
        "claude-exact of anthropic  3 calls  15 in  21 out  $0.00033\n"
    );
    assert!(usage(folder, &[]).contains("$0.00033"));
    assert_eq!(usage(folder, &["--since", "2999-01-01"]), "");

    // What was spent was spent.
    let deleted = ran(victor(folder).args(["sessions", "delete", "one"]), "");
    assert_eq!(deleted.code, Some(0), "{deleted:?}");
    assert_eq!(lines(folder, "session")[0]["cost_nanos"], json!(3 * CALL));
}

#[test]
fn an_unknown_price_is_unknown() {
    let (folder, api) = (folder(), Api::start(anthropic));
    let folder = folder.path();
    let ran = ask(folder, &api, &["--session", "one", "Hello"]);
    assert!(
        ran.stderr.contains(", cost unknown, claude-exact"),
        "{ran:?}"
    );
    assert_eq!(lines(folder, "day")[0]["cost_nanos"], Value::Null);
    assert!(usage(folder, &[]).ends_with("1 call  5 in  7 out  unknown\n"));
    // A file in the form of LiteLLM tells it for later calls.
    let table = json!({"claude-exact": {
        "litellm_provider": "anthropic", "input_cost_per_token": 8e-6, "output_cost_per_token": 1e-5,
    }});
    fs::write(folder.join("table.json"), table.to_string()).unwrap();
    let ran = ask(
        folder,
        &api,
        &["--session", "one", "--prices", "table.json", "Hello"],
    );
    assert!(
        ran.stderr
            .contains(", $0.00011 ($0.00011 + unknown in the session), "),
        "{ran:?}"
    );
}

/// Serves a model API that takes requests and never answers, and tells of each.
fn silent_model() -> (String, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1 << 12];
            let read = stream.read(&mut request).unwrap();
            if request[..read].starts_with(b"POST") {
                open.push(stream);
                // The test may have ended.
                let _ = sender.send(());
            }
        }
    });
    (url, receiver)
}

#[test]
fn a_process_that_is_killed_in_a_model_call_has_it_in_the_ledger() {
    let (folder, api) = (priced(), Api::start(anthropic));
    let folder = folder.path();
    assert_eq!(
        ask(folder, &api, &["--session", "one", "Hello"]).code,
        Some(0)
    );
    let (url, asked) = silent_model();
    let mut killed = victor(folder)
        .env("ANTHROPIC_API_KEY", KEY)
        .env("ANTHROPIC_BASE_URL", url)
        .args([
            "chat",
            "--model",
            "claude-sonnet-4-5",
            "--session",
            "one",
            "And?",
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    asked
        .recv_timeout(Duration::from_secs(30))
        .expect("the model is asked");
    let running = usage(folder, &["--by", "session"]);
    assert!(
        running.ends_with("$0.00011 + unknown  1 running\n"),
        "{running}"
    );
    killed.kill().unwrap();
    killed.wait().unwrap();
    let table = usage(folder, &["--by", "model"]);
    let rows: Vec<_> = table.lines().collect();
    assert_eq!(rows.len(), 3, "{table}");
    let (earlier, cut) = (rows[0], rows[1]);
    assert!(earlier.starts_with("claude-exact of anthropic"), "{table}");
    assert!(earlier.ends_with("$0.00011"), "{table}");
    assert!(cut.starts_with("claude-sonnet-4-5 of anthropic"), "{table}");
    assert!(cut.ends_with("unknown  1 cut off"), "{table}");
    let lines = lines(folder, "session");
    assert_eq!(
        (&lines[0]["cut_off"], &lines[0]["cost_nanos"]),
        (&json!(1), &json!(CALL))
    );
}

#[test]
fn a_budget_counts_what_earlier_processes_have_spent() {
    let (folder, api) = (folder(), Api::start(anthropic));
    let folder = folder.path();
    let prices = "[[price]]\nmodel = \"*\"\ninput = 0\noutput = 10\n";
    fs::write(folder.join("prices.toml"), prices).unwrap();
    // An answer costs 70 millionths of a dollar, and 100 are reserved for it.
    let settings = |more: &str| {
        let settings = format!("max_output_tokens = 10\n{more}");
        fs::write(folder.join("victor.toml"), settings).unwrap();
    };
    settings("");
    let in_one = ["--session", "one", "--budget", "0.00016", "Hello"];
    assert_eq!(ask(folder, &api, &in_one).code, Some(0));
    let calls = api.paths().len();
    let refused = ask(folder, &api, &in_one);
    let said = "a budget is used up";
    assert!(refused.stderr.contains(said), "{refused:?}");
    settings("[extra]\nbudget = 0.00016\n");
    let refused = ask(folder, &api, &["--session", "one", "Hello"]);
    assert!(refused.stderr.contains(said), "{refused:?}");
    settings("[[extra.budgets]]\nscope = \"day\"\ncost = \"0.00016\"\n");
    let refused = ask(folder, &api, &["--session", "two", "Hello"]);
    assert!(refused.stderr.contains(said), "{refused:?}");
    assert_eq!(api.paths().len(), calls, "the provider is not asked");
    settings("");
    let in_two = ["--session", "two", "--budget", "0.00016", "Hello"];
    assert_eq!(ask(folder, &api, &in_two).code, Some(0));
}

#[test]
fn a_route_of_the_settings_goes_on_to_the_next_target() {
    let (folder, api) = (priced(), Api::start(anthropic));
    let folder = folder.path();
    let broken = Api::start(|_: &ApiRequest| anthropic_error(403, "permission_error", "no"));
    let settings = format!(
        "[extra]\nroute = \"main\"\n\
         [extra.targets.first]\nprovider = \"anthropic\"\nbase_url = \"{}\"\nmodel = \"claude-opus-4-5\"\n\
         limits = {{ concurrent = 2 }}\n\
         [extra.targets.second]\nprovider = \"anthropic\"\nbase_url = \"{}\"\nmodel = \"claude-sonnet-4-5\"\n\
         [extra.routes.main]\ntargets = [{{ target = \"first\" }}, {{ target = \"second\" }}]\n",
        broken.url(),
        api.url()
    );
    fs::write(folder.join("victor.toml"), settings).unwrap();
    let routed = |arguments: &[&str]| {
        let mut command = victor(folder);
        ran(
            command
                .env("ANTHROPIC_API_KEY", KEY)
                .arg("chat")
                .args(arguments),
            "",
        )
    };
    let answered = routed(&["--session", "one", "Hello"]);
    assert_eq!(
        (answered.code, &*answered.stdout),
        (Some(0), "On Friday, at noon.\n"),
        "{answered:?}"
    );
    assert!(
        answered
            .stderr
            .contains("route main: model claude-opus-4-5 of anthropic first"),
        "{answered:?}"
    );
    let lines = lines(folder, "model");
    let models: Vec<_> = lines
        .iter()
        .map(|line| line["model"].as_str().unwrap())
        .collect();
    assert_eq!(
        models,
        ["claude-exact of anthropic", "claude-opus-4-5 of anthropic"]
    );
    // A flag chooses another target.
    assert_eq!(routed(&["--route", "second", "Hello"]).code, Some(0));
    let unknown = routed(&["--route", "secnd", "Hello"]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(
        unknown.stderr.contains("`secnd`") && unknown.stderr.contains("`second`"),
        "{unknown:?}"
    );
}

#[test]
fn the_example_of_the_readme_is_right() {
    let readme = include_str!("../../../../README.md");
    let (_, rest) = readme.split_once("```toml\n[extra]").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let (folder, api) = (folder(), Api::start(anthropic));
    fs::write(
        folder.path().join("victor.toml"),
        format!("[extra]{example}"),
    )
    .unwrap();
    let answered = ask_by_route(folder.path(), &api, &["Hello"]);
    assert_eq!(answered.code, Some(0), "{answered:?}");
    let said = "route main: model claude-sonnet-4-5 of anthropic first, of 2 targets";
    assert!(answered.stderr.contains(said), "{answered:?}");
}

#[test]
fn wrong_settings_of_routes_and_money_are_told_with_their_key() {
    let check = |settings: &str, flags: &[&str], said: &str| {
        let folder = folder();
        fs::write(folder.path().join("victor.toml"), settings).unwrap();
        let mut command = victor(folder.path());
        let ran = ran(
            command
                .env("ANTHROPIC_API_KEY", KEY)
                .arg("chat")
                .args(flags)
                .arg("Hello"),
            "",
        );
        assert_eq!(ran.code, Some(2), "{settings}: {ran:?}");
        assert!(ran.stderr.contains(said), "{settings}: {ran:?}");
    };
    let target =
        "[extra]\nroute = \"r\"\n[extra.targets.t]\nprovider = \"anthropic\"\nmodel = \"m\"\n";
    let with = |more: &str| format!("{target}{more}");
    check(
        &with("limts = 1\n"),
        &[],
        "setting `extra.targets.t` in file",
    );
    check(
        &with("limits = { concurrent = -1 }\n"),
        &[],
        "setting `extra.targets.t` in file",
    );
    check(&with(""), &[], "unknown target or route `r`");
    check(
        &with("[extra.routes.r]\ntargets = []\n"),
        &[],
        "route `r` has no targets",
    );
    check(
        &with("[extra.routes.r]\ntargets = [{ target = \"r\" }]\n"),
        &[],
        "leads back to itself",
    );
    check(
        &with("[extra.routes.r]\ntargets = [{ target = \"u\" }]\n"),
        &[],
        "unknown target `u`",
    );
    check(
        &with("[extra.routes.r]\ntimeout = 0\ntargets = []\n"),
        &[],
        "`extra.routes.r`",
    );
    check(
        "[extra]\nroute = \"t\"\n[extra.targets.t]\nprovider = \"antropic\"\nmodel = \"m\"\n",
        &[],
        "did you mean `anthropic`",
    );
    check("[extra]\nbudget = -1\n", &[], "setting `extra.budget`");
    check(
        "[extra]\nbudget = \"much\"\n",
        &[],
        "`much` is no amount of dollars",
    );
    check(
        "[[extra.budgets]]\nscope = \"week\"\n",
        &[],
        "setting `extra.budgets.0`",
    );
    check("[extra]\nprices = \"none.toml\"\n", &[], "none.toml");
    check("", &["--budget", "1,5"], "`1,5` is no amount of dollars");
    check("", &["--prices", "none.json"], "none.json");
}
