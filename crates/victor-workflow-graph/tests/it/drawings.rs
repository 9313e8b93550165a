//! What is drawn, and how texts are kept from being markup.

use serde_json::json;
use victor_workflow_graph::{mermaid, svg};
use victor_workflow_protocol::Workflow;

/// A definition with every kind of step.
pub(crate) fn release() -> Workflow {
    let workflow = json!({
        "name": "release <1>",
        "steps": [
            { "id": "build", "call": { "handler": "build" }, "retry": { "attempts": 3 } },
            { "id": "ok", "approval": { "prompt": "Ship {{ steps.build[\"artifact\"] }} & tell?" }, "timeout": "72h" },
            { "id": "route", "branch": {
                "cases": [{ "when": "steps.ok.approved", "then": "ship" }, { "when": "steps.ok.n < 3", "then": "later" }],
                "else": "drop"
            } },
            { "id": "ship", "call": { "handler": "ship" }, "compensate": { "handler": "unship" } },
            { "id": "later", "wait": { "for": "24h" } },
            { "id": "drop", "transform": "not shipped", "when": "input.tell" },
            { "id": "files", "after": "build", "map": { "over": "input.files", "steps": [
                { "id": "read", "tool": { "name": "read_file" } },
                { "id": "summary", "agent": { "prompt": "Summarise the file for somebody who has not read it" } },
                { "id": "tries", "loop": { "until": "last.ok", "max": 3, "steps": [{ "id": "check", "call": { "handler": "check" } }] } }
            ] } },
            { "id": "end", "transform": 1, "after": ["ship", "later", "drop", "files"], "on_failure": "continue" },
            { "id": "notify", "workflow": { "name": "mail" } }
        ],
        "workflows": { "mail": { "steps": [{ "id": "send", "call": { "handler": "mail" } }, { "id": "read", "wait": { "event": "read" } }] } }
    });
    serde_json::from_value(workflow).unwrap()
}

#[test]
fn mermaid_has_every_step_and_edge() {
    let expected = r#"flowchart TD
    n0["build<br/>call build<br/>3 attempts"]
    n1{{"ok<br/>approval: Ship {{ steps.build[#34;artifact#34;…<br/>within 72h"}}
    n2{"route<br/>branch"}
    n3["ship<br/>call ship<br/>undone by unship"]
    n4(["later<br/>wait 24h"])
    n5("drop<br/>transform<br/>if input.tell")
    style n5 stroke-dasharray: 4 4
    subgraph n6 ["files<br/>for each of input.files"]
        n7["read<br/>tool read_file"]
        n8["summary<br/>agent: Summarise the file for somebody w…"]
        subgraph n9 ["tries<br/>until last.ok, at most 3 times"]
            n10["check<br/>call check"]
        end
        n7 --> n8
        n8 --> n9
    end
    n11("end<br/>transform<br/>may fail")
    n12["notify<br/>workflow mail"]
    n0 --> n1
    n0 --> n6
    n1 --> n2
    n2 -->|"steps.ok.approved"| n3
    n2 -->|"steps.ok.n #60; 3"| n4
    n2 -->|"else"| n5
    n3 --> n11
    n4 --> n11
    n5 --> n11
    n6 --> n11
    n11 --> n12
    subgraph n13 ["workflow mail"]
        n14["send<br/>call mail"]
        n15(["read<br/>wait for read"])
        n14 --> n15
    end
"#;
    assert_eq!(mermaid(&release()), expected);
}

#[test]
fn svg_has_every_step_and_no_markup_of_others() {
    let text = svg(&release());
    for step in [
        "build", "ok", "route", "ship", "later", "drop", "files", "read", "summary", "tries",
        "check", "end",
    ] {
        assert!(
            text.contains(&format!(">{step}</text>")),
            "{step} is missing"
        );
    }
    assert!(text.contains("aria-label=\"workflow release &lt;1&gt;\""));
    assert!(
        text.contains("Ship {{ steps.build[&quot;artifact&quot;] }} &amp; tell?\n"),
        "the whole question is in the title"
    );
    assert_eq!(text.matches("marker-end").count(), 14);
    assert!(!text.contains("<script"));
    assert_eq!(text, svg(&release()), "a definition has one picture");
}
