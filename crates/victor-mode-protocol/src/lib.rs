//! Contracts of agent modes: what a mode permits and who switches it.
