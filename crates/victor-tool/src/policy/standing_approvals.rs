//! Approvals that stand for later calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use victor_core::wire::{Extra, FormatVersion};
use victor_core::{Lock, SessionId, ToolCall, ToolSpec};
use victor_tool_protocol::{ApprovalRequest, ApprovalScope};

use super::command_prefix::Line;
use crate::arguments::canonical;

/// Approvals for more than one call, by session: the memory of an approval policy.
///
/// An approval counts for the tool as it was when the person was asked, word for word, and is void when the tool
/// becomes another one. One that was given for arguments counts for the same arguments, in whatever order a model
/// writes their fields. One that was given for a program counts for the command lines of which
/// [`command_prefix`](crate::command_prefix) says so, if the other arguments are the same. One that was given for every
/// session outlives them all.
///
/// Clones share what they know. It serializes, so that it can be stored and given to the policy of another process:
///
/// ```
/// use victor_core::Effect;
/// use victor_tool::{EffectPolicy, StandingApprovals};
///
/// let stored = r#"{ "sessions": {} }"#;
/// let standing: StandingApprovals = serde_json::from_str(stored)?;
/// let policy = EffectPolicy::ask_above(Effect::ReadOnly).with_standing(standing.clone());
/// // Later, when persons have approved this and that:
/// let stored = serde_json::to_string(&standing)?;
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct StandingApprovals(Arc<Lock<Sessions>>);

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Sessions {
    #[serde(default)]
    version: FormatVersion<1>,
    #[serde(default)]
    sessions: BTreeMap<SessionId, Vec<StandingApproval>>,
    /// Those that count in every session.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    everywhere: Vec<StandingApproval>,
    #[serde(flatten)]
    extra: Extra,
}

/// An approval that counts for more than one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StandingApproval {
    /// The definition of the tool.
    pub tool: Arc<ToolSpec>,
    /// The arguments for which it counts, as JSON with sorted fields, where there is a prefix without the command line;
    /// for any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    /// The program whose command lines it counts for; for any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl StandingApprovals {
    /// Remembers that a person has approved a call, if that is to count for others too. Approvals of the same tool that
    /// are void by now are forgotten.
    pub fn remember(&self, request: &ApprovalRequest, scope: ApprovalScope) {
        let (arguments, prefix) = match scope.in_session() {
            ApprovalScope::Arguments => (Some(arguments(&request.call)), None),
            ApprovalScope::Prefix => match Line::of(&request.call) {
                Some(line) => (Some(line.others), Some(line.program)),
                None => return,
            },
            ApprovalScope::Tool => (None, None),
            _ => return,
        };
        let mut known = self.0.lock();
        let approvals = match scope.is_everywhere() {
            true => &mut known.everywhere,
            false => known.sessions.entry(request.session.clone()).or_default(),
        };
        let spec = &request.spec;
        approvals.retain(|known| known.tool.name != spec.name || known.tool == *spec);
        let approval = StandingApproval {
            tool: spec.clone(),
            arguments,
            prefix,
            extra: Extra::default(),
        };
        if !approvals.contains(&approval) {
            approvals.push(approval);
        }
    }

    /// Whether a person has approved such calls.
    #[must_use]
    pub fn covers(&self, request: &ApprovalRequest) -> bool {
        let known = self.0.lock();
        let here = known.sessions.get(&request.session);
        let mut approvals = here
            .into_iter()
            .flatten()
            .chain(&known.everywhere)
            .filter(|known| known.tool == request.spec)
            .peekable();
        if approvals.peek().is_none() {
            return false;
        }
        let call = arguments(&request.call);
        let line = Line::of(&request.call);
        approvals.any(|known| match (&known.prefix, &known.arguments) {
            (None, None) => true,
            (None, Some(arguments)) => *arguments == call,
            (Some(program), arguments) => line.as_ref().is_some_and(|line| {
                line.program == *program && arguments.as_ref() == Some(&line.others)
            }),
        })
    }

    /// Lists the approvals in a session.
    #[must_use]
    pub fn of(&self, session: &SessionId) -> Vec<StandingApproval> {
        self.0
            .lock()
            .sessions
            .get(session)
            .cloned()
            .unwrap_or_default()
    }

    /// Lists the approvals that hold in every session.
    #[must_use]
    pub fn everywhere(&self) -> Vec<StandingApproval> {
        self.0.lock().everywhere.clone()
    }

    /// Forgets what was approved in a session. What counts in every session stays.
    pub fn forget(&self, session: &SessionId) {
        self.0.lock().sessions.remove(session);
    }
}

/// The arguments as they are compared.
fn arguments(call: &ToolCall) -> String {
    match call.parse_arguments() {
        Ok(arguments) => canonical(arguments.into()),
        // No tool could take them, so they will never be compared with others.
        Err(_) => call.arguments.clone(),
    }
}

impl PartialEq for StandingApprovals {
    /// Whether they know the same at this moment.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || {
            let known = self.0.lock().clone();
            known == *other.0.lock()
        }
    }
}

impl Serialize for StandingApprovals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.lock().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StandingApprovals {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Sessions::deserialize(deserializer).map(|known| Self(Arc::new(Lock::new(known))))
    }
}
