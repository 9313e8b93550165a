//! Builds the system prompt from a base template and contributors in order of priority.
