//! Requests that a server refuses, and answers that a model declines to give.

use serde_json::{Value, json};
use victor_testkit::{ApiRequest, Reply};

use crate::run::{Ran, chat, folder};
use crate::server::{Api, openai, stream};

#[test]
fn a_declined_question_is_explained_and_left_out() {
    let api = Api::start(|request| {
        let said = &request.json()["messages"];
        let harms = said.to_string().contains("harm");
        let (text, stop, details) = match harms {
            true => (
                "I",
                "refusal",
                json!({"type": "refusal", "category": "cyber", "explanation": "It could do harm.", "recommended_model": "m-2"}),
            ),
            false => ("Gladly.", "end_turn", Value::Null),
        };
        let message = json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": null,
            "stop_sequence": null, "usage": {"input_tokens": 5, "output_tokens": 1},
        });
        let end = json!({"stop_reason": stop, "stop_sequence": null, "stop_details": details});
        stream(&[
            json!({"type": "message_start", "message": message}),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "message_delta", "delta": end, "usage": {"output_tokens": 7}}),
            json!({"type": "message_stop"}),
        ])
    });
    let folder = folder();
    let ask = |message: &str| {
        let flags = ["-q", "--provider", "anthropic", "--base-url", api.url()];
        let rest = ["--model", "m", "--session", "s", message];
        chat(folder.path(), &[&flags[..], &rest].concat(), "")
    };
    let ran = ask("Do harm");
    assert_eq!((ran.code, &*ran.stdout), (Some(1), "I\n"), "{ran:?}");
    let expected = "error: the model declined to answer (cyber): It could do harm; this turn is left out of what it sees \
                    from now on; --model m-2 may answer it\n";
    assert_eq!(ran.stderr, expected);
    let ran = ask("Do good");
    assert_eq!((ran.code, &*ran.stdout), (Some(0), "Gladly.\n"), "{ran:?}");
    let sent = api.last().json()["messages"].as_array().unwrap().len();
    assert_eq!(sent, 1, "the declined turn is not sent by another process");
}

/// A llama-server whose window has 1,024 tokens of four letters.
fn small(request: &ApiRequest) -> Reply {
    let tokens = request.body.len() / 4;
    if request.path != "/v1/chat/completions" || tokens <= 1024 {
        return openai(request);
    }
    let message = format!(
        "request ({tokens} tokens) exceeds the available context size (1024 tokens), try increasing it"
    );
    let error = json!({
        "code": 400, "message": message, "type": "exceed_context_size_error", "n_prompt_tokens": tokens, "n_ctx": 1024,
    });
    Reply::new(
        400,
        "application/json",
        json!({ "error": error }).to_string(),
    )
}

#[test]
fn what_does_not_fit_is_named_with_what_helps() {
    let api = Api::start(small);
    let url = format!("{}/v1", api.url());
    let folder = folder();
    let ask = |flags: &[&str], message: &str| -> Ran {
        let to = [
            "-q",
            "--provider",
            "openai",
            "--base-url",
            &url,
            "--model",
            "m",
        ];
        let rest = ["--no-save", message];
        chat(folder.path(), &[&to[..], flags, &rest].concat(), "")
    };
    let few = ["--tools", "read_file"];
    let check = |ran: &Ran, expected: &[&str]| {
        assert_eq!((ran.code, &*ran.stdout), (Some(1), ""), "{ran:?}");
        for part in expected {
            assert!(ran.stderr.contains(part), "{part} is not in {ran:?}");
        }
        let told = "exceeds the available context size (1024 tokens), try increasing it";
        assert!(ran.stderr.contains(told), "{ran:?}");
    };
    let window = "it cannot be made to fit the window of 1024 tokens: the system prompt and the tools take about ";
    let tools = "; offer fewer tools or shorten the system prompt, or choose a model with a larger window: ";
    let ran = ask(&[], "Hello");
    check(&ran, &[window, tools]);
    assert!(
        ran.stderr
            .ends_with("; --tools names the tools that are offered\n"),
        "{ran:?}"
    );
    let message = "; shorten the message, or choose a model with a larger window: ";
    let ran = ask(&few, &"talk of the town ".repeat(1000));
    check(&ran, &[window, message]);
    let ran = ask(&few, "Hello");
    assert_eq!((ran.code, &*ran.stdout), (Some(0), "By chat.\n"), "{ran:?}");
}
