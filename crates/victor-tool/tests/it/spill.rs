//! Results that are too long for a conversation.

use std::sync::Arc;

use allocation_counter::measure;
use serde_json::json;
use victor_core::{Coordinator as _, Image, MediaSource, Part, SessionId, TurnId};
use victor_testkit::faults::{Fault, Faulty};
use victor_tool::{ToolCoordinator, ToolCoordinatorBuilder, ToolOptions};
use victor_tool_protocol::{
    InMemoryResultStore, RegisterError, ResultStore, ToolExecutor as _, ToolOutput, ToolScope,
};

use crate::support::{call, tool};

const TEXT: &str = "0123456789äöüäöüabcdefghij";

fn builder(max: usize) -> ToolCoordinatorBuilder {
    let image = Part::Image(Image::new(MediaSource::Url("u".into())));
    ToolCoordinator::builder()
        .options(ToolOptions::default().with_max_output_bytes(max))
        .tool(tool("one", |_| async { Ok(TEXT) }))
        .tool(tool("parts", move |_| {
            let parts = vec![
                Part::text("0123456789"),
                image.clone(),
                Part::text("abcdefghij"),
            ];
            async { Ok(ToolOutput::from(parts)) }
        }))
}

async fn run(tools: &ToolCoordinator, session: &str, tool: &str, arguments: &str) -> Vec<Part> {
    let scope = ToolScope::new(SessionId::new(session), TurnId::generate());
    let mut wanted = call("1", tool, arguments);
    wanted.idempotency_key = "turn/1/0".into();
    let mut results = tools.execute_tool_calls(&[wanted], &scope).await;
    results.remove(0).content
}

async fn says(tools: &ToolCoordinator, session: &str, tool: &str, arguments: &str) -> String {
    let parts = run(tools, session, tool, arguments).await;
    victor_core::text_of(&parts).into_owned()
}

