//! Contracts of checkpoints: saving, listing and restoring states of a session.
