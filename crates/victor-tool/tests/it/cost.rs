//! What a plain call costs, counted.

use allocation_counter::{AllocationInfo, measure};
use tokio::runtime::{Builder, Runtime};
use victor_core::ToolOutcome;
use victor_tool::ToolCoordinator;
use victor_tool_protocol::ToolExecutor as _;

use crate::support::{call, scope, tool};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

/// Reviews and runs a call, after one that warms up.
fn one_call(tools: &ToolCoordinator, arguments: &str) -> AllocationInfo {
    let runtime = runtime();
    let run = || {
        let calls = [call("1", "t", arguments)];
        let mut results = runtime.block_on(tools.execute_tool_calls(&calls, &scope()));
        assert_eq!(results.remove(0).outcome, ToolOutcome::Success);
    };
    run();
    measure(run)
}

#[test]
fn a_plain_call_allocates_little() {
    let tools = ToolCoordinator::builder()
        .tool(tool("t", |_| async { Ok("done") }))
        .build()
        .unwrap();
    let found = one_call(&tools, r#"{"a":1}"#);
    // 34 were counted, of which 10 are of this test. More means that somebody added some.
    assert!(found.count_total <= 36, "{found:?}");
    assert_eq!(found.count_current, 0, "nothing stays");
}
