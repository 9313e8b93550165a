//! Hints for kinds of tasks.

use std::collections::BTreeMap;

use async_trait::async_trait;
use victor_prompt_protocol::{
    Contribution, PromptContext, PromptContributor, PromptError, Stability,
};

use crate::priority;

/// Declares the kinds of tasks: name, other names, whether it is about code, and the hint.
macro_rules! kinds {
    ($(
        $(#[doc = $doc:literal])*
        $kind:ident $name:literal [$($other:literal),*] $is_code:literal: $hint:literal;
    )*) => {
        /// A kind of task, which the fact `task` names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum TaskKind {
            $($(#[doc = $doc])* $kind,)*
        }

        impl TaskKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// Returns the kind of this name, or of another usual one for it.
            #[must_use]
            pub fn of(name: &str) -> Option<Self> {
                Some(match name.trim() {
                    $($name $(| $other)* => Self::$kind,)*
                    _ => return None,
                })
            }

            /// Returns the name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// Whether tasks of this kind are about code.
            #[must_use]
            pub const fn is_code(self) -> bool {
                match self {
                    $(Self::$kind => $is_code,)*
                }
            }

            /// Returns the hint of the library.
            #[must_use]
            pub const fn hint(self) -> &'static str {
                match self {
                    $(Self::$kind => $hint,)*
                }
            }
        }
    };
}

kinds! {
    /// New code.
    CodeGeneration "code_generation" ["coding", "feature"] true:
        "Read the code around the place before you write, and write as it is written. Make the smallest change that \
         does the whole task. Compile it and run the tests that concern it before you say that it is done.";
    /// The judgement of a change or of existing code.
    CodeReview "code_review" ["review"] true:
        "Look for what breaks first: wrong results, lost data, races, errors that are swallowed, input that is \
         believed. Give each finding its place, its consequence and a case that shows it. Say what you did not look \
         at. Leave out what a formatter would find.";
    /// The search for the cause of a failure.
    Debugging "debugging" ["bug_fix", "fix"] true:
        "Reproduce the failure before you change anything. Follow it to the cause, and prove the cause by an \
         experiment. Mend the cause and not the symptom, add a test that fails without the change, and run it both \
         ways.";
    /// A change of form without a change of behaviour.
    Refactoring "refactoring" ["refactor"] true:
        "Behaviour stays. Run the tests first, go in steps after each of which they pass, and find every user of what \
         you rename or move. If you find a mistake on the way, report it apart.";
    /// Tests.
    Testing "testing" ["tests"] true:
        "Test behaviour through the interface that users have. Cover limits, errors and empty input, not only the \
         usual case. A test must be able to fail: see it fail once. It depends on no clock, network or order.";
    /// Text about software.
    Documentation "documentation" ["docs"] true:
        "Find out how it behaves before you describe it, and run each example. Write for the reader who has the \
         question: the answer first, then reasons. Keep terms as the code has them.";
    /// Numbers, tables and files of data.
    DataAnalysis "data_analysis" ["analysis"] false:
        "Look at the raw data before you compute: size, types, missing and impossible values. Compute with a tool and \
         not in your head. Give numbers with their unit and with the count that they rest on, and say what the data \
         cannot show.";
    /// Questions that several sources answer.
    Research "research" [] false:
        "Search with different words, and prefer primary sources. Name the source of each fact. Keep apart what \
         sources say, what follows from it and what you suppose; where they contradict each other, say so.";
    /// A plan for work that others do or that follows.
    Planning "planning" ["plan"] false:
        "Find the facts that the plan depends on before you plan. Put the steps in the order of their dependencies, \
         each with a sign by which one sees that it is done. Name the risks, and the decisions that are the user's.";
    /// Prose.
    Writing "writing" [] false:
        "Find out for whom and for what the text is. Say the most important thing first, leave out what the reader \
         does not need, and keep facts and figures as they were given.";
}

/// Adds a hint for the kind of task that the fact `task` names.
///
/// The setting `enable_task_hints`, which programs pass as a fact of the same name, switches the hints off where it is
/// `false`. A kind that nobody knows, and a context without the fact, get none: the kind is never guessed from the
/// words of a message, since a prompt that changes with each message would cost the provider's cache of the whole
/// conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskHints {
    own: BTreeMap<String, String>,
    default: Option<String>,
}

impl TaskHints {
    /// Returns the hints of the library.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the hint for a kind of task, in place of that of the library if there is one. An empty one leaves it out.
    #[must_use]
    pub fn hint(mut self, task: impl Into<String>, hint: impl Into<String>) -> Self {
        self.own.insert(task.into(), hint.into());
        self
    }

    /// Sets the kind of task for contexts without the fact.
    #[must_use]
    pub fn with_default(mut self, task: impl Into<String>) -> Self {
        self.default = Some(task.into());
        self
    }
}

#[async_trait]
impl PromptContributor for TaskHints {
    fn name(&self) -> &str {
        "task_hints"
    }

    fn priority(&self) -> i32 {
        priority::TASK_HINTS
    }

    async fn get_contribution(&self, cx: &PromptContext) -> Result<Contribution, PromptError> {
        let is_enabled = cx.get_bool("enable_task_hints").unwrap_or(true);
        let task = cx.get_str("task").or(self.default.as_deref());
        let task = task.map(str::trim).filter(|_| is_enabled);
        let hint = task.and_then(|task| {
            let kind = TaskKind::of(task);
            let own = self.own.get(task);
            let own = own.or_else(|| self.own.get(kind?.as_str()));
            own.map(String::as_str).or_else(|| Some(kind?.hint()))
        });
        let contribution = match hint.map(str::trim) {
            None | Some("") => Contribution::nothing(),
            Some(hint) => format!("## This kind of task\n\n{hint}").into(),
        };
        Ok(contribution.with_stability(Stability::Session))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_their_names() {
        for kind in TaskKind::ALL {
            assert_eq!(TaskKind::of(kind.as_str()), Some(*kind));
            assert!(kind.hint().ends_with('.'));
        }
        assert_eq!(TaskKind::of(" review "), Some(TaskKind::CodeReview));
        assert_eq!(TaskKind::of("nothing"), None);
    }
}
