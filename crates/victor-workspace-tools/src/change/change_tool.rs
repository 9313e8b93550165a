//! Tools that change files: what would change is worked out first, and then it is shown, or done as a whole.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use hmac_sha256::Hash;
use serde::de::DeserializeOwned;
use serde_json::Value;
use victor_core::ToolSpec;
use victor_tool_protocol::{Preview, Tool, ToolContext, ToolError, ToolOutput};

use super::commit::{Step, commit};
use super::place::{Content, Place};
use crate::FileHistory;
use crate::budget::Budget;
use crate::file_tool::{Cancelled, arguments, run};
use crate::patch::quoted;
use crate::patch::{Extent, header, hunks};
use crate::text::{Text, decode};
use crate::workspace::Workspace;

/// The most attempts at planning a change whose files change meanwhile.
const MAX_ATTEMPTS: usize = 1_000;

/// A planned change, made as a whole or not at all.
pub(crate) struct Plan {
    /// The report of the change, before the diff.
    pub(crate) summary: String,
    pub(crate) changes: Vec<Change>,
}

/// The change of one file.
pub(crate) struct Change {
    pub(crate) place: Place,
    /// The place of the file until then, if it is renamed.
    pub(crate) from: Option<Place>,
    pub(crate) before: Content,
    /// The new content; `None` if the file is deleted.
    pub(crate) after: Option<Text>,
}

impl Change {
    pub(crate) fn new(place: Place, before: Content, after: Option<Text>) -> Self {
        Self {
            place,
            from: None,
            before,
            after,
        }
    }

    /// Lists the steps of the change, in their order.
    fn steps(&self) -> Vec<Step<'_>> {
        let after = self.after.as_ref().map(Text::bytes);
        let Some(from) = &self.from else {
            if after.is_some_and(
                |after| matches!(&self.before, Content::Bytes(before) if before == after),
            ) {
                return Vec::new();
            }
            return vec![Step {
                place: &self.place,
                before: &self.before,
                after,
                like: self.place.exists().then_some(&self.place),
                permissions: self.place.permissions.as_ref(),
            }];
        };
        let permissions = from.permissions.as_ref();
        let put = Step {
            place: &self.place,
            before: &Content::Absent,
            after,
            like: Some(from),
            permissions,
        };
        let take = Step {
            place: from,
            before: &self.before,
            after: None,
            like: None,
            permissions,
        };
        vec![put, take]
    }

    fn diff(&self, extent: Extent) -> String {
        let old = self.from.as_ref().unwrap_or(&self.place);
        // By their real paths, since a name may lead elsewhere.
        let old_path = (self.before != Content::Absent).then_some(&*old.real);
        let new_path = self.after.is_some().then_some(&*self.place.real);
        let after = self.after.as_ref().map_or("", |after| &after.text);
        let before = match &self.before {
            Content::Absent => Ok("".into()),
            Content::Bytes(bytes) => decode(bytes, None).map(|(text, _)| text).ok_or("not text"),
            Content::TooLarge => Err("too large to be shown"),
        };
        let hunks = match before {
            Ok(before) => hunks(&before, after, extent),
            Err(why) => format!("[what was in it is {why}]\n"),
        };
        if hunks.is_empty() && old_path == new_path {
            return String::new();
        }
        let links: String = [self.from.as_ref(), Some(&self.place)]
            .into_iter()
            .flatten()
            .filter_map(link)
            .collect();
        links + &header(old_path, new_path) + &hunks
    }
}

/// A line about a file whose name leads through a symbolic link.
fn link(place: &Place) -> Option<String> {
    let [named, real] = [&place.shown, &place.real].map(|path| quoted(&path.display().to_string()));
    (named != real).then(|| format!("[{named} leads to {real}]\n"))
}

impl Plan {
    /// The diff of all files, whole.
    fn preview(&self) -> String {
        let diffs = self.changes.iter();
        let text: String = diffs.map(|change| change.diff(Extent::Whole)).collect();
        match text.is_empty() {
            true => "nothing would change".to_owned(),
            false => text,
        }
    }

