//! The choice of the provider, and the messages when it fails.

use std::net::TcpListener;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tempfile::TempDir;
use victor_testkit::Reply;

use crate::run::{ANSWER, NOWHERE, QUESTION, Ran, folder, ran, victor};
use crate::server::{Api, KEY, anthropic, anthropic_error, openai};

/// Asks something, with these flags and variables.
fn ask(folder: &TempDir, flags: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command: Command = victor(folder.path());
    command
        .envs(variables.iter().copied())
        .arg("chat")
        .args(flags)
        .arg("When?");
    let ran = ran(&mut command, "");
    assert!(!format!("{ran:?}").contains(KEY), "{ran:?}");
    ran
}

#[track_caller]
fn check_answer(ran: &Ran, answer: &str, about: &str) {
    assert_eq!((ran.code, &*ran.stdout), (Some(0), answer), "{ran:?}");
    assert_eq!(ran.stderr.lines().next(), Some(about), "{ran:?}");
}

/// Expects one line with an error.
#[track_caller]
fn check_error(ran: &Ran, code: i32, expected: &str) {
    assert_eq!((ran.code, &*ran.stdout), (Some(code), ""), "{ran:?}");
    assert_eq!(ran.stderr, format!("error: {expected}\n"));
}

#[test]
fn a_key_of_anthropic_in_the_environment_chooses_it() {
    let api = Api::start(anthropic);
    let variables = [
        ("ANTHROPIC_API_KEY", KEY),
        ("ANTHROPIC_BASE_URL", api.url()),
        ("ANTHROPIC_MODEL", "claude-x"),
        ("OPENAI_API_KEY", KEY),
    ];
    let ran = ask(&folder(), &[], &variables);
    let about = "model claude-x of anthropic; chosen because ANTHROPIC_API_KEY is set";
    check_answer(&ran, "On Friday, at noon.\n", about);
    let request = api.last();
    assert_eq!(
        (&*request.path, request.header("x-api-key")),
        ("/v1/messages", KEY)
    );
    assert!(ran.stderr.contains("claude-exact"), "{ran:?}");
}

#[test]
fn so_does_one_of_openai() {
    let api = Api::start(openai);
    let url = format!("{}/v1", api.url());
    let variables = [
        ("ANTHROPIC_API_KEY", " "),
        ("OPENAI_API_KEY", KEY),
        ("OPENAI_BASE_URL", &url),
        ("VICTOR_MODEL", "gpt-x"),
    ];
    let about = "model gpt-x of openai-compatible; chosen because OPENAI_API_KEY is set";
    check_answer(&ask(&folder(), &[], &variables), "By chat.\n", about);
    assert_eq!(api.last().header("authorization"), format!("Bearer {KEY}"));
    assert_eq!(api.last().json()["model"], "gpt-x");
}

#[test]
fn and_so_does_a_running_ollama_whose_first_model_answers() {
    let api = Api::start(openai);
    let ran = ask(&folder(), &[], &[("OLLAMA_HOST", api.server())]);
    let about = format!(
        "model qwen3:8b of ollama; chosen because Ollama is at {}",
        api.server()
    );
    check_answer(&ran, "By chat.\n", &about);
    assert_eq!(api.paths(), ["/v1/models", "/v1/chat/completions"]);
}

