//! The victor command: chat with an agent from a terminal.
