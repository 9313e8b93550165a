//! What a person was shown of a call.

use serde_json::json;
use victor_chat::{Step, Turn};
use victor_chat_protocol::Approval;
use victor_core::{Part, ToolCall, ToolSpec, Usage};
use victor_provider_protocol::Completion;
use victor_tool_protocol::{ShownPreview, Verdict};

use crate::script::{begin, limits};

#[test]
fn it_goes_with_the_call_also_after_a_restart() {
    let restarted = |turn: &Turn| {
        let stored = serde_json::to_string(turn).unwrap();
        serde_json::from_str::<Turn>(&stored).unwrap()
    };
    let mut turn = begin(limits(9));
    turn.committed();
    let calls = ["a", "b"].map(|id| Part::ToolCall(ToolCall::new(id, "t", "{}")));
    let answer = Completion::new("m".into(), calls.to_vec(), Usage::default());
    turn.model_answered(answer).unwrap();
    let preview = ShownPreview::new("rm a and all the rest", 9);
    let spec = ToolSpec::new("t", "for tests", json!({ "type": "object" }));
    let ask = |evidence: &str| {
        let evidence = Some(evidence.to_owned());
        Verdict::ask("sure?").with_evidence(Some(preview.clone()), evidence, spec.clone().into())
    };
    turn.tools_reviewed(vec![Verdict::Run, ask("1")]).unwrap();
    let mut turn = restarted(&turn);
    let Step::AwaitApproval(pending) = turn.next_step() else {
        panic!()
    };
    assert_eq!(pending[0].preview, Some(preview.clone()));
    assert_eq!(pending[0].evidence.as_deref(), Some("1"));
    turn.approvals_given(&[Approval::approve("b")]).unwrap();
    let Step::ReviewTools { approvals, .. } = turn.next_step() else {
        panic!()
    };
    assert_eq!(approvals[0].evidence.as_deref(), Some("1"));
    // It has become another one, and is asked about again.
    turn.tools_reviewed(vec![ask("2")]).unwrap();
    let mut turn = restarted(&turn);
    turn.approvals_given(&[Approval::approve("b")]).unwrap();
    turn.tools_reviewed(vec![Verdict::Run]).unwrap();
    let Step::RunTools(calls) = restarted(&turn).next_step() else {
        panic!()
    };
    let evidence: Vec<_> = calls.iter().map(|call| call.evidence.as_deref()).collect();
    assert_eq!(evidence, [None, Some("2")]);
}
