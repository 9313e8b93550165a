//! The extension point for approvals.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use victor_core::{SessionId, ToolCall, ToolCallId, ToolOutcome, ToolResult, ToolSpec};

use crate::ShownPreview;

/// Decides which tool calls run.
///
/// Implemented by programs that know what is safe; called by the [`ToolExecutor`](crate::ToolExecutor) once for every
/// call whose tool exists and whose arguments fit, before any call of the same message runs, and from many tasks at
/// once.
///
/// A policy that panics denies. A review changes nothing: a call may be reviewed more than once.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ApprovalPolicy: fmt::Debug + Send + Sync + 'static {
    /// Decides about one call.
    async fn review(&self, request: &ApprovalRequest) -> Verdict;

    /// A person has approved a call, and wishes not to be asked about such calls again. A policy that remembers
    /// nothing, which is the default, asks again.
    fn approved(&self, _request: &ApprovalRequest, _scope: ApprovalScope) {}

    /// Forgets what persons have approved in a session. A policy that remembers nothing has nothing to forget.
    fn forget(&self, _session: &SessionId) {}
}

#[deny(clippy::missing_trait_methods)]
impl<T: ApprovalPolicy + ?Sized> ApprovalPolicy for Arc<T> {
    victor_core::forward! {
        async fn review<'a>(&self, request: &'a ApprovalRequest) -> Verdict;
        fn approved(&self, request: &ApprovalRequest, scope: ApprovalScope);
        fn forget(&self, session: &SessionId);
    }
}

/// A call that waits for a decision.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ApprovalRequest {
    /// The session.
    pub session: SessionId,
    /// The call, with arguments that fit the schema.
    pub call: ToolCall,
    /// The tool that it means.
    pub spec: Arc<ToolSpec>,
}

impl ApprovalRequest {
    /// A request to decide about a call.
    #[must_use]
    pub fn new(session: SessionId, call: ToolCall, spec: impl Into<Arc<ToolSpec>>) -> Self {
        Self {
            session,
            call,
            spec: spec.into(),
        }
    }
}

/// The decision about a tool call.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// It runs.
    Run,
    /// It does not run, because it cannot: no tool has that name, or the arguments do not fit.
    Reject {
        /// The reason, for the model.
        reason: String,
    },
    /// It does not run, because it may not.
    Deny {
        /// The reason, for the model.
        reason: String,
    },
    /// A person is asked. Made by [`Verdict::ask`].
    #[non_exhaustive]
    Ask {
        /// The question to the person.
        question: String,
        /// A preview of the call, from [`Tool::preview`](crate::Tool::preview), filled in by the executor. Where it is
        /// absent, the arguments are all there is to show.
        preview: Option<ShownPreview>,
        /// The digest of the preview, so that an approval is void when the call would do something else. Filled in by
        /// the executor.
        evidence: Option<String>,
        /// The definition of the tool when the question was asked, filled in by the executor. An approval is void when
        /// the tool has another one.
        definition: Option<Arc<ToolSpec>>,
    },
}

impl Verdict {
    /// A person is asked.
    pub fn ask(question: impl Into<String>) -> Self {
        Self::Ask {
            question: question.into(),
            preview: None,
            evidence: None,
            definition: None,
        }
    }

    /// The verdict about a call that nobody has decided about: it does not run.
    #[must_use]
    pub fn undecided() -> Self {
        Self::Deny {
            reason: "nobody decided about this call".to_owned(),
        }
    }

