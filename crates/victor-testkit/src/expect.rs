//! Expectations of the steps of a script on the requests that they answer.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use victor_core::{Role, ToolCallId};
use victor_provider_protocol::{ChatRequest, ToolChoice};

type Check = dyn Fn(&ChatRequest) -> Result<(), String> + Send + Sync;

/// Expectation of a step of a [`ScriptedModel`](crate::ScriptedModel) on the request that it answers.
///
/// ```
/// use victor_core::{Context, Message};
/// use victor_provider_protocol::ChatRequest;
/// use victor_testkit::Expect;
///
/// let request = ChatRequest::new("m", Context::from_iter([Message::user("Hello there")]));
/// assert!(Expect::user_text_contains("Hello").check(&request).is_ok());
/// let drift = Expect::messages(3).check(&request).unwrap_err();
/// assert_eq!(drift, "expected 3 messages, found 1: user");
/// ```
#[derive(Clone)]
pub struct Expect {
    name: String,
    check: Arc<Check>,
}

impl Expect {
    /// Anything that a function says yes to. `name` tells in the report what was expected.
    pub fn that(
        name: impl Into<String>,
        holds: impl Fn(&ChatRequest) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, move |request| match holds(request) {
            true => Ok(()),
            false => Err("a request for which it does not hold".to_owned()),
        })
    }

    /// The text of the last message of the user is exactly this.
    pub fn user_text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::new(
            format!("the last user text to be `{text}`"),
            move |request| {
                let found = last_user_text(request);
                met(found.as_deref() == Some(&*text), || {
                    quoted(found.as_deref())
                })
            },
        )
    }

    /// The text of the last message of the user contains this.
    pub fn user_text_contains(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::new(
            format!("the last user text to contain `{text}`"),
            move |request| {
                let found = last_user_text(request);
                let fits = found.as_ref().is_some_and(|found| found.contains(&text));
                met(fits, || quoted(found.as_deref()))
            },
        )
    }

    /// The system prompt contains this.
    pub fn system_contains(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::new(
            format!("the system prompt to contain `{text}`"),
            move |request| {
                let found = request.system.as_deref();
                met(found.is_some_and(|found| found.contains(&text)), || {
                    quoted(found)
                })
            },
        )
    }

    /// Some result of a tool call contains this text.
    pub fn tool_result_contains(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::new(
            format!("a tool result to contain `{text}`"),
            move |request| {
                let results = || {
                    request
                        .context
                        .messages()
                        .iter()
                        .flat_map(|message| message.tool_results())
                };
                met(
                    results().any(|result| result.text().contains(&text)),
                    || {
                        let found: Vec<_> = results()
                            .map(|r| format!("`{}`: `{}`", r.call_id, r.text()))
                            .collect();
                        listed("results", &found)
                    },
                )
            },
        )
    }

    /// The last result of the tool call `call` contains this text.
    pub fn tool_result_of(call: impl Into<ToolCallId>, text: impl Into<String>) -> Self {
        let (call, text) = (call.into(), text.into());
        Self::new(
            format!("the result of call `{call}` to contain `{text}`"),
            move |request| {
                let mut results = request
                    .context
                    .messages()
                    .iter()
                    .rev()
                    .flat_map(|message| message.tool_results());
                let found = results
                    .find(|result| result.call_id == call)
                    .map(|result| result.text());
                let fits = found.as_ref().is_some_and(|found| found.contains(&text));
                met(fits, || quoted(found.as_deref()))
            },
        )
    }

    /// Tools of these names are offered, and possibly others.
    pub fn tools<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        Self::new(
            format!("the tools {names:?} to be offered"),
            move |request| {
                let offered: Vec<_> = request.tools.iter().map(|tool| tool.name.clone()).collect();
                met(names.iter().all(|name| offered.contains(name)), || {
                    listed("tools", &offered)
                })
            },
        )
    }

    /// No tools are offered.
    #[must_use]
    pub fn no_tools() -> Self {
        Self::new("no tools to be offered", |request| {
            let offered: Vec<_> = request.tools.iter().map(|tool| tool.name.clone()).collect();
            met(offered.is_empty(), || listed("tools", &offered))
        })
    }

    /// The model may, must or must not call tools.
    #[must_use]
    pub fn tool_choice(choice: ToolChoice) -> Self {
        Self::new(format!("tool choice {choice:?}"), move |request| {
            met(request.tool_choice == choice, || {
                format!("{:?}", request.tool_choice)
            })
        })
    }

    /// The conversation has so many messages.
    #[must_use]
    pub fn messages(count: usize) -> Self {
        Self::new(format!("{count} messages"), move |request| {
            let messages = request.context.messages();
            met(messages.len() == count, || {
                let roles: Vec<_> = messages
                    .iter()
                    .map(|message| message.role().as_str())
                    .collect();
                format!("{}: {}", messages.len(), roles.join(", "))
            })
        })
    }

    /// Asks a function that returns what it found instead, if the request does not fit.
    pub(crate) fn new(
        name: impl Into<String>,
        check: impl Fn(&ChatRequest) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            check: Arc::new(check),
        }
    }

    /// Whether a request is what is expected.
    ///
    /// # Errors
    ///
    /// It is not; what was expected and what was found, in words.
    pub fn check(&self, request: &ChatRequest) -> Result<(), String> {
        (self.check)(request).map_err(|found| format!("expected {}, found {found}", self.name))
    }
}