    /// A digest of all that would be done: to which files, from which content to which.
    fn evidence(&self) -> String {
        let mut hash = Hash::new();
        let mut add = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        for step in self.changes.iter().flat_map(Change::steps) {
            add(step.place.real.as_os_str().as_encoded_bytes());
            match step.before {
                Content::Absent => add(b"absent"),
                Content::Bytes(bytes) => {
                    add(b"bytes");
                    add(bytes);
                }
                Content::TooLarge => add(b"too large"),
            }
            match step.after {
                None => add(b"deleted"),
                Some(bytes) => {
                    add(b"written");
                    add(bytes);
                }
            }
        }
        let digest = hash.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Says what was done: the summary, and as much of the diff of all files as the budget has room for.
    fn report(&self, budget: Budget) -> String {
        let diffs = self.changes.iter();
        let diff: String = diffs.map(|change| change.diff(Extent::Excerpt)).collect();
        let mut lines = budget.without(self.summary.len() + 1).lines();
        // Not by `lines`, which would drop carriage returns.
        let mut all = diff.split_terminator('\n');
        let whole = all.try_for_each(|line| lines.push(line));
        if whole.is_break() {
            let left_out = all.count() + 1;
            lines.remark(format_args!(
                "the last {left_out} lines of the diff are left out"
            ));
        }
        format!("{}\n{}", self.summary, lines.into_text())
    }
}

/// Plans a change from the arguments of a call. Changes nothing.
pub(crate) type Planner<A> = fn(&Workspace, &A, &Cancelled) -> Result<Plan, ToolError>;

/// A tool that changes files.
pub(crate) struct ChangeTool<A> {
    spec: ToolSpec,
    workspace: Arc<Workspace>,
    history: Option<Arc<FileHistory>>,
    plan: Planner<A>,
}

impl<A> ChangeTool<A> {
    pub(crate) fn new(workspace: &Arc<Workspace>, spec: ToolSpec, plan: Planner<A>) -> Self {
        Self {
            spec,
            workspace: Arc::clone(workspace),
            history: None,
            plan,
        }
    }

