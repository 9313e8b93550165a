//! The bodies of events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use victor_checkpoint_protocol::ContentHash;
use victor_core::Timestamp;
use victor_core::wire::Extra;

use super::{StoredValue, Wait};
use crate::StepPath;

macro_rules! bodies {
    ($(
        $(#[$meta:meta])*
        $name:ident {
            $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
            $(; $($(#[$optional_meta:meta])* $optional:ident: $optional_type:ty,)*)?
        }
    )*) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            #[non_exhaustive]
            pub struct $name {
                $($(#[$field_meta])* pub $field: $type,)*
                $($(
                    $(#[$optional_meta])*
                    #[serde(default, skip_serializing_if = "Option::is_none")]
                    pub $optional: Option<$optional_type>,
                )*)?
                /// Fields that this version does not know.
                #[serde(flatten)]
                pub extra: Extra,
            }

            impl $name {
                /// Creates the event; what is optional is absent.
                #[must_use]
                pub fn new($($field: $type),*) -> Self {
                    Self {
                        $($field,)*
                        $($($optional: None,)*)?
                        extra: Extra::default(),
                    }
                }

                $($(
                    $(#[$optional_meta])*
                    #[must_use]
                    pub fn $optional(mut self, value: impl Into<Option<$optional_type>>) -> Self {
                        self.$optional = value.into();
                        self
                    }
                )*)?
            }
        )*
    };
}

bodies! {
    /// The run begins.
    RunStarted {
        /// The name of the workflow.
        workflow: String,
        /// The identity of its definition.
        definition: ContentHash,
        /// The input.
        input: StoredValue,
    }

    /// A call begins.
    StepStarted {
        /// The step.
        step: StepPath,
        /// The number of the attempt, from 1.
        attempt: u32,
        ;
        /// The number of the record with the signal that ended its wait, if the handler has waited.
        signal: u64,
    }

    /// A step has ended well.
    StepFinished {
        /// The step.
        step: StepPath,
        /// The output.
        output: StoredValue,
        ;
        /// The number of the record with the signal that ended its wait.
        signal: u64,
    }

    /// An attempt has failed.
    StepFailed {
        /// The step.
        step: StepPath,
        /// The number of the attempt, from 1.
        attempt: u32,
        /// The message, for people.
        message: String,
        ;
        /// Time of the next attempt; absent after the last one.
        retry_at: Timestamp,
    }

    /// A step waits.
    StepWaiting {
        /// The step.
        step: StepPath,
        /// The number of the wait within the step, from 0. An answer names it, so that it ends no later wait.
        epoch: u32,
        /// The object of the wait.
        wait: Wait,
        ;
        /// The end of the wait, whether or not what is waited for has come.
        until: Timestamp,
        /// The state of the handler, which it gets back with the answer.
        state: StoredValue,
    }

    /// The condition of a step was not true.
    StepSkipped {
        /// The step.
        step: StepPath,
    }

    /// A branch has chosen.
    BranchTaken {
        /// The branch.
        step: StepPath,
        ;
        /// The step that it leads to.
        to: String,
    }

    /// A map has its items.
    StepExpanded {
        /// The map.
        step: StepPath,
        /// The list of the items.
        items: StoredValue,
        /// Number of the items.
        count: u32,
    }

    /// An item, a repetition or a sub-workflow begins.
    ScopeStarted {
        /// Its place: that of the step, and the number.
        scope: StepPath,
        ;
        /// The input of a sub-workflow.
        input: StoredValue,
    }

    /// An item, a repetition or a sub-workflow has ended.
    ScopeFinished {
        /// Its place: that of the step, and the number.
        scope: StepPath,
        /// The output.
        output: StoredValue,
    }

    /// The run will fail or be cancelled, and finished steps are undone first.
    RunCompensating {
        /// The reason, for people.
        reason: String,
        /// Whether the run will be cancelled rather than fail.
        cancelled: bool,
    }

    /// The run goes on under another definition.
    RunMigrated {
        /// The identity of the definition.
        definition: ContentHash,
        /// The steps of the earlier definition under their new names; without one if what they did is forgotten. Those
        /// that are not named keep their names.
        steps: BTreeMap<String, Option<String>>,
    }

    /// The run has ended well.
    RunFinished {
        /// The output.
        output: StoredValue,
    }

    /// The run has failed.
    RunFailed {
        /// The reason, for people.
        message: String,
        ;
        /// The step that has failed, if one has.
        step: StepPath,
    }

    /// The run was cancelled.
    RunCancelled {
        /// The reason, for people.
        reason: String,
    }
}