#[test]
fn what_is_no_ollama_leaves_it_offline() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().to_string();
    let empty = Api::start(|_| Reply::new(200, "application/json", r#"{"data":[]}"#));
    let other = Api::start(|_| Reply::new(418, "text/plain", "a teapot"));
    for (host, why) in [
        (NOWHERE, format!("no Ollama is at {NOWHERE}")),
        (&silent, format!("Ollama at {silent} does not answer")),
        (
            empty.server(),
            format!(
                "Ollama at {} has no model: fetch one with `ollama pull`",
                empty.server()
            ),
        ),
        (
            other.server(),
            format!(
                "Ollama at {} does not list its models: a teapot",
                other.server()
            ),
        ),
    ] {
        let folder = folder();
        let mut command = victor(folder.path());
        let ran = ran(
            command.env("OLLAMA_HOST", host).args(["chat", QUESTION]),
            "",
        );
        let about = format!(
            "model offline-extractive of offline: it quotes what it reads, and is no language model; \
             chosen because neither ANTHROPIC_API_KEY nor OPENAI_API_KEY is set and {why}"
        );
        check_answer(&ran, ANSWER, &about);
    }
}

#[test]
fn the_flag_beats_the_environment() {
    let (messages, other) = (Api::start(anthropic), Api::start(openai));
    let folder = folder();
    let keys = [
        ("ANTHROPIC_API_KEY", KEY),
        ("OPENAI_API_KEY", KEY),
        ("OLLAMA_HOST", other.server()),
    ];
    let url = format!("{}/v1", other.url());
    let check = |flags: &[&str], answer: &str, about: &str, path: &str, api: &Api| {
        check_answer(&ask(&folder, flags, &keys), answer, about);
        assert_eq!(api.last().path, path);
    };
    let flags = [
        "--provider",
        "anthropic",
        "--base-url",
        messages.url(),
        "--model",
        "claude-y",
    ];
    check(
        &flags,
        "On Friday, at noon.\n",
        "model claude-y of anthropic",
        "/v1/messages",
        &messages,
    );
    let flags = ["--provider", "openai", "--base-url", &url, "--model", "m"];
    check(
        &flags,
        "By chat.\n",
        "model m of openai-compatible",
        "/v1/chat/completions",
        &other,
    );
    let flags = [
        "--provider",
        "openai-responses",
        "--base-url",
        &url,
        "--model",
        "m",
    ];
    check(
        &flags,
        "By response.\n",
        "model m of openai-compatible",
        "/v1/responses",
        &other,
    );
    let flags = ["--provider", "ollama", "--model", "llama3.2"];
    check(
        &flags,
        "By chat.\n",
        "model llama3.2 of ollama",
        "/v1/chat/completions",
        &other,
    );
    let flags = ["--provider", "ollama", "--base-url", other.url()];
    check(
        &flags,
        "By chat.\n",
        "model qwen3:8b of ollama",
        "/v1/chat/completions",
        &other,
    );
    let offline = ask(&folder, &["--provider", "offline"], &keys);
    let about =
        "model offline-extractive of offline: it quotes what it reads, and is no language model";
    assert_eq!(
        (offline.code, offline.stderr.lines().next()),
        (Some(0), Some(about)),
        "{offline:?}"
    );
}

#[test]
fn a_key_that_is_missing() {
    let folder = folder();
    for (provider, variable) in [
        ("anthropic", "ANTHROPIC_API_KEY"),
        ("openai", "OPENAI_API_KEY"),
    ] {
        let expected = format!("provider `{provider}` needs a key: set {variable}");
        check_error(&ask(&folder, &["--provider", provider], &[]), 2, &expected);
    }
    let groq = [
        "--provider",
        "openai",
        "--base-url",
        "https://api.groq.com/openai/v1",
        "--model",
        "m",
    ];
    let ran = ask(&folder, &groq, &[("OPENAI_API_KEY", KEY)]);
    check_error(&ran, 2, "provider `groq` needs a key: set GROQ_API_KEY");
}

#[test]
fn a_key_that_is_wrong() {
    let folder = folder();
    let api = Api::start(|_| {
        anthropic_error(
            401,
            "authentication_error",
            &format!("invalid x-api-key {KEY}"),
        )
    });
    let flags = [
        "-q",
        "--provider",
        "anthropic",
        "--base-url",
        api.url(),
        "--model",
        "m",
    ];
    let expected = "the model call failed: anthropic: invalid x-api-key [redacted]; see the key in ANTHROPIC_API_KEY";
    check_error(
        &ask(&folder, &flags, &[("ANTHROPIC_API_KEY", KEY)]),
        1,
        expected,
    );

    let api = Api::start(|_| {
        Reply::new(
            401,
            "application/json",
            r#"{"error":{"message":"Incorrect API key"}}"#,
        )
    });
    let flags = [
        "-q",
        "--provider",
        "openai",
        "--base-url",
        api.url(),
        "--model",
        "m",
    ];
    let expected = "the model call failed: openai-compatible: Incorrect API key; see the key in OPENAI_API_KEY";
    check_error(
        &ask(&folder, &flags, &[("OPENAI_API_KEY", KEY)]),
        1,
        expected,
    );
}

#[test]
fn a_model_that_is_unknown() {
    let folder = folder();
    let api = Api::start(|request| match &*request.path {
        "/v1/messages" => anthropic_error(404, "not_found_error", "model: claude-sonet-4-5"),
        _ => anthropic(request),
    });
    let flags = [
        "-q",
        "--provider",
        "anthropic",
        "--base-url",
        api.url(),
        "--model",
        "claude-sonet-4-5",
    ];
    let expected = "the model call failed: anthropic: model: claude-sonet-4-5; \
                    did you mean `claude-sonnet-4-5` or `claude-haiku-4-5`?";
    check_error(
        &ask(&folder, &flags, &[("ANTHROPIC_API_KEY", KEY)]),
        1,
        expected,
    );

    let api = Api::start(|request| match &*request.path {
        "/v1/chat/completions" => Reply::new(
            404,
            "application/json",
            r#"{"error":"model 'qwen3' not found"}"#,
        ),
        _ => openai(request),
    });
    let ollama = |model| {
        ask(
            &folder,
            &["-q", "--provider", "ollama", "--model", model],
            &[("OLLAMA_HOST", api.server())],
        )
    };
    let failed = "the model call failed: ollama: model 'qwen3' not found";
    check_error(
        &ollama("qwen3"),
        1,
        &format!("{failed}; did you mean `qwen3:8b`?"),
    );
    let some = "it has `nomic-embed-text`, `qwen3:8b` and `llama3.2`";
    check_error(&ollama("zzzzzzzzzz"), 1, &format!("{failed}; {some}"));
}

#[test]
fn a_model_that_nobody_named() {
    let api = Api::start(openai);
    let url = format!("{}/v1", api.url());
    let flags = ["--provider", "openai", "--base-url", &url];
    let expected = "which model of `openai-compatible`? name it with --model or in the setting `model`; \
                    it has `nomic-embed-text`, `qwen3:8b` and `llama3.2`";
    check_error(&ask(&folder(), &flags, &[]), 2, expected);
}

#[test]
fn a_server_that_is_not_there() {
    let folder = folder();
    let url = format!("http://{NOWHERE}");
    let flags = [
        "-q",
        "--provider",
        "anthropic",
        "--base-url",
        &url,
        "--model",
        "m",
    ];
    let refused = ask(&folder, &flags, &[]);
    let line = refused.stderr.strip_suffix('\n').unwrap();
    assert_eq!((refused.code, line.lines().count()), (Some(1), 1), "{line}");
    let begins = format!(
        "error: the model call failed: anthropic: cannot connect to {NOWHERE}: Connection refused"
    );
    assert!(line.starts_with(&begins), "{line}");
    let ends = "; see that the server runs and can be reached; --base-url names another one";
    assert!(line.ends_with(ends), "{line}");
    let expected = format!(
        "no Ollama is at {NOWHERE}: start it with `ollama serve`, or say where it is with OLLAMA_HOST"
    );
    check_error(&ask(&folder, &["--provider", "ollama"], &[]), 1, &expected);
}

#[test]
fn a_list_of_models_that_hangs_delays_no_answer() {
    let (asked, waits) = mpsc::channel();
    let (asked, waits) = (Mutex::new(asked), Mutex::new(waits));
    let is_late = Arc::new(AtomicBool::new(false));
    let late = Arc::clone(&is_late);
    let api = Api::start(move |request| {
        if request.path == "/v1/models" {
            let asked = || {
                let waits = waits.lock().unwrap();
                waits.recv_timeout(Duration::from_secs(4))
            };
            let asked = tokio::task::block_in_place(asked);
            late.store(asked.is_err(), Ordering::SeqCst);
        } else {
            asked.lock().unwrap().send(()).unwrap();
        }
        openai(request)
    });
    let url = format!("{}/v1", api.url());
    let flags = ["--provider", "openai", "--base-url", &url, "--model", "m"];
    let ran = ask(&folder(), &flags, &[]);
    check_answer(&ran, "By chat.\n", "model m of openai-compatible");
    assert!(!is_late.load(Ordering::SeqCst), "it waited for the list");
}

#[test]
fn an_address_needs_a_provider() {
    let expected =
        "--base-url needs --provider with what is spoken there, for example `--provider openai`";
    for provider in ["auto", "offline"] {
        let ran = ask(
            &folder(),
            &["--provider", provider, "--base-url", "http://x"],
            &[("OPENAI_API_KEY", KEY)],
        );
        check_error(&ran, 2, expected);
    }
}

#[test]
fn a_server_that_is_named() {
    let api = Api::start(openai);
    let url = format!("{}/v1", api.url());
    let folder = folder();
    let answers = |flags: &[&str], vars: &[(&str, &str)], about: &str| {
        let flags = [flags, &["--base-url", &url, "--model", "m"]].concat();
        check_answer(&ask(&folder, &flags, vars), "By chat.\n", about);
        api.last()
    };
    let key = [("MISTRAL_API_KEY", KEY), ("OPENAI_API_KEY", "sk-of-openai")];
    let asked = answers(&["--server", "mistral"], &key, "model m of mistral");
    assert_eq!(asked.header("authorization"), format!("Bearer {KEY}"));
    let flags = ["--provider", "openai", "--server", "vllm"];
    answers(&flags, &[], "model m of vllm");
    let variable = [("VICTOR_SERVER", "lm-studio")];
    answers(
        &[],
        &variable,
        "model m of lm-studio; chosen because VICTOR_SERVER is `lm-studio`",
    );
    // Its address may be in the environment.
    let vars = [("VICTOR_SERVER", "vllm"), ("OPENAI_BASE_URL", &*url)];
    let ran = ask(&folder, &["--model", "m"], &vars);
    let chosen = "model m of vllm; chosen because VICTOR_SERVER is `vllm`";
    check_answer(&ran, "By chat.\n", chosen);

    let unknown = ask(&folder, &["--server", "kimmi"], &[]);
    let expected = "unknown server `kimmi`, did you mean `kimi`? Known are `openai`, `azure`, `gemini`, `mistral`, \
                    `kimi`, `zai`, `minimax`, `deepseek`, `xai`, `groq`, `openrouter`, `together` and 5 more";
    check_error(&unknown, 2, expected);
    let unknown = ask(
        &folder,
        &["--provider", "anthropic", "--server", "groq"],
        &[],
    );
    let expected =
        "unknown server `groq`; known are `anthropic`, `deepseek`, `kimi`, `minimax` and `zai`";
    check_error(&unknown, 2, expected);
    let no_key = ask(
        &folder,
        &["--provider", "anthropic", "--server", "kimi"],
        &[],
    );
    check_error(
        &no_key,
        2,
        "provider `anthropic` needs a key: set MOONSHOT_API_KEY",
    );
    let needless = ask(&folder, &["--provider", "ollama", "--server", "kimi"], &[]);
    let expected =
        "--server goes with --provider anthropic, openai or openai-responses, or with none";
    check_error(&needless, 2, expected);
}

#[test]
fn a_session_goes_on_with_the_provider_and_the_model_that_it_was_held_with() {
    let api = Api::start(openai);
    let url = format!("{}/v1", api.url());
    let folder = folder();
    let keys = [("OPENAI_API_KEY", KEY)];
    let flags = [
        "--session",
        "s",
        "--provider",
        "openai",
        "--base-url",
        &url,
        "--model",
        "m",
    ];
    ask(&folder, &flags, &keys);
    let about = "model m of openai-compatible; as before in this session";
    check_answer(
        &ask(&folder, &["--session", "s"], &keys),
        "By chat.\n",
        about,
    );
    assert_eq!(api.last().json()["model"], "m");
    // A flag beats what is remembered, and is remembered in its place.
    let about = "model n of openai-compatible";
    check_answer(
        &ask(&folder, &["--continue", "--model", "n"], &keys),
        "By chat.\n",
        about,
    );
    let about = "model n of openai-compatible; as before in this session";
    check_answer(&ask(&folder, &["--continue"], &keys), "By chat.\n", about);
    // Another session knows nothing of it.
    let other = ask(
        &folder,
        &["--session", "other", "--provider", "offline"],
        &keys,
    );
    assert!(
        other
            .stderr
            .starts_with("model offline-extractive of offline"),
        "{other:?}"
    );
    // Nor does one that is brought in: whoever made the file must not choose to whom keys are sent.
    let file = folder.path().join("s.jsonl");
    for arguments in [
        vec!["export", "s", file.to_str().unwrap()],
        vec!["import", file.to_str().unwrap(), "--session", "foreign"],
    ] {
        let moved = ran(victor(folder.path()).arg("sessions").args(arguments), "");
        assert_eq!(moved.code, Some(0), "{moved:?}");
    }
    let foreign = ask(&folder, &["--session", "foreign"], &[]);
    assert!(
        foreign
            .stderr
            .starts_with("model offline-extractive of offline"),
        "{foreign:?}"
    );
    // A provider that cannot be opened any more is told, and is no end of the session.
    let gone = ask(&folder, &["--session", "s"], &[]);
    let remark = gone.stderr.lines().next();
    assert_eq!(gone.code, Some(0), "{gone:?}");
    assert!(
        remark.is_some_and(|line| line.contains("as before") || line.contains("cannot be opened")),
        "{gone:?}"
    );
}
