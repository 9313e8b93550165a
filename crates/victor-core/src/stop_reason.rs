//! Why a model stopped.

crate::open_string_enum! {
    /// Why a model stopped writing, in words that hold for every provider.
    pub enum StopReason {
        /// It had said what it wanted to say.
        EndTurn = "end_turn",
        /// It waits for the results of the tools that it called.
        ToolUse = "tool_use",
        /// It reached the limit on output tokens: the last part may be cut.
        MaxTokens = "max_tokens",
        /// It wrote a text at which it was asked to stop.
        StopSequence = "stop_sequence",
        /// It, or a filter behind it, declined to answer.
        Refusal = "refusal",
        /// It paused a long piece of work on its own side, and goes on when asked again with what it wrote so far.
        PauseTurn = "pause_turn",
        /// The request and the answer together filled its window.
        ContextFull = "context_full",
    }
}