impl fmt::Debug for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expect").field(&self.name).finish()
    }
}

fn last_user_text(request: &ChatRequest) -> Option<Cow<'_, str>> {
    let mut messages = request.context.messages().iter().rev();
    messages
        .find(|message| *message.role() == Role::User)
        .map(|message| message.text())
}

fn met(fits: bool, found: impl FnOnce() -> String) -> Result<(), String> {
    if fits { Ok(()) } else { Err(found()) }
}

fn quoted(text: Option<&str>) -> String {
    text.map_or_else(|| "none".to_owned(), |text| format!("`{text}`"))
}

fn listed(what: &str, items: &[String]) -> String {
    match items {
        [] => format!("no {what}"),
        items => format!("{what} {}", items.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use victor_core::{Context, Message, ToolCall, ToolOutcome, ToolResult, ToolSpec};

    use super::*;

    fn request() -> ChatRequest {
        let call = ToolCall::new("c1", "read", "{}");
        let context = Context::from_iter([
            Message::user("old"),
            Message::user("read the notes"),
            Message::new(Role::Assistant, vec![call.clone().into()]),
            Message::tool_results_of([ToolResult::new(&call, ToolOutcome::Success, "two cores")]),
        ]);
        let mut request = ChatRequest::new("m", context);
        request.system = Some("You are helpful".into());
        request.tools = [
            ToolSpec::new("read", "d", json!({})),
            ToolSpec::new("list", "d", json!({})),
        ]
        .into();
        request
    }

    #[track_caller]
    fn check(fits: &Expect, drifts: &Expect, report: &str) {
        assert_eq!(fits.check(&request()), Ok(()));
        assert_eq!(drifts.check(&request()), Err(report.to_owned()));
    }

    #[test]
    fn each_expectation_fits_and_drifts() {
        check(
            &Expect::user_text("read the notes"),
            &Expect::user_text("read"),
            "expected the last user text to be `read`, found `read the notes`",
        );
        check(
            &Expect::user_text_contains("notes"),
            &Expect::user_text_contains("old"),
            "expected the last user text to contain `old`, found `read the notes`",
        );
        check(
            &Expect::system_contains("helpful"),
            &Expect::system_contains("rude"),
            "expected the system prompt to contain `rude`, found `You are helpful`",
        );
        check(
            &Expect::tool_result_contains("two"),
            &Expect::tool_result_contains("three"),
            "expected a tool result to contain `three`, found results `c1`: `two cores`",
        );
        check(
            &Expect::tool_result_of("c1", "two"),
            &Expect::tool_result_of("c2", "two"),
            "expected the result of call `c2` to contain `two`, found none",
        );
        check(
            &Expect::tools(["list"]),
            &Expect::tools(["list", "write"]),
            r#"expected the tools ["list", "write"] to be offered, found tools read, list"#,
        );
        check(
            &Expect::messages(4),
            &Expect::no_tools(),
            "expected no tools to be offered, found tools read, list",
        );
        check(
            &Expect::tool_choice(ToolChoice::Auto),
            &Expect::tool_choice(ToolChoice::Required),
            "expected tool choice Required, found Auto",
        );
        check(
            &Expect::that("the model m", |request| request.model_or("") == "m".into()),
            &Expect::that("the model n", |request| request.model_or("") == "n".into()),
            "expected the model n, found a request for which it does not hold",
        );
    }

    #[test]
    fn what_is_not_there_is_none() {
        let empty = ChatRequest::new("m", Context::default());
        let report = |expect: Expect| expect.check(&empty).unwrap_err();
        assert_eq!(
            report(Expect::user_text("a")),
            "expected the last user text to be `a`, found none"
        );
        assert_eq!(
            report(Expect::tool_result_contains("a")),
            "expected a tool result to contain `a`, found no results"
        );
        assert_eq!(Expect::no_tools().check(&empty), Ok(()));
    }
}