    /// Returns the result of a call that does not run, or `None` for one that runs.
    ///
    /// A call about which a person would have to be asked is denied. A caller that can ask one handles
    /// [`Ask`](Self::Ask) first.
    ///
    /// ```
    /// use victor_core::{ToolCall, ToolOutcome};
    /// use victor_tool_protocol::Verdict;
    ///
    /// let call = ToolCall::new("1", "delete_file", "{}");
    /// assert_eq!(Verdict::Run.refusal(&call), None);
    /// let refused = Verdict::ask("delete it?").refusal(&call).unwrap();
    /// assert_eq!(refused.outcome, ToolOutcome::Denied);
    /// assert_eq!(refused.text(), "nobody is here to be asked: delete it?");
    /// ```
    #[must_use]
    pub fn refusal(self, call: &ToolCall) -> Option<ToolResult> {
        let (outcome, reason) = match self {
            Self::Run => return None,
            Self::Reject { reason } => (ToolOutcome::Rejected, reason),
            Self::Deny { reason } => (ToolOutcome::Denied, reason),
            Self::Ask { question, .. } => {
                let reason = format!("nobody is here to be asked: {question}");
                (ToolOutcome::Denied, reason)
            }
        };
        Some(ToolResult::new(call, outcome, reason))
    }

    /// Adds the preview and the digest of the call and the definition of the tool to a question; other verdicts stay
    /// as they are.
    #[must_use]
    pub fn with_evidence(
        self,
        preview: Option<ShownPreview>,
        evidence: Option<String>,
        spec: Arc<ToolSpec>,
    ) -> Self {
        match self {
            Self::Ask { question, .. } => Self::Ask {
                question,
                preview,
                evidence,
                definition: Some(spec),
            },
            verdict => verdict,
        }
    }
}

/// The scope of a person's approval of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ApprovalScope {
    /// For nothing else.
    #[default]
    Call,
    /// For every call of the tool with the same arguments, in this session.
    Arguments,
    /// For every call of the tool whose command line begins with the same program and consists of nothing else, in this
    /// session. For nothing else where the call has no such command line.
    Prefix,
    /// For every call of the tool, in this session.
    Tool,
    /// As `Arguments`, in every session that the policy knows.
    ArgumentsEverywhere,
    /// As `Prefix`, in every session that the policy knows.
    PrefixEverywhere,
    /// As `Tool`, in every session that the policy knows.
    ToolEverywhere,
}

impl ApprovalScope {
    /// Whether it counts for nothing else.
    #[must_use]
    pub fn is_call(&self) -> bool {
        *self == Self::Call
    }

    /// Whether it counts in other sessions too.
    #[must_use]
    pub fn is_everywhere(&self) -> bool {
        matches!(
            self,
            Self::ArgumentsEverywhere | Self::PrefixEverywhere | Self::ToolEverywhere
        )
    }

    /// The same scope in this session only.
    #[must_use]
    pub fn in_session(self) -> Self {
        match self {
            Self::ArgumentsEverywhere => Self::Arguments,
            Self::PrefixEverywhere => Self::Prefix,
            Self::ToolEverywhere => Self::Tool,
            scope => scope,
        }
    }

    /// The same scope in every session that the policy knows. One call stays one call.
    #[must_use]
    pub fn everywhere(self) -> Self {
        match self {
            Self::Arguments => Self::ArgumentsEverywhere,
            Self::Prefix => Self::PrefixEverywhere,
            Self::Tool => Self::ToolEverywhere,
            scope => scope,
        }
    }
}

/// An approval that a person has given: evidence for the review of the call, which takes place once more before it
/// runs. What the mode or the policy denies by then stays denied. A tool that has become another one, or that would do
/// something else than the person was shown, is asked about again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GivenApproval {
    /// The call.
    pub call: ToolCallId,
    /// The scope of the approval.
    pub scope: ApprovalScope,
    /// The definition of the tool when the person was asked. Not compared if absent.
    pub definition: Option<Arc<ToolSpec>>,
    /// The digest of what the person was shown. Not compared if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

impl GivenApproval {
    /// An approval of a call of a tool that was `definition` when the person was asked.
    pub fn new(
        call: impl Into<ToolCallId>,
        scope: ApprovalScope,
        definition: Option<Arc<ToolSpec>>,
    ) -> Self {
        Self {
            call: call.into(),
            scope,
            definition,
            evidence: None,
        }
    }

    /// Sets the digest of what the person was shown.
    #[must_use]
    pub fn with_evidence(mut self, evidence: Option<String>) -> Self {
        self.evidence = evidence;
        self
    }
}
