//! The coordinator of modes through its public API.
