//! Tools cut their output themselves, so that the remark about the rest is within the budget of the executor.

use serde_json::{Value, json};

use crate::support::{Fixture, block_on, context};

/// Calls a tool whose content does not fit into any of these budgets. Its output does, and has the remark.
#[track_caller]
fn check(name: &str, arguments: &Value, remark: &str) {
    let lines = "a needle in a line\n".repeat(1_000);
    let files: Vec<_> = (0..100)
        .map(|n| (format!("{n:03}-{}", "x".repeat(40)), &*lines))
        .collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (&**path, *text)).collect();
    for budget in [500, 1_500, 3_000] {
        let here = Fixture::new(&files);
        let cx = context().with_output_budget(budget);
        let output = block_on(here.call_with(&cx, name, arguments.clone())).unwrap();
        assert!(
            output.len() <= budget,
            "{} of {budget}: {output}",
            output.len()
        );
        assert!(
            output.len() >= budget / 4,
            "{} of {budget}: {output}",
            output.len()
        );
        assert!(output.contains(remark), "{output}");
    }
}

#[test]
fn of_a_small_budget_the_remark_survives() {
    let file = format!("000-{}", "x".repeat(40));
    let read = json!({ "path": file });
    check("read_file", &read, "[there is more: continue with offset ");
    let list = json!({});
    check(
        "list_directory",
        &list,
        "[there is more: list single directories",
    );
    let find = json!({ "patterns": ["*-*"], "limit": 1_000 });
    check(
        "find_files",
        &find,
        "[100 files match, of which these are the ",
    );
    let search = json!({ "query": "needle", "limit": 1_000 });
    check(
        "search_files",
        &search,
        "[more lines match: search for something rarer",
    );
    let write = json!({ "path": "new", "content": format!("{}\n", "y".repeat(99)).repeat(100) });
    check("write_file", &write, "lines of the diff are left out]");
}

#[cfg(unix)]
#[test]
fn of_a_small_budget_the_end_of_a_command_survives() {
    let command = json!({ "command": "yes | head -c 100000; exit 3" });
    check("run_command", &command, " bytes left out here]\n");
    check("run_command", &command, "\n[exit code 3]");
}