/// Reads with these arguments beside the handle.
async fn reads(tools: &ToolCoordinator, session: &str, arguments: &str) -> String {
    let arguments = format!(r#"{{"handle":"turn/1/0"{arguments}}}"#);
    says(tools, session, "read_result", &arguments).await
}

#[tokio::test]
async fn a_model_reads_what_was_left_out_page_by_page() {
    let tools = builder(10)
        .results(Arc::new(InMemoryResultStore::default()))
        .build()
        .unwrap();
    let cut = "01234\n[22 of 32 bytes left out here, from byte 5 to 27: read them with `read_result`, handle `turn/1/0`]\nfghij";
    assert_eq!(says(&tools, "s", "one", "").await, cut);
    // A page has less than a result may have, but a character at least.
    let page = "0\n[bytes 0 to 1 of 32; go on at offset 1]";
    assert_eq!(reads(&tools, "s", "").await, page);

    let tools = builder(220)
        .results(Arc::new(InMemoryResultStore::default()))
        .build()
        .unwrap();
    assert_eq!(says(&tools, "s", "one", "").await, TEXT);
    let missing = "not found: this conversation keeps no result under the handle `turn/1/0`; call the tool again that gave it";
    assert_eq!(reads(&tools, "s", "").await, missing);
}

#[tokio::test]
async fn pages_begin_and_end_where_they_should() {
    let store = Arc::new(InMemoryResultStore::default());
    store.put(&"s".into(), "turn/1/0", TEXT).await.unwrap();
    let tools = builder(220).results(store).build().unwrap();
    let check = async |arguments: &str, expected: &str| {
        assert_eq!(reads(&tools, "s", arguments).await, expected);
    };
    check(
        "",
        "0123456789äöüäö\n[bytes 0 to 20 of 32; go on at offset 20]",
    )
    .await;
    check(r#","offset":20"#, "üabcdefghij\n[bytes 20 to 32 of 32]").await;
    check(
        r#","offset":11,"length":3"#,
        "ä\n[bytes 10 to 12 of 32; go on at offset 12]",
    )
    .await;
    check(
        r#","offset":11,"length":4"#,
        "äö\n[bytes 10 to 14 of 32; go on at offset 14]",
    )
    .await;
    check(r#","offset":99"#, "\n[bytes 32 to 32 of 32]").await;
    let most = "0123456789äöüäö\n[bytes 0 to 20 of 32; go on at offset 20]";
    check(r#","length":99"#, most).await;
}

#[tokio::test]
async fn handles_are_those_of_a_session_until_it_is_reset() {
    let tools = builder(24)
        .results(Arc::new(InMemoryResultStore::default()))
        .build()
        .unwrap();
    assert!(says(&tools, "s", "one", "").await.contains("left out"));
    assert!(
        reads(&tools, "t", "")
            .await
            .starts_with("not found: this conversation")
    );
    assert!(
        says(&tools, "s", "read_result", r#"{"handle":"\u001b[2J"}"#)
            .await
            .contains("`\\u{1b}[2J`")
    );
    tools.reset(&"t".into());
    assert!(reads(&tools, "s", "").await.starts_with("0\n[bytes"));
    tools.reset(&"s".into());
    assert!(
        reads(&tools, "s", "")
            .await
            .starts_with("not found: this conversation")
    );
}

#[tokio::test]
async fn parts_are_kept_as_one_text_and_pictures_stay() {
    let tools = builder(4)
        .results(Arc::new(InMemoryResultStore::default()))
        .build()
        .unwrap();
    let parts = run(&tools, "s", "parts", "").await;
    let [Part::Text(head), Part::Image(_), Part::Text(tail)] = &parts[..] else {
        panic!("{parts:?}")
    };
    assert!(
        head.text
            .starts_with("01\n[16 of 20 bytes left out here, from byte 2 to 18:"),
        "{head:?}"
    );
    assert_eq!(tail.text, "ij");
    assert!(
        reads(&tools, "s", r#","offset":9,"length":1"#)
            .await
            .starts_with("9\n")
    );
    assert!(
        reads(&tools, "s", r#","offset":10,"length":1"#)
            .await
            .starts_with("a\n")
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_kept_is_cut_and_said_so() {
    for (fault, problem) in [
        (
            Fault::Error,
            "the store of tool results failed: injected fault",
        ),
        (Fault::Panic, "panicked: injected fault"),
        (Fault::Hang, "gave no answer within 30s"),
    ] {
        let store = Faulty::new(InMemoryResultStore::default(), fault).first(1);
        let tools = builder(10).results(Arc::new(store)).build().unwrap();
        let expected = format!(
            "01234\n[22 of 32 bytes left out here, which could not be kept ({problem}): ask for a smaller part to see \
             them]\nfghij"
        );
        assert_eq!(says(&tools, "s", "one", "").await, expected);
        assert_eq!(
            tools.health().problems,
            [format!("store of tool results: {problem}")]
        );
        assert!(
            says(&tools, "s", "one", "")
                .await
                .contains("read them with")
        );
        assert!(tools.health().is_healthy());
    }
    let fails = Faulty::new(InMemoryResultStore::default(), Fault::Error);
    let tools = builder(10).results(Arc::new(fails)).build().unwrap();
    let failed = "the store of tool results failed: injected fault; tried 3 times";
    assert_eq!(reads(&tools, "s", "").await, failed);
}

#[test]
fn the_tool_is_there_if_results_are_kept() {
    let names = |tools: &ToolCoordinator| {
        let specs = tools.specs();
        specs
            .iter()
            .map(|spec| spec.name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&builder(10).build().unwrap()), ["one", "parts"]);
    let store = || Arc::new(InMemoryResultStore::default());
    let tools = builder(10).results(store()).build().unwrap();
    assert_eq!(names(&tools), ["one", "parts", "read_result"]);
    let own = builder(10)
        .results(store())
        .tool(tool("read_result", |_| async { Ok("") }));
    assert!(matches!(own.build(), Err(RegisterError::Duplicate(name)) if name == "read_result"));
}

#[tokio::test]
async fn the_reader_is_a_tool_by_the_law() {
    let store = Arc::new(InMemoryResultStore::default());
    let tools = ToolCoordinator::builder().results(store).build().unwrap();
    assert_eq!(tools.specs()[0].input_schema["required"], json!(["handle"]));
    assert_eq!(tools.specs()[0].input_schema["additionalProperties"], false);
}

/// The most memory that a call of a tool takes which returns so many bytes, and what stays of it.
fn taken(bytes: usize, store: Option<Arc<dyn ResultStore>>) -> (u64, i64) {
    let mut builder =
        builder(50_000).tool(tool("large", move |_| async move { Ok("x".repeat(bytes)) }));
    if let Some(store) = store {
        builder = builder.results(store);
    }
    let tools = builder.build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(says(&tools, "s", "one", ""));
    let mut stays = Vec::new();
    let taken = measure(|| {
        stays = runtime.block_on(run(&tools, "s", "large", ""));
    });
    assert!(victor_core::text_of(&stays).len() < 51_000);
    (taken.bytes_max, taken.bytes_current)
}

#[test]
fn a_huge_result_is_copied_only_into_the_store() {
    const HUGE: usize = 64 << 20;
    let (most, stays) = taken(HUGE, None);
    assert!(
        most < HUGE as u64 + 500_000 && stays < 500_000,
        "{most} {stays}"
    );
    let store = Arc::new(InMemoryResultStore::default());
    let (most, stays) = taken(HUGE, Some(store));
    let (once, twice) = (HUGE as i64 + 500_000, 2 * HUGE as u64 + 500_000);
    assert!(most < twice && stays < once, "{most} {stays}");
}
