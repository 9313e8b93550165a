//! Servers that do what they should not, and what becomes of calls and of health.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use victor_core::HealthStatus;
use victor_mcp::{McpClient, McpError};
use victor_tool_protocol::ToolError;

use crate::scripted::{Script, here, scripted};
use crate::support::{Listener, ask, call, connect, context, fail, text, tool, until};

#[expect(clippy::needless_pass_by_value, reason = "it is what `format!` makes")]
fn complain(text: String) {
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}

#[tokio::test]
async fn a_server_that_dies_in_a_call_is_started_again_for_the_next() {
    let (config, _folder) = scripted(here!(), |server: &mut Script| {
        server.serve_do(|server, request| {
            if server.run == 1 {
                complain(format!(
                    "out of cheese, key {}\n",
                    std::env::var("KEY").unwrap()
                ));
                std::process::exit(3);
            }
            server.text(request, &format!("run {}", server.run));
        });
    });
    let client = connect(config.env("KEY", "sesame-17")).await;
    let error = fail(&client, "do").await;
    assert!(matches!(error, ToolError::Failed { .. }), "{error:?}");
    let error = error.to_string();
    for said in [
        "scripted",
        "may have had an effect",
        "exit code 3",
        "out of cheese, key ***",
    ] {
        assert!(error.contains(said), "{error}");
    }
    assert_eq!(ask(&client, "do").await, "run 2");
    assert!(client.health().is_healthy());
}

