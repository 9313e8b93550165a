//! Drives a conversation turn: a state machine without I/O and the coordinator that performs its effects.
