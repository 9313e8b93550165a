//! The measurements that are derived from events, in two tables.

/// One measurement: its name, its labels and its description.
#[derive(Debug)]
pub(crate) struct Measure {
    pub(crate) name: &'static str,
    pub(crate) labels: &'static [&'static str],
    pub(crate) help: &'static str,
}

/// Declares measurements of one kind, in the order of their numbers. The text of each row is its description.
macro_rules! measures {
    ($(#[$meta:meta])* $kind:ident { $( $variant:ident $name:literal [$($label:literal),*] $help:literal; )* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $kind { $($variant),* }

        impl $kind {
            pub(crate) const ALL: &'static [Measure] = &[
                $( Measure { name: $name, labels: &[$($label),*], help: $help }, )*
            ];
        }
    };
}

measures! {
    /// A number of times.
    Count {
        TurnsStarted "victor_turns_started_total" []
            "Turns that have begun, those that were resumed included.";
        Turns "victor_turns_total" ["outcome"]
            "Turns that have ended; those that failed have the outcome failed.";
        TurnErrors "victor_turn_errors_total" ["coordinator", "class"]
            "Turns that failed, by the coordinator that failed and the class of its error.";
        ModelCalls "victor_model_calls_total" ["model", "stop_reason"]
            "Model calls that brought an answer.";
        ModelRetries "victor_model_retries_total" ["target", "class"]
            "Attempts of model calls that failed and were followed by another one.";
        Failovers "victor_model_failovers_total" ["from", "to"]
            "Attempts of model calls that were followed by one at another target.";
        Withdrawals "victor_text_withdrawn_total" []
            "Answers that were withdrawn after a part of them had been shown.";
        QueueWaits "victor_model_queue_waits_total" ["target"]
            "Attempts of model calls that waited in the queue of a client-side limit.";
        ToolCalls "victor_tool_calls_total" ["tool", "outcome"]
            "Tool calls with a result; the tool is unknown where a model made its name up.";
        Approvals "victor_approvals_requested_total" []
            "Tool calls about which a person was asked.";
        Compactions "victor_compactions_total" ["strategy"]
            "Compactions of a context.";
        CompactedTokens "victor_compacted_tokens_total" []
            "Tokens that compactions have freed.";
        ModeSwitches "victor_mode_switches_total" ["mode"]
            "Switches of a session to another mode.";
        Notices "victor_notices_total" ["component"]
            "Problems that a turn told of and went on with.";
    }
}

measures! {
    /// A distribution of values.
    Distribution {
        TurnDuration "victor_turn_duration_us" []
            "Time from the begin of a turn to its end.";
        ModelCallDuration "victor_model_call_duration_us" ["model"]
            "Time of a model call, with its failed attempts and waits.";
        FirstToken "victor_model_time_to_first_token_us" ["model"]
            "Time from the begin of a model call to the first piece of its answer.";
        TokenRate "victor_model_output_tokens_per_second" ["model"]
            "Speed of an answer from its first piece on.";
        QueueWait "victor_model_queue_wait_us" []
            "Time that a model call waited in the queues of client-side limits, if it did.";
        ToolDuration "victor_tool_duration_us" ["tool"]
            "Time of a tool call that ran, with its wait for others.";
    }
}