#[tokio::test]
async fn a_server_that_dies_again_and_again_is_left_alone_for_a_while() {
    let (config, _folder) = scripted(here!(), |server: &mut Script| {
        if server.run > 1 {
            complain("no more".to_owned());
            std::process::exit(1);
        }
        server.serve_do(|_, _| std::process::exit(1));
    });
    let client = connect(config).await;
    assert!(matches!(
        fail(&client, "do").await,
        ToolError::Failed { .. }
    ));
    // It could not be started again, by this call or by the keeper, and nothing was done.
    let mut waits = None;
    for _ in 0..2 {
        let error = fail(&client, "do").await;
        let ToolError::Unavailable {
            message,
            retry_after,
        } = error
        else {
            panic!("{error:?}")
        };
        assert!(
            message.contains("no more") && message.contains("no effect"),
            "{message}"
        );
        waits = waits.or(retry_after);
    }
    assert!(
        waits.is_some_and(|wait| wait <= Duration::from_secs(2)),
        "{waits:?}"
    );
    let health = client.health();
    assert_eq!(health.status, HealthStatus::Unhealthy);
    assert!(health.problems[0].contains("no more"), "{health:?}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_after_its_time() {
    let (config, _folder) = scripted(here!(), |server: &mut Script| {
        complain("thinking".to_owned());
        loop {
            server.next();
        }
    });
    let config = config.startup_timeout(Duration::from_secs(2));
    let error = McpClient::connect(config).await.unwrap_err();
    assert!(matches!(&error, McpError::Timeout { .. }), "{error:?}");
    assert!(error.to_string().contains("thinking"), "{error}");
}

#[tokio::test]
async fn a_server_that_ends_at_once_says_why() {
    let (config, _folder) = scripted(here!(), |_| {
        let key = std::env::var("KEY").unwrap();
        complain(format!("no licence {key}\n").repeat(100));
        std::process::exit(7);
    });
    let error = McpClient::connect(config.env("KEY", "sesame".repeat(100)))
        .await
        .unwrap_err();
    assert!(matches!(&error, McpError::Ended { .. }), "{error:?}");
    let error = error.to_string();
    assert!(
        error.contains("exit code 7") && error.contains("no licence"),
        "{error}"
    );
    assert!(!error.contains("sesame"), "{error}");
    assert!(error.len() < 1_500, "{}", error.len());
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_named() {
    let config = victor_mcp::McpServerConfig::stdio("s", "no-such-command");
    let error = McpClient::connect(config.clone()).await.unwrap_err();
    let expected = "MCP server `s` cannot be started: `no-such-command`: ";
    assert!(error.to_string().starts_with(expected), "{error}");
    let error = McpClient::connect(config.cwd("/no/such/folder"))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`/no/such/folder` is not a folder"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_is_told_of_a_call_that_was_dropped() {
    let (config, _folder) = scripted(here!(), |server: &mut Script| {
        let list =
            json!([{ "name": "slow", "inputSchema": {} }, { "name": "heard", "inputSchema": {} }]);
        server.serve(
            move |_| list.clone(),
            |server, request, tool| {
                if tool == "heard" {
                    let heard = server.heard.join(" ");
                    server.text(request, &heard);
                }
            },
        );
    });
    let client = connect(config).await;
    let slow = tokio::time::timeout(Duration::from_millis(100), ask(&client, "slow"));
    assert!(slow.await.is_err());
    assert_eq!(
        ask(&client, "heard").await,
        "notifications/initialized notifications/cancelled"
    );
}

#[tokio::test]
async fn rubbish_between_the_messages_is_passed_over() {
    let (config, _folder) = scripted(here!(), |server: &mut Script| {
        server.write(b"Welcome!\n\n\xff\xfe\n{ broken\n[1]\n{\"jsonrpc\":\"2.0\"}\n{}\nnull\n");
        server.serve_do(|server, request| {
            server.write(b"working ...\n");
            server.text(request, "done");
        });
    });
    let client = connect(config).await;
    assert_eq!(ask(&client, "do").await, "done");
}

#[tokio::test]
async fn a_hundred_megabytes_are_not_taken() {
    let (config, _folder) = scripted(here!(), |server: &mut Script| {
        server.serve_do(|server, request| {
            if server.run > 1 {
                return server.text(request, "small");
            }
            server.write(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"");
            for _ in 0..100 {
                server.write(&[b'x'; 1 << 20]);
            }
            server.write(b"\"}]}}\n");
        });
    });
    let client = connect(config).await;
    let error = fail(&client, "do").await.to_string();
    assert!(error.contains("a message of more than 16 MiB"), "{error}");
    assert_eq!(ask(&client, "do").await, "small");
}

#[tokio::test]
async fn a_flood_of_notifications_ends_the_connection() {
    let (config, _folder) = scripted(here!(), |server: &mut Script| {
        server.serve_do(|server, request| {
            if server.run > 1 {
                return server.text(request, "dry");
            }
            let line = format!(
                "{}\n",
                json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" })
            );
            let lines = line.repeat(1_000);
            loop {
                server.write(lines.as_bytes());
            }
        });
    });
    let client = connect(config).await;
    let error = fail(&client, "do").await.to_string();
    assert!(
        error.contains("more than 20000 messages within 10 s"),
        "{error}"
    );
    assert_eq!(ask(&client, "do").await, "dry");
}

#[tokio::test]
async fn tools_that_cannot_be_offered_are_left_out_and_named() {
    let (config, _folder) = scripted(here!(), |server: &mut Script| {
        let list = json!([
            { "name": "good", "inputSchema": { "type": "object" } },
            { "name": "bad", "inputSchema": "anything" },
            { "name": "good", "inputSchema": {}, "description": "another" },
            "tool",
        ]);
        server.serve(move |_| list.clone(), Script::text);
    });
    let client = connect(config.deny("nothing")).await;
    assert_eq!(ask(&client, "good").await, "good");
    assert_eq!(client.tools().len(), 1);
    let health = client.health();
    assert_eq!(health.status, HealthStatus::Degraded);
    for said in [
        "`bad` is left out",
        "`good` is left out",
        "`deny` names `nothing`",
    ] {
        assert!(health.problems[0].contains(said), "{health:?}");
    }
}

#[tokio::test]
async fn a_list_without_end_is_cut() {
    let (config, _folder) = scripted(here!(), |server: &mut Script| {
        let mut page = 0;
        server.serve(
            move |_| {
                page += 1;
                let tool = |n| json!({ "name": format!("tool_{page}_{n}"), "inputSchema": {} });
                let tools: Vec<_> = (0..1_000).map(tool).collect();
                json!({ "tools": tools, "nextCursor": "on" })
            },
            |_, _, _| {},
        );
    });
    let client = connect(config).await;
    assert_eq!(client.tools().len(), 256);
    assert!(
        client.health().problems[0].contains("are left out"),
        "{:?}",
        client.health()
    );
}

#[tokio::test]
async fn older_revisions_of_the_protocol_are_spoken() {
    let (config, _folder) = scripted(here!(), |server: &mut Script| {
        let versions = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
        server.version = Some(versions[server.run - 1]);
        server.serve_do(|server, request| server.text(request, server.version.unwrap()));
    });
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let client = connect(config.clone()).await;
        assert_eq!(ask(&client, "do").await, version);
    }
}

#[tokio::test]
async fn a_server_that_answers_the_first_question_oddly_is_greeted_in_the_older_way() {
    let (config, folder) = scripted(here!(), |server: &mut Script| {
        let odd: [fn() -> Value; 5] = [
            || json!({ "jsonrpc": "2.0", "result": {} }),
            || json!({ "result": { "content": [{ "type": "text", "text": "unknown method" }] } }),
            || json!({ "error": "what?" }),
            || json!({ "error": { "code": -32020, "message": null } }),
            || std::process::exit(1),
        ];
        server.probed = odd[(server.run - 1).min(4)];
        server.serve_do(|server, request| server.text(request, &server.run.to_string()));
    });
    // The last one ends, and is started once more.
    for run in ["1", "2", "3", "4", "6"] {
        let client = connect(config.clone()).await;
        assert_eq!(ask(&client, "do").await, run);
        client.shutdown().await;
        let _ = std::fs::remove_file(folder.path().join("ended by itself"));
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_ends_its_call_at_once() {
    let (config, _folder) = scripted(here!(), |server: &mut Script| {
        let names = ["half", "broken", "nothing", "silent", "plain"];
        let list: Value = names
            .map(|name| json!({ "name": name, "inputSchema": {} }))
            .into_iter()
            .collect();
        server.serve(
            move |_| list.clone(),
            |server, request, tool| {
                let id = &request["id"];
                let rest = match tool {
                    "half" => r#""result":{"content":[{"type":"text","text":"name \udcff.txt"}]}}"#,
                    "broken" => r#""result":{"content":[undefined]}}"#,
                    "nothing" => r#""other":1}"#,
                    "silent" => r#""error":{"code":-32603,"message":null}}"#,
                    _ => r#""result":{"content":"plain"}}"#,
                };
                server.write(format!("{{\"id\":{id},{rest}\n").as_bytes());
            },
        );
    });
    let client = connect(config).await;
    assert_eq!(ask(&client, "half").await, "name \u{fffd}.txt");
    assert_eq!(ask(&client, "plain").await, "plain");
    for (tool, said) in [
        ("broken", "its answer cannot be read: "),
        ("nothing", "neither a result nor an error"),
        ("silent", "an error without a message"),
    ] {
        let error = fail(&client, tool).await.to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[tokio::test]
async fn arguments_reach_the_server_by_the_names_that_it_knows() {
    let (config, _folder) = scripted(here!(), |server: &mut Script| {
        let list = json!([{ "name": "find", "inputSchema": {
            "type": "object", "properties": { "filter[name]": { "type": "string" } }, "anyOf": [{ "required": ["filter[name]"] }],
        } }]);
        server.serve(
            move |_| list.clone(),
            |server, request, _| {
                let arguments = request["params"]["arguments"].to_string();
                let key = std::env::var("KEY").unwrap();
                server.text(request, &format!("{arguments} with {key}"));
            },
        );
    });
    let client = connect(config.env("KEY", "sesame-17")).await;
    let found = call(&client, "find", json!({ "filter_name": "a" })).await;
    // And what the server was told as a secret stays with it.
    assert_eq!(text(&found.unwrap()), r#"{"filter[name]":"a"} with ***"#);
}

#[tokio::test]
async fn results_that_are_not_as_they_should_be_are_told_as_far_as_they_go() {
    let (config, _folder) = scripted(here!(), |server: &mut Script| {
        let names = ["kinds", "empty", "null", "error", "invalid", "input"];
        let list: Value = names
            .map(|name| json!({ "name": name, "inputSchema": {} }))
            .into_iter()
            .collect();
        server.serve(
            move |_| list.clone(),
            |server, request, tool| match tool {
                "kinds" => server.answer(
                    request,
                    json!({ "content": [
                { "type": "hologram", "data": "AAAA" },
                { "type": "text", "text": " and text" },
            ] }),
                ),
                "empty" => server.answer(request, json!({})),
                "null" => server.answer(request, Value::Null),
                "error" => server.answer(
                    request,
                    json!({ "isError": true, "content": [
                { "type": "text", "text": "the disk\u{7} is full" },
            ] }),
                ),
                "invalid" => server.say(&json!({
                    "jsonrpc": "2.0",
                    "id": request["id"],
                    "error": { "code": -32602, "message": "`a` is\nmissing" },
                })),
                _ => server.answer(
                    request,
                    json!({ "resultType": "input_required", "inputRequests": {} }),
                ),
            },
        );
    });
    let client = connect(config).await;
    let kinds = "[content of an unknown kind is left out] and text";
    assert_eq!(ask(&client, "kinds").await, kinds);
    assert_eq!(ask(&client, "empty").await, "");
    assert_eq!(fail(&client, "error").await.to_string(), "the disk is full");
    let invalid = fail(&client, "invalid").await;
    assert!(
        matches!(&invalid, ToolError::InvalidArguments(said) if said == "`a` is missing"),
        "{invalid:?}"
    );
    let input = fail(&client, "input").await.to_string();
    assert!(
        input.contains("asks for input, which is not supported"),
        "{input}"
    );
    let null = fail(&client, "null").await.to_string();
    assert!(null.contains("may have had an effect"), "{null}");
}

#[tokio::test]
async fn progress_is_a_sign_of_life() {
    let (config, _folder) = scripted(here!(), |server: &mut Script| {
        server.serve_do(|server, request| {
            let token = request["params"]["_meta"]["progressToken"].clone();
            let steps = [
                json!({ "progress": 1, "message": "first\u{1b}[2J step" }),
                json!({ "progress": 2, "total": 3 }),
                json!({ "progress": 3 }),
            ];
            for mut params in steps {
                params["progressToken"] = token.clone();
                server.say(&json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params }));
                std::io::stdout().flush().unwrap();
                // Each is heard by itself.
                #[expect(clippy::disallowed_methods, reason = "nothing else happens in this process")]
                std::thread::sleep(Duration::from_millis(200));
            }
            server.text(request, "done");
        });
    });
    let client = connect(config).await;
    let listener = Arc::new(Listener::default());
    let cx = context().with_listener(listener.clone());
    let output = tool(&client, "do").call(&cx, json!({})).await.unwrap();
    assert_eq!(text(&output), "done");
    let heard = listener.heard();
    assert_eq!(
        heard,
        [
            Some("first\\u{1b}[2J step".to_owned()),
            Some("2 of 3".to_owned()),
            None
        ]
    );
}

#[tokio::test]
async fn a_server_knows_of_our_environment_what_it_needs() {
    let (config, _folder) = scripted(here!(), |server: &mut Script| {
        server.serve_do(|server, request| {
            let names: Vec<_> = std::env::vars().map(|(name, _)| name).collect();
            server.text(request, &names.join(" "));
        });
    });
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some()); // cargo sets it for tests
    let client = connect(config.env("OURS", "1")).await;
    let names = ask(&client, "do").await;
    let has = |name: &str| names.split(' ').any(|known| known == name);
    assert!(
        has("PATH") && has("OURS") && !has("CARGO_MANIFEST_DIR"),
        "{names}"
    );
}

#[tokio::test]
async fn a_server_that_is_shut_down_ends_by_itself() {
    let (config, folder) = scripted(here!(), |server: &mut Script| {
        server.serve_do(|server, request| server.text(request, "done"));
    });
    let client = connect(config).await;
    assert_eq!(ask(&client, "do").await, "done");
    client.shutdown().await;
    assert!(folder.path().join("ended by itself").exists());
    client.shutdown().await;
    let error = fail(&client, "do").await;
    assert!(matches!(&error, ToolError::Unavailable { .. }), "{error:?}");
    assert!(error.to_string().contains("was shut down"), "{error}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_is_killed_with_all_that_it_started() {
    let (config, folder) = scripted(here!(), |server: &mut Script| {
        let mut child = std::process::Command::new("sleep")
            .arg("1000")
            .spawn()
            .unwrap();
        let pids = format!("{} {}", std::process::id(), child.id());
        std::fs::write(server.folder.join("pids"), pids).unwrap();
        std::thread::spawn(move || child.wait());
        server.serve_do(|_, _| {
            loop {
                std::thread::park();
            }
        });
    });
    let client = connect(config).await;
    let pids = std::fs::read_to_string(folder.path().join("pids")).unwrap();
    let is_there = |pid: &str| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !status.is_empty() && !status.contains(") Z ") // who has adopted it may not have looked yet
    };
    assert!(pids.split(' ').all(is_there));
    let tool = tool(&client, "do");
    drop(client);
    assert!(pids.split(' ').all(is_there), "a tool keeps the server");
    drop(tool);
    until(|| !pids.split(' ').any(is_there)).await;
}

#[tokio::test]
async fn its_tools_keep_the_laws_of_tools() {
    let (config, _folder) = scripted(here!(), |server: &mut Script| {
        server.serve_do(|server, request| server.text(request, "done"));
    });
    let client = connect(config).await;
    victor_testkit::conformance::tool(&*tool(&client, "do"), &json!({})).await;
    assert_eq!(
        text(&call(&client, "do", json!({ "a": 1 })).await.unwrap()),
        "done"
    );
    assert!(matches!(
        call(&client, "do", json!([])).await,
        Err(ToolError::InvalidArguments(_))
    ));
}
