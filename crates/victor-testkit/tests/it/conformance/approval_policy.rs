use std::collections::HashSet;
use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::json;
use victor_core::{SessionId, ToolCall, ToolSpec};
use victor_testkit::conformance;
use victor_tool_protocol::{ApprovalPolicy, ApprovalRequest, ApprovalScope, Verdict};

use super::{Bug, breaks};

/// Denies what is called `deny`, runs what is called `run`, asks about the rest, and remembers what was approved.
#[derive(Debug)]
struct Policy {
    bug: Bug,
    approved: Mutex<HashSet<(SessionId, String)>>,
}

impl Policy {
    fn new(bug: &'static str) -> Self {
        Self {
            bug: Bug::new(bug),
            approved: Mutex::default(),
        }
    }

    fn key(&self, request: &ApprovalRequest, arguments: bool) -> (SessionId, String) {
        let ApprovalRequest {
            session,
            call,
            spec,
            ..
        } = request;
        let bug = &self.bug;
        let session = if bug.is("any session") {
            "all".into()
        } else {
            session.clone()
        };
        let name = if bug.is("any tool") { "" } else { &*spec.name };
        let tool = if bug.is("any definition") {
            ""
        } else {
            &*spec.description
        };
        let arguments = if arguments && !bug.is("any arguments") {
            &*call.arguments
        } else {
            ""
        };
        (session, format!("{name}|{tool}|{arguments}"))
    }
}

#[async_trait]
impl ApprovalPolicy for Policy {
    async fn review(&self, request: &ApprovalRequest) -> Verdict {
        if self.bug.shows().await {
            return Verdict::ask("a bug?");
        }
        let is_approved = {
            let approved = self.approved.lock().unwrap();
            [true, false]
                .into_iter()
                .any(|arguments| approved.contains(&self.key(request, arguments)))
        };
        let reason = if self.bug.is("silent") { " " } else { "no" };
        match &*request.spec.name {
            "run" => Verdict::Run,
            "deny" if !(self.bug.is("lifts denials") && is_approved) => Verdict::Deny {
                reason: reason.to_owned(),
            },
            _ if is_approved => Verdict::Run,
            _ => Verdict::ask("sure?"),
        }
    }

    fn approved(&self, request: &ApprovalRequest, scope: ApprovalScope) {
        if scope.is_call() && !self.bug.is("remembers calls") {
            return;
        }
        assert!(!self.bug.is("panics when it is told"), "bug");
        let key = self.key(request, scope != ApprovalScope::Tool);
        self.approved.lock().unwrap().insert(key);
    }

    fn forget(&self, session: &SessionId) {
        let mut approved = self.approved.lock().unwrap();
        match self.bug.is("forgets all") {
            true => approved.clear(),
            false if self.bug.is("forgets nothing") => {}
            false => approved.retain(|(of, _)| of != session),
        }
    }
}

async fn suite(bug: &'static str) {
    let requests = ["run", "ask", "deny"].map(|name| {
        let spec = ToolSpec::new(name, "for tests", json!({ "type": "object" }));
        ApprovalRequest::new("s".into(), ToolCall::new("1", name, r#"{"a":1}"#), spec)
    });
    conformance::approval_policy(|| Policy::new(bug), &requests).await;
}

#[tokio::test]
async fn a_right_policy_passes() {
    suite("none").await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("panics", "no call panics"),
        ("panics when it is told", "no call panics"),
        ("second call", "a review changes nothing"),
        ("side by side", "a review changes nothing"),
        ("after a drop", "a review changes nothing"),
        ("silent", "who is asked or denied is told something"),
        ("any session", "an approval counts in its session only"),
        (
            "any definition",
            "an approval counts for the tool as it was only",
        ),
        ("any tool", "an approval counts for its tool only"),
        (
            "any arguments",
            "an approval of arguments counts for no others",
        ),
        (
            "lifts denials",
            "an approval takes the place of a question and of nothing else",
        ),
        (
            "remembers calls",
            "an approval of a call counts for no other",
        ),
        ("forgets all", "what is forgotten leaves other sessions"),
        ("forgets nothing", "what is forgotten counts no more"),
    ] {
        breaks(law, suite(bug)).await;
    }
    let none = conformance::approval_policy(|| Policy::new("none"), &[]);
    breaks("there are calls to decide about", none).await;
}
