//! Tools that change files: what would change is worked out first, and then it is shown, or done as a whole.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use hmac_sha256::Hash;
use serde::de::DeserializeOwned;
use serde_json::Value;
use victor_core::ToolSpec;
use victor_tool_protocol::{Preview, Tool, ToolContext, ToolError, ToolOutput};

use crate::FileHistory;
use crate::blocking::{Cancelled, arguments, run};
use crate::commit::{Step, commit};
use crate::diff::{Extent, header, hunks};
use crate::names::quoted;
use crate::place::{Content, Place};
use crate::workspace::{MAX_OUTPUT, Workspace};

/// What is to be done, all of it or nothing.
pub(crate) struct Plan {
    /// What is told when it is done, before the diff.
    pub(crate) summary: String,
    pub(crate) changes: Vec<Change>,
}

/// What becomes of one file.
pub(crate) struct Change {
    pub(crate) place: Place,
    /// Where the file is until then, if it is to be renamed.
    pub(crate) from: Option<Place>,
    pub(crate) before: Content,
    /// What is to be in it; nothing, if it is to be deleted.
    pub(crate) after: Option<String>,
}

impl Change {
    pub(crate) fn new(place: Place, before: Content, after: Option<String>) -> Self {
        Self {
            place,
            from: None,
            before,
            after,
        }
    }

    /// What is to be done for it, in this order.
    fn steps(&self) -> Vec<Step<'_>> {
        let after = self.after.as_deref().map(str::as_bytes);
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
                permissions: self.place.permissions.as_ref(),
            }];
        };
        let permissions = from.permissions.as_ref();
        let put = Step {
            place: &self.place,
            before: &Content::Absent,
            after,
            permissions,
        };
        let take = Step {
            place: from,
            before: &self.before,
            after: None,
            permissions,
        };
        vec![put, take]
    }

    fn diff(&self, extent: Extent) -> String {
        let old = self.from.as_ref().unwrap_or(&self.place);
        // By their real paths, since a name may lead elsewhere.
        let old_path = (self.before != Content::Absent).then_some(&*old.real);
        let new_path = self.after.is_some().then_some(&*self.place.real);
        let after = self.after.as_deref().unwrap_or_default();
        let before = match &self.before {
            Content::Absent => Ok(""),
            Content::Bytes(bytes) if bytes.contains(&0) => Err("not text"),
            Content::Bytes(bytes) => std::str::from_utf8(bytes).map_err(|_| "not text"),
            Content::TooLarge => Err("too large to be shown"),
        };
        let hunks = match before {
            Ok(before) => hunks(before, after, extent),
            Err(why) => format!("[what was in it is {why}]\n"),
        };
        if hunks.is_empty() && old_path == new_path {
            return String::new();
        }
        let links = [self.from.as_ref(), Some(&self.place)];
        let links: String = links.into_iter().flatten().filter_map(link).collect();
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

    /// The diff of all files as a model is told it.
    fn diff(&self) -> String {
        let diffs = self.changes.iter();
        let mut text: String = diffs.map(|change| change.diff(Extent::Excerpt)).collect();
        if text.len() > MAX_OUTPUT {
            let shown = text[..text.floor_char_boundary(MAX_OUTPUT)]
                .rfind('\n')
                .map_or(0, |end| end + 1);
            let left_out = text[shown..].lines().count();
            text.truncate(shown);
            text.push_str(&format!(
                "[the last {left_out} lines of the diff are left out]\n"
            ));
        }
        text
    }
}

/// How a tool works out what to do, given its arguments. Nothing is changed by it.
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

    /// Where what it changes is kept before.
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
        let (history, turn, approved) = (self.history.clone(), cx.turn, cx.evidence.clone());
        let text = run(move |cancelled| {
            let _changing = workspace.lock_for_change();
            cancelled.check()?;
            let plan = plan(&workspace, &input, cancelled)?;
            // Here and not before, since nobody else changes files as long as the lock is held.
            if approved.is_some_and(|approved| approved != plan.evidence()) {
                return Err(ToolError::NotPermitted(
                    "the files are not as they were when this call was approved, and nothing was changed: read them and \
                     call again, which will be asked about anew"
                        .into(),
                ));
            }
            let steps: Vec<_> = plan.changes.iter().flat_map(Change::steps).collect();
            cancelled.check()?;
            if let Some(history) = history.filter(|_| !steps.is_empty()) {
                let kept = history.keep(turn, &steps);
                kept.map_err(|error| ToolError::because("nothing was changed", error))?;
            }
            commit(&workspace, &steps)?;
            Ok(format!("{}\n{}", plan.summary, plan.diff()))
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
