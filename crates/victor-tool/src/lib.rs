//! Runs tool calls: validated, in parallel, within time and output limits, with panics contained.