    /// Sets the history that keeps the contents of files before they change.
    pub(crate) fn with_history(mut self, history: Option<&Arc<FileHistory>>) -> Self {
        self.history = history.map(Arc::clone);
        self
    }
}

impl<A> fmt::Debug for ChangeTool<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeTool")
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl<A: DeserializeOwned + Send + 'static> Tool for ChangeTool<A> {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, cx: &ToolContext, input: Value) -> Result<ToolOutput, ToolError> {
        let input = arguments(input)?;
        let (workspace, plan) = (Arc::clone(&self.workspace), self.plan);
        let budget = Budget::of(cx);
        let (history, turn, approved) = (self.history.clone(), cx.turn, cx.evidence.clone());
        let text = run(move |cancelled| {
            for _ in 0..MAX_ATTEMPTS {
                // Without the lock, since it may take long. So the files may have changed when the lock is there.
                let plan = plan(&workspace, &input, cancelled)?;
                let steps: Vec<_> = plan.changes.iter().flat_map(Change::steps).collect();
                let changing = workspace.lock_for_change();
                cancelled.check()?;
                if !steps.iter().all(|step| step.holds(&workspace)) {
                    continue;
                }
                // Here and not before, since nobody else changes files as long as the lock is held.
                if approved
                    .as_ref()
                    .is_some_and(|approved| *approved != plan.evidence())
                {
                    return Err(ToolError::NotPermitted(
                        "the files have changed since this call was approved, so nothing was changed: read them and \
                         call again; a person will be asked once more"
                            .into(),
                    ));
                }
                if let Some(history) = history.as_ref().filter(|_| !steps.is_empty()) {
                    let kept = history.keep(turn, &steps);
                    kept.map_err(|error| {
                        ToolError::failed("nothing was changed").with_source(error)
                    })?;
                }
                commit(&workspace, &steps)?;
                drop(changing);
                return Ok(plan.report(budget));
            }
            Err(ToolError::unavailable(
                "something else keeps changing the file; nothing was changed: try again later",
            ))
        });
        Ok(text.await?.into())
    }

    async fn preview(&self, _cx: &ToolContext, input: &Value) -> Option<Preview> {
        let input = arguments(input.clone()).ok()?;
        let (workspace, plan) = (Arc::clone(&self.workspace), self.plan);
        let preview = run(move |cancelled| {
            let plan = plan(&workspace, &input, cancelled)?;
            Ok(Preview::new(plan.preview()).with_evidence(plan.evidence()))
        });
        let failed = |error| Preview::new(format!("it would fail: {error}"));
        Some(preview.await.unwrap_or_else(failed))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::task::{Context, Waker};

    use serde_json::json;
    use victor_core::{Effect, SessionId, ToolCallId, TurnId};

    use super::*;
    use crate::file_tool::spec;
    use crate::text::Charset;

    fn context() -> ToolContext {
        let call = ToolCallId::new("1");
        ToolContext::new(SessionId::default(), TurnId::from_u128(1), call, "key")
    }

    fn tool(workspace: &Arc<Workspace>, plan: Planner<Value>) -> ChangeTool<Value> {
        let spec = spec("t", Effect::Write, "for tests", &[], json!({}));
        ChangeTool::new(workspace, spec, plan)
    }

    /// Appends a line to the file `f`.
    fn append(workspace: &Workspace, line: &str) -> Result<Plan, ToolError> {
        let place = Place::find(workspace, "f".as_ref())?;
        let before = place.content(workspace)?;
        let text = match &before {
            Content::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
            _ => String::new(),
        };
        let after = Text::new(text + line, Charset::UTF_8, "f")?;
        Ok(Plan {
            summary: String::new(),
            changes: vec![Change::new(place, before, Some(after))],
        })
    }

    #[tokio::test]
    async fn a_change_that_is_worked_out_without_end_is_in_nobodys_way() {
        static GIVEN_UP: AtomicBool = AtomicBool::new(false);
        let folder = tempfile::tempdir().unwrap();
        let workspace = Arc::new(Workspace::open(folder.path()).unwrap());
        let endless = tool(&workspace, |_, _, cancelled| {
            loop {
                if let Err(error) = cancelled.check() {
                    GIVEN_UP.store(true, Ordering::SeqCst);
                    return Err(error);
                }
                std::thread::yield_now();
            }
        });
        let cx = context();
        let mut call = endless.call(&cx, json!({}));
        let poll = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(poll.is_pending());
        let other = tool(&workspace, |workspace, _, _| append(workspace, "x\n"));
        other.call(&cx, json!({})).await.unwrap();
        assert!(!GIVEN_UP.load(Ordering::SeqCst));
        drop(call);
        while !GIVEN_UP.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_change_of_what_has_changed_meanwhile_is_worked_out_anew() {
        static PLANS: AtomicUsize = AtomicUsize::new(0);
        let folder = tempfile::tempdir().unwrap();
        let workspace = Arc::new(Workspace::open(folder.path()).unwrap());
        std::fs::write(folder.path().join("f"), "1\n").unwrap();
        let tool = tool(&workspace, |workspace, folder, _| {
            let plan = append(workspace, "3\n")?;
            if PLANS.fetch_add(1, Ordering::SeqCst) == 0 {
                let folder = std::path::Path::new(folder.as_str().unwrap());
                std::fs::write(folder.join("f"), "1\n2\n").unwrap();
            }
            Ok(plan)
        });
        tool.call(&context(), json!(folder.path())).await.unwrap();
        let after = std::fs::read_to_string(folder.path().join("f")).unwrap();
        assert_eq!((&*after, PLANS.load(Ordering::SeqCst)), ("1\n2\n3\n", 2));
    }
}
